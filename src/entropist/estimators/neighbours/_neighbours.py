"""Nearest neighbours in the largest-coordinate (Chebyshev) distance, and how many points lie within given radii.

Points are (n, d). A count includes the point itself; `strict` counts those at less than the radius, otherwise those up
to it, decided on differences of coordinates: a radius that is itself such a difference never counts its own point by
rounding. A tree serves d > 1 and a sorted list of the distinct values d = 1, so that many equal values cost nothing.
"""

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def check_k(k: int) -> None:
    """`InputError` unless k is a number of neighbours."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise InputError(f"k = {k!r} must be a whole number of neighbours, 1 or more.")


def kth_distance(points: Floats, k: int, among: Floats | None = None) -> Floats:
    """Distance from each point to the k-th nearest of the others, or to the k-th of `among`: (n,)."""
    from scipy.spatial import cKDTree  # only here: SciPy's import is slow

    if among is not None:
        return _kth(cKDTree(among).query(points, k, p=np.inf)[0])
    return _kth(cKDTree(points).query(points, k + 1, p=np.inf)[0])


def within(points: Floats, radius: Floats, strict: bool, rows: NDArray[np.bool_] | None = None) -> Ints:
    """How many of the points, itself included, each (or each of `rows`) has within its radius."""
    centres = points if rows is None else points[rows]
    # A distance is a float: less than r is the same as at most the float below r.
    reach = np.nextafter(radius, -1.0) if strict else radius
    if points.shape[1] == 1:
        return _within_sorted(points[:, 0], centres[:, 0], reach)
    from scipy.spatial import cKDTree  # only here: SciPy's import is slow

    return np.asarray(cKDTree(points).query_ball_point(centres, reach, p=np.inf, return_length=True), np.int64)


def tied(ordered: Floats) -> float:
    """The largest share, over the sorted columns of a table (n, d), of values that stand there more than once.

    >>> tied(np.array([[1.0], [2.0], [2.0], [3.0]]))
    0.5
    """
    same = ordered[1:] == ordered[:-1]
    repeated = np.zeros(ordered.shape, bool)
    repeated[1:] |= same
    repeated[:-1] |= same
    return float(repeated.mean(axis=0).max())


def joint_counts(x: Floats, y: Floats, k: int, variant: int) -> tuple[Ints, Ints, Ints]:
    """(copies, x_count, y_count) by sample for tables (n, d): the arguments of ψ, as in `_ksg_kernels`."""
    joint = np.concatenate([x, y], axis=1)
    radius = kth_distance(joint, k)
    if variant == 1:
        x_count, y_count = within(x, radius, True), within(y, radius, True)
    else:
        x_side, y_side = _sides(x, y, joint, radius)
        x_count, y_count = within(x, x_side, False) - 1, within(y, y_side, False) - 1
    copies, same = np.zeros(len(x), np.int64), radius == 0
    if same.any():
        zero = radius[same]
        copies[same] = within(joint, zero, False, same)
        x_count[same], y_count[same] = within(x, zero, False, same), within(y, zero, False, same)
    return copies, x_count, y_count


def _sides(x: Floats, y: Floats, joint: Floats, radius: Floats) -> tuple[Floats, Floats]:
    """Largest distance in x and in y to the points up to `radius` away in both."""
    from scipy.spatial import cKDTree  # only here: SciPy's import is slow

    x_side, y_side = np.zeros(len(x)), np.zeros(len(x))
    tree = cKDTree(joint)
    for begin in range(0, len(x), 4096):
        near = tree.query_ball_point(joint[begin : begin + 4096], radius[begin : begin + 4096], p=np.inf)
        for i, others in enumerate(near, begin):
            x_side[i] = np.abs(x[others] - x[i]).max()
            y_side[i] = np.abs(y[others] - y[i]).max()
    return x_side, y_side


def _within_sorted(values: Floats, centres: Floats, reach: Floats) -> Ints:
    distinct, counts = np.unique(values, return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)])
    # centre ± reach is rounded, the difference decides: the place found is at most a few distinct values off.
    first = np.searchsorted(distinct, centres - reach, "left")
    end = np.searchsorted(distinct, centres + reach, "right")
    last = len(distinct) - 1
    while (move := (first > 0) & (centres - distinct[np.maximum(first - 1, 0)] <= reach)).any():
        first -= move
    while (move := (first <= last) & (centres - distinct[np.minimum(first, last)] > reach)).any():
        first += move
    while (move := (end <= last) & (distinct[np.minimum(end, last)] - centres <= reach)).any():
        end += move
    while (move := (end > 0) & (distinct[np.maximum(end - 1, 0)] - centres > reach)).any():
        end -= move
    return np.asarray(np.maximum(below[end] - below[first], 0), np.int64)


def _kth(distances: Floats) -> Floats:
    return np.asarray(distances if distances.ndim == 1 else distances[:, -1], np.float64)
