"""Sampling consistency by hand: moments, the likelihood, its ends, and what cannot be said."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import optimize, stats

import entropist as en
from entropist.errors import InputError
from entropist.uncertainty import sampling_consistency
from entropist.uncertainty._consistency import _verdict
from entropist.uncertainty._drift import drift
from entropist.uncertainty._grouped import Grouped, grouped
from entropist.uncertainty._sampling_temperature import sampling_temperature


def lists(rng, n=80, k=6):
    p = rng.dirichlet(np.full(k + 1, 0.7), size=n)
    logprobs = np.log(np.concatenate([np.sort(p[:, :-1], axis=1)[:, ::-1], p[:, -1:]], axis=1))
    chosen = np.array([rng.choice(k + 1, p=np.exp(row)) for row in logprobs])
    return Grouped(np.arange(n), logprobs, chosen)


def test_moments_are_those_of_the_listed_tokens_and_one_other():
    tokens = lists(np.random.default_rng(0))
    entropy, varentropy = tokens.moments()
    for row, p in enumerate(tokens.probabilities):
        assert entropy[row] == pytest.approx(stats.entropy(p), rel=1e-12)
        assert varentropy[row] == pytest.approx(p @ np.log(p) ** 2 - stats.entropy(p) ** 2, rel=1e-9, abs=1e-12)


def test_a_trace_becomes_lists_with_the_missing_mass():
    trace = en.trace("It was the best of times, it was the worst of times.", top_k=5)
    tokens = grouped(trace)
    np.testing.assert_allclose(tokens.probabilities.sum(axis=1), 1, atol=1e-12)
    rank, surprisal = trace.column("rank")[tokens.rows], trace.column("surprisal")[tokens.rows]
    np.testing.assert_array_equal(tokens.is_listed, rank < 5)
    np.testing.assert_array_equal(tokens.chosen[tokens.is_listed], rank[rank < 5])
    np.testing.assert_allclose(tokens.surprisal[tokens.is_listed], surprisal[rank < 5], atol=1e-6)


def test_the_temperature_maximizes_the_likelihood_and_its_interval_is_the_likelihoods():
    tokens = lists(np.random.default_rng(1))
    rows = np.flatnonzero(tokens.is_listed)

    def log_likelihood(temperature):
        return sum(
            tokens.logprobs[row, tokens.chosen[row]] / temperature
            - np.logaddexp.reduce(tokens.logprobs[row, :-1] / temperature)
            for row in rows
        )

    best = optimize.minimize_scalar(lambda t: -log_likelihood(t), bounds=(0.05, 20), method="bounded")
    estimate = sampling_temperature(tokens)
    assert estimate.value == pytest.approx(best.x, rel=1e-4)
    assert estimate.n == len(rows)
    for level in (0.5, 0.95):
        for end in estimate.confidence_interval(level):
            drop = log_likelihood(estimate.value) - log_likelihood(end)
            assert drop == pytest.approx(stats.chi2.ppf(level, 1) / 2, abs=1e-6)
    step = 1e-3 * estimate.value
    bend = (log_likelihood(best.x + step) + log_likelihood(best.x - step) - 2 * log_likelihood(best.x)) / step**2
    assert estimate.stderr == pytest.approx((-bend) ** -0.5, rel=1e-2)


def test_greedy_text_has_temperature_zero_and_the_least_likely_infinite():
    tokens = lists(np.random.default_rng(2))
    greedy = dataclasses.replace(tokens, chosen=np.zeros_like(tokens.chosen))
    estimate = sampling_temperature(greedy)
    low, high = estimate.confidence_interval()
    assert (estimate.value, low, estimate.stderr) == (0.0, 0.0, None)
    assert 0 < high < 1
    contrary = dataclasses.replace(tokens, chosen=np.full_like(tokens.chosen, 5))
    estimate = sampling_temperature(contrary)
    low, high = estimate.confidence_interval()
    assert (estimate.value, high) == (math.inf, math.inf)
    assert low > 1


def test_tokens_that_are_all_beyond_their_lists_have_no_temperature():
    tokens = lists(np.random.default_rng(3))
    unlisted = dataclasses.replace(tokens, chosen=np.full_like(tokens.chosen, 6))
    estimate = sampling_temperature(unlisted)
    assert math.isnan(estimate.value)
    assert estimate.n == 0
    assert _verdict(estimate, None)[0] == "cannot tell"


def test_the_bets_have_expectation_one():
    tokens = lists(np.random.default_rng(4), n=5, k=4)
    for row in range(5):
        wealth = 0.0
        for outcome in range(5):
            one = Grouped(np.array([0]), tokens.logprobs[row : row + 1], np.array([outcome]))
            wealth += tokens.probabilities[row, outcome] * math.exp(drift(one, 0.01).log_e[0])
        assert wealth == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("declared", "interval", "verdict"),
    [
        (None, (0.9, 1.2), "cannot tell"),
        (None, (0.5, 0.9), "raw"),
        (1.0, (0.9, 1.2), "cannot tell"),
        (0.7, (0.6, 0.8), "raw"),
        (0.7, (0.9, 1.2), "processed"),
        (0.7, (0.5, 1.2), "cannot tell"),
        (0.7, (1.5, 1.9), "cannot tell"),
        (0.0, (0.0, 0.2), "raw"),
    ],
)
def test_the_verdict_compares_the_interval_with_one_and_with_what_was_declared(declared, interval, verdict):
    estimate = en.Estimate(sum(interval) / 2, None, unit="", n=9, estimator="", interval=lambda _: interval)
    found, evidence = _verdict(estimate, declared)
    assert found == verdict
    assert f"[{interval[0]:.2f}, {interval[1]:.2f}]" in evidence


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(InputError, match="none of the tokens has a list"):
        sampling_consistency(en.trace("It was the best of times.", top_k=0))
    trace = en.trace("It was the best of times.")
    for options in ({"false_alarm_rate": 0}, {"declared_temperature": -1.0}, {"declared_temperature": math.nan}):
        with pytest.raises(InputError, match="must"):
            sampling_consistency(trace, **options)
