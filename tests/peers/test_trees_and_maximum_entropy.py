"""Information gain and splits against scikit-learn's trees and scores; the classifier against logistic regression."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information
from sklearn.tree import DecisionTreeClassifier

from campaigns import campaign
from entropist.errors import InputError
from entropist.estimators import MaximumEntropyClassifier, best_split, information_gain


def test_gain_null_and_p_value_of_random_tables():
    generator = np.random.default_rng(1)
    for _ in range(campaign(4000)):
        n = int(generator.integers(1, 300))
        x, y = generator.integers(0, generator.integers(1, 30), n), generator.integers(0, generator.integers(1, 6), n)
        found = information_gain(x, y)
        table = contingency_matrix(x, y, sparse=True)
        assert abs(found.value - mutual_info_score(x, y)) < 1e-12
        assert abs(found.null - expected_mutual_information(table, n)) < 1e-11


def test_the_p_value_is_that_of_the_g_test_where_counts_are_large():
    generator = np.random.default_rng(2)
    for _ in range(campaign(400, 20)):
        n = int(generator.integers(2000, 6000))
        x, y = generator.integers(0, 4, n), generator.integers(0, 3, n)
        y[: n // 40] = x[: n // 40] % 3
        found = information_gain(x, y)
        table = contingency_matrix(x, y)
        peer = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
        assert abs(found.p_value - peer.pvalue) < 1e-3


def features_of(kind, generator, n, d):
    if kind == "continuous":
        return generator.normal(size=(n, d)).astype(np.float32)
    if kind == "ties":
        return generator.integers(0, 6, (n, d)).astype(np.float32)
    if kind == "constant":
        return np.where(generator.random(d) < 0.7, 3.0, generator.integers(0, 2, (n, d))).astype(np.float32)
    return (1e6 + 7 * generator.integers(0, 90, (n, d))).astype(np.float32)


def weight_of(kind, generator, n):
    if kind == "none":
        return None
    return generator.integers(0, 4, n).astype(float) if kind == "integers" else generator.exponential(size=n)


@pytest.mark.parametrize("weights", ["none", "integers", "real"])
@pytest.mark.parametrize("kind", ["continuous", "ties", "constant", "offset"])
def test_the_split_of_a_tree(kind, weights):
    """Same impurity decrease to 1e-12; the same cut, but for exact ties, where the tree goes by its rounding."""
    generator = np.random.default_rng([len(kind), len(weights)])
    same = split = 0
    for _ in range(campaign(4000)):
        n, d = int(generator.integers(2, 120)), int(generator.integers(1, 5))
        features, target = features_of(kind, generator, n, d), generator.integers(0, generator.integers(1, 5), n)
        weight = weight_of(weights, generator, n)
        if weight is not None and not weight.any():
            continue
        tree = DecisionTreeClassifier(criterion="entropy", max_depth=1, random_state=0)
        tree = tree.fit(features, target, sample_weight=weight).tree_
        if tree.node_count == 1:  # a leaf: nothing to cut, or nothing to gain
            present = slice(None) if weight is None else weight > 0
            if (np.ptp(features[present], axis=0) == 0).all():
                with pytest.raises(InputError, match="constant"):
                    best_split(features, target, sample_weight=weight)
            else:
                assert best_split(features, target, sample_weight=weight, unit="bits").entropy < 1e-12
            continue
        found = best_split(features, target, sample_weight=weight, unit="bits")
        mass = tree.weighted_n_node_samples
        decrease = tree.impurity[0] - (mass[1] * tree.impurity[1] + mass[2] * tree.impurity[2]) / mass[0]
        assert abs(found.gain - decrease) < 1e-12
        assert abs(found.entropy - tree.impurity[0]) < 1e-12
        split += 1
        if (tree.feature[0], tree.threshold[0]) == (found.feature, found.threshold):
            same += 1
            assert (tree.n_node_samples[1:] >= [found.n_left, found.n_right]).all()  # it counts those of weight 0
    assert split
    if kind == "continuous" and weights == "real":  # no ties but between mirrored features
        assert same >= 0.97 * split
    assert same >= 0.8 * split


def test_what_float32_hides_from_a_tree():
    """Two values 1e-8 apart are one to it; a cut that float64 sees."""
    features, target = np.array([[1.0], [1.0 + 1e-8]]), [0, 1]
    assert DecisionTreeClassifier(criterion="entropy").fit(features, target).tree_.node_count == 1
    assert math.isclose(best_split(features, target).gain, math.log(2))


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer], ids=lambda load: load.__name__)
@pytest.mark.parametrize("C", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_optimum_of_logistic_regression(load, C, intercept):
    features, target = load(return_X_y=True)
    features = (features - features.mean(axis=0)) / features.std(axis=0) + 1
    peer = LogisticRegression(C=C, fit_intercept=intercept, tol=1e-10, max_iter=10_000).fit(features, target)
    found = MaximumEntropyClassifier(C=C, fit_intercept=intercept).fit(features, target)
    assert found.coef_.shape == peer.coef_.shape
    assert np.abs(found.coef_ - peer.coef_).max() < 2e-4 * max(1, np.abs(peer.coef_).max())
    assert np.abs(found.predict_proba(features) - peer.predict_proba(features)).max() < 1e-5
    assert (found.predict(features) == peer.predict(features)).all()
    # The gradient of the peer's own objective is nearer to zero at ours: the stationarity of the dual.
    free = found.residuals_[-len(found.coef_) :, : features.shape[1]]
    assert np.abs(free + found.coef_ / (C * len(features))).max() < 1e-7


def test_weighted_samples_against_logistic_regression():
    features, target = load_iris(return_X_y=True)
    weight = np.random.default_rng(0).exponential(size=150)
    peer = LogisticRegression(C=2.0, tol=1e-10, max_iter=10_000).fit(features, target, sample_weight=weight)
    found = MaximumEntropyClassifier(C=2.0).fit(features, target, sample_weight=weight)
    assert np.abs(found.predict_proba(features) - peer.predict_proba(features)).max() < 1e-6
