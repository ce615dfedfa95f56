"""What is counted of patches as their starts go by: entropy patches, patches of a fixed size, whitespace patches.

Everything is a sum, so the memory does not grow with the stream. Fixed sizes from 1 to 64 are counted at once, because
which of them is to be compared with (the entropy patches' mean, rounded) is known at the end only.

A whitespace patch starts at a byte that is no ASCII whitespace and follows one that is. A word starts at an ASCII
letter or digit or a byte above 0x7F that follows a byte that is none of these.
"""

import math

import numpy as np
from numpy.typing import NDArray

from entropist.segmentation._result import PatchStatistics

SIZES = 64  # the largest fixed size, and the largest patch that the histogram tells from longer ones

_BLANK = np.isin(np.arange(256), np.frombuffer(b" \t\n\v\f\r", np.uint8))
_LETTER = np.array([chr(byte).isalnum() if byte < 0x80 else True for byte in range(256)])


class _Tally:
    """Patches of one kind."""

    def __init__(self) -> None:
        self.patches = self.at_words = 0
        self.entropy = self.surprisal = 0.0
        self.squares = 0.0
        self.longest = 0
        self.histogram = np.zeros(SIZES + 2, np.int64)  # [k]: patches of k bytes; the last: longer than SIZES
        self._last = 0

    def add(
        self, starts: NDArray[np.int64], position: int, values: NDArray[np.float64], words: NDArray[np.bool_]
    ) -> None:
        here = starts - position
        self.patches += len(starts)
        self.entropy += float(values[0, here].sum())
        self.surprisal += float(values[1, here].sum())
        self.at_words += int(words[here].sum())
        self._sizes(np.diff(starts, prepend=self._last)[int(position == 0) :])
        if len(starts):
            self._last = int(starts[-1])

    def close(self, end: int) -> None:
        self._sizes(np.array([end - self._last]))

    def _sizes(self, sizes: NDArray[np.int64]) -> None:
        if len(sizes):
            self.squares += float(np.dot(sizes.astype(np.float64), sizes.astype(np.float64)))
            self.longest = max(self.longest, int(sizes.max()))
            self.histogram += np.bincount(np.minimum(sizes, SIZES + 1), minlength=SIZES + 2)


class Tallies:
    """Sums over a stream whose bytes, values and entropy starts come in pieces."""

    def __init__(self) -> None:
        self.bytes = 0
        self._entropy, self._blank = _Tally(), _Tally()
        self._fixed = np.zeros((3, SIZES + 1))  # entropy, surprisal, words at the multiples of each size
        self._totals = np.zeros(2)
        self._words = 0
        self._after_blank, self._after_letter = True, False

    def add(self, data: bytes, values: NDArray[np.float64], starts: NDArray[np.int64]) -> None:
        """The next bytes, their entropy and surprisal (2, bytes), and the starts among them, counted from byte 0."""
        if not data:
            return
        raw = np.frombuffer(data, np.uint8)
        known = np.nan_to_num(values, nan=0.0, posinf=np.inf)
        letter, blank = _LETTER[raw], _BLANK[raw]
        words = letter & ~np.append(self._after_letter, letter[:-1])
        spaced = ~blank & np.append(self._after_blank, blank[:-1])
        spaced[0] |= self.bytes == 0
        position = self.bytes
        self._entropy.add(starts, position, known, words)
        self._blank.add(np.flatnonzero(spaced) + position, position, known, words)
        for size in range(1, SIZES + 1):
            at = slice((-position) % size, None, size)
            self._fixed[:2, size] += known[:, at].sum(axis=1)
            self._fixed[2, size] += words[at].sum()
        self._totals += known.sum(axis=1)
        self._words += int(words.sum())
        self._after_blank, self._after_letter = bool(blank[-1]), bool(letter[-1])
        self.bytes += len(data)

    def close(self) -> tuple[tuple[PatchStatistics, ...], tuple[int, ...]]:
        """The statistics of entropy, fixed and whitespace patches, and how many entropy patches have 1, 2, … bytes."""
        for tally in (self._entropy, self._blank):
            tally.close(self.bytes)
        size = min(SIZES, max(1, round(self.bytes / self._entropy.patches)))
        return (
            (self._told("entropy", self._entropy), self._told_fixed(size), self._told("whitespace", self._blank)),
            tuple(self._entropy.histogram[1:].tolist()),
        )

    def _told(self, kind: str, tally: _Tally) -> PatchStatistics:
        mean = self.bytes / tally.patches
        return PatchStatistics(
            kind=kind,
            patches=tally.patches,
            mean_size=mean,
            size_stdev=math.sqrt(max(0.0, tally.squares / tally.patches - mean**2)),
            longest=tally.longest,
            entropy_at_starts=_share(tally.entropy, self._totals[0]),
            surprisal_at_starts=_share(tally.surprisal, self._totals[1]),
            surprisal_per_patch=float(self._totals[1]) / tally.patches,
            starts_at_words=tally.at_words / tally.patches,
            words_at_starts=_share(tally.at_words, self._words),
        )

    def _told_fixed(self, size: int) -> PatchStatistics:
        patches = -(-self.bytes // size)
        last = self.bytes - size * (patches - 1)
        mean = self.bytes / patches
        entropy, surprisal, words = self._fixed[:, size].tolist()
        return PatchStatistics(
            kind=f"every {size}",
            patches=patches,
            mean_size=mean,
            size_stdev=math.sqrt(max(0.0, (size**2 * (patches - 1) + last**2) / patches - mean**2)),
            longest=min(size, self.bytes),
            entropy_at_starts=_share(entropy, self._totals[0]),
            surprisal_at_starts=_share(surprisal, self._totals[1]),
            surprisal_per_patch=float(self._totals[1]) / patches,
            starts_at_words=words / patches,
            words_at_starts=_share(words, self._words),
        )


def _share(part: float, whole: float) -> float:
    """NaN where there is nothing to have a share of, or too much."""
    return float(part / whole) if 0 < whole < math.inf else math.nan
