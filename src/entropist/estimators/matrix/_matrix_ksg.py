"""All pairs of columns by nearest neighbours: every column sorted once a panel, then one compiled search a pair.

What a sorted column holds takes 32 bytes a sample, so columns are prepared in panels that fit half of the memory of
input and output; the column they are paired with is prepared beside them. Values in nats.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.estimators._copula import normal_scores
from entropist.estimators._paired import table
from entropist.estimators.matrix._columns import in_threads
from entropist.estimators.neighbours._ksg import KSG, scales
from entropist.estimators.neighbours._ksg_pairs import base
from entropist.estimators.neighbours._ksg_search import Column, column, digammas

_PARTS = ("ordered", "order", "table", "per_unit", "scale")
_BYTES = 32  # a sample of a prepared column: value, order, rank and four cells of the table


def informations(x: NDArray[Any], y: NDArray[Any] | None, estimator: KSG) -> NDArray[np.float64]:
    """I (columns of x, columns of y); y None: x with itself, the diagonal infinite. `InputError` for n ≤ k."""
    from entropist.estimators.neighbours import _ksg_kernels as kernels  # only here: Numba's import is slow

    n, other, triangle = len(x), x if y is None else y, y is None
    if n <= estimator.k:
        raise InputError(f"{n} samples are too few for k = {estimator.k}: more than k are needed.")
    value = np.empty((x.shape[1], other.shape[1]))
    width = max(1, (x.nbytes + value.nbytes) // 2 // (_BYTES * n))
    for first in range(0, other.shape[1], width):
        last = min(first + width, other.shape[1])
        columns = [_prepared("y" if y is not None else "x", other[:, j], estimator) for j in range(first, last)]
        panel = [np.array([getattr(each, name) for each in columns]) for name in _PARTS]
        del columns
        # Of a triangle the rows above this panel have been filled by earlier panels, from the other side.
        top = first if triangle else 0
        fill = partial(_fill, kernels, x, estimator, value, triangle, panel, first, top)
        in_threads(fill, len(value) - top, triangle, "pairs")
    if triangle:
        for i in range(len(value)):
            value[:i, i] = value[i, :i]
        np.fill_diagonal(value, np.inf)
    return value


def _fill(
    kernels: Any, x: NDArray[Any], estimator: KSG, value: NDArray[np.float64], triangle: bool,
    panel: list[NDArray[Any]], first: int, top: int, begin: int, end: int,
) -> None:  # fmt: skip
    """Rows top + begin .. top + end of the columns that the panel, which begins at column `first`, holds."""
    digamma = digammas(len(x))
    own = base(estimator.k, estimator.variant, digamma)
    for i in range(top + begin, top + end):
        size = min(i - first, len(panel[0])) if triangle else len(panel[0])
        if size > 0:
            mine = _prepared("x", x[:, i], estimator)
            kernels.one_with_many(
                mine.ordered, mine.rank, mine.table, mine.per_unit, mine.scale, *(part[:size] for part in panel),
                estimator.k, estimator.variant, digamma, own, value[i, first : first + size],
            )  # fmt: skip


def _prepared(name: str, values: NDArray[Any], estimator: KSG) -> Column:
    one = table(name, values)
    if estimator.scale == "normal-scores":
        one = normal_scores(one)
    return column(one[:, 0], float(scales(one, estimator.scale)[0]))
