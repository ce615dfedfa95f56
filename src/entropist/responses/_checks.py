"""What log-probabilities cannot be, each with a name; what is found decides what of a position is believed.

| finding | what is made of it |
|---|---|
| raw logits | refused: values above 0 that are no probabilities, or lists that no distribution has |
| probability as logarithm | a value in (0, 1] in a field of logarithms: not believed, the surprisal has bounds alone |
| mass over 1 | the list adds up to more than 1: neither it nor the emitted value is believed |
| too little mass | the list cannot be the top of a distribution: its tokens count, its order does not |
| unsorted | sorted; a first entry below the others is the emitted token, put there by the server |
| duplicates | one token twice with one value: kept once |
| collapsed duplicates | tokens that read alike share one key: no list of the answer caps what is not in it |
| shifted lists | lists belong to the tokens beside theirs: not used |
| emitted token differs from list | it has another value there, or is likelier than the last and absent |
"""

import math

import numpy as np
from numpy.typing import NDArray

from entropist.record import Finding
from entropist.responses._evidence import ROUNDING, Evidence

RAW_LOGITS = "raw logits"
COLLAPSED = "collapsed duplicates"


def check(evidence: Evidence, vocabulary_size: int) -> None:
    """Run every check, those first that others rest on."""
    _sort(evidence)
    _drop_duplicates(evidence)
    if _are_logits(evidence, vocabulary_size):
        return
    _bound_unmarked(evidence)
    _compare_with_list(evidence)
    _distrust_keys(evidence)
    _weigh(evidence, vocabulary_size)


def _are_logits(evidence: Evidence, vocabulary_size: int) -> bool:
    """Whether the values are logits; single probabilities in place of logarithms are set aside on the way."""
    listed = evidence.listed
    told = np.where(np.isneginf(listed), np.nan, listed)
    positive = told > ROUNDING
    wrong = ((told < -ROUNDING) | (told > 1 + ROUNDING)).any(axis=1)
    probabilities = np.asarray(positive.any(axis=1) & ~wrong, np.bool_)
    probabilities &= np.nansum(told, axis=1) <= 1 + ROUNDING
    impossible = positive.any(axis=1) & ~probabilities
    impossible |= evidence.logprob > 1 + ROUNDING
    with np.errstate(over="ignore"):
        over = np.exp(listed).sum(axis=1) > 1 + ROUNDING
    lists = evidence.counts > 0
    others = ((evidence.tokens >= 0) & (evidence.tokens != evidence.emitted[:, None])).any(axis=1)
    largest = np.fmax(listed.max(axis=1, initial=-np.inf), evidence.logprob)
    tiny = others & (largest < -math.log(vocabulary_size) - ROUNDING)
    mostly = 2 * max(int((over & ~probabilities).sum()), int(tiny.sum())) > max(int(lists.sum()), 1)
    if impossible.any() or mostly:
        mass = over if 2 * over.sum() > lists.sum() else tiny
        where: NDArray[np.bool_] = impossible if impossible.any() else mass
        row = int(where.argmax())
        value = float(np.nanmax([evidence.logprob[row], *listed[row]]))
        message = (
            f"{value:.6g} stands in a field of log-probabilities, which are 0 or less and add up to 1 at most as "
            "probabilities. Ask the server for log-probabilities (vLLM: --logprobs-mode raw_logprobs)."
        )
        evidence.findings.insert(0, Finding(RAW_LOGITS, row, int(where.sum()), message))
        return True
    own: NDArray[np.bool_] = evidence.logprob > ROUNDING
    evidence.find(
        "probability as logarithm", np.logical_or(own, probabilities),
        "a value between 0 and 1 stands in a field of log-probabilities, as some servers do with probabilities; it was "
        "not used.",
    )  # fmt: skip
    evidence.logprob[own] = np.nan
    evidence.low[own], evidence.high[own] = 0.0, np.inf
    listed[probabilities] = -np.inf
    evidence.tokens[probabilities] = -1
    evidence.counts[probabilities] = 0
    np.minimum(listed, 0.0, out=listed)  # a rounding above 0
    np.minimum(evidence.logprob, 0.0, out=evidence.logprob)
    return False


