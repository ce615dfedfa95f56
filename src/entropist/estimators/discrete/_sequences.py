"""Entropies of the words of a sequence, with errors that know its memory.

    block_entropy    H_k = −Σ p(w) ln p(w) over words w of k symbols in a row (they overlap)
    ngram_entropy    h_k = H_k − H_{k−1}: what a symbol still holds given the k − 1 before it; it falls towards the rate

in nats, from a sequence (n,) of labels, n − k + 1 words. With v_t the −ln p̂ of word t (of its last symbol given the
others), stderr² = block-bootstrap variance of mean v + max(ν/2, 3)/n_eff², ν = K_words − 1 (− K_contexts for h_k),
n_eff = n·Var(v)/n / that variance: how many independent words these are worth.

When this misleads: the plug-in falls short of H_k by about (K_words − 1)/2n, and K_words grows like the k-th power of
the alphabet: h_k of plug-ins sinks to 0 with growing k whatever the source. Corrections assume independent words. There
is no error where either can matter: with few words seen often, or where the memory is long beside n. A sequence that
drifts has no entropy rate.

Source: Grassberger (1989); Schürmann & Grassberger (1996); block bootstrap: Politis & Romano (1992).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.estimators._nulls import block_variance
from entropist.estimators._samples import Codes, coded, paired_codes
from entropist.estimators.discrete._count_errors import apart, parity, second_order, too_few, unseen
from entropist.estimators.discrete._count_estimators import CountEstimator, find
from entropist.estimators.discrete._counts import Counts, tallied
from entropist.estimators.discrete._entropy import described, supported
from entropist.results import Estimate
from entropist.units import unit_name

DOMAIN = "stationary sequences worth 200 independent words at least, few words unseen, memory short beside n"
MEMORY = 0.5
"""The largest share of the error that what dependence adds to the bias may be."""


def block_entropy(
    sequence: Any, length: int, estimator: str | CountEstimator = "chao-wang-jost", *, unit: str = "nats"
) -> Estimate:
    """The entropy of words of `length` symbols in a row.

    sequence: (n,) labels, or (n, d) rows, in their order. estimator: a name or object that counts symbols; see
    `entropy`. Raises `InputError` for a length below 1 or above n.

    >>> text = "the cat sat on the mat " * 20
    >>> round(block_entropy(list(text), 1, "plug-in", unit="bits").value, 3)
    2.964
    """
    name, chosen = unit_name(unit), find(estimator)
    words, _ = _words(sequence, length)
    return _estimate(chosen, words, None, length, name)


def ngram_entropy(
    sequence: Any, length: int, estimator: str | CountEstimator = "chao-wang-jost", *, unit: str = "nats"
) -> Estimate:
    """The entropy of a symbol given the `length` − 1 before it: that of words less that of their beginnings.

    sequence: (n,) labels, or (n, d) rows, in their order. Raises `InputError` for a length below 1 or above n.

    >>> round(ngram_entropy([0, 0, 1, 1] * 100, 3, "plug-in").value, 6)
    0.0
    """
    name, chosen = unit_name(unit), find(estimator)
    return _estimate(chosen, *_words(sequence, length), length, name)


def _words(sequence: Any, length: int) -> tuple[Codes, Codes]:
    """Codes of the words and of the same words without their last symbol, (n − length + 1,) each."""
    codes, width = coded("sequence", sequence)
    if isinstance(length, bool) or not isinstance(length, int | np.integer) or not 1 <= length <= len(codes):
        raise InputError(f"length must be a whole number of symbols from 1 to {len(codes)}; given {length!r}.")
    n = len(codes) - length + 1
    words = beginnings = np.zeros(n, np.int64)
    for place in range(length):
        beginnings = words
        words, _ = paired_codes(words, codes[place : place + n], width)
    return words, beginnings


def _estimate(estimator: CountEstimator, words: Codes, beginnings: Codes | None, length: int, unit: str) -> Estimate:
    n, whole, begun = len(words), _counts(words), None if beginnings is None else _counts(beginnings)
    value, raw, reference = (
        _difference(each, whole, begun) for each in (estimator, find("plug-in"), find("chao-wang-jost"))
    )
    kind = f"words of {length}" if begun is None else f"symbol after {length - 1}"
    label = f"{described(estimator)}, {kind}"
    totals = np.bincount(words)[words]
    surprise = np.log(n if beginnings is None else np.bincount(beginnings)[beginnings]) - np.log(totals)
    if n < 2:
        return Estimate(value, None, "nats", n, label, reason=too_few(n, 0)).to(unit)
    of_mean, block = block_variance(surprise)
    independent = float(surprise.var()) / n
    effective = n if of_mean <= independent or not independent else n * independent / of_mean
    freedom = whole.seen - (1 if begun is None else begun.seen)
    remaining = second_order(freedom, effective) + parity(estimator, whole.seen, n)
    stderr = math.sqrt(max(of_mean, independent) + remaining)
    reason = (
        too_few(effective, n - float(whole.values[-1]))
        or unseen(whole.singletons, n, stderr)
        or apart(value - reference, stderr)
        or memory((reference - raw) * (n / effective - 1), stderr)
    )
    return Estimate(
        value, None if reason else stderr, "nats", n, label, None if reason else n / block - 1, reason=reason,
        domain=None if reason else DOMAIN, effective_n=effective,
    ).to(unit)  # fmt: skip


def memory(bias: float, stderr: float) -> str | None:
    """Why the bias that dependence adds is too large for the error, or None."""
    if abs(bias) <= MEMORY * stderr:
        return None
    return f"its memory may bias it by {abs(bias):.2g} nats, more than {MEMORY} of the sampling error"


def _counts(codes: NDArray[Any]) -> Counts:
    return tallied(np.bincount(codes))


def _difference(estimator: CountEstimator, whole: Counts, begun: Counts | None) -> float:
    if begun is None:
        return estimator.value(supported(estimator, whole))
    if estimator.support is not None:
        raise InputError(f"support_size is of no one alphabet here; give {type(estimator).__name__}() without it.")
    return estimator.value(whole) - estimator.value(begun)
