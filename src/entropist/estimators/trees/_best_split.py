"""The best cut of a continuous feature in two, as a decision tree makes it.

    gain(t) = H(Y) − w(x ≤ t)·H(Y | x ≤ t) − w(x > t)·H(Y | x > t),    w the share of the weight on a side,

at its largest over all features and all thresholds t, each half way between neighbouring values of a feature.
Features (n, features) of numbers, target (n,) of categories. Nats by default.

When this misleads: the gain is the largest of many, so it is above zero for noise as well: with n samples and
d features of noise, 2n·gain grows like 2 ln(d · ln n). Judge a split on other samples than those it was chosen on.
A target that no single cut helps (exclusive or) has gain 0 everywhere.

Source: Breiman, Friedman, Olshen & Stone (1984); entropy as the criterion: Quinlan (1986).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError, first_line
from entropist.estimators.trees._information_gain import categories, weights
from entropist.units import from_nats, unit_name

_SAME = 1e-12  # gains nearer than this, relative to the target's entropy, differ by rounding only


@dataclass(frozen=True)
class Split:
    """One cut: rows with features[:, feature] <= threshold on the left, the others on the right.

    `gain` and `entropy` (of the target before the cut) in `unit`; `gain_ratio` = gain over the entropy of the two
    sides' shares; `n_left` and `n_right` count samples of weight above 0.
    """

    feature: int
    threshold: float
    gain: float
    gain_ratio: float
    entropy: float
    unit: str
    n_left: int
    n_right: int


def best_split(
    features: ArrayLike, target: ArrayLike, *, sample_weight: ArrayLike | None = None, unit: str = "nats"
) -> Split:
    """The feature and threshold that tell most about the target.

    features: (n,) or (n, features), finite. target: (n,) categories. sample_weight: (n,), ≥ 0; a sample of weight 0
    is as good as absent. Among cuts of equal gain the first feature's lowest threshold is taken. The threshold lies
    half way between two neighbouring values of the feature, or on the lower one where no number lies between.

    scikit-learn's `DecisionTreeClassifier(criterion="entropy", max_depth=1)` makes the same cut, with two
    differences. It rounds features to float32 and takes values within 1e-7 of each other for one; here they are
    float64, and any two different values can be cut. Among equal gains it takes the one that its rounding favours.
    Time is n·(log n + classes) a feature.

    Raises `InputError` for values that are not finite, unequal lengths, and where every feature is constant.

    Source: Breiman et al. (1984); Quinlan (1986).

    >>> best_split([[1.0, 7.0], [2.0, 7.0], [3.0, 8.0], [4.0, 7.0]], ["a", "a", "b", "b"], unit="bits")
    ... # doctest: +NORMALIZE_WHITESPACE
    Split(feature=0, threshold=2.5, gain=1.0, gain_ratio=1.0, entropy=1.0, unit='bits', n_left=2, n_right=2)
    """
    name = unit_name(unit)
    columns = _columns(features)
    classes, codes = categories("target", target)
    if len(columns) != len(codes):
        raise InputError(f"features have {len(columns)} samples and target {len(codes)}: they must be paired.")
    weight = weights(sample_weight, len(codes))
    columns, codes, weight = columns[weight > 0], codes[weight > 0], weight[weight > 0]
    weight = weight / weight.max()  # so that no sum of weights overflows
    total, best = float(weight.sum()), None
    before = _information(np.bincount(codes, weight, len(classes))) / total
    for feature in range(columns.shape[1]):
        order = np.argsort(columns[:, feature], kind="stable")
        values = columns[order, feature]
        ends = np.flatnonzero(values[1:] > values[:-1])  # the last sample on the left of each cut
        if len(ends) == 0:
            continue
        gains = before - _after(codes[order], weight[order], len(classes), ends) / total
        first = int(np.argmax(gains >= gains.max() - _SAME * before))
        if best is None or gains[first] > best[0] + _SAME * before:
            cut = int(ends[first])
            left = float(weight[order[: cut + 1]].sum())
            best = (float(gains[first]), feature, _between(values[cut], values[cut + 1]), cut + 1, left)
    if best is None:
        raise InputError(f"no cut exists: every feature is constant over the {len(codes)} samples of weight above 0.")
    gain, feature, threshold, n_left, left = best
    gain = max(0.0, gain)
    sides = _information(np.array([left, total - left])) / total
    return Split(
        feature, threshold, from_nats(gain, name), gain / sides, from_nats(before, name), name,
        n_left, len(codes) - n_left,
    )  # fmt: skip


def _after(
    codes: NDArray[np.intp], weight: NDArray[np.float64], classes: int, ends: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Σ over both sides of (weight · entropy) for a cut after each of `ends`, one class at a time: O(n) memory."""
    running = np.cumsum(weight)
    left = running[ends]
    result = _scaled(left) + _scaled(running[-1] - left)
    for each in range(classes):
        of_class = np.cumsum(np.where(codes == each, weight, 0.0))
        result -= _scaled(of_class[ends]) + _scaled(of_class[-1] - of_class[ends])
    return result


def _scaled(masses: NDArray[np.float64]) -> NDArray[np.float64]:
    """m ln m, 0 where nothing is left (or a difference of rounded sums falls below it)."""
    return masses * np.log(masses, out=np.zeros_like(masses), where=masses > 0)


def _information(masses: NDArray[Any]) -> float:
    """Total weight · entropy of its shares."""
    shares = masses[masses > 0] / masses.sum()
    return max(0.0, -math.fsum(shares * np.log(shares))) * float(masses.sum())


def _between(low: np.float64, high: np.float64) -> float:
    """Half way, halved before the sum so that the largest floats do not overflow."""
    middle = float(low / 2 + high / 2)
    return middle if low <= middle < high else float(low)


def _columns(features: ArrayLike) -> NDArray[np.float64]:
    try:
        given = np.asarray(features, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"features must be numbers ({first_line(error)}).") from error
    table = given[:, None] if given.ndim == 1 else given
    if table.ndim != 2 or table.size == 0:
        raise InputError(f"features must be (n,) or (n, features), not empty; given shape {given.shape}.")
    bad = np.argwhere(~np.isfinite(table))
    if len(bad):
        row, column = bad[0]
        raise InputError(f"features must be finite; sample {row} of feature {column} is {table[row, column]}.")
    return table
