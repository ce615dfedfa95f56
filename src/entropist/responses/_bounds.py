"""Bounds of entropy, varentropy and surprisal for every position, from what the checks left of its list.

The formulas are those of `entropist.measures.truncated`. A list that is not the top of its distribution caps
nothing: its tokens enter as atoms known beside an empty list. A censored token is one of those unseen.

Log-probabilities are known to half their last digit: to float32's where they have more digits than that, and to
what their server's normaliser is off.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from entropist.measures.truncated import FLOAT32, entropy_bounds, rows, surprisal_bounds, varentropy_bounds
from entropist.responses._evidence import Evidence

_COARSEST = 2.0**-6
_MOST_OFF = 2.0**-7


class Intervals(NamedTuple):
    """Low and high of each position: (n,), NaN where nothing predicted the token."""

    surprisal: tuple[NDArray[np.float64], NDArray[np.float64]]
    entropy: tuple[NDArray[np.float64], NDArray[np.float64]]
    varentropy: tuple[NDArray[np.float64], NDArray[np.float64]]


def intervals(evidence: Evidence, vocabulary_size: int, rounding: float, server: str) -> Intervals:
    """The bounds of all positions, in nats."""
    n = len(evidence.counts)
    off = np.full(n, rounding)
    if server == "llama.cpp":
        off = np.minimum(off + _normaliser_error(evidence.listed, vocabulary_size), _COARSEST)
    found = np.full((3, 2, n), np.nan)
    untold = np.zeros(n), np.full(n, np.inf)
    own = np.where(evidence.beside, np.nan_to_num(evidence.logprob, nan=-np.inf), -np.inf)
    kept = np.where(evidence.believed[:, None], evidence.listed, -np.inf)
    own[~evidence.believed] = -np.inf
    capped = evidence.scored & evidence.top
    loose = np.flatnonzero(evidence.scored & ~evidence.top)
    nothing = np.empty((len(loose), 0))
    for chosen, top, also in (
        (np.flatnonzero(capped & ~np.isfinite(own)), kept, None),
        (np.flatnonzero(capped & np.isfinite(own)), kept, own[:, None]),
        (loose, None, np.concatenate([kept, own[:, None]], axis=1)),
    ):
        if len(chosen):
            lists = nothing if top is None else top[chosen]
            known = None if also is None else also[chosen]
            read = rows(lists, vocabulary_size, also=known, rounding=off[chosen])
            found[1][:, chosen] = entropy_bounds(read)
            found[2][:, chosen] = varentropy_bounds(read)
            some = evidence.censored[chosen] & (read.unseen >= 1)
            for end, found_end in zip(untold, surprisal_bounds(read[some])):
                end[chosen[some]] = found_end
    low, high = found[0]
    low[:], high[:] = -evidence.logprob, -evidence.logprob
    for end, ends in ((low, untold[0]), (high, untold[1])):
        end[evidence.censored] = ends[evidence.censored]
    other = ~np.isnan(evidence.low)
    low[other], high[other] = evidence.low[other], evidence.high[other]
    return Intervals(*((np.maximum(pair[0], 0.0), np.maximum(pair[1], 0.0)) for pair in found))


def _normaliser_error(listed: NDArray[np.float64], vocabulary_size: int) -> NDArray[np.float64]:
    """How far the log-probabilities of each list may be off together, by llama.cpp's sum: (n,).

    It adds exp(z − max) of the whole vocabulary in float32, the largest first. An addition is off by 2⁻²⁴ of the sum
    at most, at random for most (twice the root of their number) and the same way only for terms too small to be
    added at all, which hold no more than the mass that is missing from the list.
    """
    missing = np.clip(1 - np.exp(listed).sum(axis=1), 0, 1)
    lost = np.minimum(vocabulary_size * 2.0**-24, missing)
    off: NDArray[np.float64] = np.minimum(lost + 2 * math.sqrt(vocabulary_size) * 2.0**-24, _MOST_OFF)
    return off


def rounding_of(evidence: Evidence) -> float:
    """The error of a log-probability, relative to 1 + its size, from how many digits all of them have."""
    told = np.concatenate([evidence.logprob, evidence.listed.ravel()])
    told = told[np.isfinite(told)]
    if (told == told.astype(np.float32)).all():
        return FLOAT32
    for digits in range(1, 7):
        scaled = told * 10.0**digits
        if (np.abs(scaled - np.round(scaled)) <= 1e-9 * np.maximum(np.abs(scaled), 1)).all():
            return min(_COARSEST, 0.5 * 10.0**-digits)
    return FLOAT32
