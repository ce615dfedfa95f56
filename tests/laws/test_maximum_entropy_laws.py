"""Laws of maximum entropy: nothing feasible is flatter, duality, and what more or looser constraints do."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.linalg import null_space
from scipy.special import entr, logsumexp

from entropist.measures import maximum_entropy


@st.composite
def problems(draw):
    """Features (points, moments), a distribution that satisfies them, and their limits: values or bounds."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, k = draw(st.integers(2, 12)), draw(st.integers(1, 4))
    features = generator.normal(size=(n, k)) * 10.0 ** generator.integers(-3, 4, k)
    if draw(st.booleans()):
        features = np.round(generator.normal(size=(n, k)) * 1.5)  # dependent and constant ones among them
    p = generator.dirichlet(np.full(n, draw(st.sampled_from([0.3, 1.0, 10.0]))))
    value, reach = p @ features, np.abs(features).max(axis=0) * 0.1
    limits = [
        draw(st.sampled_from([float(v), (float(v - r - 1e-9), float(v + r)), (float(v - r), np.inf)]))
        for v, r in zip(value, reach)
    ]
    return features, p, limits


def solved(features, limits):
    return maximum_entropy(range(len(features)), list(zip(features.T, limits)))


@given(problems())
def test_no_feasible_distribution_has_more_entropy(case):
    """The one the constraints come from, and steps from the answer along directions that keep every expectation."""
    features, p, limits = case
    found = solved(features, limits)
    size = np.maximum(np.abs(features).max(axis=0), 1e-300)
    assert np.abs(found.residuals / size).max() < 1e-8
    assert abs(found.probabilities.sum() - 1) < 1e-12
    assert found.entropy >= entr(p).sum() - 1e-6
    inside = found.probabilities > 1e-6
    directions = null_space(np.vstack([np.ones(int(inside.sum())), (features[inside] / size).T]))
    for direction in directions.T:
        for step in (1e-4, -1e-4):
            moved = found.probabilities.copy()
            moved[inside] += step * direction * moved[inside].min()
            assert entr(moved).sum() <= found.entropy + 1e-9


@given(problems())
def test_entropy_is_the_least_of_the_dual(case):
    features, _, limits = case
    found = solved(features, limits)
    assume(np.isfinite(found.multipliers).all())
    low, high = np.array([np.broadcast_to(limit, 2) for limit in limits]).T
    price = np.where(found.multipliers > 0, high, np.where(found.multipliers < 0, low, 0.0))
    assert np.isfinite(price).all()
    dual = logsumexp(-features @ found.multipliers) + found.multipliers @ price
    assert abs(dual - found.entropy) < 1e-6


@given(problems())
def test_one_constraint_fewer_never_lowers_the_entropy(case):
    features, _, limits = case
    assert solved(features[:, 1:], limits[1:]).entropy >= solved(features, limits).entropy - 1e-6


@given(problems(), st.floats(0.01, 100), st.floats(-50, 50))
def test_features_may_be_scaled_and_shifted(case, factor, shift):
    features, _, limits = case
    features, limits = features[:, :1], [np.broadcast_to(limits[0], 2)]
    moved = [tuple((limits[0] * factor + shift).tolist())]
    one, other = solved(features, [tuple(limits[0].tolist())]), solved(features * factor + shift, moved)
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)


@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_points_and_moments_does_not_matter(case, random):
    features, _, limits = case
    points, moments = list(range(len(features))), list(range(len(limits)))
    random.shuffle(points)
    random.shuffle(moments)
    one, other = solved(features, limits), solved(features[points][:, moments], [limits[j] for j in moments])
    np.testing.assert_allclose(one.probabilities[points], other.probabilities, atol=1e-5)
