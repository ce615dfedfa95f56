"""Cross-entropy, KL divergence and total variation of two truncated distributions over one vocabulary.

KL(P‖Q), low: Σ_both p ln(p/q) + max_ρ D(ρ), where for any ρ > 0

    D(ρ) = r_p (ln ρ + 1) − ρ r_q + Σ_only_p min_{y ≤ c_q} [p ln(p/y) + ρ y]
                                  + Σ_only_q min_{x ≤ c_p} [x ln(x/q) − x (ln ρ + 1)]

is the Lagrange dual of the least KL over all completions. Without the caps its maximum is the lumped divergence
r_a ln(r_a / r_b), all tokens but the shared ones in one bucket. High: infinite, unless Q leaves no token without mass.

Total variation: 1 − Σ min(p, q), the overlap outside `both` between 0 and the most that caps and masses allow.

When this misleads: neither end is an estimate. Two lists of one server at two temperatures are not of one model.
"""

import math

import numpy as np

from entropist.measures.truncated._pairs import Logprobs, Pair, pair
from entropist.measures.truncated._reading import Array
from entropist.measures.truncated._rows import FLOAT32
from entropist.results import Bounds
from entropist.units import from_nats, unit_name

_SHRINKINGS = 40  # of the interval of ln ρ; any ρ gives a valid bound
_LOG_RHO = 60.0
_GOLDEN = (math.sqrt(5) - 1) / 2


def kl_divergence(
    p_top: Logprobs,
    q_top: Logprobs,
    vocabulary_size: int,
    *,
    p_also: Logprobs = {},  # noqa: B006  read only
    q_also: Logprobs = {},  # noqa: B006  read only
    rounding: float = FLOAT32,
    unit: str = "nats",
) -> Bounds:
    """Bounds of KL(P‖Q) from the largest log-probabilities of both.

    p_top, q_top: {token id: log-probability in nats}, each the largest of its distribution; ids may be anything that
    names a token in both. p_also, q_also: tokens known below the lists. rounding: as in `rows`.
    Raises `InputError` as `rows` does, and where the lists name more tokens than the vocabulary has.

    >>> p, q = {1: math.log(0.5), 2: math.log(0.25)}, {1: math.log(0.25), 2: math.log(0.25)}
    >>> print(kl_divergence(p, q, 1000, unit="bits"))
    [0.25, inf] bits
    """
    found = pair(p_top, q_top, vocabulary_size, p_also, q_also, rounding)
    low = _kl_low(found)
    high = max(low, _cross_high(found) - found.p.entropy[0])
    return Bounds(float(from_nats(low, unit)), float(from_nats(high, unit)), unit_name(unit))


def cross_entropy(
    p_top: Logprobs,
    q_top: Logprobs,
    vocabulary_size: int,
    *,
    p_also: Logprobs = {},  # noqa: B006  read only
    q_also: Logprobs = {},  # noqa: B006  read only
    rounding: float = FLOAT32,
    unit: str = "nats",
) -> Bounds:
    """Bounds of −Σ p ln q from the largest log-probabilities of both. Arguments and errors as in `kl_divergence`.

    >>> p, q = {1: math.log(0.5), 2: math.log(0.25)}, {1: math.log(0.25), 2: math.log(0.25)}
    >>> print(cross_entropy(p, q, 1000, unit="bits"))
    [2, inf] bits
    """
    found = pair(p_top, q_top, vocabulary_size, p_also, q_also, rounding)
    low = max(_cross_low(found), found.p.entropy[0] + _kl_low(found))
    high = max(low, _cross_high(found))
    return Bounds(float(from_nats(low, unit)), float(from_nats(high, unit)), unit_name(unit))


