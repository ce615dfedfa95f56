"""What moment constraints allow at all, by linear programs: feasible or not, and which points can have probability.

Features (points, moments) lie in [−1, 1]; a distribution p satisfies low ≤ Fᵀp ≤ high.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from entropist.errors import AuditError

Array = NDArray[np.float64]

_INFEASIBLE = 1e-8  # violation on features in [−1, 1] that is no rounding


def conflict(features: Array, low: Array, high: Array) -> list[int]:
    """Constraints that cannot hold together, none of which can be left out: their indices, [] where all can hold."""
    if _violation(features, low, high) <= _INFEASIBLE:
        return []
    kept = list(range(features.shape[1]))
    for moment in range(features.shape[1]):
        fewer = [j for j in kept if j != moment]
        if fewer and _violation(features[:, fewer], low[fewer], high[fewer]) > _INFEASIBLE:
            kept = fewer
    return kept


def possible_points(features: Array, low: Array, high: Array) -> NDArray[np.bool_]:
    """(points,): where some distribution that satisfies the constraints is positive.

    maximise Σ t, 0 ≤ t ≤ 1, w ≥ 0, where (t + w)/σ satisfies them: at the optimum t is 1 on these points, 0 elsewhere.
    """
    points, _ = features.shape
    upper, lower = np.isfinite(high), np.isfinite(low)
    ones, none = np.ones((1, points)), np.zeros(1)
    rows = np.vstack([features[:, upper].T, -features[:, lower].T])
    limits = np.concatenate([high[upper], -low[lower]])
    found = _linear_program(
        np.concatenate([-np.ones(points), np.zeros(points + 1)]),
        A_ub=np.hstack([rows, rows, -limits[:, None]]) if len(rows) else None,
        b_ub=np.zeros(len(rows)) if len(rows) else None,
        A_eq=np.hstack([ones, ones, -np.ones((1, 1))]),
        b_eq=none,
        bounds=[(0, 1)] * points + [(0, None)] * points + [(1, None)],
    )
    return np.asarray(found.x[:points] > 0.5)


def excluding_direction(features: Array, low: Array, high: Array, possible: NDArray[np.bool_]) -> Array:
    """(moments,): the signs of the multipliers that go to infinity to exclude the points that are not possible.

    A d = b − a with a, b ≥ 0 of least size for which d·f − (b·high − a·low) is 0 on possible points and ≥ 1 elsewhere.
    """
    _, moments = features.shape
    top, bottom = np.where(np.isfinite(high), high, 0.0), np.where(np.isfinite(low), low, 0.0)
    rows = np.hstack([features - top, -(features - bottom)])
    found = _linear_program(
        np.ones(2 * moments),
        A_ub=-rows[~possible],
        b_ub=-np.ones(int((~possible).sum())),
        A_eq=rows[possible],
        b_eq=np.zeros(int(possible.sum())),
        bounds=[(0, None if ok else 0) for ok in (*np.isfinite(high), *np.isfinite(low))],
    )
    direction = found.x[:moments] - found.x[moments:]
    return np.asarray(np.where(np.abs(direction) > 1e-6, np.sign(direction), 0.0))


def _violation(features: Array, low: Array, high: Array) -> float:
    """The least t for which low − t ≤ Fᵀp ≤ high + t has a distribution p."""
    points, _ = features.shape
    upper, lower = np.isfinite(high), np.isfinite(low)
    rows = np.vstack([features[:, upper].T, -features[:, lower].T])
    if not len(rows):
        return 0.0
    found = _linear_program(
        np.concatenate([np.zeros(points), [1.0]]),
        A_ub=np.hstack([rows, -np.ones((len(rows), 1))]),
        b_ub=np.concatenate([high[upper], -low[lower]]),
        A_eq=np.concatenate([np.ones(points), [0.0]])[None, :],
        b_eq=np.ones(1),
        bounds=[(0, None)] * (points + 1),
    )
    return float(found.fun)


def _linear_program(cost: Array, **constraints: Any) -> Any:
    found = linprog(cost, method="highs", **constraints)
    if found.status != 0:
        raise AuditError(f"the linear program of maximum entropy ended without an answer: {found.message}")
    return found
