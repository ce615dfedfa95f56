"""Mutual information as if x and y were jointly Gaussian: all that linear dependence can say.

    I = −½ Σ_c ln(1 − ρ_c²) − b,    b = ½ Σ over {1..dx} + {1..dy} − {1..dx + dy} of ψ((n − i)/2),

ρ_c the canonical correlations of x (n, dx) and y (n, dy), nats. b is the exact bias for Gaussian samples.
stderr² = Σ_c ρ_c²/m + max(2, dx·dy/2)/m², m = n − dx − dy − 1: the first term is Fisher's; the second takes over
where dependence is weak and 2nI is noncentral χ² rather than normal. Its 2 is what keeps the interval above 92.5 % for
one column a side, at the price of covering nearly always at independence. The analytic null is that of Wilks'
Λ = exp(−2I) by Rao's F, exact for min(dx, dy) ≤ 2.

When this misleads: it misses whatever is not linear (y = x² has 0) and takes heavy tails for dependence. Where the
fourth moments are not those of a Gaussian there is no error, with the reason.

Source: Misra, Singh & Demchuk (2005) and Ince et al. (2017) for b; Rao (1951); Mardia (1970) for the check.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError
from entropist.estimators._batch_means import MINIMUM_TOKENS
from entropist.estimators._nulls import effective_n, p_value, resampled
from entropist.estimators._paired import paired
from entropist.estimators._pointwise import Pointwise
from entropist.results import Estimate

_DEPENDENT = 1e-10  # a direction of x narrower than this beside its widest is a sum of the others
_DETERMINED = 1e-13  # the sine of an angle that is zero but for rounding
_NOT_GAUSSIAN = 4.0  # standard errors of Mardia's kurtosis


@dataclass(frozen=True)
class Domain:
    """Where the interval is certified: the kind of samples, how many a dimension, how strong a correlation."""

    samples: str
    least: int
    strongest: float

    def __str__(self) -> str:
        return f"{self.samples}, at least {self.least} a dimension, correlations up to {self.strongest:g}"


GAUSSIAN = Domain("Gaussian samples", 15, 0.98)


@dataclass(frozen=True)
class Gaussian:
    """The Gaussian estimator, for `mutual_information(x, y, "gaussian")`. corrected: subtract the exact bias.

    >>> Gaussian().mutual_information([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0, 2.0, 5.0, 4.0]).estimator
    'Gaussian'
    """

    corrected: bool = True

    def mutual_information(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        null: str | None = None,
        sequence: bool = False,
        seed: int = 0,
        local: bool = False,
    ) -> Estimate:
        """The estimate in nats. x, y: (n,) or (n, d); null: "analytic", "permutation" or "circular-shift"."""
        left, right = paired(x, y, least=4)
        return estimate(left, right, "Gaussian", GAUSSIAN, self.corrected, null, sequence, seed, local, reason=None)


def estimate(
    x: NDArray[Any],
    y: NDArray[Any],
    name: str,
    domain: Domain,
    corrected: bool,
    null: str | None,
    sequence: bool,
    seed: int,
    local: bool,
    reason: str | None,
) -> Estimate:
    """The Gaussian estimate of tables (n, d); `reason`: why the caller knows of no error."""
    n = len(x)
    name = name if corrected else f"{name}, biased (no correction)"
    left, right = _basis(x), _basis(y)
    dx, dy = left.shape[1], right.shape[1]
    if dx == 0 or dy == 0:
        side = "x" if dx == 0 else "y"
        return _packed(0.0, None, n, name, local, np.zeros(n), reason=f"{side} is constant and shares nothing")
    if n <= dx + dy + 1:
        raise InputError(f"{n} samples of {dx} + {dy} dimensions: a Gaussian needs more than {dx + dy + 1}.")
    u, v, cosine, sine = _canonical(left, right)
    if (sine < _DETERMINED).any():
        why = "a combination of x is a combination of y: the information is infinite"
        return _packed(math.inf, None, n, name, local, np.full(n, math.inf), reason=why)
    effective = _effective_n(left, right) if sequence else float(n)
    shift = bias(effective or n, dx, dy) if corrected else 0.0
    raw = -float(np.log(sine).sum())
    stderr = None
    if effective is None:
        reason = reason or f"{n} samples are fewer than the {MINIMUM_TOKENS} that the error of a sequence needs"
    elif effective < domain.least * (dx + dy):
        reason = reason or f"{effective:.0f} samples are fewer than {domain.least} for each of {dx + dy} dimensions"
    elif math.atanh(min(cosine.max(), 1 - 1e-15)) > math.atanh(domain.strongest) + _slack(effective, dx, dy):
        reason = reason or f"a correlation of {cosine.max():.4f} is above {domain.strongest:g}"
    elif (kurtosis := _kurtosis(left, right, effective)) > _NOT_GAUSSIAN:
        reason = reason or f"these are not {domain.samples}: Mardia's kurtosis is {kurtosis:.1f} standard errors off"
    elif reason is None:
        free = effective - dx - dy - 1
        stderr = math.sqrt(float((cosine**2).sum()) / free + max(2.0, dx * dy / 2) / free**2)
    inside = f"{domain}, {'stationary' if sequence else 'independent'}"
    expected, chance = _null(null, left, right, raw, shift, seed)
    parts = np.log(1 / sine).sum() + ((2 * cosine * u * v - cosine**2 * (u * u + v * v)) / (2 * sine**2)).sum(axis=1)
    return _packed(
        raw - shift, stderr, n, name, local, parts - shift, reason=reason, null=expected, p_value=chance,
        domain=None if stderr is None else inside, effective_n=effective if sequence else None,
    )  # fmt: skip


def _slack(n: float, dx: int, dy: int) -> float:
    """How far above the truth the largest correlation of n samples may well lie, in its Fisher transform."""
    return (2 + math.sqrt(dx) + math.sqrt(dy)) / math.sqrt(n)


def bias(n: float, dx: int, dy: int) -> float:
    """How far n Gaussian samples put the estimate too high on average, in nats, whatever the correlations.

    >>> round(bias(100, 1, 1), 6)
    0.005128
    """
    from scipy import special  # only here: SciPy's import is slow

    def terms(d: int) -> float:
        return float(special.digamma((n - np.arange(1, d + 1)) / 2).sum())

    return 0.5 * (terms(dx) + terms(dy) - terms(dx + dy))


def tail(information: Any, n: int, dx: int, dy: int) -> Any:
    """How often independent Gaussian samples give at least this much raw information (a number or an array)."""
    from scipy import special  # only here: SciPy's import is slow

    both = dx * dx + dy * dy - 5
    s = math.sqrt((dx * dx * dy * dy - 4) / both) if both > 0 else 1.0
    first, second = dx * dy, s * (n - 1 - (dx + dy + 1) / 2) - (dx * dy - 2) / 2
    # Λ^(1/s) is Beta((second)/2, first/2) in Rao's approximation.
    return special.betainc(second / 2, first / 2, np.exp(-2 * np.maximum(information, 0) / s))


def _basis(x: NDArray[Any]) -> NDArray[Any]:
    """Orthonormal columns that span the centred x, without constants and repetitions: (n, rank)."""
    centred = x - x.mean(axis=0)
    spread = np.sqrt((centred * centred).sum(axis=0))
    noise = 1e-14 * math.sqrt(len(x)) * np.abs(x).max(axis=0)
    kept = (np.ptp(x, axis=0) > 0) & (spread > noise)
    if not kept.any():
        return np.empty((len(x), 0))
    directions, sizes, _ = np.linalg.svd(centred[:, kept] / spread[kept], full_matrices=False)
    return directions[:, sizes > _DEPENDENT * sizes[0]]


def _canonical(
    left: NDArray[Any], right: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Canonical variables of variance 1, (n, c) each, and cosine and sine of the angles between them, (c,).

    The sine comes from what the projection leaves over, because √(1 − ρ²) has no digits where ρ is near 1.
    """
    a, cosine, b = np.linalg.svd(left.T @ right)
    c = len(cosine)
    u, v = left @ a[:, :c], right @ b[:c].T
    cosine = np.minimum(cosine, 1.0)
    rest = v - u * cosine
    sine = np.where(cosine < 0.7, np.sqrt(1 - cosine**2), np.sqrt((rest * rest).sum(axis=0)))
    scale = math.sqrt(len(left))
    return u * scale, v * scale, cosine, sine