def total_variation(
    p_top: Logprobs,
    q_top: Logprobs,
    vocabulary_size: int,
    *,
    p_also: Logprobs = {},  # noqa: B006  read only
    q_also: Logprobs = {},  # noqa: B006  read only
    rounding: float = FLOAT32,
) -> Bounds:
    """Bounds of ½ Σ |p − q|, between 0 and 1, no unit. Arguments and errors as in `kl_divergence`.

    >>> p, q = {1: math.log(0.5), 2: math.log(0.25)}, {1: math.log(0.25), 2: math.log(0.25)}
    >>> print(total_variation(p, q, 1000))
    [0.25, 0.5]
    """
    found = pair(p_top, q_top, vocabulary_size, p_also, q_also, rounding)
    p, q = found.p, found.q
    certain = _mass(np.minimum(found.both_p.low, found.both_q.low))
    likely = _mass(np.minimum(found.both_p.high, found.both_q.high))
    on_p = min(_mass(np.minimum(found.only_p.high, q.log_cap)), q.r_high)
    on_q = min(_mass(np.minimum(found.only_q.high, p.log_cap)), p.r_high)
    on_rest = max(0.0, min(q.r_high - on_p, p.r_high - on_q, found.rest * math.exp(min(p.log_cap, q.log_cap))))
    low = max(0.0, 1.0 - likely - on_p - on_q - on_rest)
    return Bounds(low, max(low, min(1.0, 1.0 - certain)), "")


def _mass(logs: Array) -> float:
    return float(np.exp(logs).sum())


def _kl_low(found: Pair) -> float:
    return max(0.0, _kl_of_both(found) + _best_dual(found))


def _kl_of_both(found: Pair) -> float:
    """The least Σ p ln(p/q) over the shared tokens: in p it is least at an end or, below q/e, inside."""
    q_log = found.both_q.high
    p_log = np.clip(q_log - 1.0, found.both_p.low, found.both_p.high)
    return float((np.exp(p_log) * (p_log - q_log)).sum())


def _best_dual(found: Pair) -> float:
    """Golden-section search for the maximum of D, which is concave in ln ρ."""
    low, high = -_LOG_RHO, _LOG_RHO
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = _dual(found, left), _dual(found, right)
    for _ in range(_SHRINKINGS):
        if at_left < at_right:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = _dual(found, right)
        else:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = _dual(found, left)
    return max(at_left, at_right)


def _dual(found: Pair, log_rho: float) -> float:
    """D at the ends of the intervals that make it least, so that it is a bound whatever the rounding did."""
    p, q, rho = found.p, found.q, math.exp(log_rho)
    total = (log_rho + 1.0) * (p.r_low if log_rho > -1.0 else p.r_high) - rho * q.r_high
    if len(found.only_p.low):
        # Convex in p: rising from the start where ln ρ > −1, else least at c/e.
        stay = found.only_p.low if log_rho >= -1.0 else np.clip(q.log_cap - 1.0, found.only_p.low, found.only_p.high)
        y_log = np.minimum(stay - log_rho, q.log_cap)
        total += float((np.exp(stay) * (stay - y_log) + rho * np.exp(y_log)).sum())
    if len(found.only_q.low) and p.r_high > 0:
        x_log = np.minimum(found.only_q.high + log_rho, p.log_cap)
        total += float((np.exp(x_log) * (x_log - found.only_q.high - log_rho - 1.0)).sum())
    return total


def _cross_low(found: Pair) -> float:
    p, q = found.p, found.q
    listed = float((np.exp(found.both_p.low) * -found.both_q.high).sum())
    if len(found.only_p.low):
        listed += _mass(found.only_p.low) * -q.log_cap
    room = [(s, math.exp(p.log_cap)) for s in (-found.only_q.high).tolist()]
    return listed + _filled(p.r_low, sorted([*room, (-q.log_cap, found.rest * math.exp(p.log_cap))]))


def _cross_high(found: Pair) -> float:
    p, q = found.p, found.q
    dearest = -math.log(q.floor) if q.floor > 0 else math.inf
    listed = float((np.exp(found.both_p.high) * -found.both_q.low).sum())
    if len(found.only_p.low):
        listed += _mass(found.only_p.high) * dearest
    room = [(s, math.exp(p.log_cap)) for s in (-found.only_q.low).tolist()]
    return listed + _filled(p.r_high, sorted([*room, (dearest, found.rest * math.exp(p.log_cap))], reverse=True))


def _filled(mass: float, room: list[tuple[float, float]]) -> float:
    """Σ surprisal · mass where the mass fills the rooms (surprisal, capacity) in their order."""
    total = 0.0
    for s, capacity in room:
        share = min(mass, capacity)
        if share > 0:
            total += share * s
            mass -= share
    return total
