"""Where the level of a series changes, such as the log-probability of the tokens along a text.

For every cut k of x_1 … x_n the statistic is the standardised difference of the two means,

    S_k = √(k(n − k)/n) · |x̄_1..k − x̄_k+1..n|,        S = max_k S_k over cuts that leave `shortest` on both sides.

S is compared with the same maximum over rearrangements of blocks of `block` neighbours, in random order: they keep what
neighbours have in common and lose where in the text they stood. p = (b + 1)/(m + 1) over m rearrangements. Where p is
at most `level` the text is cut there and each part is asked again, with `level` halved at each depth, so that a series
without a change is cut anywhere with a probability of about `level`.

When this misleads: dependence that reaches further than a block is taken for changes; lengthen `block`. A slow drift is
shown as steps. A change near an end, or of fewer tokens than `shortest`, is not found.

Source: Vostrikova (1981) for cutting again and again; the block rearrangements after Künsch (1989).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError

MINIMUM_TOKENS = 40


@dataclass(frozen=True)
class ChangePoints:
    """`positions` where a new level begins, ascending; `p_values` of each; `means` of the parts, one more of those."""

    positions: tuple[int, ...]
    p_values: tuple[float, ...]
    means: tuple[float, ...]
    n: int
    block: int


def change_points(
    values: ArrayLike,
    *,
    level: float = 0.05,
    shortest: int = 10,
    block: int | None = None,
    rearrangements: int = 999,
    seed: int = 0,
) -> ChangePoints:
    """The places where the mean of `values` changes.

    values: (n,), finite, 40 at least. level: how often a series without changes may be cut. shortest: of the parts.
    block: neighbours kept together in the null, by default n^(1/2), at most a tenth of a part.

    Raises `InputError` for fewer or other values, and a `level` that `rearrangements` cannot reach.

    >>> change_points([0.0, 1.0] * 30 + [5.0, 6.0] * 30).positions
    (60,)
    """
    x = np.asarray(values, np.float64)
    if x.ndim != 1 or len(x) < MINIMUM_TOKENS or not np.isfinite(x).all():
        raise InputError(f"values must be finite and (n,) with n of {MINIMUM_TOKENS} at least; given shape {x.shape}.")
    if not 0 < level < 1 or (rearrangements + 1) * level < 1:
        raise InputError(
            f"level {level!r} must lie between 0 and 1 and {rearrangements} rearrangements must be able to reach it."
        )
    if not 1 <= shortest <= len(x) // 2:
        raise InputError(f"shortest must lie between 1 and half of the {len(x)} values; given {shortest!r}.")
    size = round(len(x) ** 0.5) if block is None else block
    if not 1 <= size <= len(x) // 2:
        raise InputError(f"block must lie between 1 and half of the {len(x)} values; given {block!r}.")
    cuts: dict[int, float] = {}
    rng = np.random.default_rng(seed)
    parts = [(0, len(x), level)]
    while parts:
        start, stop, alpha = parts.pop()
        if stop - start < max(MINIMUM_TOKENS, 2 * shortest) or (rearrangements + 1) * alpha < 1:
            continue
        at, p = _strongest(x[start:stop], shortest, min(size, max(1, (stop - start) // 10)), rearrangements, rng)
        if p <= alpha:
            cuts[start + at] = p
            parts += [(start + at, stop, alpha / 2), (start, start + at, alpha / 2)]
    positions = tuple(sorted(cuts))
    edges = [0, *positions, len(x)]
    return ChangePoints(
        positions=positions,
        p_values=tuple(cuts[position] for position in positions),
        means=tuple(float(x[a:b].mean()) for a, b in pairwise(edges)),
        n=len(x),
        block=size,
    )


def _strongest(
    x: NDArray[np.float64], shortest: int, block: int, rearrangements: int, rng: np.random.Generator
) -> tuple[int, float]:
    """The cut with the largest statistic, and its p-value."""
    found = _statistics(x, shortest)
    at = int(found.argmax())
    as_much = 0
    for _ in range(rearrangements):
        shifted = np.roll(x, int(rng.integers(len(x))))  # so that blocks begin anywhere
        starts = np.arange(0, len(x), block)
        order = rng.permutation(len(starts))
        other = np.concatenate([shifted[starts[i] : starts[i] + block] for i in order])
        as_much += bool(_statistics(other, shortest).max() >= found[at] * (1 - 1e-12))
    return at + shortest, (as_much + 1) / (rearrangements + 1)


def _statistics(x: NDArray[np.float64], shortest: int) -> NDArray[np.float64]:
    """S_k for k = shortest … n − shortest."""
    n = len(x)
    k = np.arange(shortest, n - shortest + 1)
    sums = np.cumsum(x - x.mean())[k - 1]
    return np.asarray(np.abs(sums) * np.sqrt(n / (k * (n - k))))
