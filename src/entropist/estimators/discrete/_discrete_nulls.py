"""What the information of labels is where nothing is shared: over orders of x, or by the law of the plug-in value.

    draws    the estimate for each order of x that the null allows, (m,)
    law      mean and variance of 2n times the plug-in value over all orders, a sum over the values of z

in nats. Given z, x changes places among samples of the same z only. Margins do not change with the order, so each draw
costs one count of the joint table.

When this misleads: an order of x that keeps z keeps also what x owes to z; the null is that of conditional
independence, not of independence.

Source: Vinh, Epps & Bailey (2010) for the mean.
"""

import numpy as np
from numpy.typing import NDArray

from entropist.estimators._independence import moments
from entropist.estimators._nulls import DRAWS, resampled
from entropist.estimators._samples import Codes, paired_codes
from entropist.estimators.discrete import _shrinkage
from entropist.estimators.discrete._count_estimators import CountEstimator
from entropist.estimators.discrete._counts import Counts, tallied
from entropist.estimators.discrete._tables import Table

_DENSE = 4  # cells a sample up to which a table is counted by place rather than by sorting


def law(table: Table) -> tuple[float, float]:
    """Mean and variance of 2n times the plug-in value when x is put in random order, within equal z."""
    rest = tuple(range(2, len(table.sizes)))
    place, _ = table.margin(*rest)
    mean = variance = 0.0
    for here in np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1]):
        part = Table(table.cells[here], (table.places[0][here], table.places[1][here]), table.sizes[:2])
        if len(part.cells) > 1:
            more = moments(part.margin(0)[1], part.margin(1)[1])
            mean, variance = mean + more[0], variance + more[1]
    return mean, variance


def draws(
    estimator: CountEstimator, codes: tuple[Codes, ...], table: Table, null: str, seed: int
) -> NDArray[np.float64]:
    """The estimate for each order of x that the null allows: the joint table changes, its margins are as they were."""
    rest = tuple(range(2, len(codes)))
    margins = [(1, table.counts(0, *rest)), (1, table.counts(1, *rest))]
    if rest:
        margins.append((-1, table.counts(*rest)))
    others, width = codes[1], int(codes[1].max()) + 1
    for more in codes[2:]:
        others, width = paired_codes(others, more, int(more.max()) + 1)
    whole = table.counts(*range(len(codes)))
    dense = (int(codes[0].max()) + 1) * width <= _DENSE * table.n
    fixed = None if estimator.weight(whole) is not None else sum(sign * estimator.value(c) for sign, c in margins)

    def value(order: NDArray[np.intp]) -> float:
        cell = codes[0][order] * width + others
        found = tallied(np.bincount(cell) if dense else np.unique(cell, return_counts=True)[1])
        joint = Counts(found.values, found.symbols, found.n, whole.support, whole.given)
        if fixed is not None:
            return fixed - estimator.value(joint)
        weight = estimator.weight(joint) or 0.0
        drawn = sum(sign * _shrinkage.drawn_entropy(c, weight) for sign, c in margins)
        return drawn - _shrinkage.drawn_entropy(joint, weight)

    n = table.n
    if not rest:
        return resampled(value, null, n, seed, DRAWS)
    kept = np.argsort(codes[2], kind="stable")  # samples of the same z change places among each other only

    def within(order: NDArray[np.intp]) -> float:
        mixed = np.empty(n, np.intp)
        mixed[kept] = order[np.argsort(codes[2][order], kind="stable")]
        return value(mixed)

    return resampled(within, null, n, seed, DRAWS)
