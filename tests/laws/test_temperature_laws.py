"""Laws of entropy along temperatures, and of its gradients, that hold for every row of logits."""

import math

import numpy as np
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from certificates import certifies
from entropist.logits import _gradients, entropy_at_temperature, statistics, temperature_for_entropy

pytestmark = certifies("logit_statistics")

libraries = st.sampled_from([np.asarray, torch.as_tensor])
values = st.floats(-80, 80) | st.just(-math.inf) | st.sampled_from([0.0, 1.0, 40.0])
shares = st.floats(1e-6, 1 - 1e-6)


@st.composite
def rows(draw):
    """One row with at least two different logits, gaps no smaller than a rounding."""
    z = draw(hnp.arrays(np.float64, st.integers(2, 37), elements=values)).round(9)
    if len(np.unique(z[np.isfinite(z)])) < 2:
        z[:2] = 0.0, 1.0
    return z


def limits(z):
    return math.log((z == z.max()).sum()), math.log(np.isfinite(z).sum())


@given(rows(), shares, libraries)
def test_the_temperature_found_gives_the_entropy_asked_for(z, share, make):
    low, high = limits(z)
    target = low + share * (high - low)
    assume(low < target < high)
    temperature = float(temperature_for_entropy(make(z), target))
    found = float(statistics(make(z), temperature=temperature).entropy)
    assert abs(found - target) <= 1e-12 * max(1, target)


@given(rows(), st.floats(0.05, 20), libraries)
def test_there_and_back(z, temperature, make):
    low, high = limits(z)
    there = statistics(make(z), temperature=temperature)
    entropy, slope = float(there.entropy), float(there.varentropy)
    assume(low < entropy < high)
    back = float(temperature_for_entropy(make(z), entropy))
    # An entropy is known to a rounding; where it is flat, so much less is known of its temperature.
    assert abs(math.log(back / temperature)) <= 1e-10 + 1e-14 / max(slope, 1e-300)


@given(rows(), st.lists(st.floats(0.01, 100), min_size=2, max_size=6, unique=True), libraries)
def test_entropy_grows_with_temperature_between_its_limits(z, temperatures, make):
    low, high = limits(z)
    curve = entropy_at_temperature(make(z), sorted(temperatures))
    entropy = np.asarray(curve.entropy)
    assert np.all(np.diff(entropy) >= -1e-12)
    assert np.all(entropy >= low - 1e-12)
    assert np.all(entropy <= high + 1e-12)


@given(rows(), shares, st.integers(-1000, 1000), st.integers(-6, 6), libraries)
def test_a_shift_changes_nothing_and_a_factor_goes_to_the_temperature(z, share, shift, power, make):
    z = np.round(z * 1024) / 1024
    assume(len(np.unique(z[np.isfinite(z)])) > 1)
    low, high = limits(z)
    target = low + share * (high - low)
    assume(low < target < high)
    plain = float(temperature_for_entropy(make(z), target))
    assert float(temperature_for_entropy(make(z + shift), target)) == plain
    scaled = float(temperature_for_entropy(make(z * 2.0**power), target))
    assert abs(statistics(z, temperature=scaled / 2.0**power).entropy - target) <= 1e-12 * max(1, target)


@given(rows(), st.sampled_from([0.3, 1.0, 4.0]), st.integers(0, 36))
def test_gradients_are_finite_and_sum_to_nothing(z, temperature, choice):
    """A common shift changes no result but the normaliser, whose gradients sum to 1/T."""
    possible = np.flatnonzero(np.isfinite(z))
    target = possible[choice % len(possible)]
    logits = torch.from_numpy(z).requires_grad_()
    found = _gradients.statistics(logits, torch.tensor(target), temperature, 1)
    for name in ("log_normalizer", "entropy", "varentropy", "max_logprob", "surprisal", "top_logprobs"):
        (gradient,) = torch.autograd.grad(getattr(found, name).sum(), logits, retain_graph=True)
        assert bool(gradient.isfinite().all()), name
        assert not bool(gradient[~torch.from_numpy(np.isfinite(z))].any()), name
        expected = 1 / temperature if name == "log_normalizer" else 0
        assert abs(float(gradient.sum()) - expected) <= 1e-10 * (1 + float(gradient.abs().sum())), name


@given(rows(), st.sampled_from([0.3, 1.0, 4.0]))
def test_the_gradient_along_the_logits_is_minus_the_slope_in_temperature(z, temperature):
    """Scaling z by c is dividing T by c: Σ z ∂H/∂z = −dH/d ln T = −varentropy."""
    logits = torch.from_numpy(z).requires_grad_()
    found = _gradients.statistics(logits, None, temperature, 0)
    (gradient,) = torch.autograd.grad(found.entropy, logits)
    along = float(torch.where(logits.isfinite(), logits * gradient, 0.0).sum().detach())
    slope = float(found.varentropy.detach())
    assert abs(along + slope) <= 1e-9 * max(1, slope)


@given(rows(), st.integers(0, 1 << 30))
def test_gradients_of_divergences_are_finite_and_sum_to_nothing(z, seed):
    noise = np.random.default_rng(seed).normal(0, 2, len(z))
    p, q = (torch.from_numpy(each).requires_grad_() for each in (z, z + noise))
    found = _gradients.pair(p, q, None)
    for name in ("kl_pq", "kl_qp", "js", "cross_entropy_pq", "total_variation"):
        for gradient in torch.autograd.grad(getattr(found, name), (p, q), retain_graph=True):
            assert bool(gradient.isfinite().all()), name
            assert abs(float(gradient.sum())) <= 1e-10 * (1 + float(gradient.abs().sum())), name
