"""What nearest-neighbour estimates do on any samples: agree with all n² distances, however samples are given."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neighbour_oracles as oracle
from campaigns import campaign
from certificates import certifies
from entropist.estimators import KSG, mutual_information
from entropist.estimators._warnings import EntropistWarning
from entropist.estimators.neighbours._ksg_pairs import Pairs
from entropist.estimators.neighbours._ksg_search import column, compared_counts, paired_counts
from entropist.estimators.neighbours._neighbours import joint_counts, within

pytestmark = [
    certifies("neighbours"),
    pytest.mark.filterwarnings("ignore::entropist.estimators._warnings.EntropistWarning"),
]


def smooth(g, n):
    x = g.normal(size=n)
    return x, 0.8 * x + g.normal(size=n)


def rounded(g, n):
    x, y = smooth(g, n)
    return np.round(2 * x), np.round(3 * y)


def half_rounded(g, n):
    x, y = smooth(g, n)
    return np.round(x), y


def constant(g, n):
    return np.zeros(n), np.round(g.normal(size=n), 1)


def far_away(g, n):
    return g.standard_cauchy(n) * 1e9 + 1e12, g.normal(size=n)


def categories(g, n):
    x = g.integers(0, 3, n) * 0.1
    return x, x.copy()


def equal(g, n):
    x = g.normal(size=n)
    return x, x.copy()


def clustered(g, n):
    x = g.integers(0, 2, n) + 1e-9 * g.normal(size=n)
    return x, x + 1e-9 * g.normal(size=n)


KINDS = [smooth, rounded, half_rounded, constant, far_away, categories, equal, clustered]
samples = st.tuples(st.integers(0, 2**32), st.integers(2, 250), st.sampled_from(KINDS))


@given(samples, st.integers(1, 12), st.sampled_from([1, 2]), st.floats(0.01, 100))
def test_compiled_search_counts_what_all_distances_count(drawn, k, variant, scale):
    seed, n, kind = drawn
    k = min(k, n - 1)
    x, y = kind(np.random.default_rng(seed), n)
    left, right = column(x, 1.0), column(y, scale)
    copies, x_count, y_count = paired_counts(left, right, right.order, k, variant)
    expected = compared_counts(x[:, None], y[:, None], np.ones(1), np.array([scale]), k, variant)
    np.testing.assert_array_equal(copies, expected[0][right.order])
    np.testing.assert_array_equal(x_count, expected[1][left.order])
    np.testing.assert_array_equal(y_count, expected[2][right.order])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("variant", [1, 2])
@pytest.mark.parametrize("k", [1, 4])
def test_all_three_searches_against_the_papers(kind, variant, k):
    x, y = kind(np.random.default_rng(8), 90)
    expected = oracle.ksg(x, y, k, variant)
    one = np.ones(1)
    for times in (0, 10**9):  # all n² differences, then the compiled search
        pairs = Pairs(x[:, None], y[:, None], one, one, k, variant, times)
        np.testing.assert_allclose(pairs.local(), expected, rtol=0, atol=1e-12)
        assert abs(pairs.value() - expected.mean()) < 1e-12
    copies, x_count, y_count = joint_counts(x[:, None], y[:, None], k, variant)  # trees
    np.testing.assert_allclose(pairs._local(copies, x_count, y_count, 90), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("variant", [1, 2])
@pytest.mark.parametrize("shapes", [(1, 2), (2, 2), (3, 1), (5, 6)])
def test_more_dimensions_against_the_papers(variant, shapes):
    g = np.random.default_rng(2)
    for decimals in (9, 0):
        x, y = (np.round(2 * g.normal(size=(80, d)), decimals) for d in shapes)
        found = KSG(k=3, variant=variant, scale="none").mutual_information(x, y, local=True)
        np.testing.assert_allclose(found.local, oracle.ksg(x, y, 3, variant), rtol=0, atol=1e-12)


@given(samples, st.sampled_from(["permutation", "circular"]))
@settings(max_examples=campaign(200))
def test_another_order_is_another_pairing(drawn, kind_of_order):
    seed, n, kind = drawn
    g = np.random.default_rng(seed)
    x, y = kind(g, n)
    order = g.permutation(n) if kind_of_order == "permutation" else np.roll(np.arange(n), n // 3)
    one, k = np.ones(1), min(3, n - 1)
    moved = Pairs(x[:, None], y[:, None], one, one, k, 1, 10**9).in_order(order)
    assert moved == pytest.approx(Pairs(x[:, None], y[order][:, None], one, one, k, 1, 10**9).value(), abs=1e-12)


@given(samples, st.integers(2, 9))
@settings(max_examples=campaign(200))
def test_a_part_is_the_estimate_from_its_rows(drawn, parts):
    seed, n, kind = drawn
    g = np.random.default_rng(seed)
    x, y = kind(g, n)
    part = g.integers(-1, parts, n).astype(np.int32)
    part[: 5 * parts] = np.repeat(np.arange(parts), 5)[:n]
    one = np.ones(1)
    if np.bincount(part[part >= 0], minlength=parts).min() < 4:
        return
    for times in (0, 10**9):
        found = Pairs(x[:, None], y[:, None], one, one, 3, 1, times).of_parts(part, parts)
        expected = [oracle.ksg(x[part == p], y[part == p], 3).mean() for p in range(parts)]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


@given(st.integers(0, 2**32), st.integers(2, 120), st.booleans(), st.sampled_from([0, 1, 9]))
def test_counts_within_a_radius_decide_on_differences(seed, n, strict, decimals):
    g = np.random.default_rng(seed)
    values = np.round(g.normal(size=n) * 3, decimals) * 0.1
    radius = np.abs(values - g.choice(values, n))  # each a difference itself
    gaps = np.abs(values[:, None] - values)
    expected = (gaps < radius[:, None] if strict else gaps <= radius[:, None]).sum(1)
    np.testing.assert_array_equal(
        np.where(strict & (radius == 0), 0, within(values[:, None], radius, strict)), expected
    )
    wide = np.concatenate([values[:, None], np.zeros((n, 1))], axis=1)
    np.testing.assert_array_equal(np.where(strict & (radius == 0), 0, within(wide, radius, strict)), expected)


@given(samples, st.sampled_from([1, 2]), st.sampled_from(["standard", "normal-scores", "none"]))
@settings(max_examples=campaign(400))
def test_x_and_y_may_be_swapped(drawn, variant, scale):
    seed, n, kind = drawn
    x, y = kind(np.random.default_rng(seed), n)
    estimator = KSG(k=min(3, n - 1), variant=variant, scale=scale)
    there, back = estimator.mutual_information(x, y).value, estimator.mutual_information(y, x).value
    assert there == pytest.approx(back, abs=1e-12)


@given(samples)
@settings(max_examples=campaign(400))
def test_rising_functions_change_nothing_in_normal_scores(drawn):
    seed, n, kind = drawn
    x, y = kind(np.random.default_rng(seed), n)
    x, y = np.round(x / max(np.abs(x).max(), 1) * 1000), np.round(y / max(np.abs(y).max(), 1) * 1000)
    estimator = KSG(k=min(3, n - 1), scale="normal-scores")
    expected = estimator.mutual_information(x, y).value
    assert estimator.mutual_information(x**3 + x, np.exp(y / 500)).value == expected


@given(samples)
@settings(max_examples=campaign(400))
def test_information_of_repeated_values_is_at_most_the_smaller_entropy(drawn):
    """Of values that all repeat KSG is Ĥ(X) + Ĥ(Y) − Ĥ(X, Y) with Ĥ = ψ(n) − ⟨ψ(count)⟩."""
    seed, n, kind = drawn
    x, y = (np.round(side / max(np.abs(side).max(), 1e-9)) for side in kind(np.random.default_rng(seed), n))
    from scipy.special import digamma

    def entropy(values):
        _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
        return digamma(n) - digamma(counts)[where].mean()

    _, copies = np.unique(np.stack([x, y], 1), axis=0, return_counts=True)
    if copies.min() < 2:
        return
    found = mutual_information(x, y, KSG(k=1)).value
    assert found <= min(entropy(x), entropy(y)) + 1e-12


def test_the_same_numbers_in_any_dress():
    g = np.random.default_rng(4)
    x = g.integers(-500, 500, 600)
    y = x // 3 + g.integers(-90, 90, 600)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EntropistWarning)
        expected = mutual_information(x.astype(float), y.astype(float))
        wide = np.asfortranarray(np.stack([y, x, y], axis=1)[::-1])
        read_only = x.astype(np.float32)
        read_only.flags.writeable = False
        for a, b in [
            (x, y), (x.tolist(), y.tolist()), (x.astype(np.float32), y.astype(np.int16)), (read_only, y),
            (x[:, None], y[:, None]), (np.repeat(x, 2)[::2], y), (wide[::-1, 1], wide[::-1, 0]), (x + 10**9, y - 10**9),
            (x * 1024, y / 64), (-x, y),
        ]:  # fmt: skip
            found = mutual_information(a, b)
            assert found.value == pytest.approx(expected.value, abs=1e-12)
            assert found.reason == expected.reason
    u, v = smooth(g, 600)
    assert mutual_information(3 * u, v / 7).value == pytest.approx(mutual_information(u, v).value, abs=1e-9)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200, 1e300])
def test_very_large_and_very_small_values(size):
    x, y = smooth(np.random.default_rng(0), 500)
    found = mutual_information(x / 8 * size, y / 8 * size).value
    assert found == pytest.approx(mutual_information(x, y).value, abs=2e-3)
    assert mutual_information(x / 8 * size, y / 8 / size).value == pytest.approx(found, abs=2e-3)
    scores = KSG(scale="normal-scores")
    assert mutual_information(x / 8 * size, y, scores).value == mutual_information(x, y, scores).value
