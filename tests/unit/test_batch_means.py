"""Batch means against plain Python, and what they refuse."""

import math
import statistics

import numpy as np
import pytest
import torch

from entropist import estimators
from entropist.errors import InputError

LENGTHS = [200, 201, 399, 1000, 1023, 1024, 1025, 4999, 20000]


def series(n, seed=0):
    return np.random.default_rng(seed).gamma(2.0, 1.5, n)


def reference(values):
    """(batches, stderr of the mean): Python's own statistics over batches of the last values."""
    batches = min(32, math.floor(math.sqrt(len(values))))
    size = len(values) // batches
    kept = [float(v) for v in values][len(values) - batches * size :]
    means = [math.fsum(kept[i * size : (i + 1) * size]) / size for i in range(batches)]
    return batches, statistics.stdev(means) / math.sqrt(batches)


@pytest.mark.parametrize("n", LENGTHS)
def test_mean_equals_plain_python(n):
    values = series(n)
    found = estimators.mean(values)
    batches, stderr = reference(values)
    assert found.value == pytest.approx(math.fsum(values) / n, rel=1e-14)
    assert found.stderr == pytest.approx(stderr, rel=1e-12)
    assert (found.n, found.unit, found.degrees_of_freedom) == (n, "nats", batches - 1)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("n", LENGTHS)
def test_ratio_equals_the_delta_method(n, sign):
    top, bottom = series(n), sign * np.random.default_rng(1).integers(0, 9, n)
    value = math.fsum(top) / math.fsum(bottom)
    scale = math.fsum(bottom) / n
    residuals = [(x - value * y) / scale for x, y in zip(top, bottom)]
    found = estimators.ratio(top, bottom, unit="nats/byte")
    assert found.value == pytest.approx(value, rel=1e-14)
    assert found.stderr == pytest.approx(reference(residuals)[1], rel=1e-10)
    assert (found.n, found.unit) == (n, "nats/byte")


def test_a_ratio_over_ones_is_a_mean():
    mean, ratio = estimators.mean(series(1000)), estimators.ratio(series(1000), np.ones(1000), unit="nats")
    assert (ratio.value, ratio.stderr) == pytest.approx((mean.value, mean.stderr), rel=1e-12)


def test_a_ratio_scales_with_its_parts():
    top, bottom = series(500), series(500, 1)
    one, two = estimators.ratio(top, bottom, unit="x"), estimators.ratio(6 * top, 2 * bottom, unit="x")
    assert (two.value, two.stderr) == pytest.approx((3 * one.value, 3 * one.stderr), rel=1e-12)


def test_proportional_parts_have_a_ratio_without_error():
    bottom = series(500)
    assert estimators.ratio(3 * bottom, bottom, unit="x").stderr == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 199])
def test_under_200_values_there_is_no_error_and_a_reason(n):
    for found in (estimators.mean(series(n)), estimators.ratio(series(n), series(n, 1), unit="nats")):
        assert found.stderr is None
        assert found.reason == f"{n} values are fewer than the 200 that a batch-means error needs"
        with pytest.raises(InputError, match=found.reason):
            found.confidence_interval()
    assert estimators.MINIMUM_TOKENS == 200
    assert estimators.mean(series(200)).stderr is not None


@pytest.mark.parametrize("kind", [list, tuple, np.float32, torch.tensor])
def test_any_array_of_numbers(kind):
    values = [0.5, 1.5] * 150
    given = np.array(values, np.float32) if kind is np.float32 else kind(values)
    assert estimators.mean(given).value == 1.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], r"values must be a series \(n,\) of at least one value; given shape \(0,\)"),
        (1.0, r"given shape \(\)"),
        ([[1.0, 2.0]], r"given shape \(1, 2\)"),
        ([1.0, math.nan, 2.0], "values must be finite; value nan stands at index 1"),
        ([1.0, 2.0, -math.inf], "value -inf stands at index 2"),
        ([1.0, None], "value nan stands at index 1"),
        (["one"], "values must be a series of numbers"),
        ([[1.0], [1.0, 2.0]], "values must be a series of numbers"),
    ],
)
def test_what_is_no_series_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        estimators.mean(values)


def test_a_ratio_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="numerator has 2 values and denominator 3: they must be paired"):
        estimators.ratio([1, 2], [1, 2, 3], unit="x")
    with pytest.raises(InputError, match="denominator sums to zero"):
        estimators.ratio([1, 2, 3], [0.1 + 0.2, -0.3, 0.3 - (0.1 + 0.2)], unit="x")
    with pytest.raises(InputError, match="denominator must be finite"):
        estimators.ratio([1, 2], [1, math.inf], unit="x")
