"""The temperature a text was sampled at, by maximum likelihood among the listed tokens.

If the emitted token x is listed and was sampled at temperature T, then given that it is listed

    P(x) = p_x^{1/T} / Σ_listed p_i^{1/T},

whatever the tail is. With b = 1/T the log-likelihood Σ_t (b l_x − ln Σ_i exp b l_i) is concave; its
derivative is Σ (l_x − E_b l), its curvature −Σ Var_b l. The interval is where the log-likelihood lies
within χ²₁(level)/2 of its maximum (1.92 at 95 %).

When this misleads: top-p and top-k look like a lower temperature, and a text of which nearly every token
was certain says nothing; the interval is then wide. T = 0 (every token the most likely one) and T = ∞ are
values it can take.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from entropist.results import Estimate
from entropist.uncertainty._grouped import Grouped

_COLDEST = 1e6  # 1/T beyond which no other token has a weight in float64
_LEAST_TOKENS = 30


def sampling_temperature(tokens: Grouped) -> Estimate:
    """Temperature relative to the reported log-probabilities: 1 where they are what was sampled from. No unit."""
    relative = relative_to_emitted(tokens)
    n = len(relative)
    estimator = "maximum likelihood among listed tokens"
    if not n:
        reason = "no emitted token stands on a list of two or more"
        return Estimate(np.nan, None, unit="", n=0, estimator=estimator, reason=reason)
    best = _most_likely(relative)
    information = _mean_and_variance(relative, best)[1]
    hot = best == 0
    at_edge = hot or best >= _COLDEST or information <= 0
    return Estimate(
        np.inf if hot else 0.0 if best >= _COLDEST else 1 / best,
        None if at_edge else 1 / (best**2 * np.sqrt(information)),
        unit="",
        n=n,
        estimator=estimator,
        reason="the likelihood has its maximum at the end of the range" if at_edge else None,
        domain=f"sampling without top-p or top-k, {_LEAST_TOKENS} listed tokens or more",
        interval=partial(_interval, relative, best),
    )


def relative_to_emitted(tokens: Grouped, kept: NDArray[np.bool_] | bool = True) -> NDArray[np.float64]:
    """Log-probabilities less that of the emitted token, (tokens, k), of those on a list of two or more.

    Entries that were not `kept` (broadcast to (n, k)) are −inf.
    """
    listed = tokens.is_listed & (np.isfinite(tokens.logprobs[:, :-1]).sum(axis=1) > 1)
    logprobs = np.where(kept, tokens.logprobs[:, :-1], -np.inf)[listed]
    return np.asarray(logprobs - logprobs[np.arange(len(logprobs)), tokens.chosen[listed]][:, None])


def largest_log_likelihood(relative: NDArray[np.float64]) -> float:
    """max over T of the log-likelihood of the emitted tokens among those listed."""
    return _log_likelihood(relative, _most_likely(relative))


def _most_likely(relative: NDArray[np.float64]) -> float:
    """1/T where the likelihood is largest."""
    return _root(lambda b: -_mean_and_variance(relative, b)[0])


def _mean_and_variance(relative: NDArray[np.float64], b: float) -> tuple[float, float]:
    """Σ E_b and Σ Var_b of the log-probabilities relative to the emitted one."""
    finite = np.where(np.isfinite(relative), relative, 0.0)
    weights = np.where(np.isfinite(relative), np.exp(b * (finite - relative.max(axis=1, keepdims=True))), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    mean = (weights * finite).sum(axis=1)
    return float(mean.sum()), float((weights * (finite - mean[:, None]) ** 2).sum())


def _log_likelihood(relative: NDArray[np.float64], b: float) -> float:
    scaled = (
        b * np.where(np.isfinite(relative), relative, -np.inf) if b > 0 else np.where(relative > -np.inf, 0, -np.inf)
    )
    highest = scaled.max(axis=1)
    return -float((highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))).sum())


def _interval(relative: NDArray[np.float64], best: float, level: float) -> tuple[float, float]:
    from scipy import stats

    floor = _log_likelihood(relative, best) - float(stats.chi2.ppf(level, 1)) / 2

    def above(b: float) -> float:
        return _log_likelihood(relative, b) - floor

    low = 0.0 if above(0.0) >= 0 else _root(lambda b: -above(b), 0.0, best)
    high = _COLDEST if above(_COLDEST) >= 0 else _root(above, best, _COLDEST)
    return (0.0 if high >= _COLDEST else 1 / high), (np.inf if low == 0 else 1 / low)


def _root(falling: Callable[[float], float], low: float = 0.0, high: float = _COLDEST) -> float:
    """Where a falling function crosses zero in [low, high]; the end nearest to it where it does not."""
    from scipy import optimize

    if falling(low) <= 0:
        return low
    if falling(high) >= 0:
        return high
    return float(optimize.brentq(falling, low, high, xtol=1e-12, rtol=1e-12))
