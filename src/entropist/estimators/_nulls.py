"""What an estimate gives where nothing is there: other orders of the samples, and the p-value from them.

    p = (b + 1) / (m + 1),    b of m orders give as much as the order observed, or more.

Independent samples are put in random order. A sequence is turned in a circle against the other, which keeps what each
remembers of its own past; random order would destroy it, and two slow series would look dependent. `effective_n` says
how many independent values a series is worth: n / τ, τ = 1 + 2 Σ ρ_k the integrated autocorrelation time.

When this misleads: a circle has n orders at most, and turning joins its end to its beginning: with a trend, or a
memory not far below n, the p-value is too small.

Source: Phipson & Smyth (2010) for p; Geyer (1992), the initial monotone sequence, for τ.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError

DRAWS = 999
"""Orders drawn for a null: p-values down to 1/1000."""
_ROUNDING = 1e-10  # values nearer than this, beside the larger, are the same but for the order of a sum


def orders(null: str, n: int, seed: int, draws: int = DRAWS) -> Iterator[NDArray[np.intp]]:
    """`draws` orders (n,) of n samples: "permutation" at random, "circular-shift" turned by a tenth of n at least.

    >>> [order.tolist() for order in orders("circular-shift", 4, seed=0, draws=2)]
    [[3, 0, 1, 2], [2, 3, 0, 1]]
    """
    generator, places = np.random.default_rng(seed), np.arange(n)
    if null == "permutation":
        for _ in range(draws):
            yield generator.permutation(n)
        return
    if null != "circular-shift":
        raise InputError(f"null {null!r} is not known: use permutation, circular-shift, or None.")
    margin = max(1, n // 10)
    for shift in generator.integers(margin, max(margin + 1, n - margin + 1), draws):
        yield np.roll(places, -int(shift))


def p_value(observed: float, draws: NDArray[Any]) -> float:
    """(b + 1) / (m + 1): how often the null `draws` (m,) give as much as was observed, or more.

    >>> p_value(0.5, np.array([0.1, 0.2, 0.5]))
    0.5
    """
    least = observed - _ROUNDING * max(1.0, abs(observed))
    return float((1 + np.count_nonzero(draws >= least)) / (1 + len(draws)))


def resampled(
    statistic: Callable[[NDArray[np.intp]], float], null: str, n: int, seed: int, draws: int = DRAWS
) -> NDArray[np.float64]:
    """`statistic(order)` for each order of the null named, (draws,): their mean is the null, see `p_value`.

    >>> x = np.array([1.0, 2.0, 4.0])
    >>> bool(resampled(lambda order: float(x[order] @ x), "permutation", 3, seed=0).max() == x @ x)
    True
    """
    return np.array([statistic(order) for order in orders(null, n, seed, draws)])


def effective_n(series: NDArray[Any]) -> float:
    """How many independent values have a mean as certain as that of this series (n,): n / τ, at most n.

    >>> round(effective_n(np.repeat(np.random.default_rng(0).normal(size=500), 4)) / 500, 1)
    1.0
    """
    n = len(series)
    centred = np.asarray(series, np.float64) - np.mean(series)
    power = np.abs(np.fft.rfft(centred, 2 * n)) ** 2
    covariance = np.fft.irfft(power)[:n] / n
    if not covariance[0] > 0:
        return float(n)
    # Sums of neighbouring autocorrelations of a stationary chain are positive and falling; noise is not.
    pairs = (covariance[: n - n % 2].reshape(-1, 2) / covariance[0]).sum(axis=1)
    ended = np.flatnonzero(pairs <= 0)
    kept = pairs[: ended[0]] if len(ended) else pairs
    tau = max(1.0, 2 * float(np.minimum.accumulate(kept).sum()) - 1) if len(kept) else 1.0
    return n / tau


def block_variance(series: NDArray[Any]) -> tuple[float, int]:
    """The variance of the mean of a series under the circular block bootstrap, over all draws, and the block's length.

    n ≥ 2; b = max(⌈n^⅓⌉, ⌈8τ⌉) values a block, at most n/10. With S_i the sum of the block at i,
    Var = Σ (S_i − S̄)² / (n² b) / (1 − b/n); the last because the mean that blocks are compared with is their own.
    Source: Politis & Romano (1992).

    >>> block_variance(np.array([0.0, 0.0, 1.0, 1.0] * 250))[1]
    10
    """
    n = len(series)
    block = max(1, min(n // 10, max(math.ceil(n ** (1 / 3) - 1e-9), math.ceil(8 * n / effective_n(series)))))
    centred = np.asarray(series, np.float64) - np.mean(series)
    reached = np.concatenate([[0.0], np.cumsum(np.concatenate([centred, centred[: block - 1]]))])
    sums = reached[block:] - reached[:-block]
    return float((sums**2).sum()) / (n * n * block * (1 - block / n)), block
