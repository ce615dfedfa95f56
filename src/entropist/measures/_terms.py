"""The terms that sums over a distribution are made of, each exact in its corners. Elementwise, any shape, nats.

    information(p)          p ln(1/p), and 0 at p = 0
    log_ratio(p, q, d)      ln(q/p),   and 0 where either is 0
    divergence(p, q, d)     p ln(p/q) − p + q >= 0, with q at p = 0 and inf where q = 0 < p

d = q − p is passed in because a caller may know it better than the subtraction does. Near p = q the logarithm of
the ratio loses everything to cancellation; there, with s = d/(p + q) and P = 1/3 + s²/5 + s⁴/7 + …,

    ln(q/p) = 2 artanh s = 2s(1 + s²P)        p ln(p/q) − p + q = d·s − 2p·s³P

The −p + q sums to nothing over distributions and makes every term non-negative, so that no sum of them cancels.
Masked entries are replaced before the logarithm and not after it, so that gradients stay finite: at p = 0 the
gradient with respect to p is 0.
"""

import math
from typing import Any

QUICK_FROM = 0.05  # nats from which a sum of p ln(p/q) loses less than 1e-14 of itself to cancellation
_NEAR = 0.1  # |s| up to which the series is used; its eight terms then reach float64
_SCALE = 60  # bits; more than any dtype loses to subnormal numbers
_SERIES = tuple(1 / (2 * k + 3) for k in range(8))


def information(xp: Any, p: Any) -> Any:
    """p ln(1/p); the sum over a distribution is its entropy."""
    return 0.0 - p * xp.log(xp.where(p > 0, p, 1.0))


def log_ratio(xp: Any, p: Any, q: Any, d: Any) -> Any:
    """ln(q/p) with the relative precision of d = q − p; 0 where p or q is 0."""
    s, rest = _series(xp, p, q, d)
    return xp.where(xp.abs(s) <= _NEAR, 2 * s * (1 + s * s * rest), _far_log_ratio(xp, p, q))


def divergence(xp: Any, p: Any, q: Any, d: Any) -> Any:
    """p ln(p/q) − p + q; over two distributions the sum is the Kullback–Leibler divergence."""
    logarithmic, linear = _divergence(xp, p, q, d)
    return logarithmic + linear


def summed_divergence(xp: Any, p: Any, q: Any, d: Any) -> Any:
    """Σ p ln(p/q) − p + q over the last axis; −p + q apart, so that it comes to 0 where it should."""
    logarithmic, linear = _divergence(xp, p, q, d)
    return xp.sum(logarithmic, axis=-1) + xp.sum(linear, axis=-1)


def positive(xp: Any, q: Any, p: Any) -> Any:
    """A mixture or product q that bounds p from above, where it underflowed to 0 though p > 0: the smallest float."""
    return xp.where((p > 0) & (q <= 0), float(xp.finfo(q.dtype).smallest_normal), q)


def _divergence(xp: Any, p: Any, q: Any, d: Any) -> tuple[Any, Any]:
    s, rest = _series(xp, p, q, d)
    near = xp.abs(s) <= _NEAR
    far = xp.where((p > 0) & (q <= 0), xp.inf, 0.0 - p * _far_log_ratio(xp, p, q))
    return xp.where(near, s * (d - 2 * p * s * s * rest), far), xp.where(near, 0.0, xp.where(p > 0, d, q))


def _series(xp: Any, p: Any, q: Any, d: Any) -> tuple[Any, Any]:
    both = p + q
    s = d / xp.where(both > 0, both, 1.0)
    square = s * s
    rest = _SERIES[-1] * square + _SERIES[-2]
    for coefficient in _SERIES[-3::-1]:
        rest = rest * square + coefficient
    return s, rest


def _far_log_ratio(xp: Any, p: Any, q: Any) -> Any:
    """Of the two quotients the one below 1, which does not overflow, and scaled up where it would lose its digits."""
    both = (p > 0) & (q > 0)
    low = xp.where(both, xp.minimum(p, q), 1.0)
    high = xp.where(both, xp.maximum(p, q), 1.0)
    kind = xp.finfo(low.dtype)
    faint = low < float(kind.smallest_normal) / float(kind.eps)
    scaled = xp.log(xp.where(faint, low * 2.0**_SCALE, low) / high)
    small = xp.where(faint, scaled - _SCALE * math.log(2), scaled)
    return xp.where(q < p, small, -small)
