"""Entropies and divergences of an order a, from counting outcomes (0) over Shannon (1) to the likeliest alone (inf).

    Rényi    H_a(p) = ln(Σ p_i^a) / (1 − a)          D_a(p‖q) = ln(Σ p_i^a q_i^(1−a)) / (a − 1)
    Tsallis  S_a(p) = (1 − Σ p_i^a) / (a − 1)

p: (..., n). Near order 1 both numerator and denominator vanish, and in the corners powers over- and underflow.
So what is summed is the excess over 1, whose terms all have one sign and follow from e = a − 1 without a power:

    Σ p^a − 1 = Σ (p^a − p) = Σ p expm1(e ln p)
    Σ p^a q^(1−a) − 1 = Σ [p^a q^(1−a) − a p − (1−a) q] = Σ [e (p ln(p/q) − p + q) + p (expm1(x) − x)],  x = e ln(p/q)

and where that is far from 0 the logarithm of the sum is taken with its largest term in front.
"""

import math
from numbers import Real
from typing import Any

from entropist.errors import InputError
from entropist.measures._entropies import entropy_of, hartley_of, min_entropy_of, not_negative
from entropist.measures._rows import measured
from entropist.measures._terms import divergence, log_ratio, summed_divergence

_AS_GOOD_AS_INFINITE = 1e20  # the values of orders above differ from their limit by less than one part in 1e19
_EXPM1_REST = tuple(1 / math.factorial(k) for k in range(2, 11))


def renyi_entropy(p: Any, order: float, *, axis: int = -1, unit: str = "nats", normalize: bool = False) -> Any:
    """Rényi entropy of `order` a, H_a(p) = ln(Σ p_i^a) / (1 − a), with its limits at a = 0, 1 and inf.

    p: (..., n), probabilities along `axis`; the result is (...). Order 0 counts possible outcomes (Hartley), 1 is
    Shannon's entropy, 2 the collision entropy, inf the min-entropy; it never grows with the order. Any order from 0
    to inf is right, those within rounding of 1 too. Raises `InputError` for a negative or NaN order, and as `entropy`.

    When this misleads: below order 1 the rare outcomes rule, and with them whatever rounding or smoothing made them.

    Source: Rényi, Proc. 4th Berkeley Symp. 1 (1961) 547.

    >>> print(f"{renyi_entropy([0.5, 0.25, 0.25], 2, unit='bits'):.4f}")
    1.4150
    """
    order = _order(order)

    def kernel(xp: Any, table: Any) -> Any:
        if order == 1:
            return entropy_of(xp, table)
        if order == 0:
            return hartley_of(xp, table)
        if order > _AS_GOOD_AS_INFINITE:
            return min_entropy_of(xp, table)
        return _renyi_entropy(xp, table, order)

    return measured(kernel, axis=axis, normalize=normalize, unit=unit, p=p)


def tsallis_entropy(p: Any, order: float, *, axis: int = -1, normalize: bool = False) -> Any:
    """Tsallis entropy of `order` a, S_a(p) = (1 − Σ p_i^a) / (a − 1), and Shannon's in nats at a = 1. No unit.

    p: (..., n), probabilities along `axis`; the result is (...). Order 2 is the Gini impurity, order 0 the number of
    possible outcomes less one. Raises `InputError` for a negative or NaN order, and as `entropy`.

    When this misleads: independent parts do not add up; S_a of a pair is S + S' + (1 − a) S S'.

    Source: Havrda and Charvát, Kybernetika 3 (1967); Tsallis, J. Stat. Phys. 52 (1988).

    >>> print(tsallis_entropy([0.5, 0.25, 0.25], 2))
    0.625
    """
    order = _order(order)

    def kernel(xp: Any, table: Any) -> Any:
        if order == 1:
            return entropy_of(xp, table)
        if order > _AS_GOOD_AS_INFINITE:
            return xp.zeros_like(table[..., 0])
        return not_negative(xp, _power_excess(xp, table, order) / (1 - order))

    return measured(kernel, axis=axis, normalize=normalize, p=p)


def renyi_divergence(
    p: Any, q: Any, order: float, *, axis: int = -1, unit: str = "nats", normalize: bool = False
) -> Any:
    """Rényi divergence of `order` a, D_a(p‖q) = ln(Σ p_i^a q_i^(1−a)) / (a − 1), with its limits at a = 0, 1 and inf.

    p, q: (..., n), probabilities along `axis`, of one shape, or one a single distribution (n,); the result is (...).
    Order 1 is the Kullback–Leibler divergence, 0 is −ln q(p > 0), inf is ln max p_i/q_i; 1/2 is symmetric. It never
    falls with the order; inf where q = 0 < p (order >= 1) or where p and q share no outcome. Raises `InputError` for
    a negative or NaN order, shapes that do not match, and as `entropy`.

    When this misleads: D_inf is set by one outcome, often one that both call nearly impossible.

    Source: Rényi 1961; van Erven and Harremoës, IEEE Trans. Inf. Theory 60 (2014).

    >>> print(f"{renyi_divergence([0.5, 0.5], [0.25, 0.75], 2):.4f}")
    0.2877
    """
    order = _order(order)

    def kernel(xp: Any, p: Any, q: Any) -> Any:
        if order == 0:
            return _log_lost_mass(xp, p, q)
        if order == 1:
            return summed_divergence(xp, p, q, q - p)
        if order > _AS_GOOD_AS_INFINITE:
            return _largest_log_ratio(xp, p, q)
        return _renyi_divergence(xp, p, q, order)

    return measured(kernel, axis=axis, normalize=normalize, unit=unit, p=p, q=q)


