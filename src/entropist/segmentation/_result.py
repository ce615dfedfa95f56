"""What `segment` found: where segments start, under which rule, and how they compare with other patches."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.corpus import Sliding
from entropist.provenance import Identity
from entropist.segmentation._rules import Rule
from entropist.units import from_nats


@dataclass(frozen=True)
class PatchStatistics:
    """Patches of one kind over a whole file; exact for that file, so without errors.

    kind: "entropy", "every k" (fixed size) or "whitespace". mean_size, size_stdev, longest: bytes.
    entropy_at_starts, surprisal_at_starts: the share of the file's entropy and surprisal that lies in the bytes which
    start a patch. surprisal_per_patch: nats. starts_at_words: the share of patches that start where a word does;
    words_at_starts: the share of words that start a patch. A share of nothing is NaN.
    """

    kind: str
    patches: int
    mean_size: float
    size_stdev: float
    longest: int
    entropy_at_starts: float
    surprisal_at_starts: float
    surprisal_per_patch: float
    starts_at_words: float
    words_at_starts: float

    def to_dict(self, unit: str = "nats") -> dict[str, Any]:
        """Plain values for JSON; a share of nothing is None."""
        values = {**vars(self), "surprisal_per_patch": from_nats(self.surprisal_per_patch, unit)}
        return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in values.items()}


@dataclass(frozen=True, eq=False)
class Opening:
    """The beginning of the file, for pictures: its bytes, entropy and surprisal (bytes,) in nats, its starts."""

    data: bytes
    entropy: NDArray[np.float64]
    surprisal: NDArray[np.float64]
    starts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Where segments start, and by what.

    starts: (segments,) int64, the first 0, or None where they went to `each`. size: bytes of the input. threshold: in
    nats; mean_size: the one asked for, None where a threshold was. sizes[k − 1]: how many segments have k bytes, those
    longer in the last. statistics: of entropy, fixed-size and whitespace patches.
    """

    starts: NDArray[np.int64] | None
    size: int
    threshold: float
    mean_size: float | None
    rule: Rule
    statistics: tuple[PatchStatistics, ...]
    sizes: tuple[int, ...]
    opening: Opening
    model: Identity
    windows: Sliding

    def pieces(self, data: bytes) -> list[bytes]:
        """`data`, which must be the input, in its segments; put together they are `data` again."""
        starts = [] if self.starts is None else self.starts.tolist()
        return [data[a:b] for a, b in zip(starts, [*starts[1:], self.size])]

    def to_dict(self, unit: str = "nats") -> dict[str, Any]:
        """Everything but the starts and the opening as plain values, for JSON; information in `unit`."""
        return {
            "bytes": self.size,
            "segments": self.statistics[0].patches,
            "unit": unit,
            "threshold": from_nats(self.threshold, unit),
            "mean_size": self.mean_size,
            "rule": self.rule.name,
            "rise": from_nats(self.rule.rise, unit),
            "max_size": self.rule.max_size,
            "statistics": [each.to_dict(unit) for each in self.statistics],
            "sizes": list(self.sizes),
            "model": {"name": self.model.name, "weights": self.model.fingerprint, "dtype": self.model.dtype},
            "windows": {"context": self.windows.context, "stride": self.windows.stride, "bos": self.windows.bos},
        }
