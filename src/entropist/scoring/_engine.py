"""Windows of many documents through one model, in batches of equal length, each token's values put in its place.

Windows of the same length go through the model together and none is padded: a row of logits sees nothing but its own
window. Which windows share a batch is decided by their lengths and their order alone. Windows that several protocols
have in common go through the model once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.corpus import WindowProtocol
from entropist.logits import LogitStatistics, head_statistics, statistics
from entropist.models import LanguageModel, Tokens

DROPPED, CONTEXT, SCORED = 0, 1, 2
BATCH_TOKENS = 4096

_FIELDS = ("surprisal", "entropy", "varentropy", "rank", "max_logprob")


@dataclass
class TokenValues:
    """What one protocol found of one document's tokens: arrays (tokens,), 0 where `state` is not SCORED.

    `seen` is how many tokens of the text stood before each scored one in its window; `boundary` the log-probability
    that a word begins there, where words were asked for.
    """

    surprisal: NDArray[np.float64]
    entropy: NDArray[np.float64]
    varentropy: NDArray[np.float64]
    rank: NDArray[np.int32]
    max_logprob: NDArray[np.float64]
    seen: NDArray[np.int32]
    state: NDArray[np.int8]
    boundary: NDArray[np.float64] | None

    @classmethod
    def empty(cls, tokens: int, boundary: bool) -> "TokenValues":
        """Nothing found yet."""
        return cls(
            surprisal=np.zeros(tokens),
            entropy=np.zeros(tokens),
            varentropy=np.zeros(tokens),
            rank=np.zeros(tokens, np.int32),
            max_logprob=np.zeros(tokens),
            seen=np.zeros(tokens, np.int32),
            state=np.zeros(tokens, np.int8),
            boundary=np.zeros(tokens) if boundary else None,
        )


@dataclass
class _Job:
    """A window of a document, and where its values go: (values, first token scored)."""

    ids: NDArray[np.int32]  # what the model reads, and the last target
    start: int  # the text's token that ids[lead] is
    lead: int  # 1 where BOS leads
    goals: list[tuple[TokenValues, int]] = field(default_factory=list)

    @property
    def first_row(self) -> int:
        """The first row of the model's output that is wanted: it stands before the token it predicts."""
        return min(first for _, first in self.goals) - self.start + self.lead - 1


def run(
    model: LanguageModel,
    texts: Sequence[Tokens],
    protocols: Sequence[WindowProtocol],
    *,
    word_starts: NDArray[np.int64] | None = None,
    batch_tokens: int = BATCH_TOKENS,
) -> list[list[TokenValues]]:
    """Values of every text under every protocol, [text][protocol].

    word_starts: ids of the tokens that begin a word, where `boundary` is wanted.
    """
    found = [[TokenValues.empty(len(tokens), word_starts is not None) for _ in protocols] for tokens in texts]
    jobs = [job for tokens, values in zip(texts, found) for job in _jobs(model, tokens, protocols, values)]
    for batch in _batches(jobs, batch_tokens):
        _fill(model, batch, word_starts)
    return found


def _jobs(
    model: LanguageModel, tokens: Tokens, protocols: Sequence[WindowProtocol], values: Sequence[TokenValues]
) -> list[_Job]:
    jobs: dict[tuple[int, int, bool], _Job] = {}
    for cut, into in zip(protocols, values):
        for window in cut.windows(len(tokens)):
            seen = into.state[window.start : window.stop]
            seen[seen == DROPPED] = CONTEXT
            if window.first_scored >= window.stop:
                continue  # a single token without BOS: context and nothing else
            key = (window.start, window.stop, window.bos)
            if key not in jobs:
                ids = tokens.ids[window.start : window.stop]
                if window.bos:
                    ids = np.concatenate([[model.bos_id], ids]).astype(np.int32)
                jobs[key] = _Job(ids, window.start, int(window.bos))
            jobs[key].goals.append((into, window.first_scored))
    return list(jobs.values())


def _batches(jobs: Sequence[_Job], batch_tokens: int) -> Iterator[list[_Job]]:
    by_length: dict[int, list[_Job]] = {}
    for job in jobs:
        by_length.setdefault(len(job.ids), []).append(job)
    for length, same in sorted(by_length.items()):
        size = max(1, batch_tokens // length)
        for i in range(0, len(same), size):
            yield same[i : i + size]


def _fill(model: LanguageModel, batch: Sequence[_Job], word_starts: NDArray[np.int64] | None) -> None:
    for job, blocks in zip(batch, _statistics(model, batch, word_starts)):
        values = {name: np.concatenate([_numpy(getattr(stats, name)) for stats, _ in blocks]) for name in _FIELDS}
        boundary = None if word_starts is None else np.concatenate([_numpy(mass) for _, mass in blocks])
        begin = job.start + job.first_row + 1 - job.lead  # the token that the first row predicts
        for into, first in job.goals:
            here, skip = slice(first, begin + len(values["surprisal"])), first - begin
            for name in _FIELDS:
                getattr(into, name)[here] = values[name][skip:]
            into.state[here] = SCORED
            into.seen[here] = np.arange(first, here.stop) - job.start
            if boundary is not None and into.boundary is not None:
                into.boundary[here] = boundary[skip:]


_Blocks = list[tuple[LogitStatistics, Any]]


def _statistics(
    model: LanguageModel, batch: Sequence[_Job], word_starts: NDArray[np.int64] | None
) -> Iterator[_Blocks]:
    """Of every job, blocks of (statistics, log-probability that a word begins) of its rows from `first_row` on."""
    if model.head is None or model.module is None:
        for job in batch:
            yield list(_from_logits(model, job, word_starts))
        return
    head = model.head
    # Detached: nothing here is differentiated, whether or not the parameters ask for it.
    weight, bias = head.weight.detach(), None if head.bias is None else head.bias.detach()
    options: dict[str, Any] = {"softcap": head.softcap, "scale": head.scale}
    states = model.hidden(np.stack([job.ids[:-1] for job in batch]))
    for job, hidden in zip(batch, states):
        rows = hidden[job.first_row :]
        targets = job.ids[job.first_row + 1 :].astype(np.int64)
        stats = head_statistics(rows, weight, bias, targets=targets, **options)
        mass = None
        if word_starts is not None:
            some = head_statistics(rows, weight[word_starts], None if bias is None else bias[word_starts], **options)
            mass = some.log_normalizer - stats.log_normalizer
        yield [(stats, mass)]


def _from_logits(
    model: LanguageModel, job: _Job, word_starts: NDArray[np.int64] | None
) -> Iterator[tuple[LogitStatistics, Any]]:
    targets, done = job.ids[job.first_row + 1 :].astype(np.int64), 0
    for block in model.logits(job.ids[:-1], start=job.first_row):
        stats = statistics(block, targets[done : done + len(block)])
        mass = None
        if word_starts is not None:
            mass = statistics(block[:, word_starts]).log_normalizer - stats.log_normalizer
        yield stats, mass
        done += len(block)


def _numpy(array: Any) -> NDArray[Any]:
    return np.asarray(array.cpu() if hasattr(array, "cpu") else array)
