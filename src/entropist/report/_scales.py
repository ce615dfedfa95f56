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
    """One way to colour: `values` (tokens,), NaN where there is none; bin b holds edges[b-1] <= value < edges[b].

    Where a source was cut, `values` are the lower ends of what is known and `high` the upper ones.
    """

    key: str
    label: str
    unit: str
    meaning: str
    edges: tuple[float, ...]
    labels: tuple[str, ...]
    levels: tuple[int, ...]
    values: NDArray[np.float32]
    high: NDArray[np.float32] | None = None

    def token_levels(self) -> NDArray[np.int64]:
        """The ramp's level of each token: (tokens,), -1 where there is no value."""
        bins = np.searchsorted(np.asarray(self.edges, np.float32), self.values, side="right")
        return np.where(np.isnan(self.values), -1, np.asarray(self.levels)[np.minimum(bins, len(self.edges))])


def scales(trace: Trace, unit: str) -> list[Scale]:
    """The scales of a trace, the one shown first in front."""
    found = [
        information(
            "surprisal", "Surprisal", unit, "how unexpected the token was: −log p", ends(trace, "surprisal", unit)
        ),
        information(
            "entropy", "Entropy", unit, "how unsure the model was before it saw the token", ends(trace, "entropy", unit)
        ),
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
        found.append(information("bounds", "Bounds", unit, meaning, (width, width)))
    return found


def ends(trace: Trace, name: str, unit: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(the least, the most) that a column can be: the value twice where it is known. (tokens,) each."""
    point = trace.column(name, unit=unit)
    if f"{name}_low" not in trace.table.schema.names:
        return point, point
    low, high = (trace.column(f"{name}_{end}", unit=unit) for end in ("low", "high"))
    return np.where(np.isnan(point), low, point), np.where(np.isnan(point), high, point)


def information(
    key: str, label: str, unit: str, meaning: str, between: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> Scale:
    """A scale of an amount of information a token, `between` (least, most), each (tokens,) in `unit`."""
    low, high = between
    is_cut = not np.array_equal(low, high, equal_nan=True)
    return Scale(
        key=key,
        label=label,
        unit=unit,
        meaning=f"{meaning}, coloured by the least it can be" if is_cut else meaning,
        edges=_EDGES[unit],
        labels=_ranges(_EDGES[unit]),
        levels=tuple(range(LEVELS)),
        values=low.astype(np.float32),
        high=high.astype(np.float32) if is_cut else None,
    )


def _ranges(edges: Sequence[float]) -> tuple[str, ...]:
    between = [f"{low:g}–{high:g}" for low, high in zip((0.0, *edges), edges)]
    return (*between, f"{edges[-1]:g} +")
