"""Maximum entropy: the least committed distribution on a finite support with given expectations.

    maximise H(p) = −Σ p ln p    over p ≥ 0, Σ p = 1, Σ p f_j = v_j (or low_j ≤ Σ p f_j ≤ high_j)

The answer is p ∝ exp(−Σ λ_j f_j). Its multipliers minimise the convex dual ln Σ exp(−Σ λ_j f_j) + Σ max(λ_j low_j,
λ_j high_j), whose least value is the entropy; λ_j = ∂H/∂v_j, nats that one unit more of v_j would buy (> 0: an upper
bound holds it down, < 0: a lower bound, 0: it does not matter). Found by Newton steps with a line search, projected
for bounds, on features scaled to [−1, 1]; dependent features share their multiplier (the solution of least norm).

At the edge of what is possible some points must have probability 0, and the multipliers that exclude them are
infinite; a linear program finds the points and the signs, and the rest is solved on what remains.

When this misleads: it is the flattest distribution that agrees with what you put in, not an estimate of the true one;
and on a continuous quantity it depends on how the support discretises it.

Source: Jaynes (1957), "Information theory and statistical mechanics"; Boyd & Vandenberghe, Convex Optimization, 5.3.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError, first_line
from entropist.measures._maximum_entropy_dual import Array, solve
from entropist.units import from_nats, unit_name

Feature = Callable[[Any], Any] | ArrayLike

_SUSPICIOUS = 1e-7  # a probability below this may be one that the constraints force to 0
_STEP_OUT = 1e-6
_NEAR = 1e-7  # a miss, on features in [−1, 1], that the linear programs do not tell from none


@dataclass(frozen=True)
class MaximumEntropy:
    """What `maximum_entropy` found.

    probabilities: (points,). multipliers: (moments,), λ of p ∝ exp(−Σ λ_j f_j), in nats per unit of the feature,
    infinite where a constraint excludes points. entropy: in `unit`. residuals: (moments,), E[f_j] − value, or how far
    E[f_j] lies outside its bounds.
    """

    probabilities: Array
    multipliers: Array
    entropy: float
    residuals: Array
    unit: str


def maximum_entropy(
    support: Sequence[Any] | NDArray[Any],
    moments: Sequence[tuple[Feature, float | tuple[float, float]]] = (),
    *,
    unit: str = "nats",
) -> MaximumEntropy:
    """The distribution of maximum entropy on `support` with E[feature] = value, or within (low, high), for each moment.

    support: the points, (n,) numbers or labels or (n, d) rows. moments: pairs of a feature (a function of one point,
    or an array (n,)) and a value or a pair of bounds, of which one may be infinite. unit: of the entropy.

    Raises `InputError` for an empty support, features that are not finite numbers, and constraints that cannot hold
    together: the message names a smallest set of them.

    >>> die = maximum_entropy(range(1, 7), [(lambda face: face, 4.5)])
    >>> die.probabilities.round(4).tolist()
    [0.0544, 0.0788, 0.1142, 0.1654, 0.2398, 0.3475]
    >>> round(maximum_entropy(range(1, 7), unit="bits").entropy, 4)
    2.585
    """
    name = unit_name(unit)
    try:
        points = list(support)
    except TypeError as error:
        raise InputError(f"the support must be a series of points; given {support!r}.") from error
    if not points:
        raise InputError("the support is empty: maximum entropy needs one point at least.")
    pairs = [_pair(j, moment) for j, moment in enumerate(moments)]
    columns = [_values(j, feature, points) for j, (feature, _) in enumerate(pairs)]
    raw = np.stack(columns, axis=1) if columns else np.empty((len(points), 0))
    limits = np.array([_limits(j, value) for j, (_, value) in enumerate(pairs)]).reshape(-1, 2)
    centre = (raw.max(axis=0) + raw.min(axis=0)) / 2
    scale = (raw.max(axis=0) - raw.min(axis=0)) / 2
    scale = np.where(scale > 0, scale, np.maximum(np.abs(centre), 1.0))
    p, multipliers = _solve((raw - centre) / scale, (limits - centre[:, None]) / scale[:, None], raw, limits)
    means = p @ raw
    residuals = _outside(means, *limits.T)
    return MaximumEntropy(p, multipliers / scale, float(from_nats(_entropy(p), name)), residuals, name)


def _entropy(p: Array) -> float:
    positive = p[p > 0]
    return max(0.0, -float((positive * np.log(positive)).sum()))


def _pair(index: int, moment: Any) -> tuple[Feature, Any]:
    if not isinstance(moment, (tuple, list)) or len(moment) != 2:
        raise InputError(f"moment {index} must be a pair (feature, value); given {type(moment).__name__}. Moments are "
                         "a list of such pairs.")  # fmt: skip
    return moment[0], moment[1]


def _values(index: int, feature: Feature, points: list[Any]) -> Array:
    try:
        given = [feature(point) for point in points] if callable(feature) else feature
        values = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"feature {index} does not give a number for each point ({first_line(error)}).") from error
    if values.shape != (len(points),):
        raise InputError(f"feature {index} has shape {values.shape}; the support of {len(points)} points needs "
                         f"({len(points)},).")  # fmt: skip
    if not np.isfinite(values).all():
        point = int(np.argmin(np.isfinite(values)))
        raise InputError(f"feature {index} is {values[point]} at point {point}; features must be finite.")
    return values


def _limits(index: int, value: float | tuple[float, float]) -> tuple[float, float]:
    try:
        found = np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"moment {index}: {value!r} is neither a number nor a pair of bounds.") from error
    if found.shape == ():
        low = high = float(found)
    elif found.shape == (2,):
        low, high = found.tolist()
    else:
        raise InputError(f"moment {index}: {value!r} is neither a number nor a pair of bounds (low, high).")
    if not low <= high or low == math.inf or high == -math.inf:
        raise InputError(f"moment {index}: {value!r} must be a finite value or bounds with low <= high.")
    return low, high


def _solve(features: Array, limits: Array, raw: Array, asked: Array) -> tuple[Array, Array]:
    """Probabilities and multipliers, on the points that no single constraint excludes."""
    low, high = limits.T
    points, signs = _within_ranges(features, low, high)
    p = np.zeros(len(features))
    p[points], multipliers = _solve_inside(features[points], low, high, raw, asked)
    return p, np.where(signs != 0, np.copysign(np.inf, signs), multipliers)


def _within_ranges(features: Array, low: Array, high: Array) -> tuple[NDArray[np.bool_], Array]:
    """Points left where a value at the end of its feature's range excludes the others, and the signs of its λ."""
    points, signs = np.ones(len(features), np.bool_), np.zeros(len(low))
    changed = True
    while changed:
        changed = False
        for j, feature in enumerate(features.T):
            least, most = feature[points].min(), feature[points].max()
            at_end = feature == (least if high[j] == least else most)
            if least < most and (high[j] == least or low[j] == most):
                points, changed = points & at_end, True
                signs[j] = 1.0 if high[j] == least else -1.0
    return points, signs


