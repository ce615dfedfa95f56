"""The ways to colour a text: a value for every token, cut into bins with a label and a level of the ramp each.

A view knows nothing but `Scale`: another quantity is another entry of `scales`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from entropist.record import Trace
from entropist.report._ramp import LEVELS

_EDGES = {
    "bits": (1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 16.0),
    "nats": (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0),
    "dits": (0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0),
}


@dataclass(frozen=True, eq=False)
class Scale:
    """One way to colour: `values` (tokens,), NaN where there is none; bin b holds edges[b-1] <= value < edges[b]."""

    key: str
    label: str
    unit: str
    meaning: str
    edges: tuple[float, ...]
    labels: tuple[str, ...]
    levels: tuple[int, ...]
    values: NDArray[np.float32]

    def token_levels(self) -> NDArray[np.int64]:
        """The ramp's level of each token: (tokens,), -1 where there is no value."""
        bins = np.searchsorted(np.asarray(self.edges, np.float32), self.values, side="right")
        return np.where(np.isnan(self.values), -1, np.asarray(self.levels)[np.minimum(bins, len(self.edges))])


def scales(trace: Trace, unit: str) -> list[Scale]:
    """The scales of a trace, the one shown first in front."""
    surprisal, entropy = trace.column("surprisal", unit=unit), trace.column("entropy", unit=unit)
    found = [
        _information("surprisal", "Surprisal", unit, "how unexpected the token was: −log p", surprisal),
        _information("entropy", "Entropy", unit, "how unsure the model was before it saw the token", entropy),
        Scale(
            key="rank",
            label="Rank",
            unit="",
            meaning="how many tokens the model held likelier",
            edges=(10.0, 100.0, 1000.0),
            labels=("first 10", "first 100", "first 1000", "beyond"),
            levels=(0, 3, 5, 8),
            values=trace.column("rank").astype(np.float32),
        ),
    ]
    if "entropy_low" in trace.table.schema.names:
        width = trace.column("entropy_high", unit=unit) - trace.column("entropy_low", unit=unit)
        meaning = "how far apart the bounds of the entropy are, which the source's cut leaves open"
        found.append(_information("bounds", "Bounds", unit, meaning, width))
    return found


def _information(key: str, label: str, unit: str, meaning: str, values: NDArray[np.float64]) -> Scale:
    return Scale(
        key=key,
        label=label,
        unit=unit,
        meaning=meaning,
        edges=_EDGES[unit],
        labels=_ranges(_EDGES[unit]),
        levels=tuple(range(LEVELS)),
        values=values.astype(np.float32),
    )


def _ranges(edges: Sequence[float]) -> tuple[str, ...]:
    between = [f"{low:g}–{high:g}" for low, high in zip((0.0, *edges), edges)]
    return (*between, f"{edges[-1]:g} +")
