"""Mutual information from paired samples: one door, and by name or by object whoever does the work.

    I(X; Y) = E ln p(x, y) / (p(x) p(y)),    x, y: (n,) or (n, d),    nats unless `unit=` says otherwise.

An estimator is a small object with the one method of `MutualInformationEstimator`; `"ksg"` is a name for `KSG()`.
Values are in nats below this door and are never clipped: an estimate near zero is as often negative as positive.

When this misleads: see each estimator. No estimator from samples shows more than about ln n nats.
"""

from collections.abc import Callable
from typing import Literal, Protocol, get_args, runtime_checkable

from numpy.typing import ArrayLike

from entropist.errors import InputError
from entropist.estimators._binned import Binned
from entropist.estimators._copula import GaussianCopula
from entropist.estimators._gaussian import Gaussian
from entropist.estimators.discrete._count_estimators import ESTIMATORS as COUNT_ESTIMATORS
from entropist.estimators.neighbours._ksg import KSG
from entropist.estimators.neighbours._mixed import Gao, Ross
from entropist.results import Estimate
from entropist.units import unit_name

Null = Literal["permutation", "circular-shift", "analytic"]


@runtime_checkable
class MutualInformationEstimator(Protocol):
    """What the door asks of an estimator: an `Estimate` in nats of raw x and y, which it checks itself.

    null: whose expectation and p-value to add, or None. sequence: the samples are in the order of time, so their
    error needs blocks. local: return a `Pointwise`. An estimator raises `InputError` for what it does not define.
    """

    def mutual_information(
        self, x: ArrayLike, y: ArrayLike, *, null: Null | None, sequence: bool, seed: int, local: bool
    ) -> Estimate:
        """The estimate, in nats."""
        ...


ESTIMATORS: dict[str, Callable[[], MutualInformationEstimator]] = {
    "ksg": KSG,
    "gao": Gao,
    "ross": Ross,
    "copula": GaussianCopula,
    "gaussian": Gaussian,
    "binned": Binned,
    **COUNT_ESTIMATORS,
}
"""What each name stands for."""


def mutual_information(
    x: ArrayLike,
    y: ArrayLike,
    estimator: str | MutualInformationEstimator = "ksg",
    *,
    unit: str = "nats",
    null: Null | None = None,
    sequence: bool = False,
    local: bool = False,
    seed: int = 0,
) -> Estimate:
    """The mutual information of paired samples, with its error and, where asked, its null.

    x, y: (n,) or (n, d); row i of both belongs together. estimator: a name in `ESTIMATORS` or an object such as
    `KSG(k=4, variant=2)`. null: `"permutation"` (independent samples), `"circular-shift"` (sequences), `"analytic"`
    where the estimator has one; the p-value is then (b + 1)/(m + 1), and `null` the mean where nothing is shared.
    sequence: the samples are in the order of time and resemble their neighbours; the null is then the circular
    shift unless another is named, and the error comes from blocks. local: a `Pointwise` with a value for every
    sample. The same `seed` gives the same result.

    Raises `InputError` for NaN or infinite values, unequal lengths, an unknown name, and what the estimator does
    not define.

    >>> import numpy as np
    >>> x, noise = np.random.default_rng(0).normal(size=(2, 1000))
    >>> estimate = mutual_information(x, 0.8 * x + 0.6 * noise, unit="bits")   # the truth: 0.737
    >>> bool(abs(estimate.value - 0.737) < 3 * estimate.stderr)
    True
    """
    name = unit_name(unit)
    if null is not None and null not in get_args(Null):
        raise InputError(f"null {null!r} is not known: use one of {', '.join(get_args(Null))}, or None for no null.")
    if null is None and sequence:
        null = "circular-shift"
    chosen = find(estimator)
    return chosen.mutual_information(x, y, null=null, sequence=sequence, seed=seed, local=local).to(name)


def find(estimator: str | MutualInformationEstimator) -> MutualInformationEstimator:
    """The estimator that a name stands for, or the object itself; anything else raises `InputError`.

    >>> find("ksg")
    KSG(k=4, variant=1, scale='standard')
    """
    if isinstance(estimator, str):
        if estimator not in ESTIMATORS:
            raise InputError(f"estimator {estimator!r} is not known: use one of {', '.join(sorted(ESTIMATORS))}.")
        return ESTIMATORS[estimator]()
    if not isinstance(estimator, MutualInformationEstimator):
        raise InputError(f"estimator {estimator!r} is neither a name nor an estimator of mutual information.")
    return estimator
