"""Binned and Gaussian mutual information against NumPy, SciPy, scikit-learn, mpmath and the bmi tasks' exact values."""

import math

import mpmath
import numpy as np
import pytest
from scipy import linalg, stats
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from campaigns import campaign
from entropist.estimators import Binned, Gaussian, GaussianCopula, mutual_information
from entropist.estimators._gaussian import bias, tail
from entropist.estimators._independence import all_moments, moments


def pairs(seed, n):
    x, noise = np.random.default_rng(seed).normal(size=(2, n))
    return x, 0.6 * x + 0.8 * noise


def plug_in(table):
    p = table / table.sum()
    return stats.entropy(p.sum(axis=1)) + stats.entropy(p.sum(axis=0)) - stats.entropy(p, axis=None)


@pytest.mark.parametrize("n", [10, 90, 1000, 10_000])
def test_the_classic_fifteen_bins(n):
    x, y = pairs(n, n)
    found = mutual_information(x, y, Binned(bins=15, correction=None))
    assert abs(found.value - plug_in(np.histogram2d(x, y, 15)[0])) < 1e-12
    assert "biased" in found.estimator
    assert found.stderr is None
    assert "biased" in found.reason


@pytest.mark.parametrize(
    "estimator", [Binned(7), Binned(5, "frequency"), Binned(3), Binned(strategy="freedman-diaconis")]
)
def test_miller_madow_is_that_of_the_three_entropies(estimator):
    x, y = pairs(3, 600)
    a, b = (estimator.codes(side[:, None]) for side in (x, y))
    table = contingency_matrix(a, b)
    madow = [stats.entropy(np.ravel(c)) + (np.count_nonzero(c) - 1) / 1200 for c in (table.sum(1), table.sum(0), table)]
    found = estimator.mutual_information(x, y)
    assert abs(found.value - (madow[0] + madow[1] - madow[2])) < 1e-12
    assert abs(found.value + found.correction - mutual_info_score(a, b)) < 1e-12


def test_freedman_diaconis_is_that_of_numpy():
    for seed in range(5):
        x = np.random.default_rng(seed).gamma(2, size=400 + 37 * seed)
        codes = Binned(strategy="freedman-diaconis").codes(x[:, None])
        counts, _ = np.histogram(x, np.histogram_bin_edges(x, "fd"))
        assert np.bincount(codes).tolist() == counts[counts > 0].tolist()


@pytest.mark.parametrize("bins", [1, 7, 40, (-6.0, -1.0, 0.0, 0.25, 8.0)])
def test_the_entropy_of_a_histogram(bins):
    x = np.random.default_rng(1).normal(size=500)
    edges = np.histogram_bin_edges(x, bins) if isinstance(bins, int) else np.array(bins)
    peer = stats.rv_histogram(np.histogram(x, edges), density=False).entropy()
    assert abs(Binned(bins, correction=None).entropy(x).value - peer) < 1e-9
    corrected = Binned(bins).entropy(x)
    assert abs(corrected.value - peer - (corrected.bins[0] - 1) / 1000) < 1e-9


def test_the_mean_without_dependence_is_the_exact_one():
    generator = np.random.default_rng(2)
    for _ in range(campaign(400, 10)):
        n = int(generator.integers(5, 400))
        x, y = generator.integers(0, 12, n), generator.integers(0, 7, n)
        rows, columns = (np.unique(side, return_counts=True)[1] for side in (x, y))
        peer = expected_mutual_information(contingency_matrix(x, y, sparse=True), n)
        assert abs(moments(rows, columns)[0] / (2 * n) - peer) < 1e-10


def test_moments_of_many_margins_are_those_of_each_pair():
    generator = np.random.default_rng(3)
    margins = [np.unique(np.rint(4 * generator.normal(size=3000)), return_counts=True)[1] for _ in range(6)]
    means, variances = all_moments(margins[:4], margins)
    for i in range(4):
        for j in range(6):
            mean, variance = moments(margins[i], margins[j])
            assert abs(means[i, j] / mean - 1) < 2e-3
            assert abs(variances[i, j] / variance - 1) < 2e-3


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (2, 1), (1, 3), (3, 2), (4, 4)])
def test_gaussian_entropies_of_the_sample_covariance(dx, dy):
    generator = np.random.default_rng([dx, dy])
    z = generator.normal(size=(60, dx + dy)) @ generator.normal(size=(dx + dy, dx + dy))
    s = np.cov(z.T)
    both, left, right = (stats.multivariate_normal(cov=c).entropy() for c in (s, s[:dx, :dx], s[dx:, dx:]))
    raw = Gaussian(corrected=False).mutual_information(z[:, :dx], z[:, dx:])
    assert abs(raw.value - (left + right - both)) < 1e-10
    assert "biased" in raw.estimator
    angles = linalg.subspace_angles(z[:, :dx] - z[:, :dx].mean(0), z[:, dx:] - z[:, dx:].mean(0))
    assert abs(raw.value + np.log(np.sin(angles)).sum()) < 1e-10
    corrected = Gaussian().mutual_information(z[:, :dx], z[:, dx:])
    assert abs(raw.value - corrected.value - bias(60, dx, dy)) < 1e-12


