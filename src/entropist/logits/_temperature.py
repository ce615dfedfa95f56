"""Entropy as a function of temperature, and the temperature that gives a wanted entropy.

For p_T = softmax(z/T) the entropy H(T), in nats, grows from ln #{largest logits} at T → 0 to
ln #{unmasked logits} at T → ∞, strictly unless all unmasked logits are equal, and

    dH / d ln T = V(T), the varentropy Σ p_T (ln p_T + H)².

So the temperature for an entropy has one solution, found by Newton in x = ln T with that derivative and
a bracket to fall back on. What is solved is ln E = ln E_wanted for the excess E = H − ln #{largest}
= ln(1 + r/#{largest}) − u, where r is the mass beside the largest and u ≤ 0 the mean of (z − max z)/T: two
numbers that never cancel, so that also an entropy of 10⁻¹² has its temperature.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_array_api_obj, is_torch_array
from array_api_compat import device as device_of

from entropist.errors import InputError
from entropist.logits._statistics import _CHUNK_ENTRIES, _float64, _refuse_bad_rows, statistics

_COLD, _HOT = math.log(1 / 800), math.log(1e9)  # e^-800 and 10⁻¹⁸ are nothing beside 1 in float64
_PRECISION = 1e-13  # of ln T, that is relative in T
_STEPS = 400  # each second one halves the error or the bracket


@dataclass(frozen=True)
class TemperatureCurve:
    """`entropy` in nats and `varentropy` = dH/d ln T in nats², each (rows..., temperatures...), float64."""

    temperatures: Any
    entropy: Any
    varentropy: Any


def entropy_at_temperature(logits: Any, temperatures: Any) -> TemperatureCurve:
    """Entropy of softmax(logits / T), and its slope dH/d ln T, for every row and every T.

    logits: (..., vocabulary), NumPy or torch, masked by -inf. temperatures: a number or an array of any
    shape, positive. The results are (..., *temperatures.shape), of the library of the logits.

    Raises `InputError` for a temperature that is not positive and finite, and as `statistics` does.

    >>> import numpy as np
    >>> curve = entropy_at_temperature(np.array([0.0, 0.0, -3.0]), [0.01, 1.0, 1000.0])
    >>> curve.entropy.round(4)
    array([0.6931, 0.7906, 1.0986])
    """
    if not is_array_api_obj(logits):
        raise InputError(f"logits must be an array of NumPy or torch; given {type(logits).__name__}.")
    xp = array_namespace(logits)
    given = xp.asarray(temperatures, dtype=xp.float64, device=device_of(logits))
    wanted = [float(t) for t in xp.reshape(given, (-1,))]
    if not wanted:
        raise InputError("temperatures are empty: give at least one.")
    found = [statistics(logits, temperature=t) for t in wanted]
    shape = (*logits.shape[:-1], *given.shape)
    return TemperatureCurve(
        given,
        xp.reshape(xp.stack([each.entropy for each in found], axis=-1), shape),
        xp.reshape(xp.stack([each.varentropy for each in found], axis=-1), shape),
    )


def temperature_for_entropy(logits: Any, target: Any) -> Any:
    """The temperature T at which softmax(logits / T) has the entropy `target`, in nats, for every row.

    logits: (..., vocabulary), NumPy or torch, masked by -inf. target: a number or (...). The result is
    (...), float64, of the library of the logits; it carries no gradient. A target near ln #{unmasked}
    determines its temperature badly, because the entropy hardly changes there.

    Raises `InputError`, naming the row, for a target not between ln #{largest logits} and
    ln #{unmasked logits}, both excluded, and for a row that `statistics` refuses.

    >>> import numpy as np
    >>> round(float(temperature_for_entropy(np.array([0.0, 1.0, 2.0]), 1.0)), 6)
    1.769046
    """
    if not is_array_api_obj(logits):
        raise InputError(f"logits must be an array of NumPy or torch; given {type(logits).__name__}.")
    xp = array_namespace(logits)
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise InputError(f"logits must be (..., vocabulary) with a vocabulary; given shape {tuple(logits.shape)}.")
    shape, vocabulary = tuple(logits.shape[:-1]), int(logits.shape[-1])
    rows = xp.reshape(logits.detach() if is_torch_array(logits) else logits, (-1, vocabulary))
    targets = _targets(xp, target, shape, logits)
    step = max(1, _CHUNK_ENTRIES // vocabulary)
    parts = []
    for i in range(0, max(1, rows.shape[0]), step):
        z = _float64(rows[i : i + step])
        m = xp.max(z, axis=-1) if z.shape[0] else z[:, 0]
        _refuse_bad_rows(xp, z, m, i)
        with np.errstate(over="ignore"):  # the lowest float64, a usual mask, may pass to -inf here: it is one
            below = z - m[:, None]
        parts.append(_solve(xp, below, targets[i : i + step], i))
    return xp.reshape(xp.concat(parts, axis=0), shape)


def _targets(xp: Any, target: Any, shape: tuple[int, ...], logits: Any) -> Any:
    given = xp.asarray(target, dtype=xp.float64, device=device_of(logits))
    if tuple(given.shape) not in ((), shape):
        raise InputError(f"target has shape {tuple(given.shape)}; these logits need a number or {shape}.")
    return xp.reshape(xp.broadcast_to(given, shape), (-1,))


def _solve(xp: Any, below: Any, targets: Any, offset: int) -> Any:
    """Temperatures (rows,) for rows of logits less their maximum."""
    tops = xp.sum(xp.astype(below == 0, xp.float64), axis=-1)
    floor = xp.log(tops)
    _refuse_targets(xp, below, targets, floor, offset)
    wanted = targets - floor
    finite = xp.isfinite(below) & (below < 0)
    nearest = xp.min(xp.where(finite, -below, xp.full_like(below, math.inf)), axis=-1) if len(below) else floor
    farthest = xp.max(xp.where(finite, -below, xp.zeros_like(below)), axis=-1) if len(below) else floor
    low = xp.clip(xp.log(nearest) + _COLD, -700.0, 700.0)
    high = xp.clip(xp.log(farthest) + _HOT, -699.0, 709.0)
    x = xp.where((low < 0) & (high > 0), xp.zeros_like(low), (low + high) / 2)  # T = 1 where it may be
    before = xp.full_like(x, math.inf)
    left = xp.arange(x.shape[0], device=device_of(x))
    for _ in range(_STEPS):
        if not len(left):
            break
        at = x[left]
        excess, varentropy = _excess_and_slope(xp, below[left], tops[left], at)
        with np.errstate(divide="ignore", invalid="ignore"):  # no mass but the largest: bisected below
            error = xp.log(excess / wanted[left])
            step = -error * excess / varentropy
        low[left] = xp.where(error < 0, at, low[left])
        high[left] = xp.where(error > 0, at, high[left])
        near = (error == 0) | (xp.abs(step) <= _PRECISION)
        faster = (at + step > low[left]) & (at + step < high[left]) & (xp.abs(error) <= xp.abs(before[left]) / 2)
        before[left] = error
        middle = low[left] / 2 + high[left] / 2
        x[left] = xp.where(error == 0, at, xp.where(near | faster, at + step, middle))
        left = left[~near & (high[left] - low[left] > _PRECISION)]
    return xp.exp(x)


def _excess_and_slope(xp: Any, below: Any, tops: Any, x: Any) -> tuple[Any, Any]:
    """H − ln #{largest} and dH/d ln T at T = eˣ."""
    scaled = below / xp.exp(x)[:, None]
    mass = xp.exp(scaled)
    scaled = xp.where(mass > 0, scaled, xp.zeros_like(scaled))
    beside = xp.sum(xp.where(below < 0, mass, xp.zeros_like(mass)), axis=-1)
    total = tops + beside
    mean = xp.sum(mass * scaled, axis=-1) / total
    deviation = scaled - mean[:, None]
    return xp.log1p(beside / tops) - mean, xp.sum(mass * deviation * deviation, axis=-1) / total


def _refuse_targets(xp: Any, below: Any, targets: Any, floor: Any, offset: int) -> None:
    unmasked = xp.sum(xp.astype(xp.isfinite(below), xp.float64), axis=-1)
    ceiling = xp.log(unmasked)
    bad = ~((targets > floor) & (targets < ceiling))
    if not bool(xp.any(bad)):
        return
    row = int(xp.argmax(xp.astype(bad, xp.int64)))
    given, least, most = float(targets[row]), float(floor[row]), float(ceiling[row])
    if least == most:
        raise InputError(
            f"logits row {offset + row} has {int(unmasked[row])} unmasked logits, all equal: its entropy is {most:.6g} "
            f"nats at every temperature; no temperature belongs to {given:.6g}."
        )
    raise InputError(
        f"logits row {offset + row} has no temperature with an entropy of {given:.6g} nats: give more than "
        f"{least:.6g}, its limit at temperature 0, and less than {most:.6g}, the one at infinity."
    )
