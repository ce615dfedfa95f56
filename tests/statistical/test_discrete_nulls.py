"""p-values where nothing is shared: uniform, or larger; and two slow series are not found dependent.

A p-value of discrete counts takes few values and may be conservative, so the Kolmogorov–Smirnov test is one-sided: its
distribution function must not exceed the uniform one. Tables are large enough for it to be nearly continuous, and then
the two-sided test is made as well.
"""

import numpy as np
import pytest
from scipy import signal, stats

from campaigns import campaign
from certificates import certifies
from entropist import estimators
from entropist.estimators._nulls import block_variance, effective_n, orders, p_value

pytestmark = certifies("discrete_entropy")


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch):
    """199 orders instead of 999: p-values are uniform on their grid for any number of them."""
    monkeypatch.setattr("entropist.estimators.discrete._discrete_nulls.DRAWS", 199)


def slow(phi, n, generator):
    """A stationary AR(1) series."""
    first = generator.normal() / np.sqrt(1 - phi * phi)
    return signal.lfilter([1.0], [1.0, -phi], generator.normal(size=n), zi=[phi * first])[0]


def cut(values, bins):
    return np.searchsorted(np.quantile(values, np.arange(1, bins) / bins), values)


def judged(p_values, record_property, both=True):
    """Kolmogorov–Smirnov against the uniform law, at a level of 1 in 1000."""
    above = stats.kstest(p_values, "uniform", alternative="greater").pvalue
    record_property("p_of_too_small_p_values", float(above))
    record_property("found_at_5_percent", float((np.array(p_values) <= 0.05).mean()))
    assert above > 1e-3
    if both:
        assert stats.kstest(p_values, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("estimator", ["plug-in", "chao-shen", "miller-madow", "jeffreys"])
def test_permutation_is_uniform(estimator, record_property):
    generator = np.random.default_rng(0)
    found = [
        estimators.mutual_information(
            generator.integers(0, 6, 150), generator.integers(0, 7, 150), estimator, null="permutation", seed=seed
        ).p_value
        for seed in range(campaign(600, 30))
    ]
    judged(found, record_property, both=estimator == "plug-in")


@pytest.mark.parametrize("n", [60, 400])
def test_the_analytic_null_is_uniform(n, record_property):
    generator = np.random.default_rng(n)
    shares = np.array([0.5, 0.2, 0.2, 0.05, 0.05])
    found = [
        estimators.mutual_information(
            generator.choice(5, n, p=shares), generator.integers(0, 6, n), "plug-in", null="analytic"
        ).p_value
        for _ in range(campaign(4000, 200))
    ]
    judged(found, record_property, both=False)
    assert np.mean(np.array(found) <= 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / len(found)) + 0.01


def test_the_conditional_null_keeps_what_z_explains(record_property):
    """x and y both follow z: dependent, and independent given z. The plain null finds them, the conditional one not."""
    generator, given, plain = np.random.default_rng(1), [], []
    for seed in range(campaign(400, 20)):
        z = generator.integers(0, 3, 200)
        x, y = ((z + generator.integers(0, 3, 200)) % 5 for _ in range(2))
        for null in ("permutation", "analytic"):
            given.append(estimators.conditional_mutual_information(x, y, z, "plug-in", null=null, seed=seed).p_value)
        plain.append(estimators.mutual_information(x, y, "plug-in", null="analytic").p_value)
    record_property("found_by_the_plain_null", float((np.array(plain) <= 0.05).mean()))
    assert np.mean(np.array(plain) <= 0.05) > 0.5
    judged(given[::2], record_property, both=False)
    judged(given[1::2], record_property, both=False)


def test_two_slow_series_are_not_found(record_property):
    """φ = 0.9 in six bins: the circular shift stays at its level; random order, wrong here, finds most pairs."""
    generator, shifted, permuted = np.random.default_rng(2), [], []
    for seed in range(campaign(1000, 60)):
        x, y = (cut(slow(0.9, 500, generator), 6) for _ in range(2))
        shifted.append(estimators.mutual_information(x, y, "plug-in", sequence=True, seed=seed).p_value)
        if seed < campaign(200, 20):
            permuted.append(estimators.mutual_information(x, y, "plug-in", null="permutation", seed=seed).p_value)
    record_property("found_by_random_order", float((np.array(permuted) <= 0.05).mean()))
    assert np.mean(np.array(permuted) <= 0.05) > 0.5
    judged(shifted, record_property, both=False)
    hits = int((np.array(shifted) <= 0.05).sum())
    assert stats.binom.sf(hits - 1, len(shifted), 0.06) > 1e-3


def test_a_shared_signal_is_found_through_the_circular_shift():
    generator = np.random.default_rng(3)
    common = slow(0.9, 600, generator)
    x, y = (cut(common + generator.normal(size=600), 4) for _ in range(2))
    found = estimators.mutual_information(x, y, "chao-shen", sequence=True)
    assert found.p_value == pytest.approx(1 / 200)
    assert found.effective_n < 600


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_effective_n_is_that_of_the_closed_form(phi, record_property):
    """An AR(1) series of n values is worth n (1 − φ)/(1 + φ); the block bootstrap gives the variance of its mean."""
    generator, n, trials = np.random.default_rng(4), 4000, campaign(400, 60)
    series = [slow(phi, n, generator) for _ in range(trials)]
    worth = np.array([effective_n(each) for each in series])
    expected = n * (1 - phi) / (1 + phi)
    record_property("effective_n_over_expected", float(worth.mean() / expected))
    assert abs(worth.mean() / expected - 1) < 0.1
    true = 1 / (1 - phi) ** 2 / n
    ratio = np.array([block_variance(each)[0] for each in series]) / true
    record_property("block_variance_over_true", float(ratio.mean()))
    assert 0.8 < ratio.mean() < 1.1


def test_block_variance_is_the_bootstrap_it_stands_for():
    """Against means of blocks drawn at random, by z-score of the fourth moment."""
    generator = np.random.default_rng(5)
    series = slow(0.7, 300, generator)
    variance, block = block_variance(series)
    blocks = 300 // block
    circle = np.concatenate([series, series])
    starts = generator.integers(0, 300, (campaign(200_000, 20_000), blocks))
    means = np.mean([circle[starts + i] for i in range(block)], axis=(0, 2)) if block < 40 else None
    assert means is not None
    # Blocks that do not fill the series are a little fewer values; the mean they vary about is their own.
    scale = blocks * block / 300 / (1 - block / 300)
    error = means.var() * np.sqrt(2 / len(means))
    assert abs(means.var() * scale - variance) < 5 * error


def test_orders():
    permuted = list(orders("permutation", 20, 0, 50))
    assert all(sorted(order.tolist()) == list(range(20)) for order in permuted)
    turned = list(orders("circular-shift", 20, 0, 200))
    assert {int(order[0]) for order in turned} == set(range(2, 19))
    assert all(((order - np.arange(20)) % 20 == order[0]).all() for order in turned)


def test_p_value_counts_itself_and_rounding():
    assert p_value(1.0, np.zeros(99)) == 0.01
    assert p_value(0.0, np.zeros(99)) == 1.0
    assert p_value(0.3, np.array([0.1 + 0.2, 0.1])) == 2 / 3