@pytest.mark.parametrize("n", [5, 20, 1000])
def test_the_bias_is_the_mean_over_beta_distributed_r_squared(n):
    half = mpmath.mpf(n - 2) / 2

    def term(u):  # u = 1 − r², whose law without dependence is Beta((n − 2)/2, 1/2)
        return -mpmath.log(u) / 2 * u ** (half - 1) / mpmath.sqrt(1 - u)

    exact = mpmath.quad(term, [0, 0.5, 0.9, 0.99, 1]) / mpmath.beta(half, 0.5)
    assert abs(bias(n, 1, 1) - float(exact)) < 1e-8


def test_the_bias_for_several_columns_is_that_of_wishart_determinants():
    """E ln|S| over Wishart matrices, by SciPy's sampler; z-score."""
    n, dx, dy = 12, 2, 3
    draws = stats.wishart(n - 1, np.eye(dx + dy)).rvs(campaign(100_000, 5000), random_state=1)
    logs = [np.linalg.slogdet(s)[1] for s in (draws[:, :dx, :dx], draws[:, dx:, dx:], draws)]
    raw = 0.5 * (logs[0] + logs[1] - logs[2])
    assert abs(raw.mean() - bias(n, dx, dy)) < 4 * raw.std() / math.sqrt(len(raw))


@pytest.mark.parametrize("n", [5, 30, 800])
def test_the_p_value_of_one_column_a_side_is_pearsons(n):
    for seed in range(10):
        x, y = np.random.default_rng(seed).normal(size=(2, n))
        found = mutual_information(x, y, "gaussian", null="analytic")
        assert math.isclose(found.p_value, stats.pearsonr(x, y).pvalue, rel_tol=1e-8)
        assert found.null == 0


def test_the_p_value_of_several_columns_against_products_of_betas():
    """Wilks' Λ is a product of independent Betas; its tail by simulation, z-score."""
    n, dx, dy, draws = 25, 3, 4, campaign(200_000, 20_000)
    generator = np.random.default_rng(0)
    product = np.prod([generator.beta((n - 1 - dx - i) / 2, dx / 2, draws) for i in range(dy)], axis=0)
    for information in (0.2, 0.35, 0.5, 0.8):
        share = float((-0.5 * np.log(product) >= information).mean())
        expected = float(tail(information, n, dx, dy))
        assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / draws) + 0.002


def dense(d, rho=0.5):
    return np.full((2 * d, 2 * d), rho) + (1 - rho) * np.eye(2 * d)


def two_pairs(d):
    cov = np.eye(2 * d)
    for k in range(2):
        cov[k, d + k] = cov[d + k, k] = 0.8
    return cov


# Czyz et al. (2023): the tasks whose dependence is Gaussian, and transforms of single columns that leave it so.
TASKS = {
    "normal 0.75": (dense(1, 0.75), 0.413339),
    "dense 2 x 2": (dense(2), 0.293893),
    "dense 3 x 3": (dense(3), 0.413339),
    "dense 5 x 5": (dense(5), 0.592812),
    "dense 25 x 25": (dense(25), 1.292184),
    "dense 50 x 50": (dense(50), 1.624265),
    "two pairs 2 x 2": (two_pairs(2), 1.021651),
    "two pairs 5 x 5": (two_pairs(5), 1.021651),
}
MARGINS = {
    "as they are": lambda z: z,
    "half cube": lambda z: z * np.sqrt(np.abs(z)),
    "normal CDF": stats.norm.cdf,
    "asinh": lambda z: np.arcsinh(z * 100),
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("margin", MARGINS)
def test_bmi_tasks_lie_in_the_interval(task, margin, record_property):
    cov, truth = TASKS[task]
    d = len(cov) // 2
    worst = []
    for seed in range(campaign(10, 2)):
        z = np.random.default_rng([seed, d]).multivariate_normal(np.zeros(2 * d), cov, 5000, method="cholesky")
        changed = MARGINS[margin](z)
        estimators = [GaussianCopula()] + ([Gaussian()] if margin == "as they are" else [])
        for estimator in estimators:
            found = mutual_information(changed[:, :d], changed[:, d:], estimator)
            if d >= 25 and isinstance(estimator, GaussianCopula):  # 100 dimensions, or a canonical correlation of 0.96
                assert found.stderr is None
                assert "dimensions" in found.reason or "correlation" in found.reason
                continue
            low, high = found.confidence_interval(0.99)
            assert low < truth < high, (found, truth)
            worst.append(abs(found.value - truth))
    record_property("mean_absolute_error", float(np.mean(worst)) if worst else None)
