"""The error of a mean, or of a ratio of sums, over values that come in groups, such as tokens in documents.

    θ = Σ x / Σ y (y = 1 for a mean),    stderr² = (G − 1)/G · Σ_g (θ₋g − θ̄₋)²,    interval by t with G − 1 degrees,

θ₋g without group g: the leave-one-group-out jackknife. Values of one group may depend on each other in any way; groups
are independent. values, groups (n,).

No error under 8 groups, nor where a few groups hold too much: W = (Σ n_g)² / Σ n_g², the groups of equal size that
these are worth, must be at least 6, and either two thirds of G or 30. n_g is what group g has of the denominator.

When this misleads: groups that share a source (chapters of one book, answers to one prompt) are not independent; group
by that source. Take groups whose ratio is rare and large (one document in fifty) and the interval is too short.

Source: Tukey (1958); Cameron & Miller (2015), "A practitioner's guide to cluster-robust inference", for t(G − 1).
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError
from entropist.estimators._batch_means import checked_series
from entropist.estimators._samples import coded
from entropist.results import Estimate

MINIMUM_GROUPS = 8
"""The fewest groups that get an error."""
DOMAIN = "independent groups of like size, at least 8"


def clustered_mean(values: ArrayLike, groups: ArrayLike, *, unit: str = "nats") -> Estimate:
    """Mean of all values, with the error that their grouping leaves.

    values: (n,), finite, in `unit`. groups: (n,) labels. Raises `InputError` for empty or non-finite values and unequal
    lengths.

    >>> found = clustered_mean([1.0, 3.0] * 8, [g for g in range(8) for _ in range(2)])
    >>> found.value, found.stderr, found.degrees_of_freedom
    (2.0, 0.0, 7)
    """
    top = checked_series("values", values)
    return _estimate(top, np.ones(len(top)), groups, unit, "mean, leave one group out")


def clustered_ratio(numerator: ArrayLike, denominator: ArrayLike, groups: ArrayLike, *, unit: str) -> Estimate:
    """Σ numerator / Σ denominator, such as nats over bytes, with the error that the grouping leaves.

    numerator, denominator: (n,), finite, the same length; groups: (n,) labels. Raises `InputError` where the
    denominator sums to zero, in all or without some group.

    >>> clustered_ratio([2.0, 4.0] * 8, [1, 3] * 8, list(range(16)), unit="nats/byte").value
    1.5
    """
    top, bottom = checked_series("numerator", numerator), checked_series("denominator", denominator)
    if len(top) != len(bottom):
        raise InputError(f"numerator has {len(top)} values and denominator {len(bottom)}: they must be paired.")
    return _estimate(top, bottom, groups, unit, "ratio of sums, leave one group out")


def _estimate(
    top: NDArray[np.float64], bottom: NDArray[np.float64], groups: ArrayLike, unit: str, estimator: str
) -> Estimate:
    codes, count = coded("groups", groups)
    if len(codes) != len(top):
        raise InputError(f"{len(top)} values and {len(codes)} groups: each value needs its group.")
    tops, bottoms = np.bincount(codes, top, count), np.bincount(codes, bottom, count)
    total = math.fsum(bottom)
    if total == 0:
        raise InputError("the denominator sums to zero, so the ratio does not exist.")
    alone = np.flatnonzero(bottoms == total)
    if count > 1 and len(alone):
        raise InputError("the denominator sums to zero without one of the groups, so the ratio does not exist there.")
    value, n = math.fsum(top) / total, len(top)
    if count < MINIMUM_GROUPS:
        reason = f"{count} groups are fewer than the {MINIMUM_GROUPS} that an error between groups needs"
        return Estimate(value, None, unit, n, estimator, reason=reason)
    even = total**2 / float((bottoms**2).sum())
    needed = max(6.0, min(count * 2 / 3, 30.0))
    if even < needed:
        reason = f"{count} groups so unequal are worth {even:.1f} of equal size; an error needs {needed:.0f}"
        return Estimate(value, None, unit, n, estimator, reason=reason)
    # θ₋g − θ = −(x_g − θ y_g) / (Σ y − y_g): no difference of two large sums.
    without = -(tops - value * bottoms) / (total - bottoms)
    spread = float(((without - without.mean()) ** 2).sum())
    stderr = math.sqrt((count - 1) / count * spread)
    return Estimate(value, stderr, unit, n, estimator, count - 1, domain=DOMAIN)