def _effective_n(left: NDArray[Any], right: NDArray[Any]) -> float | None:
    """How many independent samples would give the mean products of x and y the variance these have."""
    n = len(left)
    if n < MINIMUM_TOKENS:
        return None
    products = (left[:, :, None] * right[:, None, :]).reshape(n, -1)
    spread = products.var(axis=0)
    return float(spread.sum() / sum(v / effective_n(series) for v, series in zip(spread, products.T)))


def _kurtosis(left: NDArray[Any], right: NDArray[Any], n: float) -> float:
    """Mardia's kurtosis of (x, y), in standard errors from its expectation for Gaussian samples."""
    directions = np.linalg.svd(np.concatenate([left, right], axis=1), full_matrices=False)[0]
    p = directions.shape[1]
    found = float(((directions**2).sum(axis=1) ** 2).sum()) * len(left)
    off: float = abs(found - p * (p + 2) * (n - 1) / (n + 1))
    return off / math.sqrt(8 * p * (p + 2) / n)


def _null(
    null: str | None, left: NDArray[Any], right: NDArray[Any], raw: float, shift: float, seed: int
) -> tuple[float | None, float | None]:
    """Expectation and p-value of the null named."""
    if null is None:
        return None, None
    n, dx, dy = len(left), left.shape[1], right.shape[1]
    if null == "analytic":
        return bias(n, dx, dy) - shift, float(tail(raw, n, dx, dy))
    draws = resampled(lambda order: _raw(left, right[order]), null, n, seed)
    return float(draws.mean()) - shift, p_value(raw, draws)


def _raw(left: NDArray[Any], right: NDArray[Any]) -> float:
    cosine = np.minimum(np.linalg.svd(left.T @ right, compute_uv=False), 1 - 1e-15)
    return -0.5 * float(np.log1p(-(cosine**2)).sum())


def _packed(
    value: float, stderr: float | None, n: int, name: str, local: bool, parts: NDArray[Any], **more: Any
) -> Estimate:
    if local:
        return Pointwise(value, stderr, "nats", n, name, local=parts, **more)
    return Estimate(value, stderr, "nats", n, name, **more)