def _sort(evidence: Evidence) -> None:
    listed = evidence.listed
    lead = (evidence.tokens[:, :1] == evidence.emitted[:, None]).any(axis=1)  # the emitted token first, as vLLM does
    wrong = listed[:, 1:] > listed[:, :-1] + ROUNDING
    wrong[:, :1] &= ~lead[:, None]
    evidence.find(
        "unsorted",
        wrong.any(axis=1) & ~evidence.keyed,  # the keys of an object have no order
        "a list of the most likely tokens must descend; it was sorted.",
    )
    rows = np.flatnonzero((listed[:, 1:] > listed[:, :-1]).any(axis=1))
    order = np.argsort(-listed[rows], axis=1, kind="stable")
    listed[rows] = np.take_along_axis(listed[rows], order, axis=1)
    evidence.tokens[rows] = np.take_along_axis(evidence.tokens[rows], order, axis=1)
    last = np.maximum(evidence.counts[rows] - 1, 0)
    with np.errstate(invalid="ignore"):
        same = np.abs(listed[rows, last] - evidence.logprob[rows]) <= ROUNDING if len(rows) else np.zeros(0, np.bool_)
    _put_beside(evidence, rows[lead[rows] & same & (order[np.arange(len(rows)), last] == 0)] if len(rows) else rows)


def _put_beside(evidence: Evidence, rows: NDArray[np.intp]) -> None:
    """The emitted token, last in these lists, stands beside them: its rank is not known to be the last's."""
    evidence.counts[rows] -= 1
    evidence.listed[rows, evidence.counts[rows]] = -np.inf
    evidence.tokens[rows, evidence.counts[rows]] = -1


def _drop_duplicates(evidence: Evidence) -> None:
    tokens = np.sort(evidence.tokens, axis=1)
    rows = np.flatnonzero(((tokens[:, 1:] == tokens[:, :-1]) & (tokens[:, 1:] >= 0)).any(axis=1))
    twice = np.zeros(len(evidence.counts), np.bool_)
    for row in rows:
        pairs = list(zip(evidence.tokens[row].tolist(), evidence.listed[row].tolist()))[: evidence.counts[row]]
        kept = list(dict.fromkeys(pairs))
        if len(kept) < len(pairs):
            twice[row] = True
            evidence.tokens[row, : len(pairs)] = [token for token, _ in kept] + [-1] * (len(pairs) - len(kept))
            evidence.listed[row, : len(pairs)] = [value for _, value in kept] + [-np.inf] * (len(pairs) - len(kept))
            evidence.counts[row] = len(kept)
    evidence.find("duplicates", twice, "a token stands twice in a list with the same value; it was kept once.")


def _bound_unmarked(evidence: Evidence) -> None:
    rows = np.flatnonzero(evidence.unmarked)
    last = np.maximum(evidence.counts[rows] - 1, 0)
    evidence.low[rows] = -evidence.listed[rows, 0] if len(rows) else 0.0
    evidence.high[rows] = -evidence.listed[rows, last] if len(rows) else 0.0
    evidence.low[rows] = np.where(np.isinf(evidence.low[rows]), 0.0, evidence.low[rows])


def _compare_with_list(evidence: Evidence) -> None:
    if not evidence.tokens.shape[1]:
        evidence.beside |= ~np.isnan(evidence.logprob)
        return
    same = evidence.tokens == evidence.emitted[:, None]
    listed, told = same.any(axis=1), ~np.isnan(evidence.logprob)
    _find_shift(evidence, listed)
    lists = evidence.counts > 0
    with np.errstate(invalid="ignore"):
        gap = np.where(same, np.abs(evidence.listed - evidence.logprob[:, None]), np.inf).min(axis=1)
        differs = listed & told & lists & (gap > ROUNDING)
    value = np.where(same, evidence.listed, -np.inf).max(axis=1)
    twins, other = differs & evidence.keyed, differs & ~evidence.keyed
    evidence.find(
        COLLAPSED,
        twins,  # both are real
        "the emitted token has another value in the list, whose keys are texts: two tokens read alike.",
    )
    evidence.top[twins] = False
    evidence.find(
        "emitted token differs from list",
        other,
        "its log-probability is not the one its own list gives; the surprisal is bounded by both.",
    )
    evidence.low[other] = -np.maximum(value, evidence.logprob)[other]
    evidence.high[other] = -np.minimum(value, evidence.logprob)[other]
    said = listed & lists & evidence.censored
    evidence.find("emitted token differs from list", said, "it is not told, and its own list holds it: not believed.")
    evidence.believed[said] = False
    evidence.beside |= told & ~(listed & lists) | twins
    floor = np.take_along_axis(evidence.listed, np.maximum(evidence.counts - 1, 0)[:, None], axis=1)[:, 0]
    with np.errstate(invalid="ignore"):
        missing = told & lists & ~listed & (evidence.logprob > floor + ROUNDING)
    evidence.find("emitted token differs from list", missing, "it is likelier than the last of a list it is not in.")
    with np.errstate(invalid="ignore"):
        evidence.top[evidence.beside & lists & (evidence.logprob > floor)] = False


