"""The dual of maximum entropy, by projected Newton steps.

Each constraint on E[f] gives a column of G, a cost c and a multiplier z: a value (f, v) with z free, an upper bound
(f, high) and a lower one (−f, −low) with z ≥ 0. With p ∝ exp(−G z)

    D(z) = ln Σ exp(−G z) + c·z,    ∇D = c − E[G],    ∇²D = Cov[G]

is convex, and least where p has maximum entropy. G: (points, columns), features in [−1, 1].
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STEPS = 300
_REACH = 20.0  # nats by which a first step may change a log-probability; later ones may double it
_BACKTRACKS = 100
_DONE = 1e-14
_AT_ZERO = 1e-9
_SINGULAR = 1e-100  # a covariance below it belongs to a single point
_CONVERGED = 1e-10  # of a gradient whose terms are at most 1
_LEAST_CURVATURE = 1e-8
_SUFFICIENT = 1e-4  # Armijo's share of the predicted decrease


class Dual(NamedTuple):
    """probabilities (points,), multipliers (moments,) of p ∝ exp(−F λ), D, and whether its gradient vanished."""

    probabilities: Array
    multipliers: Array
    value: float
    converged: bool


class _Columns(NamedTuple):
    g: Array
    cost: Array
    signed: NDArray[np.bool_]  # z ≥ 0
    moment: NDArray[np.intp]
    sign: Array


def solve(features: Array, low: Array, high: Array) -> Dual:
    """Least D for features (points, moments) and bounds (moments,), equal where a value was given."""
    columns = _columns(features, low, high)
    z = np.zeros(len(columns.cost))
    value, p, gradient = _at(columns, z)
    for _ in range(_STEPS):
        if _optimality(columns, z, gradient) <= _DONE:
            break
        free = ~(columns.signed & (z <= _AT_ZERO) & (gradient > 0))
        step = -gradient  # which brings what stands at zero, or nearly, to zero
        centred = columns.g[:, free] - p @ columns.g[:, free]
        step[free] = -_solve_symmetric((centred * p[:, None]).T @ centred, gradient[free])
        share, reach = 1.0, _REACH + np.abs(columns.g @ z).max(initial=0.0)
        for _ in range(_BACKTRACKS):
            trial = np.where(columns.signed, np.maximum(z + share * step, 0.0), z + share * step)
            found = _at(columns, trial)
            near = np.abs(columns.g @ (trial - z)).max(initial=0.0) <= reach
            if near and _accepted(columns, (z, value, gradient), (trial, found[0], found[2])):
                break
            share /= 2
        else:
            break
        z, (value, p, gradient) = trial, found
    multipliers = np.zeros(features.shape[1])
    np.add.at(multipliers, columns.moment, columns.sign * z)
    return Dual(p, multipliers, value, _optimality(columns, z, gradient) <= _CONVERGED)


def _columns(features: Array, low: Array, high: Array) -> _Columns:
    equal = low == high
    upper, lower = np.flatnonzero(equal | np.isfinite(high)), np.flatnonzero(~equal & np.isfinite(low))
    moment = np.concatenate([upper, lower])
    sign = np.concatenate([np.ones(len(upper)), -np.ones(len(lower))])
    cost = np.concatenate([high[upper], -low[lower]])
    return _Columns(features[:, moment] * sign, cost, ~equal[moment], moment, sign)


def _at(columns: _Columns, z: Array) -> tuple[float, Array, Array]:
    exponents = -(columns.g @ z)
    largest = exponents.max()
    log_sum = float(largest + np.log(np.exp(exponents - largest).sum()))
    p = np.exp(exponents - log_sum)
    return log_sum + float(columns.cost @ z), p, columns.cost - p @ columns.g


def _optimality(columns: _Columns, z: Array, gradient: Array) -> float:
    """The largest gradient that z could still follow."""
    return float(np.abs(np.where(columns.signed, np.minimum(z, gradient), gradient)).max(initial=0.0))


def _accepted(columns: _Columns, old: tuple[Array, float, Array], new: tuple[Array, float, Array]) -> bool:
    """Armijo's rule; near the end, where rounding hides differences of D, a gradient that halves."""
    (z, value, gradient), (new_z, new_value, new_gradient) = old, new
    if new_value < value + _SUFFICIENT * min(0.0, float(gradient @ (new_z - z))):
        return True
    level = new_value <= value + 1e-13 * (1.0 + abs(value))
    return level and 2 * _optimality(columns, new_z, new_gradient) <= _optimality(columns, z, gradient)


def _solve_symmetric(matrix: Array, right: Array) -> Array:
    """Newton's step. Dependent features leave directions without curvature: none is taken there, so that they share
    their multiplier, unless D is sloped along one, as it is where one of two dependent bounds is the tighter."""
    values, vectors = np.linalg.eigh(matrix)
    largest = values.max(initial=0.0)
    coefficients = vectors.T @ right
    flat = values <= max(_SINGULAR, largest * 1e-14 * len(values))
    curvature = np.where(flat, max(_SINGULAR, largest * _LEAST_CURVATURE), values)
    return np.asarray(vectors @ np.where(flat & (np.abs(coefficients) <= _CONVERGED), 0.0, coefficients / curvature))
