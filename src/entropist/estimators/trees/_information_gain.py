"""What a feature tells about a target: the criterion by which decision trees split.

    gain(X; Y) = H(Y) − H(Y | X),    gain ratio = gain / H(X),    H from the observed frequencies.

Feature and target are categories, (n,); weights count as that many samples. A continuous feature is cut in
two at a threshold: `best_split`. Nats by default.

When this misleads: the gain of a feature with many values is large whatever it says. A serial number has the
largest gain there is, H(Y). `information_gain` therefore carries as `null` the exact mean gain of the same
values in random order, and a p-value; the gain ratio lessens the favour and goes wrong
the other way, towards features that are nearly constant. The best of many splits has a gain above its mean by
selection: no p-value is given there.

Source: Quinlan (1986), "Induction of decision trees"; the mean under permutation: Vinh, Epps & Bailey (2010).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError, first_line
from entropist.estimators._independence import moments, tails
from entropist.results import Estimate
from entropist.units import from_nats, unit_name


def information_gain(
    feature: ArrayLike, target: ArrayLike, *, sample_weight: ArrayLike | None = None, unit: str = "nats"
) -> Estimate:
    """H(target) − H(target | feature), from the observed frequencies.

    feature, target: (n,) categories: integers, booleans, strings. sample_weight: (n,), ≥ 0. The result has no
    stderr: it is a score of these samples; an estimate of mutual information with its error is
    `mutual_information`. Its `null` is the exact mean over all orders of the feature, its `p_value` from a gamma law
    with that mean (which is the G-test where counts are large); both need unweighted samples.

    Raises `InputError` for unequal lengths, missing values, weights that are negative or all zero.

    Source: Quinlan (1986).

    >>> gain = information_gain(["sun", "sun", "rain", "rain"], [1, 1, 0, 1], unit="bits")
    >>> round(gain.value, 6), round(gain.null, 6)
    (0.311278, 0.311278)
    """
    joint = _joint(feature, target, sample_weight)
    name, n, gain = unit_name(unit), len(np.asarray(target)), _gain(joint)
    estimator, reason = "plug-in information gain", "the gain is a score of these samples, not an estimate"
    if sample_weight is not None:
        return Estimate(from_nats(gain, name), None, name, n, f"{estimator}, weighted", reason=reason)
    mean, variance = moments(joint.rows, joint.columns)
    p_value = float(tails(2 * n * gain, mean, variance))
    null = from_nats(mean / (2 * n), name)
    return Estimate(from_nats(gain, name), None, name, n, estimator, reason=reason, null=null, p_value=p_value)


def gain_ratio(feature: ArrayLike, target: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Estimate:
    """Information gain over the feature's own entropy: between 0 and 1, without a unit.

    feature, target: (n,) categories; sample_weight: (n,), ≥ 0. Raises `InputError` as `information_gain` does,
    and for a constant feature, whose entropy is 0.

    Source: Quinlan (1986).

    >>> gain_ratio(["a", "b", "c", "d"], [1, 1, 0, 0]).value
    0.5
    """
    joint = _joint(feature, target, sample_weight)
    own = _entropy(joint.rows)
    if own == 0:
        raise InputError("the feature is constant: its entropy is 0, so the gain ratio does not exist.")
    reason = "the ratio is a score of these samples, not an estimate"
    return Estimate(_gain(joint) / own, None, "", len(np.asarray(target)), "gain ratio", reason=reason)


def categories(name: str, values: ArrayLike) -> tuple[NDArray[np.generic], NDArray[np.intp]]:
    """The distinct values of a (n,) array, sorted, and for each entry its place among them."""
    try:
        given = np.asarray(values)
        distinct, codes = np.unique(given, return_inverse=True)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be categories of one kind, such as integers or strings ({first_line(error)}).") \
            from error  # fmt: skip
    if given.ndim != 1 or len(given) == 0:
        raise InputError(f"{name} must be (n,) with at least one value; given shape {given.shape}.")
    if given.dtype.kind not in "biufUSO" or (given.dtype.kind == "f" and not np.isfinite(given).all()):
        raise InputError(f"{name} must be integers, booleans, strings or finite numbers; given {_example(given)}.")
    if given.dtype.kind == "O" and any(value is None or value != value for value in distinct):
        raise InputError(f"{name} has missing values: drop them, or name them as a category of their own.")
    return distinct, codes


def weights(sample_weight: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """Weights (n,), each 1 if none are given."""
    if sample_weight is None:
        return np.ones(n)
    try:
        given = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"sample_weight must be numbers ({first_line(error)}).") from error
    if given.shape != (n,):
        raise InputError(f"sample_weight must be ({n},), one for each sample; given shape {given.shape}.")
    if not (np.isfinite(given).all() and (given >= 0).all() and given.any()):
        raise InputError("sample_weight must be finite, at least 0, and not 0 throughout.")
    return given


@dataclass(frozen=True)
class _Joint:
    """The weight of each pair that occurs, where it stands, and the weights of values and classes."""

    cells: NDArray[Any]
    row: NDArray[np.intp]
    column: NDArray[np.intp]
    rows: NDArray[Any]
    columns: NDArray[Any]


def _joint(feature: ArrayLike, target: ArrayLike, sample_weight: ArrayLike | None) -> _Joint:
    """Pairs that occur only: a table of a million values by a thousand classes is never filled."""
    row, column = categories("feature", feature)[1], categories("target", target)[1]
    if len(row) != len(column):
        raise InputError(f"feature has {len(row)} samples and target {len(column)}: they must be paired.")
    weight = weights(sample_weight, len(row))
    row, column, weight = row[weight > 0], column[weight > 0], weight[weight > 0]
    width = int(column.max()) + 1
    pairs, place = np.unique(row * width + column, return_inverse=True)
    values, row = np.unique(pairs // width, return_inverse=True)
    classes, column = np.unique(pairs % width, return_inverse=True)
    cells = np.bincount(place, weight)
    return _Joint(cells, row, column, np.bincount(row, cells, len(values)), np.bincount(column, cells, len(classes)))


def _gain(joint: _Joint) -> float:
    """Σ p(x, y) ln(p(x, y) / p(x) p(y)): no difference of entropies, so that independence gives 0 within rounding."""
    total = float(joint.cells.sum())
    expected = joint.rows[joint.row] / total * joint.columns[joint.column]
    return max(0.0, math.fsum(joint.cells * np.log(joint.cells / expected)) / total)


def _entropy(masses: NDArray[np.float64]) -> float:
    shares = masses / masses.sum()
    return max(0.0, -math.fsum(shares * np.log(shares)))


def _example(given: NDArray[np.generic]) -> str:
    bad = given[~np.isfinite(given)][:1] if given.dtype.kind == "f" else given[:0]
    return f"{bad[0]}" if len(bad) else str(given.dtype)
