"""The threshold that gives segments of a wanted mean size.

    θ(m) = the smallest θ whose segments, n bytes in all, number at most n / m

The number of segments falls as θ rises, whatever the rule: the condition is a score above θ, and to remove a start
never adds more forced ones than it took away, ⌈(a + b)/k⌉ ≤ ⌈a/k⌉ + ⌈b/k⌉. So θ is found by bisection over the
floating-point numbers themselves: exact, at most 64 readings, no sorting and nothing kept. θ grows with m.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError
from entropist.segmentation._rules import Marker, Rule, checked

Chunks = Callable[[], Iterable[NDArray[np.float64]]]


def threshold_for(
    entropies: ArrayLike, mean_size: float, rule: str = "global", max_size: int | None = None, rise: float = 0.0
) -> float:
    """The smallest threshold whose segments are at least `mean_size` bytes long on average, in the entropies' unit.

    Where equal entropies make the number of segments jump, the mean is the next larger one. Where no threshold reaches
    it (the text is shorter, or ⌈n / max_size⌉ segments are too many already), the one at which the rule never fires.
    The arguments are those of `boundaries`.

    >>> threshold_for([3.0, 0.5, 0.2, 2.0, 2.5, 0.1], 2)
    0.5
    """
    values = checked(entropies)
    return find_threshold(lambda: [values], Rule(rule, rise, max_size), mean_size)


def find_threshold(chunks: Chunks, rule: Rule, mean_size: float) -> float:
    """`threshold_for` of entropies that `chunks()` gives in pieces, as often as it is called."""
    if not (math.isfinite(mean_size) and mean_size >= 1):
        raise InputError(f"mean_size must be a number of bytes, at least 1; given {mean_size}.")
    if rule.max_size is not None and mean_size > rule.max_size:
        raise InputError(f"segments of at most {rule.max_size} bytes cannot have {mean_size} on average.")
    bytes_, low, high = _range(chunks, rule)
    if low > high:
        return 0.0  # the rule cannot fire, so every threshold is the same
    low = float(np.nextafter(low, -np.inf))

    def fits(threshold: float) -> bool:
        marker = Marker(rule, threshold)
        return sum(len(marker.mark(piece)) for piece in chunks()) * mean_size <= bytes_

    if fits(low):
        return low
    below, above = _key(low), _key(high)  # does not fit; fits, or nothing does
    while above - below > 1:
        middle = (below + above) // 2
        if fits(_float(middle)):
            above = middle
        else:
            below = middle
    return _float(above)


def _range(chunks: Chunks, rule: Rule) -> tuple[int, float, float]:
    """(bytes, the smallest score, the largest) of those that can fire; smallest above largest where none can."""
    position, before, low, high = 0, math.nan, math.inf, -math.inf
    for piece in chunks():
        scores = rule.scores(piece, before, position)
        scores = scores[scores > -np.inf]
        if len(scores):
            low, high = min(low, float(scores.min())), max(high, float(scores.max()))
        if len(piece):
            position, before = position + len(piece), float(piece[-1])
    return position, low, high


def _key(value: float) -> int:
    """A whole number for each float, in their order."""
    bits = int(np.float64(value).view(np.int64))
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF_FFFF_FFFF)


def _float(key: int) -> float:
    return math.copysign(float(np.int64(abs(key)).view(np.float64)), key if key else 1)
