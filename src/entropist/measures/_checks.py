"""Is it a distribution? Refuses what is not, naming the row and its sum.

A row p must have p_i >= 0 throughout and |Σ p_i − 1| <= 1e-6 in float64, 1e-4 in float32 and half precision,
whatever its length. Within that the numbers are used as given, not divided by their sum; `normalize=True` divides,
and then only needs a finite sum above 0. Where a compiler or a transformation traces the call (``jax.jit``,
``jax.vmap``, ``torch.compile``, ``torch.func.vmap``, meta tensors) no value can be looked at, and none is refused.
"""

import math
import sys
from typing import Any

import numpy as np
from array_api_compat import is_jax_array, is_numpy_array, is_torch_array

from entropist.errors import InputError

SHORT = 1024  # entries up to which a plain product sum is as exact as a pairwise one
_TOLERANCE = {64: 1e-6, 32: 1e-4, 16: 1e-4}


def flat(xp: Any, table: Any) -> Any:
    """(rows, *variables) as (rows, n)."""
    return xp.reshape(table, (table.shape[0], math.prod(table.shape[1:])))


def tolerance(xp: Any, dtype: Any) -> float:
    """How far a sum of that dtype may lie from 1."""
    return _TOLERANCE.get(xp.finfo(dtype).bits, 1e-6 if xp.finfo(dtype).bits > 64 else 1e-4)


def known(flag: Any) -> bool | None:
    """`flag` as a bool, or None where it is being traced and has no value yet."""
    if is_torch_array(flag):
        if sys.modules["torch"].compiler.is_compiling():
            return None
        try:
            return bool(flag)
        except RuntimeError:  # torch.func.vmap, fake and meta tensors
            return None
    try:
        return bool(flag)
    except TypeError:
        if is_jax_array(flag):  # a tracer
            return None
        raise


def checked(
    xp: Any, name: str, table: Any, dtype: Any, first: int, leading: tuple[int, ...], normalize: bool
) -> tuple[Any, Any]:
    """`table` (rows, *variables) in `dtype`, each row a distribution, and its smallest entry (None if not known).

    `first` is the number of its first row.
    """
    limit = tolerance(xp, table.dtype)
    table = xp.astype(table, dtype, copy=False)
    if table.shape[0] == 0:
        return table, None
    totals = _totals(xp, table)
    # NaN and infinity show in the sum. A minimum over everything is cheaper than one a row.
    right = (totals > 0) & (totals < math.inf) if normalize else xp.abs(totals - 1) <= limit
    lowest = xp.min(table)
    if known(xp.all(right) & (lowest >= 0)) is False:
        raise InputError(_complaint(xp, name, table, totals, first, leading, normalize, limit))
    if not normalize:
        return table, lowest
    return table / xp.reshape(totals, (totals.shape[0], *[1 for _ in table.shape[1:]])), None


def _totals(xp: Any, table: Any) -> Any:
    rows = flat(xp, table)
    if is_numpy_array(rows) and rows.shape[1] <= SHORT:
        return np.vecdot(rows, np.ones(rows.shape[1], rows.dtype))  # a third faster than NumPy's sum over short rows
    return xp.sum(rows, axis=-1)


def _complaint(
    xp: Any, name: str, table: Any, totals: Any, first: int, leading: tuple[int, ...], normalize: bool, limit: float
) -> str:
    lows = xp.min(flat(xp, table), axis=-1)
    fine = (lows >= 0) & ((totals < math.inf) & (totals > 0) if normalize else xp.abs(totals - 1) <= limit)
    row = int(xp.argmin(xp.astype(fine, xp.int32)))
    total, low = float(totals[row]), float(lows[row])
    where = f"{name}, {row_name(first + row, leading)}," if leading else name
    if math.isnan(total):
        return f"{where} contains NaN; a distribution holds probabilities of 0 or more that sum to 1."
    if low < 0:
        hint = " Log-probabilities and logits go to entropist.logits." if total < -limit else ""
        return f"{where} contains {low:.6g} and sums to {total:.9g}; probabilities are 0 or more.{hint}"
    if normalize:
        return f"{where} sums to {total:.9g} and cannot be normalized; the sum must be finite and above 0."
    return (
        f"{where} sums to {total:.9g}; a distribution sums to 1 within {limit:g}. "
        "Pass normalize=True to divide by the sum; counts of samples go to entropist.estimators."
    )


def row_name(row: int, leading: tuple[int, ...]) -> str:
    """How a message names a row: its number, or its place where there are several axes of rows."""
    if len(leading) < 2:
        return f"row {row}"
    place = []
    for size in reversed(leading):
        row, i = divmod(row, size)
        place.append(i)
    return f"row {tuple(reversed(place))}"
