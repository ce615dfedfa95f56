"""The KSG estimate of two tables of samples: of all rows, of some, or with y in another order.

    local_i = ψ(k) + ψ(n) − ψ(x_count_i) − ψ(y_count_i)               variant 1, counts with the point itself
    local_i = ψ(k) − 1/k + ψ(n) − ψ(x_count_i) − ψ(y_count_i)         variant 2, counts of the others

and at a point with k copies or more ψ(copies) in the place of ψ(k), with counts of what is equal. Two columns go to the
compiled search where that is at hand or pays; otherwise to all n² distances, as do more than 8 coordinates. Between
them stand trees.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.estimators.neighbours._ksg_search import (
    Column,
    column,
    compared_counts,
    compiling_pays,
    digammas,
    paired_counts,
    part_values,
)
from entropist.estimators.neighbours._neighbours import joint_counts

Floats = NDArray[np.float64]

_MOST_FOR_TREES = 8  # coordinates; with more, a tree looks at nearly every point


@dataclass
class Pairs:
    """Tables x and y, (n, d) each, with a factor for the differences of each; what was sorted is kept.

    times: about how many searches of all n are to come, which decides whether to compile.
    """

    x: Floats
    y: Floats
    x_scale: Floats
    y_scale: Floats
    k: int
    variant: int
    times: int = 1
    _columns: list[Column] = field(default_factory=list)

    def local(self) -> Floats:
        """The local value of every sample, (n,), nats."""
        n = len(self.x)
        if self._plane():
            x, y = self._prepared()
            copies, x_count, y_count = paired_counts(x, y, y.order, self.k, self.variant)
            return self._local(copies[_inverse(y.order)], x_count[x.rank], y_count[y.rank], n)
        return self._local(*self._slow_counts(self.x, self.y), n)

    def value(self) -> float:
        """The mean of the local values."""
        if self._plane():
            x, y = self._prepared()
            return self._mean(*paired_counts(x, y, y.order, self.k, self.variant))
        return self._mean(*self._slow_counts(self.x, self.y))

    def of_parts(self, part: NDArray[np.int32], parts: int) -> Floats:
        """The estimate from the rows of each part alone; `part`, (n,), numbers them, −1 leaves a row out."""
        if self._plane():
            x, y = self._prepared()
            own = base(self.k, self.variant, digammas(len(part)))
            return part_values(x, y, self.k, self.variant, own, part, parts)
        return np.array([self._of_rows(part == p) for p in range(parts)])

    def _of_rows(self, rows: NDArray[np.bool_]) -> float:
        return self._mean(*self._slow_counts(self.x[rows], self.y[rows]))

    def ordered(self) -> list[Floats]:
        """Both tables with each of their columns sorted."""
        if self._plane():
            return [side.ordered[:, None] for side in self._prepared()]
        return [np.sort(side, axis=0) for side in (self.x, self.y)]

    def in_order(self, order: NDArray[np.intp]) -> float:
        """The estimate with row order[i] of y beside row i of x. Nothing is sorted again."""
        if self._plane():
            x, y = self._prepared()
            moved = _inverse(order).astype(np.int32)[y.order]
            return self._mean(*paired_counts(x, y, moved, self.k, self.variant))
        return self._mean(*self._slow_counts(self.x, self.y[order]))

    def _plane(self) -> bool:
        return self.x.shape[1] == self.y.shape[1] == 1 and compiling_pays(len(self.x), self.times)

    def _prepared(self) -> tuple[Column, Column]:
        if not self._columns:
            self._columns = [column(self.x[:, 0], self.x_scale[0]), column(self.y[:, 0], self.y_scale[0])]
        return self._columns[0], self._columns[1]

    def _slow_counts(self, x: Floats, y: Floats) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        dimensions = x.shape[1] + y.shape[1]
        if dimensions == 2 or dimensions > _MOST_FOR_TREES:
            return compared_counts(x, y, self.x_scale, self.y_scale, self.k, self.variant)
        return joint_counts(x * self.x_scale, y * self.y_scale, self.k, self.variant)

    def _local(self, copies: NDArray[Any], x_count: NDArray[Any], y_count: NDArray[Any], n: int) -> Floats:
        digamma = digammas(n)
        own = np.where(copies > 0, digamma[copies], base(self.k, self.variant, digamma))
        return np.asarray(own + digamma[n] - (digamma[x_count] + digamma[y_count]), np.float64)

    def _mean(self, copies: NDArray[Any], x_count: NDArray[Any], y_count: NDArray[Any]) -> float:
        """The mean from counts in any order: each kind is summed apart, so that swapping x and y changes nothing."""
        n, digamma = len(copies), digammas(len(copies))
        own = np.where(copies > 0, digamma[copies], base(self.k, self.variant, digamma)).sum()
        return float(digamma[n] + (own - (digamma[x_count].sum() + digamma[y_count].sum())) / n)


def base(k: int, variant: int, digamma: Floats) -> float:
    """What a point without copies has in the place of ψ(k)."""
    return float(digamma[k]) - (1 / k if variant == 2 else 0.0)


def _inverse(order: NDArray[Any]) -> NDArray[Any]:
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order), dtype=order.dtype)
    return inverse