def _find_shift(evidence: Evidence, listed: NDArray[np.bool_]) -> None:
    """Lists that hold the token before or after theirs are those of the neighbours."""
    n = len(listed)
    usable = evidence.counts > 0
    if usable.sum() < 3 or listed.sum() > 0.5 * usable.sum():
        return
    for step in (-1, 1):
        beside = np.full(n, -1, np.int32)
        beside[max(0, step) : n + min(0, step)] = evidence.emitted[max(0, -step) : n - max(0, step)]
        pairs = usable & (beside >= 0)
        hits = (evidence.tokens == beside[:, None]).any(axis=1) & pairs
        if pairs.sum() >= 2 and hits.sum() >= 0.8 * pairs.sum():
            where = "before" if step > 0 else "after"
            evidence.find(
                "shifted lists", usable, f"the lists hold the token {where} the one they stand at; they were not used."
            )
            evidence.counts[:] = 0
            evidence.tokens[:] = -1
            evidence.listed[:] = -np.inf
            return


def _distrust_keys(evidence: Evidence) -> None:
    """Objects keyed by text: an emitted token that is last may stand beside the top k, and a short list lost one."""
    counts, rows = evidence.counts, np.arange(len(evidence.counts))
    lists = (counts > 0) & evidence.keyed
    if not lists.any():
        return
    last = np.maximum(counts - 1, 0)
    own_last = lists & (evidence.tokens[rows, last] == evidence.emitted) & ~evidence.beside
    k = int(counts[lists & ~own_last].max(initial=0))
    short = lists & (counts < k)
    evidence.find(
        COLLAPSED,
        short,
        f"fewer than the {k} tokens of the other lists: keys are texts, and tokens that read alike share one.",
    )
    evidence.top[own_last & (counts <= k)] = False
    if any(finding.kind == COLLAPSED for finding in evidence.findings):
        evidence.top[lists] = False  # where some texts collapse, others may have done so unseen
    beside = np.flatnonzero(own_last & (counts != k))
    _put_beside(evidence, beside)
    evidence.beside[beside] = True


def _weigh(evidence: Evidence, vocabulary_size: int) -> None:
    """The mass of each list, with the emitted token where it stands beside."""
    own = np.where(evidence.beside, np.exp(np.nan_to_num(evidence.logprob, nan=-np.inf)), 0.0)
    mass = np.exp(evidence.listed).sum(axis=1) + own
    over = mass > 1 + ROUNDING
    evidence.find(
        "mass over 1", over, "the probabilities of a position add up to more than 1; nothing of it is believed."
    )
    evidence.believed[over] = False
    evidence.logprob[over] = np.nan
    evidence.low[over], evidence.high[over] = 0.0, np.inf
    atoms = evidence.counts + evidence.beside
    if not evidence.tokens.shape[1]:
        return
    floor = np.take_along_axis(evidence.listed, np.maximum(evidence.counts - 1, 0)[:, None], axis=1)[:, 0]
    room = np.maximum(vocabulary_size - atoms, 0) * np.exp(floor)
    little = (evidence.counts > 0) & evidence.top & ~over & (mass + room < 1 - 0.9 * ROUNDING)
    evidence.find(
        "too little mass", little,
        f"no distribution over {vocabulary_size} tokens has this list for its most likely ones: it is not the top.",
    )  # fmt: skip
    evidence.top[little] = False
