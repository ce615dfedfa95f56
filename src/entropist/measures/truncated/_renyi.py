"""Rényi entropy of a truncated distribution: the interval that its list leaves open.

    H_α = ln(Σ p^α) / (1 − α),    H_0 = ln #{p > 0},    H_1 = entropy,    H_∞ = −ln max p

p^α is concave for α < 1 and convex for α > 1, so the concentrated and the uniform tail bound Σ p^α, and both ends are
attained. For α > 1 the listed tokens decide: min-entropy is known exactly from a list of one. Rounding moves
ln Σ p^α by up to α·g, which the division by 1 − α enlarges: an order within 1e-3 of 1 widens one end visibly.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from entropist.errors import InputError
from entropist.measures.truncated._entropy import entropy_bounds
from entropist.measures.truncated._reading import Array
from entropist.measures.truncated._rows import FLOAT32, Rows, one, single
from entropist.measures.truncated._tails import concentrated, log, log_unseen
from entropist.results import Bounds


def renyi_entropy(
    top_logprobs: ArrayLike,
    vocabulary_size: int,
    *,
    order: float,
    also: ArrayLike = (),
    rounding: float = FLOAT32,
    unit: str = "nats",
) -> Bounds:
    """The Rényi entropies of `order` (0 to infinity) that a list allows. Other arguments and errors as in `entropy`.

    >>> print(renyi_entropy([math.log(0.5), math.log(0.25)], 1000, order=2, unit="bits"))
    [1.415, 1.678] bits
    """
    return single(renyi_bounds(one(top_logprobs, vocabulary_size, also, rounding), order), unit)


def renyi_bounds(read: Rows, order: float) -> tuple[Array, Array]:
    """Low and high of every row, (rows,) each, in nats. read: what `rows` returned; order: 0 to infinity.

    >>> from entropist.measures.truncated import rows
    >>> low, high = renyi_bounds(rows(np.log([[0.5, 0.25]]), 1000), math.inf)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.693], [0.693])
    """
    if not order >= 0:
        raise InputError(f"the order of a Rényi entropy lies between 0 and infinity; given {order!r}.")
    if order == 1:
        return entropy_bounds(read)
    if order == 0:
        low, high = _supports(read)
    elif order == math.inf:
        high, low = (-end for end in _largest(read))
    else:
        sums = _log_power_sums(read, order)
        low, high = (sums[i] / (1.0 - order) for i in ((0, 1) if order < 1 else (1, 0)))
    # H falls with its order. Near 1 this is the better end: ln Σ p^α / (1 − α) makes much of the list's rounding.
    entropy_low, entropy_high = entropy_bounds(read)
    low, high = (np.maximum(low, entropy_low), high) if order < 1 else (low, np.minimum(high, entropy_high))
    most = np.log(read.vocabulary)
    low = np.clip(low, 0.0, most)
    return low, np.maximum(low, np.minimum(high, most))


def _supports(read: Rows) -> tuple[Array, Array]:
    known = read.vocabulary - read.unseen
    n, q = concentrated(read.r_low, read.log_cap, read.unseen)
    return log(np.maximum(known + n + (q > 0), 1.0)), log(known + np.where(read.r_high > 0, read.unseen, 0.0))


def _largest(read: Rows) -> tuple[Array, Array]:
    """ln of the least and of the most that the likeliest token can have."""
    top = read.logprobs.max(axis=1, initial=-np.inf)
    listed = np.isfinite(top)
    off = read.rounding * (1.0 - np.where(listed, top, 0.0))
    least = np.maximum(top - off, log(read.r_low) - log_unseen(read))
    return least, np.minimum(0.0, np.maximum(top + off, read.log_cap))


def _log_power_sums(read: Rows, order: float) -> tuple[Array, Array]:
    """ln Σ p^order at its least and at its most, scaled by the largest atom so that no power underflows."""
    finite = np.isfinite(read.logprobs)
    top = np.where(finite.any(axis=1), read.logprobs.max(axis=1, initial=-np.inf), read.log_cap)
    powers = np.where(finite, order * (read.logprobs - top[:, None]), -np.inf)
    off = order * read.rounding[:, None] * np.where(finite, 1.0 - read.logprobs, 0.0)

    def uniform(r: Array) -> Array:
        m = np.maximum(read.unseen, 1.0)
        return np.asarray(m * np.exp(order * (log(r) - log(m) - top)))

    def packed(r: Array) -> Array:
        n, q = concentrated(r, read.log_cap, read.unseen)
        return np.where(n > 0, n * np.exp(order * (read.log_cap - top)), 0.0) + np.exp(order * (log(q) - top))

    least, most = (packed, uniform) if order < 1 else (uniform, packed)
    low = np.exp(powers - off).sum(axis=1) + least(read.r_low)
    high = np.exp(powers + off).sum(axis=1) + most(read.r_high)
    return order * top + log(low), order * top + log(high)
