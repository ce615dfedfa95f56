"""The arguments of ψ in the KSG estimators for two columns: prepared once each, then paired at will.

A column is (n,) and its scale a factor on its differences. Pairing is one array: `y_order`, which sample of x stands
with each value of y in rising order; another order of the samples is another `y_order`, and everything sorted stays.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Item = TypeVar("Item")
Result = TypeVar("Result")

_WORTH_COMPILING = 2_000_000_000  # comparisons without a compiler that take about as long as the compiler
_COMPARISONS = 1 << 21  # at a time, without a compiler: 16 MB an array


@dataclass(frozen=True)
class Column:
    """A column in its order: values, ranks and a table of where to find a value. See `_ksg_kernels`."""

    order: Ints
    ordered: Floats
    rank: Ints
    table: Ints
    per_unit: float
    scale: float


def column(values: Floats, scale: float) -> Column:
    """`values`, (n,), with everything that does not depend on what they are paired with."""
    kernels = _kernels()
    n = len(values)
    order = np.argsort(values).astype(np.int32)
    ordered, rank, table = np.empty(n), np.empty(n, np.int32), np.empty(kernels.CELLS_A_VALUE * n + 2, np.int32)
    per_unit = kernels.prepare(np.ascontiguousarray(values), order, ordered, rank, table)
    return Column(order, ordered, rank, table, per_unit, scale)


def paired_counts(x: Column, y: Column, y_order: Ints, k: int, variant: int) -> tuple[Ints, Ints, Ints]:
    """(copies by rank of y, x_count by rank of x, y_count by rank of y): see `_ksg_kernels.radii` and `margin`."""
    kernels, n = _kernels(), len(x.rank)
    x_radius, y_radius = np.empty(n), np.empty(n)
    copies, x_count, y_count = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    kernels.radii(x.ordered, y.ordered, x.rank, y_order, x.scale, y.scale, k, variant, x_radius, y_radius, copies)
    kernels.margin(x.ordered, x.table, x.per_unit, x.scale, x_radius, variant, x_count)
    kernels.margin(y.ordered, y.table, y.per_unit, y.scale, y_radius, variant, y_count)
    return copies, x_count, y_count


def part_values(x: Column, y: Column, k: int, variant: int, base: float, part: Ints, parts: int) -> Floats:
    """The estimate from each of the parts that `part`, (n,), numbers from 0; −1 leaves a sample out."""
    result = np.empty(parts)
    _kernels().of_parts(
        x.ordered, x.order, x.scale, y.ordered, y.order, y.scale, k, variant, digammas(len(part)), base, part, result
    )
    return result


def compared_counts(
    x: Floats, y: Floats, x_scale: Floats, y_scale: Floats, k: int, variant: int
) -> tuple[Ints, Ints, Ints]:
    """(copies, x_count, y_count), by sample, from all n² distances of tables (n, d).

    What small inputs take before anything compiles, and many dimensions, where trees gain nothing.
    """
    n = len(x)
    copies, x_count, y_count = np.zeros(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    step = max(1, _COMPARISONS // n)
    for begin in range(0, n, step):
        rows = slice(begin, min(n, begin + step))
        x_gap, y_gap = _gaps(x[rows], x, x_scale), _gaps(y[rows], y, y_scale)
        distance = np.maximum(x_gap, y_gap)
        distance[np.arange(rows.stop - begin), np.arange(begin, rows.stop)] = np.inf
        radius = np.partition(distance, k - 1, axis=1)[:, k - 1, None]
        if variant == 1:
            x_count[rows], y_count[rows] = (x_gap < radius).sum(1), (y_gap < radius).sum(1)
        else:
            near = distance <= radius
            for gap, count in ((x_gap, x_count), (y_gap, y_count)):
                side = np.where(near, gap, 0).max(1)[:, None]
                count[rows] = (gap <= side).sum(1) - 1
        same = radius[:, 0] == 0
        if same.any():
            here = np.flatnonzero(same) + begin
            copies[here] = (distance[same] == 0).sum(1) + 1
            x_count[here], y_count[here] = (x_gap[same] == 0).sum(1), (y_gap[same] == 0).sum(1)
    return copies, x_count, y_count


def _gaps(some: Floats, of: Floats, scale: Floats) -> Floats:
    """Distances (some, of): in one dimension the difference first, as the compiled search takes it."""
    if some.shape[1] == 1:
        return np.asarray(np.abs(some - of.T) * scale, np.float64)
    from scipy.spatial.distance import cdist  # only here: SciPy's import is slow

    return np.asarray(cdist(some * scale, of * scale, "chebyshev"), np.float64)


def compiling_pays(n: int, times: int) -> bool:
    """Whether compiled kernels should search: they are at hand, or `times` searches of n points are worth it."""
    return times * n * n > _WORTH_COMPILING or n > _COMPARISONS or _compiled()


def in_threads(work: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    """`work` of each item, in order, on every core: the kernels run without Python's lock."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores == 1 or len(items) == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(work, items))


@cache
def digammas(n: int) -> Floats:
    """ψ(0..n), −∞ at 0."""
    from scipy import special  # only here: SciPy's import is slow

    values = np.concatenate([[-np.inf], special.digamma(np.arange(1, n + 1))])
    values.flags.writeable = False
    return values


def _kernels() -> Any:
    from entropist.estimators.neighbours import _ksg_kernels  # only here: Numba's import is slow

    return _ksg_kernels


def _compiled() -> bool:
    kernels = _kernels()
    dispatcher = kernels.margin
    if dispatcher.signatures:
        return True
    return any(Path(dispatcher.stats.cache_path).glob("*_ksg_kernels.margin-*.nbi"))
