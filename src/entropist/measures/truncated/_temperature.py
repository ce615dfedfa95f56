"""Entropy at another temperature, from a truncated list at temperature 1: what-if bounds.

With β = 1/T, y = p^β, Z = Σ y and N = −Σ y ln y, the tempered distribution y / Z has the entropy H = ln Z + N/Z.
Over the list Z and N are known; the unseen contribute z = Σ x^β between the concentrated and the uniform tail, and

    low:   N_tail ≥ z·β·s_c, since no unseen atom is above c (s_c = −ln c);  minimised over z
           T < 1: given z, N_tail is least for j atoms of c and m − j equal ones, and convex in z: between two j it lies
           above the chords through their neighbours;  minimised over z on those lines
    high:  T > 1: N_tail ≤ z ln(m/z);  maximised over z
           T < 1: given z, N_tail is largest for n equal atoms r/n, the rest 0;  maximised over n in [r/c, m]

High is attained (T > 1 by the uniform tail, as long as no atom of `also` is far below it), and so is low, up to the
fraction of an atom and, for T < 1, the distance of a chord.

When this misleads: the list must be raw log-probabilities. Processed ones have a temperature already.
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

_HALVINGS = 60
_NODES = 33


def entropy_at_temperature(
    top_logprobs: ArrayLike,
    vocabulary_size: int,
    *,
    temperature: float,
    also: ArrayLike = (),
    rounding: float = FLOAT32,
    unit: str = "nats",
) -> Bounds:
    """The entropies at `temperature` that a list taken at temperature 1 allows. Other arguments as in `entropy`.

    >>> print(entropy_at_temperature([math.log(0.5), math.log(0.25)], 1000, temperature=0.5, unit="bits"))
    [0.7265, 1.252] bits
    """
    return single(tempered_bounds(one(top_logprobs, vocabulary_size, also, rounding), temperature), unit)


def tempered_bounds(read: Rows, temperature: float) -> tuple[Array, Array]:
    """Low and high of every row at `temperature`, (rows,) each, in nats. read: what `rows` returned.

    >>> from entropist.measures.truncated import rows
    >>> low, high = tempered_bounds(rows(np.log([[0.5, 0.25]]), 1000), 2.0)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([1.084], [6.72])
    """
    if not (temperature > 0 and math.isfinite(temperature)):
        raise InputError(f"temperature must be positive and finite; given {temperature!r}.")
    if temperature == 1:
        return entropy_bounds(read)
    beta = 1.0 / temperature
    finite = np.isfinite(read.logprobs)
    # Scaled by the likeliest atom, so that nothing underflows: H does not see a common factor of all y.
    top = np.where(finite.any(axis=1), read.logprobs.max(axis=1, initial=-np.inf), 0.0)
    s = np.where(finite, beta * (top[:, None] - read.logprobs), np.inf)
    y = np.exp(-s)
    s = np.where(finite, s, 0.0)
    z_known, n_known = y.sum(axis=1), (y * s).sum(axis=1)
    least, most = _tail_sums(read, beta, top)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        low = _low(read, beta, top, z_known, n_known, least, most)
        if beta < 1:
            high = _high_hot(read, z_known, n_known, least, most)
        else:
            low = np.fmax(low, _low_cold(read, beta, top, z_known, n_known, most))
            high = _high_cold(read, beta, top, z_known, n_known)
        off = _slack(read, beta, y, s, z_known)
    size = np.log(read.vocabulary)
    low = np.clip(np.where(z_known > 0, low - off, 0.0), 0.0, size)
    high = np.where((z_known > 0) & np.isfinite(high), high + off, size)
    return low, np.maximum(low, np.minimum(high, size))


def _tail_sums(read: Rows, beta: float, top: Array) -> tuple[Array, Array]:
    """The least and the most Σ x^β over tails, scaled."""

    def uniform(r: Array) -> Array:
        m = np.maximum(read.unseen, 1.0)
        return np.asarray(m * np.exp(beta * (log(r) - log(m) - top)))

    def packed(r: Array) -> Array:
        n, q = concentrated(r, read.log_cap, read.unseen)
        return np.where(n > 0, n * np.exp(beta * (read.log_cap - top)), 0.0) + np.exp(beta * (log(q) - top))

    least, most = (packed, uniform) if beta < 1 else (uniform, packed)
    return least(read.r_low), most(read.r_high)


def _entropy(z_known: Array, n_known: Array, z: Array, s: Array) -> Array:
    """H where the tail has z and a mean −ln y of s."""
    total = z_known + z
    return np.asarray(log(total) + (n_known + np.where(z > 0, z * np.where(z > 0, s, 0.0), 0.0)) / total)


def _low(read: Rows, beta: float, top: Array, z_known: Array, n_known: Array, least: Array, most: Array) -> Array:
    s_c = beta * (top - read.log_cap)
    # H falls with z as long as the known mean of −ln y exceeds 1 + s_c, which only atoms of `also` can bring about.
    turn = np.where(np.isfinite(s_c), n_known - z_known * (1.0 + s_c), 0.0)
    return _entropy(z_known, n_known, np.clip(turn, least, most), s_c)


def _low_cold(read: Rows, beta: float, top: Array, z_known: Array, n_known: Array, most: Array) -> Array:
    """The least H where N_tail is at least its convex minimum given z; NaN where the tail has no room to vary."""
    share = np.linspace(0.0, 1.0, _NODES)[:, None] ** 2  # of the tail's mass in atoms of c
    full = share * read.r_low * np.exp(-read.log_cap)
    size = np.where(share < 1, log((1 - share) * read.r_low / np.maximum(read.unseen - full, 0.0)), read.log_cap)
    packed = full * np.exp(beta * (read.log_cap - top))
    even = np.where(share < 1, (read.unseen - full) * np.exp(beta * (size - top)), 0.0)
    z = packed + even
    n = beta * (packed * (top - read.log_cap) + even * (top - size))
    slope = (n[1:] - n[:-1]) / (z[1:] - z[:-1])
    start = n[:-1] - slope * z[:-1]
    floor = beta * (top - read.log_cap)[None]
    before = np.vstack([floor, slope[:-1]]), np.vstack([0 * floor, start[:-1]])
    after = np.vstack([slope[1:], floor]), np.vstack([start[1:], 0 * floor])
    ends = z[:-1], np.vstack([z[1:-1], np.maximum(z[-1:], most)])
    lines = [_least_on_line(z_known, n_known, *line, *ends) for line in (before, after)]
    return np.asarray(np.fmax(*lines).min(axis=0))


def _least_on_line(z_known: Array, n_known: Array, slope: Array, start: Array, low: Array, high: Array) -> Array:
    """The least ln Z + N/Z for z in [low, high] and N_tail = start + slope·z; it falls, then rises."""
    z = np.clip(n_known + start - (1.0 + slope) * z_known, low, high)
    return np.asarray(log(z_known + z) + (n_known + start + slope * z) / (z_known + z))


def _high_hot(read: Rows, z_known: Array, n_known: Array, least: Array, most: Array) -> Array:
    best = read.unseen * z_known * np.exp(-_entropy(z_known, n_known, np.zeros_like(z_known), np.zeros_like(z_known)))
    z = np.clip(best, least, most)
    return _entropy(z_known, n_known, z, log_unseen(read) - log(z))


def _high_cold(read: Rows, beta: float, top: Array, z_known: Array, n_known: Array) -> Array:
    """The largest H over tails of n equal atoms: it rises with their size until G = 0, then falls."""
    floor = np.maximum(read.r_low, np.finfo(np.float64).tiny) / np.maximum(read.unseen, 1.0)
    found = _entropy(z_known, n_known, np.zeros_like(z_known), np.zeros_like(z_known))
    for r in (read.r_low, read.r_high):
        low, high = log(floor), np.maximum(read.log_cap, log(floor))
        for _ in range(_HALVINGS):
            size = 0.5 * (low + high)
            s = beta * (top - size)
            z = r * np.exp(-s - size)
            rising = s - 1.0 / (beta - 1.0) > (n_known + z * s) / (z_known + z)
            low, high = np.where(rising, size, low), np.where(rising, high, size)
        s = beta * (top - high)
        found = np.maximum(found, np.where(r > 0, _entropy(z_known, n_known, r * np.exp(-s - high), s), found))
    return found


def _slack(read: Rows, beta: float, y: Array, s: Array, z_known: Array) -> Array:
    """How far rounding of the list can move H = ln Z + N/Z, with N/Z ≤ ln V − ln Z."""
    finite = np.isfinite(read.logprobs)
    off = beta * read.rounding[:, None] * np.where(finite, 1.0 - read.logprobs, 0.0)
    moved = y * np.expm1(off)
    z_off = moved.sum(axis=1)
    n_off = (off * np.exp(off) * y * (1.0 + s + off)).sum(axis=1)
    left = z_known - z_off
    return np.where(left > 0, (z_off * (1.0 + np.log(read.vocabulary) - log(left)) + n_off) / left, np.inf)
