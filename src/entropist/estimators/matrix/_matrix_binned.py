"""All pairs of binned columns: bins once a column, then counts of every pair by the faster of two kernels.

    I_ij = plug-in of the joint counts of columns i and j − c,    c = (K_ij − K_i − K_j + 1) / (2n),    nats.

With no compiled kernel on disk the first call waits for the compiler, about two seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.estimators import _bins
from entropist.estimators._binned import Binned
from entropist.estimators.matrix._columns import blocks, in_threads

POOLED_DRAWS = 9999  # pairs of shuffled columns that make one null for all pairs
_DRAWN = 500  # of them at a time


@dataclass(frozen=True)
class Coded:
    """Binned columns: masks, (all bins, words), where no column has many bins, else codes without gaps, (columns, n).

    margins: how many samples each bin of each column holds.
    """

    cells: NDArray[Any]
    masked: bool
    n: int
    margins: list[NDArray[np.int64]]

    @property
    def kinds(self) -> NDArray[np.int64]:
        """Bins of each column that hold a sample."""
        return np.array([len(margin) for margin in self.margins])

    def entropies(self, c_ln_c: NDArray[np.float64]) -> NDArray[np.float64]:
        """Σ r ln r of each column."""
        return np.array([c_ln_c[margin].sum() for margin in self.margins])

    def places(self) -> NDArray[np.int64]:
        """(columns, 2 + bins): where a column's masks begin, how many bins it has, and their counts."""
        kinds = self.kinds
        table = np.zeros((len(kinds), 2 + kinds.max()), np.int64)
        table[:, 1] = kinds
        if self.masked:
            table[1:, 0] = np.cumsum(kinds + kinds % 2)[:-1]
        for row, margin in zip(table, self.margins):
            row[2 : 2 + len(margin)] = margin
        return table


def coded(name: str, x: NDArray[Any], estimator: Binned) -> Coded:
    """The columns of (n, columns) cut into bins; codes are never kept beside masks."""
    from entropist.estimators.matrix import _joint_counts as kernels  # Numba, which takes a while to import

    estimator.check()
    most = _most_bins(estimator)
    masked = most <= kernels.MOST_MASKED
    margins: list[NDArray[np.int64]] = []
    n, columns = x.shape
    cells = (
        np.empty((columns * (most + most % 2), -(-n // 64)), np.uint64) if masked else np.empty((columns, n), np.uint8)
    )
    filled = 0
    for start, block in blocks(name, x, "bins"):
        for place, column in enumerate(block, start):
            codes, margin = occupied_bins(_bins.code(column, estimator.bins, estimator.strategy))
            margins.append(margin)
            if masked:
                masks = kernels.masks(codes, len(margin))
                cells[filled : filled + len(masks)] = masks
                filled += len(masks)
                continue
            if len(margin) > 256 and cells.dtype == np.uint8:
                cells = cells.astype(np.uint16)
            cells[place] = codes
    return Coded(cells, masked, n, margins)


def _most_bins(estimator: Binned) -> int:
    if estimator.strategy == "freedman-diaconis":
        return _bins.MOST_BINS
    return int(estimator.bins) if isinstance(estimator.bins, int | np.integer) else len(estimator.bins) - 1


def occupied_bins(codes: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Codes without the bins that nothing fell into, and the count of each."""
    counts = np.bincount(codes)
    if counts.all():
        return codes, counts
    kept = np.flatnonzero(counts)
    return (np.cumsum(counts > 0) - 1)[codes], counts[kept]


def count(left: Coded, right: Coded | None) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Plug-in information in nats and occupied cells, (left columns, right columns); right None: left with itself."""
    from entropist.estimators.matrix import _joint_counts as kernels  # Numba, which takes a while to import

    other, triangle = left if right is None else right, right is None
    n, shape = left.n, (len(left.margins), len(other.margins))
    c = np.arange(n + 1, dtype=np.float64)
    c_ln_c = c * np.log(np.maximum(c, 1))
    kernel = kernels.from_masks if left.masked else kernels.one_by_one
    places = left.places(), other.places()
    value = np.empty(shape)
    cells = np.empty(shape, np.uint16 if left.masked else np.int32)

    def work(begin: int, end: int) -> None:
        kernel(left.cells, places[0], other.cells, places[1], begin, end, triangle, c_ln_c, value, cells)

    in_threads(work, shape[0], triangle, "pairs")
    rows, columns = left.entropies(c_ln_c), other.entropies(c_ln_c)
    for i in range(shape[0]):
        end = i + 1 if triangle else shape[1]
        value[i, :end] = np.log(n) + (value[i, :end] - (rows[i] + columns[:end])) / n
        # Beside a constant column the two sums are one, but for their rounding.
        value[i, :end][(left.kinds[i] == 1) | (other.kinds[:end] == 1)] = 0
        if triangle:
            value[:i, i], cells[:i, i] = value[i, :i], cells[i, :i]
    return value, cells


def correct(value: NDArray[np.float64], left: Coded, right: Coded | None, cells: NDArray[Any]) -> None:
    """Subtract Miller–Madow's bias from every pair, in place."""
    other = left.kinds if right is None else right.kinds
    for row, bins, occupied in zip(value, left.kinds, cells):
        row -= (occupied - (bins - 1.0) - other) / (2 * left.n)


def pooled_null(left: Coded, right: Coded | None, seed: int) -> NDArray[np.float64]:
    """Plug-in information of shuffled columns, (`POOLED_DRAWS`,) in ascending order: one null where margins agree."""
    sides: Iterable[Coded] = (left,) if right is None else (left, right)
    margins = {tuple(margin) for side in sides for margin in side.margins}
    if len(margins) > 1:
        raise InputError(
            f"columns have {len(margins)} different margins, so they share no null: use strategy='frequency' and "
            "columns without ties, or null='analytic'."
        )
    (margin,) = margins
    template = np.repeat(np.arange(len(margin)), margin)
    generator = np.random.default_rng(seed)
    # A column of codes is its own bins: an estimator with as many bins of equal width gives them back.
    bins = Binned(tuple(np.arange(len(margin) + 1) - 0.5))
    fixed = coded("x", template[:, None], bins)
    found = []
    for begin in range(0, POOLED_DRAWS, _DRAWN):
        some = min(_DRAWN, POOLED_DRAWS - begin)
        shuffled = generator.permuted(np.tile(template.astype(np.int16), (some, 1)), axis=1)
        found.append(count(fixed, coded("x", shuffled.T, bins))[0].ravel())
    return np.sort(np.concatenate(found))
