"""The entropy that Nemenman, Shafee and Bialek infer: a prior nearly flat in the entropy itself.

    p ~ Dirichlet(β, …, β) over K symbols,  β such that ξ(β) = E[H | β] = ψ(Kβ + 1) − ψ(β + 1) is uniform in [0, ln K],

    E[H | c] = ∫ E[H | c, β] w(β) dβ / ∫ w(β) dβ,    w = ξ'(β) · Γ(Kβ)/Γ(n + Kβ) · Π Γ(c_i + β)/Γ(β),  β from 0 to ∞,

in nats, with x_i = c_i + β, A = n + Kβ and q_i = x_i / A:

    E[H | c, β]   = ψ(A + 1) − Σ q ψ(x + 1)
    Var[H | c, β] = (Σ q (ψ(x + 1) − mean)² + Σ q g(x + 1) − g(A + 1)) / (A + 1),    g(y) = y ψ₁(y) − 1.

The standard deviation has both parts, Var[E] and E[Var]. The integral is a trapezoid in ln β: the integrand falls like
β at one end and 1/β at the other, or faster, so the rule converges geometrically; the step is halved until two results
agree.

Source: Nemenman, Shafee & Bialek (2002); Wolpert & Wolf (1995) for the moments, brought here to a form without
cancellation.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.estimators.discrete._counts import Counts

Array = NDArray[np.float64]
_NEGLIGIBLE = 45.0  # e to minus this: what lies below adds nothing to 16 digits
_AGREED = 1e-12


def posterior(c: Counts) -> tuple[float, float]:
    """Mean and standard deviation of the entropy given the counts, in nats.

    >>> from entropist.estimators.discrete._counts import from_counts
    >>> [round(x, 6) for x in posterior(from_counts([4, 2, 3, 0, 2, 4, 0, 0, 2, 1, 1]))]
    [2.187774, 0.140893]
    """
    return _posterior(tuple(c.values.tolist()), tuple(c.symbols.tolist()), c.n, c.support)


@lru_cache(maxsize=512)
def _posterior(values: tuple[float, ...], symbols: tuple[float, ...], n: int, support: int) -> tuple[float, float]:
    if support == 1:
        return 0.0, 0.0
    v, m, k = np.array(values), np.array(symbols), float(support)
    low, high = reach(v, m, float(n), k)
    step, before = (high - low) / 64, (math.inf, math.inf)
    while True:
        t = np.arange(low, high + step / 2, step)
        weight = log_weight(t, v, m, float(n), k)
        weight = np.exp(weight - weight.max())
        weight /= weight.sum()
        mean, variance = _moments(np.exp(t), v, m, float(n), k)
        centre = float(weight @ mean)
        spread = math.sqrt(max(0.0, float(weight @ (variance + (mean - centre) ** 2))))
        found = (centre, spread)
        if all(abs(a - b) <= _AGREED * max(1.0, a) for a, b in zip(found, before)) or len(t) > 1 << 17:
            return max(0.0, centre), spread
        step, before = step / 2, found


def reach(v: Array, m: Array, n: float, k: float) -> tuple[float, float]:
    """The ends, in ln β, outside which the integrand is negligible, found by zooming in on where it is not."""
    low, high = -math.log(k) - 60.0, math.log(n) + 60.0
    for _ in range(40):
        t = np.linspace(low, high, 129)
        weight = log_weight(t, v, m, n, k)
        kept = np.flatnonzero(weight > weight.max() - _NEGLIGIBLE)
        first, last = max(0, kept[0] - 1), min(128, kept[-1] + 1)
        if last - first > 64:
            return float(t[first]), float(t[last])
        low, high = float(t[first]), float(t[last])
    return low, high


def log_weight(t: Array, v: Array, m: Array, n: float, k: float) -> Array:
    """ln of w(β) β, the integrand over ln β = t, up to a constant."""
    beta = np.exp(t)
    slope = (k - 1) / ((k * beta + 1) * (beta + 1)) + k * _g(k * beta + 1) / (k * beta + 1) - _g(beta + 1) / (beta + 1)
    evidence = -log_rising(k * beta, n)
    for value, many in zip(v, m):
        evidence = evidence + many * log_rising(beta, value)
    return np.asarray(evidence + np.log(slope) + t)


def _moments(beta: Array, v: Array, m: Array, n: float, k: float) -> tuple[Array, Array]:
    """Mean and variance of H given c and β, for each β."""
    from scipy.special import digamma

    x = np.append(v, 0.0) + beta[:, None]
    total = n + k * beta
    q = np.append(m, k - m.sum()) * x / total[:, None]
    level = digamma(x + 1)
    middle = (q * level).sum(axis=1)
    scatter = (q * (level - middle[:, None]) ** 2).sum(axis=1)
    excess = (q * (_g(x + 1) - _g(total + 1)[:, None])).sum(axis=1)
    return digamma(total + 1) - middle, (scatter + excess) / (total + 1)


def _g(y: Any) -> Any:
    """y ψ₁(y) − 1 for y ≥ 1, by its asymptotic series where the difference would lose digits."""
    from scipy.special import polygamma

    r = 1 / y
    series = r * (1 / 2 + r * (1 / 6 - r * r * (1 / 30 - r * r * (1 / 42 - r * r * (1 / 30 - r * r * 5 / 66)))))
    return np.where(y > 25, series, y * polygamma(1, np.minimum(y, 25.0)) - 1)


def log_rising(z: Array, n: float) -> Array:
    """ln Γ(z + n) − ln Γ(z), without the cancellation that large z brings."""
    from scipy.special import gammaln

    r, s = 1 / np.maximum(z, 25.0), 1 / (np.maximum(z, 25.0) + n)
    far = (z - 0.5) * np.log1p(n / z) + n * (np.log(z + n) - 1) + _stirling(s) - _stirling(r)
    return np.asarray(np.where(z > 25, far, gammaln(z + n) - gammaln(z)))


def _stirling(r: Any) -> Any:
    """What Stirling's formula lacks of ln Γ(1/r)."""
    return r * (1 / 12 - r * r * (1 / 360 - r * r * (1 / 1260 - r * r * (1 / 1680 - r * r / 1188))))
