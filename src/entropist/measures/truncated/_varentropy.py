"""Varentropy Var(ln p) of a truncated distribution: an interval that holds it, mostly tight.

A variance is a minimum, Var = min_θ Σ p (s − θ)² with s = −ln p, attained at θ = the entropy. Over the known atoms
Q(θ) = Σ p (s − θ)² is known; unseen surprisals lie between s_c = −ln c and, on average, no more than s_u = ln(m/r).

    low  = min_θ Q(θ) + r·dist(θ, [s_c, s_u])²
    high = min_θ Q(θ) + min_u [(u² − 2u)·r + 2·u·m·y],   y = e^(−θ−u),  c·((s_c − θ)² − u² + 2u) ≤ 2·u·y

Low: x (ln x + θ)² is at least the line 0 or x·dist² on the atoms allowed. High: it is the Lagrange dual, in the tail's
mass, of max Σ x (ln x + θ)² over tails of at most m atoms in [0, c]; *any* θ and u that satisfy the inequality give a
valid bound, so the search for the best ones cannot spoil it. Both are attained where the extreme tail has a whole
number of atoms of c: the low end by a concentrated tail, the high end by the uniform one unless the list is short or
flat, then by a few atoms of c among many small ones. No condition on c (1/e or other) is needed.

Unit: the square of the unit of information.
"""

import numpy as np
from numpy.typing import ArrayLike

from entropist.measures.truncated._entropy import entropy_bounds
from entropist.measures.truncated._reading import Array
from entropist.measures.truncated._rows import FLOAT32, Rows, one, single
from entropist.measures.truncated._tails import log, log_unseen
from entropist.results import Bounds

_HALVINGS = 14  # of the interval of θ: the bound is flat around its best θ
_NEWTON_STEPS = 4


def varentropy(
    top_logprobs: ArrayLike,
    vocabulary_size: int,
    *,
    also: ArrayLike = (),
    rounding: float = FLOAT32,
    unit: str = "nats",
) -> Bounds:
    """An interval that holds the varentropy of a distribution of which only the largest log-probabilities are known.

    Arguments and errors as in `entropy`; the result is in the square of `unit`.

    >>> print(varentropy(np.log([0.5, 0.25]), 1000, unit="bits"))
    [0.25, 21.35] bits²
    """
    return single(varentropy_bounds(one(top_logprobs, vocabulary_size, also, rounding)), unit, power=2)


def varentropy_bounds(read: Rows) -> tuple[Array, Array]:
    """Low and high of every row, (rows,) each, in nats². read: what `rows` returned.

    >>> from entropist.measures.truncated import rows
    >>> low, high = varentropy_bounds(rows(np.log([[0.5, 0.25], [0.9, 0.05]]), 1000))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.12, 0.752], [10.259, 4.814])
    """
    entropies = entropy_bounds(read)
    low = np.maximum(_low(read) - np.maximum(*(_slack(read, theta) for theta in entropies)), 0.0)
    return low, np.maximum(low, _high(read, *entropies))


def _known(read: Rows, theta: Array) -> Array:
    return read.second - 2 * theta * read.first + theta * theta * read.mass


def _slack(read: Rows, theta: Array) -> Array:
    """How far rounding can move Σ p (s − θ)²: g Σ p (1 + s)(1 + |s − θ|)², by (1 + |x|)² ≤ 2 + 2x²."""
    squares = _known(read, theta)
    cubes = read.third - 2 * theta * read.second + theta * theta * read.first
    return 2 * read.growth * (read.mass + read.first + squares + cubes)


def _low(read: Rows) -> Array:
    r = read.r_low
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.where(read.mass > 0, read.first / read.mass, 0.0)
        near = np.where(r > 0, np.clip(centre, -read.log_cap, log_unseen(read) - log(r)), centre)
        # Where the known atoms lie outside [s_c, s_u] on average, all of the tail stands at the nearer end.
        theta = np.where(read.mass > 0, (read.first + r * near) / (read.mass + r), near)
        return np.where(read.mass > 0, _known(read, theta) + r * (theta - near) ** 2, 0.0)


def _high(read: Rows, entropy_low: Array, entropy_high: Array) -> Array:
    r = read.r_high
    some = r > 0
    s_u = np.where(some, log_unseen(read) - log(np.where(some, r, 1.0)), 0.0)
    theta = (read.first + r * s_u) / (read.mass + r)
    found = _known(read, theta) + _slack(read, theta)
    found[some] += _tail(read[some], theta[some], s_u[some] - theta[some])
    u = s_u - theta
    with np.errstate(invalid="ignore"):
        uneven = some & ((-read.log_cap - theta) ** 2 > u * u - 2 * u + 2 * u * np.exp(-s_u - read.log_cap))
        uneven |= some & (u < 1.0)
    if uneven.any():
        found[uneven] = _two_level(read[uneven], s_u[uneven], entropy_low[uneven], entropy_high[uneven])
    return found


def _two_level(read: Rows, s_u: Array, low: Array, high: Array) -> Array:
    """Halve the interval of θ by the slope of the bound, then evaluate it."""
    cap = np.exp(read.log_cap)
    for _ in range(_HALVINGS):
        theta = 0.5 * (low + high)
        u = _best_u(read, theta, s_u)
        y = np.minimum(np.exp(-theta - u), cap)
        with np.errstate(invalid="ignore", divide="ignore"):
            at_cap = np.where(cap > y, np.clip((read.r_high - read.unseen * y) / (cap - y), 0.0, None), 0.0) * cap
        slope = theta * read.mass - read.first + at_cap * (theta + read.log_cap) - (read.r_high - at_cap) * u
        high, low = np.where(slope > 0, theta, high), np.where(slope > 0, low, theta)
    theta = 0.5 * (low + high)
    return _known(read, theta) + _slack(read, theta) + _tail(read, theta, _best_u(read, theta, s_u))


def _tail(read: Rows, theta: Array, u: Array) -> Array:
    level = u * u - 2 * u
    return np.where(level > 0, level * read.r_high, level * read.r_low) + 2 * u * read.unseen * np.exp(-theta - u)


def _best_u(read: Rows, theta: Array, s_u: Array) -> Array:
    """The least u that satisfies the inequality, or the uniform tail's, if larger. Newton from above stays above."""
    gap = -read.log_cap - theta
    u = 1.0 + np.sqrt(1.0 + gap * gap)
    for _ in range(_NEWTON_STEPS):
        ratio = np.exp(gap - u)  # y / c, below 1 since u > 1 + |gap|
        with np.errstate(invalid="ignore", divide="ignore"):
            step = (gap * gap - u * u + 2 * u - 2 * u * ratio) / (2 * (1.0 - u) * (1.0 - ratio))
        u = u - np.where(np.isfinite(step), np.maximum(step, 0.0), 0.0)
    return np.maximum(np.where(gap >= 1.0, np.minimum(u, gap), u), s_u - theta)
