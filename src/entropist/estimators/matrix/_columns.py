"""The columns of a large matrix, a few at a time, so that no second copy of it ever exists."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError, first_line
from entropist.progress import tracked

_BLOCK_BYTES = 1 << 18  # near the cache, and small beside any input


def matrix(name: str, values: Any) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    """A real matrix (n, columns) as it is, without a copy, and the labels of its columns where it has them."""
    labels = getattr(values, "columns", None)
    try:
        given = np.asarray(values)
    except ValueError as error:
        raise InputError(f"{name} must be a matrix of numbers ({first_line(error)}).") from error
    if given.dtype.kind not in "biuf":
        raise InputError(f"{name} must be real numbers; given {given.dtype}.")
    if given.ndim != 2 or given.size == 0:
        raise InputError(f"{name} must be (n, columns) and not empty; given shape {given.shape}.")
    if len(given) < 4:
        raise InputError(f"{name} has {len(given)} samples: at least 4 are needed.")
    return given, None if labels is None else tuple(str(label) for label in labels)


def blocks(name: str, x: NDArray[Any], description: str) -> Iterator[tuple[int, NDArray[Any]]]:
    """(first column, columns as contiguous rows (some, n)) of a matrix (n, columns), checked to be finite."""
    step = max(1, _BLOCK_BYTES // (len(x) * max(4, x.dtype.itemsize)))
    starts = range(0, x.shape[1], step)
    for start in tracked(starts, len(starts), description):
        block = np.array(x[:, start : start + step].T, dtype=_sortable(x.dtype), order="C")
        if block.dtype.kind == "f" and not np.isfinite(block).all():
            column, row = np.argwhere(~np.isfinite(block))[0]
            raise InputError(f"{name} must be finite; row {row}, column {start + column} is {block[column, row]}.")
        yield start, block


def in_threads(work: Any, rows: int, triangle: bool, description: str) -> None:
    """Call work(begin, end) for pieces of range(rows), on every core; a triangle's later rows are longer."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pieces = min(rows, 64 * cores)
    share = np.linspace(0, 1, pieces + 1)
    ends = np.unique(np.round(rows * (np.sqrt(share) if triangle else share)).astype(int)).tolist()
    with ThreadPoolExecutor(cores) as pool:
        done = pool.map(work, ends[:-1], ends[1:])
        for _ in tracked(done, len(ends) - 1, description):
            pass


def _sortable(dtype: np.dtype[Any]) -> Any:
    return np.float32 if dtype == np.float16 else np.int8 if dtype.kind == "b" else dtype
