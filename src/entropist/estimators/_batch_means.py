"""Batch means: the error of a mean, or of a ratio of means, over an autocorrelated series.

Neighbouring tokens resemble each other, so the error of a mean over them is larger than the
independent one. The series is cut into B consecutive batches of equal length; their means are nearly
independent, and

    stderr² = Σ_b (mean_b − mean)² / (B·(B − 1)),    interval by Student's t with B − 1 degrees of freedom,

with B = min(32, ⌊√n⌋) (n mod B leading values enter the mean but no batch). The ratio Σx / Σy has the
error of its residuals x − R·y over mean y (delta method).

When this misleads: a correlation as long as a batch (n / 32 values) makes the error too small. On AR(1)
series the 95 % interval covers 0.94 to 0.96 for φ ≤ 0.5 and n ≥ 200, but 0.906 for φ = 0.8 at n = 200 and
0.934 at n = 1000 (`certificates/batch_means.json`). Under 200 values there is no error, with the reason.

Source: Conway (1963); Alexopoulos & Seila (1996), "Implementing the batch means method".
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError, first_line
from entropist.results import Estimate

MINIMUM_TOKENS = 200
"""The shortest series that gets an error; a shorter one gets the reason why not."""
_MOST_BATCHES = 32


def mean(values: ArrayLike, *, unit: str = "nats") -> Estimate:
    """Mean of a series in its order, with a batch-means error.

    values: (n,), finite, in `unit`. Raises `InputError` for an empty or non-finite series.

    >>> mean([0.0, 1.0] * 200).value
    0.5
    """
    series = checked_series("values", values)
    return _estimate(float(series.mean()), series, 1.0, unit, "batch means")


def ratio(numerator: ArrayLike, denominator: ArrayLike, *, unit: str) -> Estimate:
    """Σ numerator / Σ denominator, such as nats over bytes, with a batch-means error.

    numerator, denominator: (n,), finite, the same length. Raises `InputError` where the denominator sums to zero.

    >>> ratio([2.0, 4.0], [1, 3], unit="nats/byte").value
    1.5
    """
    top, bottom = checked_series("numerator", numerator), checked_series("denominator", denominator)
    if len(top) != len(bottom):
        raise InputError(f"numerator has {len(top)} values and denominator {len(bottom)}: they must be paired.")
    total = math.fsum(bottom)
    if total == 0:
        raise InputError("the denominator sums to zero, so the ratio does not exist.")
    value = math.fsum(top) / total
    return _estimate(value, top - value * bottom, total / len(bottom), unit, "ratio of sums, batch means")


def _estimate(value: float, series: NDArray[np.float64], scale: float, unit: str, estimator: str) -> Estimate:
    n = len(series)
    if n < MINIMUM_TOKENS:
        reason = f"{n} values are fewer than the {MINIMUM_TOKENS} that a batch-means error needs"
        return Estimate(value, None, unit, n, estimator, reason=reason)
    batches = min(_MOST_BATCHES, math.isqrt(n))
    means = series[n % batches :].reshape(batches, -1).mean(axis=1)
    stderr = float(means.std(ddof=1)) / math.sqrt(batches) / abs(scale)
    return Estimate(value, stderr, unit, n, estimator, degrees_of_freedom=batches - 1)


def checked_series(name: str, values: ArrayLike) -> NDArray[np.float64]:
    try:
        series = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be a series of numbers ({first_line(error)}).") from error
    if series.ndim != 1 or len(series) == 0:
        raise InputError(f"{name} must be a series (n,) of at least one value; given shape {series.shape}.")
    bad = np.flatnonzero(~np.isfinite(series))
    if len(bad):
        raise InputError(f"{name} must be finite; value {series[bad[0]]} stands at index {bad[0]}.")
    return series
