"""What a list of the k largest log-probabilities leaves open, one distribution a row.

A row lists l_1 ≥ ... ≥ l_k (in any order) of a distribution over V tokens, and perhaps atoms known below the list
("also", an emitted token). Left over is the mass r = 1 − Σ e^l for the m = V − known tokens that stand nowhere, each
of probability ≤ c = e^(l_k), the smallest of the *list*: an atom known below it is no cap. An empty list has c = 1.

Log-probabilities are rounded, each by at most δ = rounding·(1 + |l|), so that sums over the list are known up to

    |error of Σ p·|l|^j| ≤ g Σ p (1 + |l|)^(j+1),    g = rounding·e^δmax·(1 + δmax)²,

and r lies in [r_low, r_high]. A list whose mass is above 1, or below what V tokens need, shows by that much that it
is rounded more than it was said to be: up to 1e-4 its `rounding` grows to twice what the excess proves, beyond that
the list is refused. float64's own rounding is always allowed for.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from entropist.errors import InputError
from entropist.measures.truncated._reading import (
    EXCUSED_MASS,
    Array,
    matrix,
    refuse_mass,
    refuse_misplaced,
    refuse_values,
    roundings,
    series,
    vocabularies,
)
from entropist.results import Bounds
from entropist.units import from_nats, unit_name

FLOAT32 = 2.0**-23
"""The rounding of a server that works in float32: both of the value and of the normaliser it subtracts."""
_LEAST_ROUNDING = 2.0**-50
_IRRELEVANT = 60.0  # an atom of e^-60 is below any rounding of its row
_CHUNK_ENTRIES = 1 << 16


@dataclass(frozen=True)
class Rows:
    """Truncated distributions, read and checked: arrays (rows,), but `logprobs` (rows, atoms), -inf where none is.

    mass, first, second, third: Σ p |l|^j over the known atoms for j = 0 to 3. unseen: m. vocabulary: V.
    r_low, r_high: what the unseen share. log_cap: ln of the most that one of them can have. growth: g above.
    """

    logprobs: Array
    rounding: Array
    mass: Array
    first: Array
    second: Array
    third: Array
    unseen: Array
    vocabulary: Array
    r_low: Array
    r_high: Array
    log_cap: Array
    growth: Array

    def __getitem__(self, chosen: Any) -> "Rows":
        """The rows under a mask or under indices."""
        return replace(self, **{name: value[chosen] for name, value in vars(self).items()})


def rows(
    top_logprobs: ArrayLike,
    vocabulary_size: ArrayLike,
    *,
    also: ArrayLike | None = None,
    rounding: ArrayLike = FLOAT32,
) -> Rows:
    """Read many lists at once, for `entropy_bounds` and its like; a single list has `entropy` and its like.

    top_logprobs: (rows, k), in any order, shorter lists filled up with -inf. vocabulary_size: a number or (rows,);
    an upper bound of it gives valid bounds. also: (rows,) or (rows, j), log-probabilities known of tokens that the
    list does not hold, -inf where there is none. rounding: |error of l| ≤ rounding·(1 + |l|), a number or (rows,);
    2**-23 unless told, 0 for exact lists, 2**-8 where a server computes in bfloat16.

    Raises `InputError`, naming the row, for NaN, positive values (logits, probabilities), the sentinel -9999 and
    its like, mass above 1 or below what the vocabulary needs by over 1e-4, an `also` above its list.

    >>> import numpy as np
    >>> found = rows(np.log([[0.5, 0.25], [0.9, 0.05]]), 1000)
    >>> found.r_high.round(4).tolist()
    [0.25, 0.05]
    """
    top = matrix("top_logprobs", top_logprobs)
    n = len(top)
    extra = np.empty((n, 0)) if also is None else matrix("also", also, columns=True)
    if len(extra) != n:
        raise InputError(f"also has {len(extra)} rows and top_logprobs {n}: they must be paired.")
    least = np.maximum(roundings(rounding, n), _LEAST_ROUNDING)
    known = np.concatenate([top, extra], axis=1) if extra.shape[1] else top
    count, low, largest, mass, first, second, third = _moments(known)
    refuse_values(low, largest)
    size = vocabularies(vocabulary_size, count)
    smallest = _smallest(top)
    refuse_misplaced(extra, smallest, least)
    unseen, r, weight = size - count, 1.0 - mass, mass + first
    astray = np.maximum(np.maximum(-r, r - unseen * np.exp(smallest)), 0.0)
    refuse_mass(mass, astray, np.maximum(EXCUSED_MASS, 2 * least * weight), size, count)
    per_row = np.maximum(least, 2 * astray / np.where(weight > 0, weight, 1.0))
    farthest = per_row * (1.0 + np.minimum(-low, _IRRELEVANT))
    growth = per_row * np.exp(farthest) * (1.0 + farthest) ** 2
    cap = np.minimum(0.0, smallest + per_row * (1.0 - smallest))
    r_high = np.minimum(np.maximum(r + growth * weight, 0.0), np.minimum(unseen * np.exp(cap), 1.0))
    r_low = np.minimum(np.maximum(r - growth * weight, 0.0), r_high)
    with np.errstate(divide="ignore"):
        log_cap = np.minimum(cap, np.log(r_high))
    return Rows(known, per_row, mass, first, second, third, unseen, size, r_low, r_high, log_cap, growth)


def one(top_logprobs: ArrayLike, vocabulary_size: int, also: ArrayLike, rounding: float) -> Rows:
    """A single list as the one row of `Rows`; an empty list, and -inf in a list, are told apart from filling."""
    top, extra = series("top_logprobs", top_logprobs), series("also", also)
    try:
        return rows(top[None, :], vocabulary_size, also=extra[None, :], rounding=rounding)
    except InputError as error:
        raise InputError(str(error).replace("row 0", "the list", 1)) from None


def single(ends: tuple[Array, Array], unit: str, power: int = 1) -> Bounds:
    """The bounds of the one row, in `unit` to the `power`."""
    low, high = (float(from_nats(end[0], unit, power=power)) for end in ends)
    return Bounds(low, high, unit_name(unit) + ("²" if power == 2 else ""))


def _moments(known: Array) -> tuple[Array, ...]:
    """Count, smallest finite and largest value, and Σ p |l|^j for j = 0 to 3, in chunks that stay near the cache."""
    n, width = known.shape
    found = np.zeros((7, n))
    step = max(1, _CHUNK_ENTRIES // max(1, width))
    for start in range(0, n if width else 0, step):
        part = known[start : start + step]
        out = found[:, start : start + step]
        finite = np.isfinite(part)
        filled = bool(finite.all())
        s = -part if filled else np.where(finite, -part, 0.0)
        p = np.exp(-s) if filled else np.where(finite, np.exp(-s), 0.0)
        out[0] = width if filled else finite.sum(axis=1)
        out[1] = -s.max(axis=1)
        out[2] = part.max(axis=1)
        for j in range(4):
            out[3 + j] = p.sum(axis=1) if j == 0 else np.einsum("ij,ij->i", p, s)
            if j:
                p *= s
    return tuple(found)


def _smallest(top: Array) -> Array:
    """The smallest value of each list; 0 (probability 1) where the list is empty."""
    return np.asarray(np.where(np.isfinite(top), top, np.inf).min(axis=1, initial=0.0))
