"""Differential entropy of continuous samples: from nearest neighbours, or from spacings of the sorted values.

    k-NN:  H = ψ(n) − ψ(k) + ⟨ln Π_j 2 s_j ε_i⟩,

ε_i: distance to the k-th neighbour, the largest difference of a coordinate, each divided by its standard deviation s_j.
samples: (n,) or (n, d), nats. Vasicek, van Es, Ebrahimi and Correa are SciPy's, for one dimension.

When this misleads: it is no amount of information by itself. It is negative for narrow distributions, moves by ln c
when the samples are multiplied by c, and is −∞ for values that repeat (which raise). The spacings are biased downward,
by 0.16 at n = 50 for normal samples and Vasicek's.

Source: Kozachenko & Leonenko (1987); `scipy.stats.differential_entropy`, and there Vasicek (1976), van Es (1992),
Ebrahimi, Pflughoeft & Soofi (1994) and Correa (1995).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError
from entropist.estimators._paired import table
from entropist.estimators.neighbours._assess import assess, each_part
from entropist.estimators.neighbours._ksg import LEAST, MOST_DIMENSIONS, in_doubt, own_exponent, scales
from entropist.estimators.neighbours._ksg_search import digammas
from entropist.estimators.neighbours._neighbours import check_k, kth_distance
from entropist.results import Estimate
from entropist.units import unit_name

Floats = NDArray[np.float64]

DOMAIN = f"continuous independent samples of one dimension, n ≥ {LEAST}"
_SPACINGS = ("vasicek", "van es", "ebrahimi", "correa")


def differential_entropy(
    samples: ArrayLike,
    estimator: str = "k-nn",
    *,
    k: int | None = None,
    window_length: int | None = None,
    unit: str = "nats",
    local: bool = False,
    seed: int = 0,
) -> Estimate:
    """Differential entropy of continuous samples.

    samples: (n,) or (n, d). estimator: "k-nn" (k neighbours, 4 by default), or of spacings in one dimension "vasicek",
    "van es", "ebrahimi", "correa" (window_length on either side, SciPy's default). local: a `Pointwise` with −ln p as
    the estimator sees it at each sample, k-NN only.

    The error is of "k-nn" in one dimension from 400 samples on; elsewhere `reason` says why there is none.

    Raises `InputError` for NaN or infinite values, an unknown estimator, an option of the other kind, too few samples,
    and values that repeat so often that the density there is infinite.

    Source: Kozachenko & Leonenko (1987); SciPy for the others.

    >>> normal = np.random.default_rng(0).normal(size=2000)                     # the truth: 1.419
    >>> print(differential_entropy(normal), "|", differential_entropy(normal, "vasicek").estimator)
    1.4206 ± 0.0331 nats (n = 2000, k-NN, k = 4) | Vasicek
    """
    points = table("samples", samples)
    n, dimensions = points.shape
    if estimator == "k-nn":
        if window_length is not None:
            raise InputError("window_length belongs to the estimators of spacings; 'k-nn' takes k.")
        name, search = f"k-NN, k = {k or 4}", _neighbours(points, 4 if k is None else k)
    elif estimator in _SPACINGS:
        if k is not None or local:
            raise InputError(f"k and local belong to 'k-nn'; {estimator!r} takes window_length.")
        name, search = estimator.title().replace("Van", "van"), _spacings(points, estimator, window_length)
    else:
        raise InputError(f"estimator {estimator!r} is not known: use one of k-nn, {', '.join(_SPACINGS)}.")
    reason = None
    if dimensions > MOST_DIMENSIONS:
        reason = in_doubt(name, f"{dimensions} dimensions are high: neighbours are far away and the value too large")
    elif estimator != "k-nn":
        reason = "its bias is large for heavy tails and short samples, so that only 'k-nn' has a certified error"
    elif dimensions > 1:
        reason = "its error is certified for one dimension"
    elif n < LEAST:
        reason = f"{n} samples are fewer than the {LEAST} that its error needs"
    return assess(
        lambda: search(slice(None)), each_part(lambda rows: float(search(rows).mean())), n, name, reason=reason,
        domain=DOMAIN, seed=seed, coordinates=max(2, dimensions), standing=0, local=local,
    ).to(unit_name(unit))  # fmt: skip


def _neighbours(points: Floats, k: int) -> Any:
    check_k(k)
    if len(points) <= k:
        raise InputError(f"{len(points)} samples are too few for k = {k}: more than k are needed.")
    moved = own_exponent(points)
    factor = scales(moved, "standard")
    # A column that was moved by a power of two has its unit back in the volume.
    unit = np.log2(np.abs(points).max(axis=0) / np.abs(moved).max(axis=0)) if moved is not points else np.zeros(1)
    scaled, volume = moved * factor, float(-np.log(factor).sum() + np.log(2) * np.round(unit).sum())

    def local(rows: Any) -> Floats:
        some = scaled[rows]
        radius = kth_distance(some, k)
        if repeated := int((radius == 0).sum()):
            raise InputError(f"{repeated} samples are repeated more than {k} times, and such a value has no density: "
                             "use an estimator of discrete entropy.")  # fmt: skip
        digamma = digammas(len(some))
        return np.asarray(digamma[len(some)] - digamma[k] + some.shape[1] * np.log(2 * radius) + volume, np.float64)

    return local


def _spacings(points: Floats, method: str, window_length: int | None) -> Any:
    if points.shape[1] > 1:
        raise InputError(f"{method!r} is for one dimension; given {points.shape[1]}: use 'k-nn'.")
    if window_length is not None and not 1 <= window_length < len(points) / 2:
        raise InputError(
            f"window_length {window_length} must be 1 or more and less than half of {len(points)} samples."
        )
    if len(points) < 4:
        raise InputError(f"{len(points)} samples are too few: at least 4 are needed.")

    def mean(rows: Any) -> Floats:
        from scipy import stats  # only here: SciPy's import is slow

        with np.errstate(divide="ignore"):
            value = float(stats.differential_entropy(points[rows, 0], window_length=window_length, method=method))
        if not np.isfinite(value):
            raise InputError("too many samples repeat a value, and such a value has no density: use an estimator of "
                             "discrete entropy.")  # fmt: skip
        return np.array([value])

    return mean