def _order(order: float) -> float:
    if isinstance(order, bool) or not isinstance(order, Real) or not order >= 0:
        raise InputError(f"order must be a number from 0 to inf; given {order!r}.")
    return float(order) if order <= _AS_GOOD_AS_INFINITE else math.inf


def _renyi_entropy(xp: Any, p: Any, order: float) -> Any:
    excess = _power_excess(xp, p, order)
    log = _safe_log(xp, p)
    largest = xp.max(xp.where(p > 0, log, -xp.inf), axis=-1, keepdims=True)
    below = xp.where(p > 0, xp.exp(order * xp.where(p > 0, log - largest, 0.0)), 0.0)
    # order · largest may overflow, order / (order − 1) does not.
    far = (order / (1 - order)) * largest[..., 0] + xp.log(xp.sum(below, axis=-1)) / (1 - order)
    near = xp.abs(excess) < 0.5
    return not_negative(xp, xp.where(near, xp.log1p(xp.where(near, excess, 0.0)) / (1 - order), far))


def _power_excess(xp: Any, p: Any, order: float) -> Any:
    """Σ (p^a − p): negative above order 1, positive below."""
    log = _safe_log(xp, p)
    x = (order - 1) * log
    close = xp.abs(x) < 0.5
    power = xp.where(p > 0, xp.exp(order * log), 0.0)
    return xp.sum(xp.where(close, p * xp.expm1(xp.where(close, x, 0.0)), power - p), axis=-1)


def _renyi_divergence(xp: Any, p: Any, q: Any, order: float) -> Any:
    # The sum is that of q against p at order 1 − a. Of the two, the one whose e is smaller loses nothing.
    sides = (q, p, 1 - order, -order) if order < 0.5 else (p, q, order, order - 1)
    excess = _cross_excess(xp, *sides)
    both = (p > 0) & (q > 0)
    exponent = xp.where(both, _safe_log(xp, q) + order * _log_quotient(xp, p, q), -xp.inf)
    largest = xp.max(exponent, axis=-1, keepdims=True)
    shared = largest > -xp.inf
    summed = xp.sum(xp.where(both, xp.exp(exponent - xp.where(shared, largest, 0.0)), 0.0), axis=-1)
    far = (largest[..., 0] + xp.log(xp.where(shared[..., 0], summed, 1.0))) / (order - 1)
    near = xp.abs(excess) < 0.5
    value = not_negative(xp, xp.where(near, xp.log1p(xp.where(near, excess, 0.0)) / (order - 1), far))
    if order < 1:
        return value
    return xp.where(xp.any((p > 0) & (q <= 0), axis=-1), xp.inf, value)


def _cross_excess(xp: Any, p: Any, q: Any, order: float, e: float) -> Any:
    """Σ [p^a q^(1−a) − a p − (1−a) q] with e = a − 1; where it is large only that it is."""
    d = q - p
    both = (p > 0) & (q > 0)
    x = -e * log_ratio(xp, p, q, d)
    close = both & (xp.abs(x) < 1)
    x = xp.where(close, x, 0.0)
    small = xp.abs(x) < 0.1
    rest = _EXPM1_REST[-1] * x + _EXPM1_REST[-2]
    for coefficient in _EXPM1_REST[-3::-1]:
        rest = rest * x + coefficient
    beyond = xp.where(small, x * x * rest, xp.expm1(x) - x)
    lesser = divergence(xp, xp.where(close, p, 1.0), xp.where(close, q, 1.0), xp.where(close, d, 0.0))
    exponent = xp.where(both & ~close, _safe_log(xp, q) + order * _log_quotient(xp, p, q), 0.0)
    power = xp.where(both, xp.exp(xp.where(exponent > 80, 80.0, exponent)), 0.0)
    return xp.sum(xp.where(close, e * lesser + p * beyond, power - p + e * d), axis=-1)


def _log_quotient(xp: Any, p: Any, q: Any) -> Any:
    return -log_ratio(xp, p, q, q - p)


def _log_lost_mass(xp: Any, p: Any, q: Any) -> Any:
    kept = xp.sum(xp.where(p > 0, q, 0.0), axis=-1)
    lost = xp.sum(xp.where(p > 0, 0.0, q), axis=-1)
    near = lost < 0.5
    far = xp.where(kept > 0, 0.0 - xp.log(xp.where(kept > 0, kept, 1.0)), xp.inf)
    return not_negative(xp, xp.where(near, 0.0 - xp.log1p(0.0 - xp.where(near, lost, 0.0)), far))


def _largest_log_ratio(xp: Any, p: Any, q: Any) -> Any:
    value = xp.where(p > 0, xp.where(q > 0, _log_quotient(xp, p, q), xp.inf), -xp.inf)
    return not_negative(xp, xp.max(value, axis=-1))


def _safe_log(xp: Any, p: Any) -> Any:
    return xp.log(xp.where(p > 0, p, 1.0))
