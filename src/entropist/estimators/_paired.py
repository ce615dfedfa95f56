"""Paired samples as estimators want them: two tables of float64, (n, d) each, finite, row by row together."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError, first_line


def paired(x: ArrayLike, y: ArrayLike, *, least: int = 3) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y as (n, d) tables; `InputError` for other shapes, unequal lengths, fewer than `least` samples.

    >>> paired([1, 2, 3], [[0.5], [1.0], [1.5]])[1].shape
    (3, 1)
    """
    left, right = table("x", x), table("y", y)
    if len(left) != len(right):
        raise InputError(f"x has {len(left)} samples and y {len(right)}: row i of both must belong together.")
    if len(left) < least:
        raise InputError(f"{len(left)} samples are too few: at least {least} are needed.")
    return left, right


def table(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """A real array (n,) or (n, d) as a float64 table (n, d); `InputError` for anything else, or NaN or infinity."""
    try:
        given = np.asarray(values)
    except ValueError as error:
        raise InputError(f"{name} must be an array of numbers ({first_line(error)}).") from error
    if given.dtype.kind not in "biuf":
        raise InputError(f"{name} must be real numbers; given {given.dtype}.")
    if given.ndim not in (1, 2) or given.size == 0:
        raise InputError(f"{name} must be (n,) or (n, d) and not empty; given shape {given.shape}.")
    columns = given.astype(np.float64, copy=False).reshape(len(given), -1)
    bad = ~np.isfinite(columns)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(f"{name} must be finite; row {row}, column {column} is {columns[row, column]}.")
    return columns
