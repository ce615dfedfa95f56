"""Where segments begin: H_t, the entropy of the byte t given those before it, against a threshold θ.

    global      H_t > θ
    monotonic   H_t − H_{t−1} > θ
    both        H_t > θ and H_t − H_{t−1} > rise, but never at t = 1

A segment begins at 0 whatever the rule, and where one would be longer than `max_size` the next begins. Entropies and
thresholds share a unit, nats unless you say otherwise. Source: Byte Latent Transformer (arXiv:2412.09871) and its
released code, whose "both" asks that the byte before starts no segment but reads the mask before it is filled, so that
the start at 0 is the only one it sees.

The released patcher drops the entropy of the first byte and shifts by one, which makes a patch of it. Its starts are
those of "global" here; for the other rules they are 0 and `boundaries(entropies[1:], ...) + 1`: byte 1 always starts.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError

BLT_THRESHOLD = 1.335442066192627
"""The global threshold of the released Byte Latent Transformer, in nats (1.927 bits)."""

RULES = ("global", "monotonic", "both")


@dataclass(frozen=True)
class Rule:
    """A rule without its threshold: its name, what "both" asks of the rise, the longest segment (None: no limit).

    >>> Rule("monotonic").name
    'monotonic'
    """

    name: str = "global"
    rise: float = 0.0
    max_size: int | None = None

    def __post_init__(self) -> None:
        if self.name not in RULES:
            raise InputError(f"rule {self.name!r} is not known: use one of {', '.join(RULES)}.")
        if not math.isfinite(self.rise):
            raise InputError(f"rise must be a number; given {self.rise}.")
        if self.rise and self.name != "both":
            raise InputError(f'rise belongs to rule "both"; the rule is {self.name!r}.')
        if self.max_size is not None and not (self.max_size >= 1 and self.max_size % 1 == 0):
            raise InputError(f"max_size must be a whole number of at least 1; given {self.max_size}.")

    def scores(self, entropies: NDArray[np.float64], before: float, position: int) -> NDArray[np.float64]:
        """What must exceed the threshold, (bytes,); −inf where the rule cannot fire.

        entropies: of the bytes from `position` on; before: the entropy of the byte in front of them.
        """
        change = np.diff(entropies, prepend=before)
        if self.name == "global":
            found = entropies.copy()
        elif self.name == "monotonic":
            found = np.where(np.isnan(change), -np.inf, change)
        else:
            found = np.where(change > self.rise, entropies, -np.inf)
            found[max(0, 1 - position) : max(0, 2 - position)] = -np.inf
        found[: max(0, 1 - position)] = -np.inf  # byte 0 starts without being asked
        return found


class Marker:
    """Starts of segments from entropies that come in pieces: the pieces change nothing, the memory is four numbers."""

    def __init__(self, rule: Rule, threshold: float) -> None:
        if not math.isfinite(threshold):
            raise InputError(f"threshold must be a number; given {threshold}.")
        self.rule = rule
        self.threshold = threshold
        self._position = 0
        self._before = math.nan
        self._last_start = 0

    def mark(self, entropies: NDArray[np.float64]) -> NDArray[np.int64]:
        """Positions among the next bytes at which a segment starts."""
        if not len(entropies):
            return np.zeros(0, np.int64)
        begin, end = self._position, self._position + len(entropies)
        fires = np.flatnonzero(self.rule.scores(entropies, self._before, begin) > self.threshold) + begin
        starts = np.concatenate([[0], fires]) if begin == 0 else fires
        if self.rule.max_size is not None:
            starts = _with_forced(starts, self._last_start, end, int(self.rule.max_size))
        self._position, self._before = end, float(entropies[-1])
        if len(starts):
            self._last_start = int(starts[-1])
        return starts.astype(np.int64)


def boundaries(
    entropies: ArrayLike,
    threshold: float | None = None,
    mean_size: float | None = None,
    rule: str = "global",
    max_size: int | None = None,
    rise: float = 0.0,
) -> NDArray[np.int64]:
    """Start positions of the segments, ascending and beginning with 0: (segments,).

    entropies: (bytes,), entropies[t] of byte t given those before it, in any one unit; the first may be NaN, where
    nothing came before it. Give either `threshold`, in that unit, or `mean_size`: then the smallest threshold whose
    segments are at least so long on average (see `threshold_for`). rule: "global", "monotonic" or "both", which alone
    takes `rise`. max_size: no segment is longer. Without entropies there is no segment.

    Raises `InputError` for a value that is no number, for both or neither of threshold and mean_size, and for
    a mean_size above max_size.

    >>> boundaries([3.0, 0.5, 0.2, 2.0, 2.5, 0.1], threshold=1.3).tolist()
    [0, 3, 4]
    >>> boundaries([3.0, 0.5, 0.2, 2.0, 2.5, 0.1], threshold=1.3, rule="monotonic").tolist()
    [0, 3]
    >>> boundaries([3.0, 0.5, 0.2, 2.0, 2.5, 0.1], mean_size=3).tolist()
    [0, 4]
    """
    from entropist.segmentation._threshold import threshold_for

    values = checked(entropies)
    how = Rule(rule, rise, max_size)
    if (threshold is None) == (mean_size is None):
        raise InputError("give either threshold or mean_size, and not both.")
    if threshold is None:
        assert mean_size is not None
        threshold = threshold_for(values, mean_size, rule=rule, max_size=max_size, rise=rise)
    return Marker(how, float(threshold)).mark(values)


def checked(entropies: Any) -> NDArray[np.float64]:
    """Entropies as an array that the rules can be asked about."""
    values = np.asarray(entropies, np.float64)
    if values.ndim != 1:
        raise InputError(f"entropies must be of one dimension, one a byte; given the shape {values.shape}.")
    bad = np.flatnonzero(~np.isfinite(values[1:])) + 1
    if len(values) and math.isinf(values[0]):
        bad = np.append(0, bad)
    if len(bad):
        raise InputError(f"entropies[{bad[0]}] is {values[bad[0]]}: an entropy is a number; only the first may be NaN.")
    return values


def _with_forced(starts: NDArray[np.int64], last: int, end: int, size: int) -> NDArray[np.int64]:
    """`starts` with those added that keep every segment at `size` bytes; `last`: the start before them."""
    edges = np.concatenate([[last], starts, [end]])
    forced = np.maximum(0, (np.diff(edges) - 1) // size)  # how many within each stretch
    number = np.arange(int(forced.sum())) - np.repeat(np.cumsum(forced) - forced, forced)
    return np.sort(np.concatenate([starts, np.repeat(edges[:-1], forced) + size * (number + 1)]))
