"""What samplers draw: frequencies against the chain's distribution (χ²), mirostat's surprise against its target.

Seeds are fixed: a test that passes does so always. χ² pools tokens expected fewer than five times.
"""

import math

import numpy as np
import pytest
from scipy import special, stats

from campaigns import campaign
from entropist import decoding
from entropist.decoding import chain

ROW = np.log(np.random.default_rng(8).dirichlet(np.full(12, 0.8)))
PREVIOUS = [3, 1, 4, 1, 5, 3, 1]
STEPS = [
    ("temperature", 0.7), ("top_k", 5), ("top_p", 0.8), ("min_p", 0.1), ("typical", 0.8), ("epsilon", 0.05),
    ("eta", 0.2), ("top_h", 0.8), ("p_less", None), ("top_n_sigma", 1.2),
    ("xtc", {"threshold": 0.1, "probability": 0.4}),
    ("penalties", {"repetition": 1.3, "frequency": 0.5, "presence": 0.2}), ("dry", 0.8), ("greedy", None),
    ("dynamic_temperature", {"low": 0.5, "high": 1.5}), ("target_entropy", 1.3),
]  # fmt: skip


def expected(made):
    """The distribution of one draw: a mixture of two where XTC is in the chain."""
    if made.steps[0].name != "xtc":
        return special.softmax(made.filter(ROW, previous=PREVIOUS))
    threshold, probability = (value for _, value in made.steps[0].parameters)
    return probability * special.softmax(decoding.xtc(ROW, threshold, 1.0)) + (1 - probability) * np.exp(ROW)


def draws(made, n, seed):
    sampler = made.start(seed)
    for _ in range(n):
        sampler.previous = list(PREVIOUS)
        yield sampler.choose(ROW).token


def chi_squared(counts, probability, n):
    assert counts[probability == 0].sum() == 0, "nothing is drawn that was dropped"
    counts, probability = counts[probability > 0], probability[probability > 0]
    rare = probability * n < 5
    if rare.any():
        counts = np.append(counts[~rare], counts[rare].sum())
        probability = np.append(probability[~rare], probability[rare].sum())
    return 1.0 if len(counts) == 1 else stats.chisquare(counts, probability * n).pvalue


@pytest.mark.parametrize("profile", ["huggingface", "llama.cpp"])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[0])
def test_frequencies_are_those_of_the_chain(step, profile):
    made, n = chain([step], profile), campaign(20_000)
    counts = np.bincount(list(draws(made, n, STEPS.index(step))), minlength=len(ROW))
    assert chi_squared(counts, expected(made), n) > 0.001


def test_the_test_would_notice_another_distribution():
    n = campaign(20_000)
    counts = np.bincount(list(draws(chain([("temperature", 0.7)]), n, 0)), minlength=len(ROW))
    assert chi_squared(counts, np.exp(ROW), n) < 1e-6


def text(n, vocabulary, seed):
    """Rows of a made-up model: Zipf's law with an exponent that changes as contexts do."""
    g = np.random.default_rng(seed)
    for _ in range(n):
        yield g.permutation(-g.uniform(0.7, 1.6) * np.log(np.arange(1, vocabulary + 1)))


@pytest.mark.parametrize("tau", [1.0, 3.0, 5.0])
@pytest.mark.parametrize("version", [1, 2])
def test_mirostat_converges_to_its_target(version, tau):
    n = campaign(10_000, 1000)
    sampler = chain([(f"mirostat_{version}", tau)]).start(seed=version)
    surprise = np.array([-sampler.choose(row).kept_logprob / math.log(2) for row in text(n, 300, 4)])
    # What mirostat steers is the sum: n·(mean − τ) = (μ₀ − μ_n)/η, and μ does not run away.
    assert surprise.mean() - tau == pytest.approx((2 * tau - sampler.mu) / (0.1 * n), abs=1e-9)
    assert 0 < sampler.mu < 20
    assert surprise[n // 4 :].mean() == pytest.approx(tau, abs=0.1)


@pytest.mark.parametrize("version", [1, 2])
def test_without_mirostat_the_surprise_is_elsewhere(version):
    sampler = chain([]).start(seed=version)
    surprise = np.array([-sampler.choose(row).kept_logprob / math.log(2) for row in text(1000, 300, 4)])
    assert abs(surprise.mean() - 3.0) > 0.5


def test_the_step_of_mu():
    """llama.cpp's rule by hand: of four equals one has 2 bits, so that 10 − 0.1·(2 − 5) = 10.3."""
    sampler = chain([("mirostat_2", 5)]).start()
    assert sampler.mu == 10
    sampler.choose(np.zeros(4))
    assert sampler.mu == pytest.approx(10.3)


def test_the_same_seed_gives_the_same_tokens_and_another_seed_others():
    made = chain({"temperature": 1.3, "xtc": {"threshold": 0.1, "probability": 0.5}, "repetition_penalty": 1.2})
    rows = list(text(60, 50, 1))

    def tokens(seed):
        sampler = made.start(seed, previous=[1, 2])
        return [sampler.choose(row).token for row in rows]

    assert tokens(3) == tokens(3) != tokens(4)


def test_a_choice_says_what_the_model_and_the_chain_held():
    logits = np.log([0.1, 0.2, 0.3, 0.4])
    sampler = chain([("top_k", 2), ("temperature", 0.5)]).start(seed=0)
    choice = sampler.choose(logits)
    kept = np.array([0.09, 0.16]) / 0.25
    assert choice.token in (2, 3)
    assert choice.rank == 3 - choice.token
    assert choice.kept == 2
    assert choice.logprob == pytest.approx(logits[choice.token])
    assert choice.kept_logprob == pytest.approx(math.log(kept[choice.token - 2]))
    assert choice.entropy == pytest.approx(stats.entropy([0.1, 0.2, 0.3, 0.4]))
    assert choice.kept_entropy == pytest.approx(stats.entropy(kept))
    assert choice.kept_mass == pytest.approx(0.7)
    assert choice.varentropy == pytest.approx(0.180922, abs=1e-6)
    assert sampler.previous == [choice.token]
    sampler.accept(np.array([1, 0]))
    assert sampler.previous == [choice.token, 1, 0]
