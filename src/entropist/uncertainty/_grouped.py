"""A truncated distribution whose moments are exact: the listed tokens, and one "other" with the missing mass.

    p_1 … p_k listed, r = 1 − Σ p_i,    H = −Σ p ln p − r ln r,    V = Σ p (ln p + H)² + r (ln r + H)²

The emitted token falls on its entry or on "other", so that, if it was sampled from what is reported, its
surprisal in this coarser distribution has exactly the mean H and the variance V, whatever the tail is.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.record import Trace

ROUNDING = 2.0**-24
"""Relative rounding of a float32: the least mass an "other" that was seen can have, a listed token each."""


@dataclass(frozen=True)
class Grouped:
    """One row a token with a list: `rows` (n,) of the trace, `logprobs` (n, k + 1) descending, padded with −inf,
    "other" in the last column, and `chosen` (n,), the column of the emitted token."""

    rows: NDArray[np.int64]
    logprobs: NDArray[np.float64]
    chosen: NDArray[np.int64]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """(n, k + 1)."""
        return np.exp(self.logprobs)

    @property
    def is_listed(self) -> NDArray[np.bool_]:
        """Whether the emitted token is on the list: (n,)."""
        return np.asarray(self.chosen < self.logprobs.shape[1] - 1)

    @property
    def surprisal(self) -> NDArray[np.float64]:
        """−ln p of the entry the emitted token falls on: (n,), nats."""
        return -self.logprobs[np.arange(len(self.chosen)), self.chosen]

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Entropy (n,) and varentropy (n,) of the grouped distribution: mean and variance of `surprisal`."""
        p = self.probabilities
        information = -np.where(p > 0, self.logprobs, 0.0)
        entropy = (p * information).sum(axis=1)
        return entropy, (p * (information - entropy[:, None]) ** 2).sum(axis=1)


def grouped(trace: Trace) -> Grouped:
    """The grouped distributions of the scored tokens of `trace` that have a list of alternatives."""
    table = trace.table
    rows = np.flatnonzero(trace.scored & np.asarray(pc.is_valid(table["top_logprobs"])))
    lists = table["top_logprobs"].take(rows).combine_chunks()
    lengths = np.asarray(pc.list_value_length(lists), dtype=np.int64)
    rows, lists, lengths = rows[lengths > 0], lists.filter(lengths > 0), lengths[lengths > 0]
    if not len(rows):
        raise InputError(
            "none of the tokens has a list of alternatives, without which nothing can be said about their "
            "sampling: ask the server for top log-probabilities."
        )
    ids = table["top_ids"].take(rows).combine_chunks()
    k = int(lengths.max())
    listed = np.full((len(rows), k + 1), -np.inf)
    names = np.full((len(rows), k), -1, np.int64)
    place = np.arange(k) < lengths[:, None]
    listed[:, :k][place] = np.asarray(lists.flatten(), dtype=np.float64)
    names[place] = np.asarray(ids.flatten(), dtype=np.int64)
    emitted = names == table["token_id"].to_numpy()[rows][:, None]
    chosen = np.where(emitted.any(axis=1), emitted.argmax(axis=1), k)
    missing = 1 - np.exp(listed[:, :k]).sum(axis=1)
    # A list that sums to one within its rounding has an "other" of at most that rounding, and none unless it was seen.
    least = np.where(chosen == k, ROUNDING * lengths, 0.0)
    with np.errstate(divide="ignore"):
        listed[:, k] = np.log(np.maximum(missing, least))
    return Grouped(rows, listed, chosen)
