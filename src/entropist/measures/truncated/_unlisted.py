"""Surprisal of a token that a list does not hold: a censored observation, not a number.

One of m unseen tokens with mass r and at most c each has

    max(0, r − (m − 1)·c) ≤ p ≤ min(c, r),    so    low = −ln min(c, r),    high = −ln(r − (m − 1)·c), mostly infinite.

A server's -9999 for the emitted token means this. A perplexity over such tokens is a lower bound.
"""

import numpy as np
from numpy.typing import ArrayLike

from entropist.errors import InputError
from entropist.measures.truncated._reading import Array
from entropist.measures.truncated._rows import FLOAT32, Rows, one, single
from entropist.measures.truncated._tails import log
from entropist.results import Bounds


def surprisal(
    top_logprobs: ArrayLike,
    vocabulary_size: int,
    *,
    also: ArrayLike = (),
    rounding: float = FLOAT32,
    unit: str = "nats",
) -> Bounds:
    """The surprisals that a token outside the list (and outside `also`) can have. Arguments as in `entropy`.

    Raises `InputError` as `rows` does, and where every token of the vocabulary is known.

    >>> print(surprisal(np.log([0.5, 0.25]), 1000, unit="bits"))
    [2, inf] bits
    """
    return single(surprisal_bounds(one(top_logprobs, vocabulary_size, also, rounding)), unit)


def surprisal_bounds(read: Rows) -> tuple[Array, Array]:
    """Low and high for an unlisted token of every row, (rows,) each, in nats. read: what `rows` returned.

    >>> from entropist.measures.truncated import rows
    >>> low, high = surprisal_bounds(rows(np.log([[0.5, 0.25], [0.6, 0.3]]), 3))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([1.386, 2.303], [1.386, 2.303])
    """
    full = read.unseen < 1
    if full.any():
        row = int(np.argmax(full))
        raise InputError(f"row {row} lists every token of its vocabulary of {read.vocabulary[row]:.0f}: no token is "
                         "unlisted.")  # fmt: skip
    least = np.maximum(read.r_low - (read.unseen - 1.0) * np.exp(read.log_cap), 0.0)
    low = np.maximum(-read.log_cap, 0.0)
    return low, np.maximum(low, -log(np.minimum(least, 1.0)))
