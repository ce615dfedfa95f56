"""Was the tail cut off before sampling (top-k, top-p)? A likelihood ratio against no cut.

With a cut at the smallest k, or the smallest mass p, that lets all emitted tokens through, the tokens are
sampled from fewer entries, so the likelihood of each rises by what the others held. The temperature is
fitted with and without the cut, since a colder text stays near the top too, and

    gain = max_T ℓ_cut(T) − max_T ℓ(T)

is what only a cut explains. Without one, exp(−gain) behaves like a p-value (that of a largest rank, or a
largest mass before a token, so small; the campaign counts it).

The mass before a token is that of the reported probabilities: with a temperature other than 1 this is
llama.cpp's order (cut, then temperature), and only near that of engines which cut after it.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from entropist.uncertainty._grouped import Grouped
from entropist.uncertainty._sampling_temperature import largest_log_likelihood, relative_to_emitted


@dataclass(frozen=True)
class Cut:
    """`kind` "top-k" or "top-p"; `at`: the smallest k or p that lets all emitted tokens through; its p-value."""

    kind: str
    at: float
    p_value: float


def cuts(tokens: Grouped) -> tuple[Cut, Cut]:
    """What the emitted tokens say about top-k and about top-p."""
    before = np.cumsum(tokens.probabilities, axis=1) - tokens.probabilities
    furthest = float(before[np.arange(len(before)), tokens.chosen].max())
    entries = tokens.logprobs.shape[1] - 1
    deepest = int(tokens.chosen.max())  # of a token from beyond its list the rank is unknown: nothing was cut there
    return (
        Cut("top-k", min(deepest + 1.0, entries), _p_value(tokens, np.arange(entries) <= deepest)),
        Cut("top-p", min(1.0, furthest), _p_value(tokens, before[:, :-1] <= furthest)),
    )


def _p_value(tokens: Grouped, kept: NDArray[np.bool_]) -> float:
    relative = relative_to_emitted(tokens)
    with_cut = largest_log_likelihood(relative_to_emitted(tokens, kept))
    return math.exp(min(0.0, largest_log_likelihood(relative) - with_cut))
