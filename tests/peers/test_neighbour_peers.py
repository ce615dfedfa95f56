"""Nearest-neighbour estimates beside scikit-learn, ennemi, infomeasure and SciPy: same samples, same rules."""

import warnings

import numpy as np
import pytest
from scipy import stats

import neighbour_oracles as oracle
from campaigns import campaign
from entropist.estimators import (
    KSG,
    Gao,
    Ross,
    differential_entropy,
    knn_conditional_mutual_information,
    knn_kl_divergence,
    mutual_information,
)

pytestmark = pytest.mark.filterwarnings("ignore::entropist.estimators._warnings.EntropistWarning")

PSI = 1e-6  # ennemi's digamma of whole numbers is good to 5e-7
RHOS = [0.0, 0.3, 0.6, 0.9, 0.99]


def pair(rho, n, seed=0):
    x, e = np.random.default_rng(seed).normal(size=(2, n))
    return x, rho * x + np.sqrt(1 - rho * rho) * e


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("k", [1, 3, 10])
def test_ksg_1_is_scikit_learns_before_it_clips(rho, k):
    from sklearn.feature_selection._mutual_info import _compute_mi_cc

    for n in (100, 1000, campaign(20_000, 2000)):
        x, y = pair(rho, n, n)
        ours, theirs = mutual_information(x, y, KSG(k=k, scale="none")).value, _compute_mi_cc(x, y, k)
        assert max(0, ours) == pytest.approx(theirs, abs=1e-11)


@pytest.mark.parametrize("rho", RHOS[1:])
def test_ksg_1_is_scikit_learns_by_its_public_door(rho):
    """It divides by the standard deviation, as we do, and then adds noise of 1e-10, which may turn a neighbour."""
    from sklearn.feature_selection import mutual_info_regression

    x, y = pair(rho, 2000, 3)
    theirs = mutual_info_regression(4 * x[:, None], y / 9, n_neighbors=3, random_state=0)[0]
    assert mutual_information(4 * x, y / 9, KSG(k=3)).value == pytest.approx(theirs, abs=1e-8)


@pytest.mark.parametrize("rho", RHOS)
def test_ksg_1_is_ennemis(rho):
    import ennemi

    x, y = pair(rho, 800, 5)
    found = mutual_information(x, y, KSG(k=3, scale="none")).value
    assert found == pytest.approx(ennemi.estimate_mi(y, x, k=3, preprocess=False).item(), abs=PSI)
    two = np.random.default_rng(1).normal(size=(800, 2)) + x[:, None]
    found = mutual_information(two, y, KSG(k=3, scale="none")).value
    assert found == pytest.approx(oracle.ksg(two, y, 3).mean(), abs=1e-11)


def test_conditional_is_ennemis():
    import ennemi

    x, y, z = np.random.default_rng(7).multivariate_normal([0, 0, 0], [[1, 1, 1], [1, 4, 1], [1, 1, 9]], 600).T
    x, y, z = (side / side.std() for side in (x, y, z))
    ours = knn_conditional_mutual_information(x, y, z, k=3).value
    assert ours == pytest.approx(ennemi.estimate_mi(y, x, k=3, cond=z, preprocess=False).item(), abs=PSI)
    assert ours == pytest.approx(oracle.frenzel_pompe(x, y, z, 3), abs=1e-11)


def test_ross_is_scikit_learns_before_it_clips():
    from sklearn.feature_selection._mutual_info import _compute_mi_cd

    g = np.random.default_rng(0)
    for separation in (0, 0.5, 3):
        for n in (60, 900):
            side = g.integers(0, 4, n)
            x = g.normal(size=n) + separation * side
            side[0] = 9  # alone in its category
            ours = mutual_information(x, side, Ross(k=3)).value
            assert max(0, ours) == pytest.approx(_compute_mi_cd(x, side, 3), abs=1e-11)


def test_gao_is_the_authors_program():
    g = np.random.default_rng(1)
    for n in (40, 300):
        x = g.integers(0, 4, n)
        for y in (
            x + g.uniform(0, 2, n),
            g.poisson(x),
            g.normal(size=n),
            np.where(g.random(n) < 0.4, 0, g.normal(size=n)),
        ):
            scale = [2.0 ** -np.round(np.log2(side.std())) for side in (x, y)]
            expected = oracle.gao(x * scale[0], y * scale[1], 3)
            assert mutual_information(x, y, Gao(k=3)).value == pytest.approx(expected, abs=1e-11)


def test_divergence_is_the_papers():
    g = np.random.default_rng(2)
    for d in (1, 2):
        p, q = g.normal(size=(200, d)), 1 + 2 * g.normal(size=(300, d))
        scale = np.concatenate([p, q]).std(axis=0)
        assert knn_kl_divergence(p, q, k=3).value == pytest.approx(oracle.wang(p / scale, q / scale, 3), abs=1e-11)


def test_entropy_is_the_papers_and_scipys():
    samples = np.random.default_rng(3).gamma(2.5, size=500)
    assert differential_entropy(samples).value == pytest.approx(oracle.kozachenko_leonenko(samples, 4), abs=1e-11)
    for method in ("vasicek", "van es", "ebrahimi", "correa"):
        for window in (None, 5):
            theirs = stats.differential_entropy(samples, method=method, window_length=window)
            assert differential_entropy(samples, method, window_length=window).value == theirs


def test_infomeasure_agrees_on_ksg_1_and_differs_on_ksg_2():
    """Its second variant takes one radius for both margins and is far below zero where nothing is shared."""
    import infomeasure

    x, y = pair(0.6, 500, 11)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = float(infomeasure.mutual_information(x, y, approach="ksg", k=4, noise_level=0))
        assert mutual_information(x, y, KSG(scale="none")).value == pytest.approx(theirs, abs=1e-9)
        values = []
        for seed in range(campaign(100, 10)):
            x, y = pair(0, 500, seed)
            values.append(mutual_information(x, y, KSG(variant=2)).value)
    assert abs(np.mean(values)) < 4 * 0.032 / np.sqrt(len(values))
