"""How often the interval of a batch-means error covers the true mean of an AR(1) series.

x_t = φ·x_{t−1} + ε_t, the mean 0 known. Where a batch is short beside the correlation the interval covers a little less
than it says; `ALLOWED` states how much less for each φ and n: measured were 0.906 for φ = 0.8 and n = 200, 0.934 for
n = 1000, 0.942 for φ = 0.5 and n = 200, and 0.945 to 0.957 elsewhere (3 000 to 20 000 series). It is judged by z-score:
the count of covering intervals against nominal minus what is allowed, and from above against nominal.
The error for independent values is the negative control: its coverage is known in closed form.
"""

import math
from functools import cache

import numpy as np
import pytest
from scipy import signal, stats

from campaigns import campaign
from certificates import certifies
from entropist import estimators

pytestmark = certifies("batch_means")

LEVEL = 0.95
# How far below nominal the coverage may lie: short series of long memory (14 batches of 14 values at n = 200).
ALLOWED = {
    (0.0, 200): 0.0, (0.0, 1000): 0.0, (0.0, 5000): 0.0, (0.0, 20000): 0.0,
    (0.5, 200): 0.012, (0.5, 1000): 0.008, (0.5, 5000): 0.005, (0.5, 20000): 0.005,
    (0.8, 200): 0.05, (0.8, 1000): 0.02, (0.8, 5000): 0.008, (0.8, 20000): 0.005,
}  # fmt: skip
SERIES = {200: 40_000, 1000: 40_000, 5000: 10_000, 20000: 8_000}


def ar1(phi, n, generator):
    """One stationary series with standard normal steps."""
    first = generator.normal(0, 1 / math.sqrt(1 - phi * phi))
    steps = generator.normal(size=n - 1)
    rest, _ = signal.lfilter([1.0], [1.0, -phi], steps, zi=[phi * first])
    return np.concatenate([[first], rest])


def z_score(hits, trials, probability):
    return (hits - trials * probability) / math.sqrt(trials * probability * (1 - probability))


def coverage(phi, n, trials, interval):
    generator = np.random.default_rng([int(10 * phi), n])
    ends = [interval(ar1(phi, n, generator)) for _ in range(trials)]
    return sum(low <= 0 <= high for low, high in ends)


def batch_means(values):
    found = estimators.mean(values)
    # The quantile is looked up once a cell, not once a series: test_results holds it to scipy's.
    reach = _t(found.degrees_of_freedom) * found.stderr
    return found.value - reach, found.value + reach


@cache
def _t(degrees):
    return stats.t.ppf(0.5 + LEVEL / 2, degrees)


def independent(values):
    reach = stats.norm.ppf(0.5 + LEVEL / 2) * values.std(ddof=1) / math.sqrt(len(values))
    return values.mean() - reach, values.mean() + reach


@pytest.mark.parametrize(("phi", "n"), ALLOWED)
def test_the_interval_covers_as_often_as_it_says(phi, n, record_property):
    trials = campaign(SERIES[n], 200)
    hits = coverage(phi, n, trials, batch_means)
    record_property("coverage", hits / trials)
    record_property("series", trials)
    assert z_score(hits, trials, LEVEL - ALLOWED[phi, n]) > -3.5, f"covers {hits / trials:.4f}"
    assert z_score(hits, trials, LEVEL) < 3.5, f"covers {hits / trials:.4f}"


@pytest.mark.parametrize("phi", [0.5, 0.8])
def test_the_independent_error_covers_too_seldom(phi, record_property):
    """Its coverage is P(|Z| < 1.96·√((1−φ)/(1+φ))): 0.74 and 0.49, and the same judgement rejects it."""
    trials = campaign(SERIES[5000], 200)
    hits = coverage(phi, 5000, trials, independent)
    record_property("coverage", hits / trials)
    expected = 2 * stats.norm.cdf(stats.norm.ppf(0.5 + LEVEL / 2) * math.sqrt((1 - phi) / (1 + phi))) - 1
    assert abs(z_score(hits, trials, expected)) < 3.5
    assert z_score(hits, trials, LEVEL - ALLOWED[phi, 5000]) < -6


def test_the_interval_of_a_ratio_covers(record_property):
    """nats over bytes: lengths and surprisals that go together, their true ratio known: E[x] = 3·E[y]."""
    generator, trials, hits = np.random.default_rng(7), campaign(20_000, 400), 0
    for _ in range(trials):
        bottom = generator.integers(1, 9, 600)
        top = 3 * bottom * np.exp(0.5 * ar1(0.5, 600, generator) / math.sqrt(4 / 3) - 0.125)
        found = estimators.ratio(top, bottom, unit="nats/byte")
        hits += abs(found.value - 3) <= _t(found.degrees_of_freedom) * found.stderr
    record_property("coverage", hits / trials)
    assert z_score(hits, trials, LEVEL - 0.015) > -3.5, f"covers {hits / trials:.4f}"
    assert z_score(hits, trials, LEVEL) < 3.5
