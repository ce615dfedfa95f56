"""A joint table of categories as its occupied cells: which values of the variables meet, and how often.

    places[j] (C,)  the value of variable j in each of the C cells that occur,    cells (C,)  how often it does

A table of 262 144² cells takes what its samples take. `margin` adds up over the variables left out.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.estimators._samples import Codes, joined, paired_codes
from entropist.estimators.discrete._counts import Counts, flat, sparse_cells, tallied


@dataclass(frozen=True)
class Table:
    """cells (C,) int64 above 0, places (C,) a variable, sizes: how many values each variable can take."""

    cells: Codes
    places: tuple[Codes, ...]
    sizes: tuple[int, ...]
    given: bool = False

    @cached_property
    def n(self) -> int:
        """The number of samples."""
        return int(self.cells.sum())

    @cached_property
    def _known(self) -> dict[tuple[str, *tuple[int, ...]], Any]:
        return {}

    def margin(self, *variables: int) -> tuple[Codes, Codes]:
        """For each cell its place in the table of these variables only, (C,), and that table's cells."""
        if ("margin", *variables) in self._known:
            return self._known["margin", *variables]  # type: ignore[no-any-return]
        place = np.zeros(len(self.cells), np.int64)
        for variable in variables:
            place, _ = paired_codes(place, self.places[variable], int(self.places[variable].max()) + 1)
        totals = np.zeros(int(place.max()) + 1, np.int64)
        np.add.at(totals, place, self.cells)
        self._known["margin", *variables] = place, totals
        return place, totals

    def counts(self, *variables: int) -> Counts:
        """The counts of these variables' joint values, of which there are as many as their sizes make."""
        if ("counts", *variables) not in self._known:
            self._known["counts", *variables] = self._tallied(variables)
        return self._known["counts", *variables]  # type: ignore[no-any-return]

    def _tallied(self, variables: tuple[int, ...]) -> Counts:
        support = 1
        for variable in variables:
            support *= self.sizes[variable]
        found = tallied(self.margin(*variables)[1])
        return Counts(found.values, found.symbols, found.n, support, self.given)


def of_codes(codes: tuple[Codes, ...], sizes: tuple[int, ...]) -> tuple[Table, Codes]:
    """The table of samples that are numbered already.

    >>> table, cell = of_codes((np.array([0, 0, 1]), np.array([1, 1, 0])), (2, 2))
    >>> table.cells.tolist(), cell.tolist()
    ([2, 1], [0, 0, 1])
    """
    cell = codes[0]
    for more, size in zip(codes[1:], sizes[1:]):
        cell, _ = paired_codes(cell, more, size)
    _, first, cell, cells = np.unique(cell, return_index=True, return_inverse=True, return_counts=True)
    return Table(cells.astype(np.int64), tuple(each[first] for each in codes), tuple(sizes)), cell


def of_counts(counts: Any, variables: int) -> Table:
    """The table of an array of counts with that many axes, or of a SciPy sparse one (two).

    Raises `InputError` for another number of axes, counts that are no whole numbers, or all zero.
    """
    shape: tuple[int, ...] = getattr(counts, "shape", None) or np.shape(counts)
    if len(shape) != variables:
        raise InputError(f"counts must be a table with {variables} axes; given shape {tuple(shape)}.")
    if hasattr(counts, "tocoo"):
        sparse = sparse_cells(counts)
        places, cells = (sparse.row, sparse.col), flat(sparse, "counts")[0]
    else:
        cells = flat(counts, "counts")[0]
        places = np.unravel_index(np.arange(len(cells)), shape)  # type: ignore[assignment]
    kept = cells > 0
    if not kept.any():
        raise InputError("counts are all zero: there is no sample to estimate from.")
    whole: NDArray[np.int64] = cells[kept].astype(np.int64)
    return Table(whole, tuple(joined([place[kept]])[0] for place in places), shape, given=True)
