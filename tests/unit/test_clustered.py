"""Means over groups: the jackknife by hand, SciPy's t, what is refused."""

import math

import numpy as np
import pytest
from scipy import stats

from entropist import estimators
from entropist.errors import InputError


def by_hand(top, bottom, groups):
    """Leave one group out, literally."""
    labels = sorted(set(groups))
    kept = [[i for i, g in enumerate(groups) if g != label] for label in labels]
    left = [math.fsum(top[i] for i in k) / math.fsum(bottom[i] for i in k) for k in kept]
    middle = math.fsum(left) / len(left)
    return math.sqrt((len(left) - 1) / len(left) * math.fsum((x - middle) ** 2 for x in left))


@pytest.mark.parametrize("seed", range(6))
def test_against_the_jackknife_by_hand(seed):
    generator = np.random.default_rng(seed)
    groups = [f"text {g}" for g in generator.integers(0, 12, 150)]
    top, bottom = generator.normal(3, 1, 150), generator.integers(1, 9, 150)
    found = estimators.clustered_mean(top, groups, unit="bits")
    assert found.value == pytest.approx(math.fsum(top) / 150, rel=1e-15)
    assert found.stderr == pytest.approx(by_hand(top.tolist(), [1] * 150, groups), rel=1e-10)
    assert (found.n, found.unit, found.degrees_of_freedom) == (150, "bits", len(set(groups)) - 1)
    found = estimators.clustered_ratio(top, bottom, groups, unit="bits/byte")
    assert found.stderr == pytest.approx(by_hand(top.tolist(), bottom.tolist(), groups), rel=1e-10)


def test_groups_of_one_are_the_usual_mean():
    values = np.random.default_rng(0).normal(size=40)
    found = estimators.clustered_mean(values, range(40))
    assert found.stderr == pytest.approx(stats.sem(values), rel=1e-12)
    assert found.confidence_interval() == pytest.approx(
        stats.t.interval(0.95, 39, values.mean(), stats.sem(values)), rel=1e-12
    )


def test_values_far_from_zero_keep_their_digits():
    values = np.random.default_rng(1).normal(size=200)
    groups = np.arange(200) % 10
    near, far = (estimators.clustered_mean(values + offset, groups).stderr for offset in (0, 1e9))
    assert far == pytest.approx(near, rel=1e-6)


def test_the_order_and_the_names_of_groups_mean_nothing():
    generator = np.random.default_rng(2)
    values, groups = generator.normal(size=90), generator.integers(0, 9, 90)
    order = generator.permutation(90)
    first = estimators.clustered_mean(values, groups)
    second = estimators.clustered_mean(values[order], [("g", int(g)) for g in groups[order]])
    assert (first.value, first.stderr) == pytest.approx((second.value, second.stderr), rel=1e-12)


def test_too_few_or_too_unequal_groups_have_no_error():
    seven = estimators.clustered_mean(np.arange(70.0), np.arange(70) % 7)
    assert seven.stderr is None
    assert "7 groups are fewer than the 8" in seven.reason
    assert seven.value == 34.5
    unequal = estimators.clustered_mean(np.arange(120.0), np.minimum(np.arange(120), 19))
    assert unequal.stderr is None
    assert "20 groups so unequal are worth 1.4" in unequal.reason
    assert estimators.clustered_mean(np.arange(80.0), np.arange(80) % 8).domain.startswith("independent groups")


BAD = [
    (lambda: estimators.clustered_mean([1.0, 2.0], [1]), "2 values and 1 groups"),
    (lambda: estimators.clustered_mean([], []), "at least one value"),
    (lambda: estimators.clustered_mean([1.0, math.nan], [1, 2]), "finite"),
    (lambda: estimators.clustered_mean([1.0, 2.0], [1, None]), "missing value"),
    (lambda: estimators.clustered_ratio([1.0], [1.0, 2.0], [1, 2], unit="nats"), "paired"),
    (lambda: estimators.clustered_ratio([1.0, 2.0], [1.0, -1.0], [1, 2], unit="nats"), "sums to zero"),
    (lambda: estimators.clustered_ratio([1.0] * 9, [0.0] * 8 + [1.0], range(9), unit="nats"), "without"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
