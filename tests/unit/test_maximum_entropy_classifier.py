"""The classifier of maximum entropy: scikit-learn's form, the property it is named after, separated classes."""

import math

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from campaigns import campaign
from entropist.errors import InputError
from entropist.estimators import MaximumEntropyClassifier


@parametrize_with_checks([MaximumEntropyClassifier()])
def test_scikit_learns_form(estimator, check):
    check(estimator)


def overlapping(generator, n=300, d=4, classes=3):
    """Classes drawn from a soft rule, in features of unlike scale and far from 0."""
    raw = generator.normal(size=(n, d))
    logits = 0.7 * raw @ generator.normal(size=(d, classes))
    target = (generator.gumbel(size=logits.shape) + logits).argmax(axis=1)
    return raw * 10.0 ** generator.integers(-3, 4, d) + 1000 * generator.integers(0, 2, d), target


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("intercept", [True, False])
def test_without_a_penalty_the_model_has_the_observed_feature_means(classes, intercept):
    generator = np.random.default_rng(classes)
    for _ in range(campaign(100, 3)):
        features, target = overlapping(generator, classes=classes)
        if not intercept:  # features far from 0 would all be near to one constant
            features = features - features.mean(axis=0)
        weight = generator.exponential(size=len(target))
        model = MaximumEntropyClassifier(C=math.inf, fit_intercept=intercept).fit(features, target, weight)
        p = model.predict_proba(features)
        for k, name in enumerate(model.classes_):
            expected = (weight * p[:, k]) @ features
            observed = (weight * (target == name)) @ features
            spread = weight.sum() * np.sqrt((features**2).mean(axis=0))
            assert (np.abs(expected - observed) < 1e-7 * spread).all()
            if intercept:
                assert abs((weight * p[:, k]).sum() - weight[target == name].sum()) < 1e-7 * weight.sum()
        assert model.residuals_.shape == (classes, 4 + intercept)
        assert abs(model.entropy_ - model.loss_) < 1e-6
        assert np.abs(p.sum(axis=1) - 1).max() < 1e-12


def test_no_other_conditional_with_these_means_has_more_entropy():
    """The primal, solved by SciPy's SLSQP over the conditionals themselves."""
    x = np.array([0.0, 1.0, 2.0, 3.0])
    counts = np.array([[5, 2, 1], [2, 4, 2], [1, 3, 6], [2, 1, 4]])
    rows = [(v, k) for v, row in zip(x, counts) for k, c in enumerate(row) for _ in range(c)]
    features, target = np.array([[v] for v, _ in rows]), np.array([k for _, k in rows])
    share = counts.sum(axis=1) / counts.sum()
    observed = counts / counts.sum()

    def negative_entropy(flat):
        return -float(share @ special.entr(np.maximum(flat.reshape(4, 3), 0)).sum(axis=1))

    constraints = [
        {"type": "eq", "fun": lambda flat: flat.reshape(4, 3).sum(axis=1) - 1},
        {"type": "eq", "fun": lambda flat: (x * share) @ flat.reshape(4, 3)[:, 1:] - x @ observed[:, 1:]},
        {"type": "eq", "fun": lambda flat: share @ flat.reshape(4, 3)[:, 1:] - observed[:, 1:].sum(axis=0)},
    ]
    primal = optimize.minimize(
        negative_entropy, np.full(12, 1 / 3), bounds=[(1e-9, 1)] * 12, constraints=constraints, method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    model = MaximumEntropyClassifier(C=math.inf).fit(features, target)
    assert np.abs(model.predict_proba(x[:, None]) - primal.x.reshape(4, 3)).max() < 1e-5
    assert abs(model.entropy_ + primal.fun) < 1e-8


def test_with_a_penalty_each_constraint_is_missed_by_the_multiplier_over_c():
    features, target = overlapping(np.random.default_rng(5))
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    model = MaximumEntropyClassifier(C=0.3).fit(features, target)
    assert np.abs(model.residuals_[:, :-1] + model.coef_ / (0.3 * len(target))).max() < 1e-7
    assert np.abs(model.residuals_[:, -1]).max() < 1e-8
    assert np.abs(model.coef_.sum(axis=0)).max() < 1e-6


SEPARATED = {
    "wholly": ([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]),
    "but for a boundary": ([[0.0], [1.0], [1.0], [2.0]], [0, 0, 1, 1]),
    "by one indicator": ([[0, 3.0], [0, 1.0], [0, 2.0], [0, 4.0], [1, 2.0], [1, 1.0]], [0, 1, 0, 1, 1, 1]),
    "one of three classes": ([[0.0], [1.0], [0.0], [1.0], [9.0], [10.0]], [0, 0, 1, 1, 2, 2]),
}


@pytest.mark.parametrize("kind", SEPARATED)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_separated_classes_have_no_finite_multipliers(kind, scale):
    features, target = SEPARATED[kind]
    features = np.array(features) * scale
    with pytest.raises(InputError, match="separated by the features"):
        MaximumEntropyClassifier(C=math.inf).fit(features, target)
    model = MaximumEntropyClassifier(C=1 / scale**2).fit(features, target)
    assert np.isfinite(model.coef_).all()


def test_a_sure_model_that_is_not_separated_is_fitted():
    """One sample on the wrong side of ten thousand."""
    x = np.linspace(-1, 1, 2001)
    target = (x > 0).astype(int)
    target[600] = 1
    model = MaximumEntropyClassifier(C=math.inf).fit(x[:, None], target)
    assert np.isfinite(model.coef_).all()
    assert np.abs(model.residuals_).max() < 1e-7


def test_steps_that_do_not_suffice_are_announced():
    features, target = overlapping(np.random.default_rng(2))
    with pytest.warns(ConvergenceWarning, match="after 1 of 1 steps"):
        MaximumEntropyClassifier(max_iter=1).fit(features, target)


@pytest.mark.parametrize("options", [{"C": 0}, {"C": -1.0}, {"C": math.nan}, {"C": None}, {"tol": 0}, {"max_iter": 0}])
def test_options_are_checked_in_fit(options):
    with pytest.raises(InputError, match=f"{next(iter(options))} must be above 0"):
        MaximumEntropyClassifier(**options).fit([[0.0], [1.0]], [0, 1])


def test_one_class_is_refused():
    with pytest.raises(InputError, match="1 class"):
        MaximumEntropyClassifier().fit([[0.0], [1.0]], [1, 1])