def _solve_inside(features: Array, low: Array, high: Array, raw: Array, asked: Array) -> tuple[Array, Array]:
    """Newton's answer; linear programs only where it leaves a doubt."""
    found = solve(features, low, high)
    if found.converged and (found.probabilities.min() > _SUSPICIOUS or _is_interior(features, found.probabilities)):
        return found.probabilities, found.multipliers
    from entropist.measures import _maximum_entropy_limits as linear  # scipy.optimize, which most calls never need

    if not found.converged and (conflict := linear.conflict(features, low, high)):
        raise InputError(_conflict_message(conflict, raw, asked))
    possible = linear.possible_points(features, low, high)
    excludes = not possible.all()
    if found.converged and (not excludes or found.probabilities[~possible].max() > _SUSPICIOUS):
        return found.probabilities, found.multipliers
    inside = solve(features[possible], low, high) if excludes else found
    missed = np.abs(_outside(inside.probabilities @ features[possible], low, high)).max(initial=0.0)
    gap = abs(inside.value - _entropy(inside.probabilities))
    if not inside.converged and max(missed, gap) > _NEAR:
        if found.converged:
            return found.probabilities, found.multipliers
        raise InputError("the constraints lie so near the edge of what is possible that float64 finds no multipliers: "
                         "move a value inward, or onto the edge.")  # fmt: skip
    p = np.zeros(len(possible))
    p[possible] = inside.probabilities
    signs = linear.excluding_direction(features, low, high, possible) if excludes else np.zeros(features.shape[1])
    return p, np.where(signs != 0, np.copysign(np.inf, signs), inside.multipliers)


def _is_interior(features: Array, p: Array) -> bool:
    """Whether expectations a little farther from the uniform distribution's are possible too.

    If so, those of p belong to a mixture with the uniform distribution, and no point is excluded.
    """
    means = p @ features
    farther = means + _STEP_OUT * (means - features.mean(axis=0))
    return solve(features, farther, farther).converged


def _conflict_message(conflict: list[int], raw: Array, asked: Array) -> str:
    def wanted(j: int) -> str:
        low, high = asked[j]
        return f"{low:g}" if low == high else f"between {low:g} and {high:g}"

    if len(conflict) == 1:
        j = conflict[0]
        return (f"moment {j} asks for an expectation of {wanted(j)}, but its feature lies between {raw[:, j].min():g} "
                f"and {raw[:, j].max():g} on the support.")  # fmt: skip
    listed = ", ".join(f"moment {j} ({wanted(j)})" for j in conflict)
    return f"no distribution on the support satisfies these constraints together: {listed}. Any one fewer can hold."


def _outside(means: Array, low: Array, high: Array) -> Array:
    """How far the expectations lie beyond their bounds; the difference where the bounds are one value."""
    return np.where(means < low, means - low, np.maximum(means - high, 0.0))
