"""What two columns share beyond a monotone dependence: information less that of a Gaussian of the same correlation.

    excess = I(x; y) − I_copula(x; y),    nats,

I by any estimator, I_copula the Gaussian information at the observed correlation of normal scores (`GaussianCopula`).
Of all dependences with that correlation the Gaussian one shares least, so the truth is never below 0 for one column a
side; it is 0 for a Gaussian copula, however strong, and all of I for y = x².

When this misleads: it is a difference of two estimates from the same samples. A bias of the first, such as that of
nearest neighbours near their ceiling, is taken for excess, and so is a shortfall in the other direction.

Source: the bound is that of the maximum entropy of a Gaussian; Ince et al. (2017) for the copula.
"""

from numpy.typing import ArrayLike

from entropist.errors import InputError
from entropist.estimators._copula import GaussianCopula
from entropist.estimators._mutual_information import MutualInformationEstimator, mutual_information
from entropist.results import Estimate


def excess(
    x: ArrayLike, y: ArrayLike, estimator: str | MutualInformationEstimator = "ksg", *, unit: str = "nats"
) -> Estimate:
    """I(x; y) by `estimator` less the Gaussian-copula information. x, y: (n,) or (n, d), continuous.

    It has no stderr: both parts come from the same samples and their errors go together. Raises `InputError` as the
    estimators do, and where one side is a monotone function of the other, so that both parts are infinite.

    >>> import numpy as np
    >>> x, noise = np.random.default_rng(0).normal(size=(2, 1000))
    >>> bool(excess(x, x**2 + noise).value > 0.2), bool(abs(excess(x, x + noise).value) < 0.1)
    (True, True)
    """
    found = mutual_information(x, y, estimator, unit=unit)
    gaussian = GaussianCopula().mutual_information(x, y).to(found.unit)
    if gaussian.value == float("inf"):
        raise InputError("one side is a monotone function of the other: infinite less infinite is no number.")
    return Estimate(
        found.value - gaussian.value, None, found.unit, found.n, f"{found.estimator} less {gaussian.estimator}",
        reason="both parts come from the same samples",
    )  # fmt: skip
