"""Mutual information of x and y beyond what a third variable z tells, from nearest neighbours.

    I(X; Y | Z) = ψ(k) + ⟨ψ(n_z) − ψ(n_xz) − ψ(n_yz)⟩,

n_z, n_xz, n_yz: samples, itself included, at less than the distance to the k-th neighbour in (x, y, z), in the largest
difference of a coordinate, each coordinate divided by its standard deviation. x, y, z: (n,) or (n, d); nats; never
clipped.

When this misleads: it lies near 0 for weak dependence in four dimensions or more, whatever the truth: distances are
those of all coordinates together, and the bias is towards 0. No null is offered: an order of x that keeps its
dependence on z is a question of its own.

Source: Frenzel & Pompe (2007), "Partial mutual information for coupling analysis of multivariate time series".
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError
from entropist.estimators._paired import paired
from entropist.estimators.neighbours._assess import assess, each_part
from entropist.estimators.neighbours._ksg import LEAST, MOST_DIMENSIONS, MOST_TIED, in_doubt, own_exponent, scales
from entropist.estimators.neighbours._ksg_search import digammas
from entropist.estimators.neighbours._neighbours import check_k, kth_distance, tied, within
from entropist.results import Estimate
from entropist.units import unit_name

Floats = NDArray[np.float64]

DOMAIN = (
    f"continuous samples, n ≥ {LEAST}, one dimension each of x, y and the condition, at most {MOST_TIED:.0%} repeated"
)


def knn_conditional_mutual_information(
    x: ArrayLike, y: ArrayLike, given: ArrayLike, *, k: int = 4, unit: str = "nats",
    local: bool = False, seed: int = 0,
) -> Estimate:  # fmt: skip
    """I(x; y | given) of paired samples, with its error.

    x, y, given: (n,) or (n, d), n > k; row i of all three belongs together. local: a `Pointwise`, with a value for
    every sample. The error is given for one dimension each.

    Raises `InputError` for NaN or infinite values and unequal lengths; warns above three dimensions of one variable and
    where more than a tenth of the samples repeat a value.

    Source: Frenzel & Pompe (2007).

    >>> z, e, f = np.random.default_rng(0).normal(size=(3, 1000))
    >>> estimate = knn_conditional_mutual_information(z + e, z + f, z)          # the truth: 0
    >>> bool(abs(estimate.value) < 3 * estimate.stderr)
    True
    """
    check_k(k)
    left, right = paired(x, y, least=k + 1)
    try:
        condition, _ = paired(given, y, least=k + 1)
    except InputError as error:
        raise InputError(f"x is here the condition `given`: {error}") from error
    sides = [own_exponent(side) for side in (left, right, condition)]
    tables = [side * scales(side, "standard") for side in sides]

    def value_of(rows: NDArray[Any]) -> float:
        return float(_local(*(side[rows] for side in tables), k=k).mean())

    return assess(
        lambda: _local(*tables, k=k), each_part(value_of), len(left), f"Frenzel–Pompe, k = {k}",
        reason=_reason(tables), domain=DOMAIN, seed=seed, local=local,
        coordinates=sum(side.shape[1] for side in tables),
    ).to(unit_name(unit))  # fmt: skip


def _reason(tables: list[Floats]) -> str | None:
    n, most = len(tables[0]), max(side.shape[1] for side in tables)
    if most > MOST_DIMENSIONS:
        return in_doubt("Frenzel–Pompe", f"{most} dimensions are high: most of the information is missed")
    if (ties := max(tied(np.sort(side, axis=0)) for side in tables)) > MOST_TIED:
        return in_doubt("Frenzel–Pompe", f"{ties:.0%} of the samples repeat a value, and it is for continuous ones")
    if most > 1:
        return "its error is certified for one dimension each of x, y and the condition"
    return f"{n} samples are fewer than the {LEAST} that its error needs" if n < LEAST else None


def _local(x: Floats, y: Floats, z: Floats, *, k: int) -> Floats:
    sides = [np.concatenate(parts, axis=1) for parts in ([x, z], [y, z])]
    joint = np.concatenate([x, y, z], axis=1)
    radius = kth_distance(joint, k)
    same = radius == 0
    near = np.full(len(x), k)
    counts = [within(points, radius, True) for points in (z, *sides)]
    if same.any():
        near[same] = within(joint, radius[same], False, same)
        for points, count in zip((z, *sides), counts):
            count[same] = within(points, radius[same], False, same)
    digamma = digammas(len(x))
    return np.asarray(digamma[near] + digamma[counts[0]] - digamma[counts[1]] - digamma[counts[2]], np.float64)
