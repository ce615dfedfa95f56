"""Conditional maximum entropy: of all p(y | x) with the observed feature means, the least committed one.

    maximise    Σ_i w_i H(p(· | x_i)) / Σ w
    subject to  Σ_i w_i p(y | x_i) f(x_i) = Σ_i w_i [y_i = y] f(x_i)    for every class y and feature f.

Its dual is multinomial logistic regression: p(y | x) ∝ exp(θ_y · x + b_y), the multipliers found by minimising

    D(θ, b) = Σ_i w_i (−ln p(y_i | x_i)) + ‖θ‖² / (2C).

At the minimum the dual's gradient is what the constraints leave over, so that without a penalty (C = inf) the model
has the observed feature means and its mean entropy equals its mean loss; with one, each constraint is missed by θ / C.
With two classes there is one vector of multipliers, as in scikit-learn's `LogisticRegression`, whose optimum this is.

When this misleads: the entropy is maximal given the features, not given the truth; features that matter and are left
out make it sure of the wrong thing. Where classes can be separated no finite multipliers meet the constraints.

Source: Berger, Della Pietra & Della Pietra (1996), "A maximum entropy approach to natural language processing".
"""

import math
import warnings
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from entropist.errors import InputError
from entropist.estimators.trees._maximum_entropy_dual import Dual

_SURE = 1e-3  # a probability nearer to 1 may be on its way there: the classes are then tested for separation


class MaximumEntropyClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
    """Conditional maximum entropy in scikit-learn's form; the same optimum as `LogisticRegression(C=C)`.

    C: inverse strength of the penalty ‖θ‖² / (2C) on the sum of losses, inf for none. fit_intercept: also match the
    share of each class, which is not penalised. tol: how far the constraints may be missed at the end, in standard
    deviations of the features. max_iter: trust-region steps.

    After `fit`: `classes_`; `coef_` and `intercept_`, the multipliers, (classes, features) and (classes,), or
    (1, features) and (1,) for two classes; `entropy_` and `loss_`, mean nats a sample, equal where C is inf;
    `residuals_`, model minus observed means of each class's features, (classes, features), followed where an
    intercept is fitted by a column for the share of the class; `n_iter_`, `n_features_in_`.

    Raises `InputError` for C = inf where the classes can be separated, in whole or in part, so that no finite
    multipliers exist.

    Source: Berger, Della Pietra & Della Pietra (1996).

    >>> rainy, wet = [[0], [0], [0], [1], [1], [1]], ["no", "no", "yes", "no", "yes", "yes"]
    >>> MaximumEntropyClassifier(C=math.inf).fit(rainy, wet).predict_proba([[0], [1]]).round(6).tolist()
    [[0.666667, 0.333333], [0.333333, 0.666667]]
    """

    def __init__(self, *, C: float = 1.0, fit_intercept: bool = True, tol: float = 1e-8, max_iter: int = 1000) -> None:
        self.C = C
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Find the multipliers. X: (n, features), finite; y: (n,) classes, two at least; sample_weight: (n,), ≥ 0."""
        self._check_options()
        table, target = validate_data(self, X, y, dtype=np.float64, order="C")
        check_classification_targets(target)
        weight = _check_sample_weight(sample_weight, table, dtype=np.float64, ensure_non_negative=True)
        table, target, weight = table[weight > 0], target[weight > 0], weight[weight > 0]
        self.classes_, codes = np.unique(target, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(f"y has {len(self.classes_)} class; a classifier needs samples of at least two classes.")
        problem = Dual(table, codes, weight, len(self.classes_), self.C, self.fit_intercept)
        found = optimize.minimize(
            problem.loss, np.zeros(problem.size), jac=problem.gradient, hessp=problem.curvature, method="trust-ncg",
            options={"gtol": self.tol, "maxiter": self.max_iter},
        )  # fmt: skip
        probabilities = problem.probabilities(found.x)
        if math.isinf(self.C) and probabilities.max() > 1 - max(_SURE, self.tol * len(table)) and problem.separable():
            raise InputError(
                "the classes can be separated by the features, wholly or in part, so without a penalty the multipliers "
                "grow without end: give a finite C, such as 1.0, or drop the features that separate."
            )
        missed = float(np.linalg.norm(problem.gradient(found.x)))
        if missed > self.tol:
            warnings.warn(
                f"after {found.nit} of {self.max_iter} steps the constraints are missed by {missed:.1e}, more than "
                f"tol = {self.tol:g}: raise max_iter or tol.", ConvergenceWarning, stacklevel=2,
            )  # fmt: skip
        self.coef_, self.intercept_ = problem.multipliers(found.x)
        self.n_iter_ = max(1, int(found.nit))
        self.loss_ = problem.mean_loss(found.x)
        self.entropy_ = float(weight @ special.entr(probabilities).sum(axis=1) / weight.sum())
        self.residuals_ = problem.residuals(probabilities, table)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """θ · x + b: (n, classes), or (n,) for two classes, positive where the second is more likely."""
        check_is_fitted(self)
        table = validate_data(self, X, dtype=np.float64, reset=False)
        scores: NDArray[np.float64] = table @ self.coef_.T + self.intercept_
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """ln p(y | x): (n, classes), each row a distribution."""
        scores = self.decision_function(X)
        if scores.ndim == 1:
            scores = np.stack([np.zeros_like(scores), scores], axis=1)
        result: NDArray[np.float64] = special.log_softmax(scores, axis=1)
        return result

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """p(y | x): (n, classes), each row a distribution."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most likely class of each sample, (n,)."""
        scores = self.decision_function(X)
        chosen = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        result: NDArray[Any] = self.classes_[chosen]
        return result

    def _check_options(self) -> None:
        for name, value in (("C", self.C), ("tol", self.tol), ("max_iter", self.max_iter)):
            if not isinstance(value, Real) or not value > 0:
                raise InputError(f"{name} must be above 0; given {value!r}.")
