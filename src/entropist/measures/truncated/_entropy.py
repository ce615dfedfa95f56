"""Entropy and perplexity of a truncated distribution: the interval that its list leaves open.

With A = −Σ p ln p over the known atoms, r their missing mass, m unseen tokens of at most c each, n = ⌊r/c⌋ and
q = r − n·c (see `rows` for c, for rounding, and for atoms known below the list):

    low = A − n·c ln c − q ln q        high = A − r ln(r/m)        nats

Both ends are attained, by the most concentrated tail and by the uniform one: −x ln x is concave. Rounding moves A by
at most g Σ p (1 + |l|)², and r within its interval. Perplexity is the exponential of the entropy.

When this misleads: the interval is what truncation leaves open, not a sampling error; a list of processed
log-probabilities (after temperature, top-k, top-p) bounds the entropy of the processed distribution.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from entropist.measures.truncated._reading import Array
from entropist.measures.truncated._rows import FLOAT32, Rows, one, single
from entropist.measures.truncated._tails import concentrated, log, log_unseen, times_log
from entropist.results import Bounds


def entropy(
    top_logprobs: ArrayLike,
    vocabulary_size: int,
    *,
    also: ArrayLike = (),
    rounding: float = FLOAT32,
    unit: str = "nats",
) -> Bounds:
    """The entropies that a list of the largest log-probabilities allows: low and high are both attained.

    top_logprobs: (k,), in nats, in any order; may be empty. vocabulary_size: V or an upper bound of it. also:
    log-probabilities known of tokens below the list; they never lower its cap. rounding: as in `rows`.
    Raises `InputError` as `rows` does.

    >>> print(entropy([math.log(0.5), math.log(0.25)], 1000, unit="bits"))
    [1.5, 3.991] bits
    """
    return single(entropy_bounds(one(top_logprobs, vocabulary_size, also, rounding)), unit)


def perplexity(
    top_logprobs: ArrayLike, vocabulary_size: int, *, also: ArrayLike = (), rounding: float = FLOAT32
) -> Bounds:
    """exp of the entropy: among how many equally likely tokens the choice is as open. No unit, arguments as `entropy`.

    >>> print(perplexity([math.log(0.5), math.log(0.25)], 1000))
    [2.828, 15.9]
    """
    low, high = entropy_bounds(one(top_logprobs, vocabulary_size, also, rounding))
    return Bounds(float(np.exp(low[0])), float(np.exp(high[0])), "")


def entropy_bounds(read: Rows) -> tuple[Array, Array]:
    """Low and high of every row, (rows,) each, in nats. read: what `rows` returned.

    >>> from entropist.measures.truncated import rows
    >>> low, high = entropy_bounds(rows(np.log([[0.5, 0.25], [0.9, 0.05]]), 1000))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([1.04, 0.394], [2.766, 0.74])
    """
    off = read.growth * (read.mass + 2 * read.first + read.second)
    low = read.first - off + _least_tail(read)
    spread = np.clip(read.unseen / math.e, read.r_low, read.r_high)
    high = read.first + off + times_log(spread, log(spread) - log_unseen(read))
    most = np.log(read.vocabulary)
    low = np.clip(low, 0.0, most)
    return low, np.maximum(low, np.minimum(high, most))


def _least_tail(read: Rows) -> Array:
    """The least −Σ x ln x of a tail whose mass lies in [r_low, r_high]."""
    found = _concentrated_entropy(read, read.r_low)
    # Up to a cap of 1/e it grows with r. Above, it falls between the mass that fills 1/e of an atom and a full one.
    wide = read.log_cap > -1.0
    if wide.any():
        some = read[wide]
        full = np.exp(some.log_cap) * (concentrated(some.r_low, some.log_cap, some.unseen)[0] + 1.0)
        ends = [_concentrated_entropy(some, r) for r in (some.r_high, np.clip(full, some.r_low, some.r_high))]
        found[wide] = np.minimum(found[wide], np.minimum(*ends))
    return found


def _concentrated_entropy(read: Rows, r: Array) -> Array:
    n, q = concentrated(r, read.log_cap, read.unseen)
    return n * times_log(np.exp(read.log_cap), read.log_cap) + times_log(q, log(q))
