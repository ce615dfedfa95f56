"""Samplers that rescale: z / T for a T that is given, follows the entropy, or meets it.

    temperature            T as given
    dynamic temperature    T = T_min + (T_max − T_min) · (H / ln m)^exponent, H of the m tokens that are not masked
    target entropy         the T at which the entropy is the one asked for

H grows with T by dH/d ln T = V, the varentropy, so that Newton's step to a target is known
(`entropist.logits.temperature_for_entropy`).
Sources: llama.cpp's temp_ext (kalomaze 2023) for dynamic temperature.
"""

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from entropist.decoding import _engine
from entropist.decoding._arrays import Profile, checked_rows, engine_rows, like, profile_name, working_rows
from entropist.decoding._checks import number
from entropist.decoding._prefixes import greedy
from entropist.errors import InputError
from entropist.logits import temperature_for_entropy

_NEAR = 1e-9  # nats from the limits at T = 0 and ∞ at which the limit is taken


def temperature(logprobs: Any, T: float, *, profile: Profile = "huggingface") -> Any:
    """z / T. Under "llama.cpp" 0 keeps the likeliest token; "huggingface" refuses it.

    logprobs: logits or log-probabilities (..., vocabulary), NumPy or torch, masked by -inf; the same comes back.
    Raises `InputError` for a negative T, and for a row with NaN, +inf or nothing but -inf.

    >>> import numpy as np
    >>> temperature(np.array([0.0, 1.0, -np.inf]), 0.5)
    array([  0.,   2., -inf])
    """
    divisor = number("temperature", T, 0)
    if divisor == 0:
        if profile_name(profile) == "huggingface":
            raise InputError('temperature 0 divides by 0: use greedy, or profile="llama.cpp", which means that by 0.')
        return greedy(logprobs)
    profile_name(profile)
    checked_rows(logprobs)
    with np.errstate(over="ignore"):  # the lowest float, a usual mask, may pass to -inf: it is one
        return logprobs / divisor


def dynamic_temperature(logprobs: Any, low: float, high: float, *, exponent: float = 1.0) -> Any:
    """z / T with T from `low` where the row is certain to `high` where it is uniform, along (H / ln m)^exponent.

    Arrays as in `temperature`. llama.cpp's ``--temp t --dynatemp-range d`` is low = max(0, t − d), high = t + d, and T
    is worked out in its float32. A row with one unmasked token stays as it is; a T of 0 keeps the likeliest token.

    Raises `InputError` for a negative `low`, a `high` below it, or an exponent below 0.

    >>> import numpy as np
    >>> z = np.log([0.4, 0.3, 0.2, 0.1])
    >>> round(float(z[0] / dynamic_temperature(z, 0.5, 1.5)[0]), 5)
    1.42322
    """
    least = number("dynamic_temperature's low", low, 0)
    most = number("dynamic_temperature's high", high, least)
    power = number("dynamic_temperature's exponent", exponent, 0)
    rows = engine_rows(checked_rows(logprobs))
    count = (rows > -np.inf).sum(axis=-1).astype(np.float32)
    alone = count == 1
    ceiling = _engine.logarithms(np.where(alone, np.float32(math.e), count))
    with np.errstate(over="ignore"):
        share = _engine.entropies(_engine.probabilities(-np.sort(-rows, axis=-1)))[:, 0] / ceiling
    hotter = (np.float32(most) - np.float32(least)) * share ** np.float32(power)
    by_row = np.where(alone, np.float32(1), np.float32(least) + hotter)
    return _divided(logprobs, by_row.astype(np.float64), from_top=False)


def target_entropy(logprobs: Any, nats: float) -> Any:
    """(z − max z) / T with the T that gives each row the entropy `nats`, met to 10⁻⁶ nats in float32 and float64.

    Arrays as in `temperature`. An entropy out of a row's reach gives the nearest one: at least ln m, of the m unmasked
    tokens, makes them equal; at most ln k, of the k that share the maximum, leaves those.

    Raises `InputError` for negative `nats`, and for a row with NaN, +inf or nothing but -inf.

    When this misleads: entropy is not truth. It makes a row hotter where the model is right to be sure, and colder
    where it is right to hesitate; truncate before it.

    >>> import numpy as np
    >>> from entropist.logits import statistics
    >>> round(float(statistics(target_entropy(np.array([5.0, 1.0, 0.0]), 1.0)).entropy), 9)
    1.0
    """
    target = number("target_entropy", nats, 0)
    rows = working_rows(checked_rows(logprobs))
    xp = array_namespace(rows)
    exact = xp.astype(rows, xp.float64)
    largest = xp.max(exact, axis=-1, keepdims=True) if rows.shape[0] else exact[:, :1]
    tops = xp.sum(xp.astype(exact == largest, xp.float64), axis=-1)
    unmasked = xp.sum(xp.astype(exact > -math.inf, xp.float64), axis=-1)
    above, below = target >= xp.log(unmasked) - _NEAR, target <= xp.log(tops) + _NEAR
    by_row = xp.where(above, xp.full_like(tops, math.inf), xp.zeros_like(tops))
    within = ~(above | below)
    if bool(xp.any(within)):
        by_row[within] = temperature_for_entropy(exact[within], target)
    return _divided(logprobs, by_row, from_top=True)


def _divided(logprobs: Any, by_row: Any, *, from_top: bool) -> Any:
    """Each row over its own T, in float64, rounded once. T = 0 keeps the largest, T = ∞ makes the unmasked equal.

    From the top down: a rounded difference to the maximum is as exact as the probability it stands for.
    """
    xp = array_namespace(logprobs)
    rows = xp.reshape(logprobs, (by_row.shape[0], logprobs.shape[-1]))
    exact = xp.astype(rows, xp.float64)
    by = like(by_row, logprobs)[:, None]
    if from_top and rows.shape[0]:
        exact = exact - xp.max(exact, axis=-1, keepdims=True)
    safe = xp.where((by > 0) & (by < math.inf), by, xp.ones_like(by))
    divided = exact / safe
    divided = xp.where((by == math.inf) & (exact > -math.inf), xp.zeros_like(exact), divided)
    if bool(xp.any(by == 0)):
        tops = exact == xp.max(exact, axis=-1, keepdims=True)
        if not from_top:
            tops = greedy(exact) > -math.inf
        divided = xp.where((by == 0) & ~tops, xp.full_like(exact, -math.inf), divided)
    with np.errstate(over="ignore"):
        return xp.reshape(xp.astype(divided, logprobs.dtype), logprobs.shape)
