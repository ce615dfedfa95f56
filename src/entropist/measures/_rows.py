"""Every measure is a kernel over rows, and this is how it meets its rows.

A kernel takes tables of shape (rows, *variables) in at least float32 and gives one number a row, (rows,), or a table
of its own shape. `measured` brings the caller's arrays there, checks that each row is a distribution, and brings the
result back to the caller's shape, dtype and device. NumPy rows are worked in chunks that stay in the cache.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from array_api_compat import is_numpy_array

from entropist.measures._arrays import namespace_and_arrays, number, one_axis, quiet, result_types, shape_and_axes
from entropist.measures._checks import SHORT, checked
from entropist.units import from_nats, unit_name

Quick = Callable[..., tuple[Any, Any]]

_CHUNK_ENTRIES = 1 << 16  # entries an array and chunk: 512 KB of float64, so that the passes stay in the cache


def measured(
    kernel: Callable[..., Any],
    *,
    axis: int | None = None,
    axes: tuple[int, ...] = (),
    normalize: bool,
    unit: str = "nats",
    power: int = 1,
    pointwise: bool = False,
    quick: Quick | None = None,
    **given: Any,
) -> Any:
    """`kernel(xp, *tables)` over the distributions `given` by name, along one `axis` or the `axes` of a joint table.

    Arrays must have one shape; a single distribution (as many axes as there are variables) also goes with many.
    The kernel's result is taken for nats to the `power` and comes in `unit`; `pointwise` says that it keeps its
    table's shape. `quick` is tried first on short NumPy rows: given whether all entries are positive, and the tables,
    it answers each row and says for which the answer is exact; the kernel does the others.
    """
    unit_name(unit)
    xp, arrays = namespace_and_arrays(given)
    result_type, working_type = result_types(xp, list(arrays.values()))
    shape, places = shape_and_axes(arrays, axes or (one_axis(axis),))
    leading = tuple([size for i, size in enumerate(shape) if i not in places])
    with quiet(next(iter(arrays.values()))):
        tables = {name: _rows(xp, array, places, len(shape)) for name, array in arrays.items()}
        whole = _over_chunks(xp, kernel, quick, tables, working_type, leading, normalize)
        whole = xp.astype(from_nats(whole, unit, power=power), result_type, copy=False)
        return _put_back(xp, whole, shape, places) if pointwise else number(xp.reshape(whole, leading))


def _over_chunks(
    xp: Any,
    kernel: Callable[..., Any],
    quick: Quick | None,
    tables: dict[str, Any],
    working_type: Any,
    leading: tuple[int, ...],
    normalize: bool,
) -> Any:
    rows, parts = math.prod(leading), []
    step = _step(tables, rows)
    for first in range(0, max(1, rows), step):
        chunk, lowest = [], []
        for name, table in tables.items():
            shared = table.shape[0] != rows  # one distribution for all rows
            part = table if shared else table[first : first + step, ...]
            part, low = checked(xp, name, part, working_type, first, () if shared else leading, normalize)
            chunk.append(part)
            lowest.append(low)
        if quick is not None and _are_short(chunk):
            positive = all(low is not None and bool(low > 0) for low in lowest)
            parts.append(_quickly(kernel, quick, positive, chunk))
        else:
            parts.append(kernel(xp, *chunk))
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)


def _put_back(xp: Any, whole: Any, shape: tuple[int, ...], places: list[int]) -> Any:
    """(rows, *variables) in the caller's shape."""
    order = [i for i in range(len(shape)) if i not in places] + places
    moved = xp.reshape(whole, tuple([shape[i] for i in order]))
    return xp.permute_dims(moved, tuple([order.index(i) for i in range(len(shape))]))


def _rows(xp: Any, array: Any, axes: list[int], dimensions: int) -> Any:
    """(rows, *variables), one row after the other in memory: sums over a strided axis would be less exact."""
    if array.ndim < dimensions:
        return xp.reshape(array, (1, *array.shape))
    order = [i for i in range(array.ndim) if i not in axes] + axes
    variables = tuple(array.shape[i] for i in axes)
    rows = math.prod([array.shape[i] for i in order[: -len(axes)]])
    if order != list(range(array.ndim)):
        array = xp.permute_dims(array, tuple(order))
    array = xp.reshape(xp.reshape(array, (-1,)), (rows, *variables))
    return np.ascontiguousarray(array) if is_numpy_array(array) else array


def _are_short(chunk: list[Any]) -> bool:
    numpy = all(is_numpy_array(table) for table in chunk)
    return numpy and chunk[0].shape[0] > 0 and math.prod(chunk[0].shape[1:]) <= SHORT


def _quickly(kernel: Callable[..., Any], quick: Quick, positive: bool, chunk: list[Any]) -> Any:
    value, settled = quick(positive, *chunk)
    if settled.all():
        return value
    open_rows = ~settled
    value[open_rows] = kernel(np, *(table if len(table) < len(value) else table[open_rows] for table in chunk))
    return value


def _step(tables: dict[str, Any], rows: int) -> int:
    """How many rows are worked at once: all, but for NumPy, whose every operation would go through main memory."""
    if all(is_numpy_array(table) for table in tables.values()):
        return max(1, _CHUNK_ENTRIES // int(math.prod(next(iter(tables.values())).shape[1:])))
    return max(1, rows)
