"""Numbers into bins: the code of every value of a column, 0 .. bins − 1.

width: equal parts of min .. max. frequency: equal parts of the ranks, the same for any monotone change of the column;
equal values stay together. freedman-diaconis: equal width 2·IQR·n^(−1/3). Or edges given, e_0 < … < e_K. Bin k holds
e_k ≤ x < e_{k+1}, the last one its upper edge as well, as in `numpy.histogram`.

Source: Freedman & Diaconis (1981), "On the histogram as a density estimator".
"""

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError

Strategy = Literal["width", "frequency", "freedman-diaconis"]
MOST_BINS = 1 << 15


def check(bins: int | Sequence[float], strategy: str) -> None:
    """Raise `InputError` for a number of bins, edges or a strategy that make no sense."""
    if strategy not in get_args(Strategy):
        raise InputError(f"strategy {strategy!r} is not known: use one of {', '.join(get_args(Strategy))}.")
    if isinstance(bins, int | np.integer):
        if not 1 <= bins <= MOST_BINS:
            raise InputError(f"bins must lie between 1 and {MOST_BINS}; given {bins}.")
        return
    edges = np.asarray(bins, dtype=np.float64)
    if edges.ndim != 1 or not 2 <= len(edges) <= MOST_BINS or not (np.diff(edges) > 0).all():
        raise InputError("bins must be a number of them or their edges in ascending order, such as (0.0, 0.5, 1.0).")
    if strategy != "width":
        raise InputError(f"edges are given, so there is nothing left for strategy {strategy!r} to choose.")


def code(column: NDArray[Any], bins: int | Sequence[float], strategy: str) -> NDArray[np.intp]:
    """The bin of every value of a finite column (n,), n ≥ 1.

    >>> code(np.array([0.0, 0.4, 1.0, 3.0]), 3, "width").tolist()
    [0, 0, 1, 2]
    """
    if strategy == "frequency":
        return _by_rank(column, int(bins))  # type: ignore[arg-type]  # `check` has seen that it is a number
    return _between(column, edges_of(column, bins, strategy))


def edges_of(column: NDArray[Any], bins: int | Sequence[float], strategy: str) -> NDArray[np.float64]:
    """The edges (bins + 1,) for a finite column: bins of equal width, or those given."""
    if not isinstance(bins, int | np.integer):
        edges = np.asarray(bins, dtype=np.float64)
        if column.min() < edges[0] or column.max() > edges[-1]:
            raise InputError(
                f"values from {column.min():g} to {column.max():g} lie outside the edges {edges[0]:g} to {edges[-1]:g}."
            )
        return edges
    low, high = float(column.min()), float(column.max())
    if not math.isfinite(high - low):
        raise InputError(f"values from {low:g} to {high:g} span more than a float64 holds: scale them down.")
    number = _freedman_diaconis(column, high - low) if strategy == "freedman-diaconis" else int(bins)
    if high == low:
        return np.array([low, np.nextafter(low, math.inf)])
    return np.linspace(low, high, number + 1)


def _between(column: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.intp]:
    """How many inner edges lie at or below each value: a guess from equal width, mended by the edges themselves."""
    last, width = len(edges) - 2, edges[-1] - edges[0]
    x = column.astype(np.float64, copy=False)
    # A column so narrow that its bins are lost among the smallest floats takes the slower road, as unequal bins do.
    if width < 1e-290 or not np.allclose(np.diff(edges), width / (last + 1), rtol=1e-6, atol=0):
        return np.asarray(np.searchsorted(edges[1:-1], x, side="right"), np.intp)
    guess: NDArray[np.intp] = np.minimum(((x - edges[0]) * ((last + 1) / width)).astype(np.intp), last)
    guess -= x < edges[guess]
    guess += (x >= edges[guess + 1]) & (guess < last)
    return guess


def _by_rank(column: NDArray[Any], bins: int) -> NDArray[np.intp]:
    n = len(column)
    order = np.argsort(column, kind="stable")
    ordered = column[order]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], n)
    # Twice the middle of the places that equal values take, 1 .. 2n − 1: whole numbers, so no rounding decides.
    middle = np.repeat(starts + ends, ends - starts)
    codes = np.empty(n, np.intp)
    codes[order] = middle * bins // (2 * n)
    return codes


def _freedman_diaconis(column: NDArray[Any], span: float) -> int:
    if span == 0:
        return 1
    quarter, three_quarters = np.percentile(column, [25, 75])
    width = 2 * float(three_quarters - quarter) * len(column) ** (-1 / 3)
    if width == 0:
        raise InputError("half of a column has one value, so Freedman–Diaconis has no width: use strategy='frequency'.")
    number = math.ceil(float(span) / width)
    if number > MOST_BINS:
        raise InputError(f"Freedman–Diaconis asks for {number} bins: far values stretch the range; use 'frequency'.")
    return int(number)
