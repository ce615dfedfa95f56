"""Everything a trace needs from a row of logits z, read once, in float64.

With m = max z, e_i = exp((z_i − m)/T), s = Σ e_i, p_i = e_i / s, u = Σ p_i (z_i − m)/T:

    log_normalizer = m/T + ln s        entropy    H = ln s − u
    max_logprob    = −ln s             varentropy V = Σ p_i ((z_i − m)/T − u)²
    surprisal(t)   = log_normalizer − z_t/T,     rank(t) = #{i : z_i > z_t}

Rows are worked in chunks, so memory beyond the results stays under a few tens of megabytes whatever
the number of rows, and the values of a row do not depend on its neighbours.
"""

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array

from entropist.errors import InputError

_CHUNK_ENTRIES = 1 << 19  # float64 entries a chunk: 4 MB an array, so that a pass stays near the cache


@dataclass(frozen=True)
class LogitStatistics:
    """One value a row of logits; arrays (rows...), top_ids and top_logprobs (rows..., k). Nats, float64.

    surprisal and rank are None without targets, top_ids and top_logprobs without `top_k`.
    """

    log_normalizer: Any
    entropy: Any
    varentropy: Any
    max_logprob: Any
    surprisal: Any = None
    rank: Any = None
    top_ids: Any = None
    top_logprobs: Any = None


def statistics(logits: Any, targets: Any = None, *, temperature: float = 1.0, top_k: int = 0) -> LogitStatistics:
    """Entropy, varentropy, normaliser and, for `targets`, surprisal and rank of every row of logits.

    logits: (..., vocabulary), NumPy or torch, any float type, masked by -inf. targets: (...) token ids.
    The results are arrays of the same library, on the same device. The `top_k` largest come in
    descending order; ties go to the smaller id within the list, and at its end to either. Rank is 0 for
    the most likely token and counts strictly larger logits.

    Raises `InputError`, naming the row, for NaN, +inf, a row masked throughout, or a target out of range.

    >>> import numpy as np
    >>> float(statistics(np.zeros((1, 8))).entropy[0]) == math.log(8)
    True
    """
    xp = array_namespace(logits)
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise InputError(f"logits must be (..., vocabulary) with a vocabulary; given shape {tuple(logits.shape)}.")
    vocabulary = int(logits.shape[-1])
    _check_options(temperature, top_k, vocabulary)
    shape = tuple(logits.shape[:-1])
    rows = xp.reshape(logits, (-1, vocabulary))
    flat_targets = None if targets is None else _flat_targets(xp, targets, shape, vocabulary, logits)
    step = max(1, _CHUNK_ENTRIES // vocabulary)
    starts = range(0, max(1, rows.shape[0]), step)
    parts = []
    for i in starts:
        chosen = None if flat_targets is None else flat_targets[i : i + step]
        parts.append(_chunk(xp, rows[i : i + step], chosen, temperature, top_k, i))
    return LogitStatistics(
        *(
            None if parts[0][index] is None else _join(xp, [part[index] for part in parts], shape)
            for index in range(len(fields(LogitStatistics)))
        )
    )


def _chunk(xp: Any, rows: Any, targets: Any, temperature: float, top_k: int, offset: int) -> tuple[Any, ...]:
    z = xp.astype(rows, xp.float64)
    if temperature != 1.0:
        z = z / temperature
    m = xp.max(z, axis=-1) if rows.shape[0] else xp.zeros((0,), dtype=xp.float64)
    _refuse_bad_rows(xp, z, m, offset)
    log_mass = z - m[:, None]
    mass = xp.exp(log_mass)
    s = xp.sum(mass, axis=-1)
    log_s = xp.log(s)
    # A masked entry is exp(-inf) = 0; a finite stand-in keeps 0·(−inf) from becoming NaN.
    log_mass = xp.where(mass > 0, log_mass, xp.zeros_like(log_mass))
    u = xp.sum(mass * log_mass, axis=-1) / s
    deviation = log_mass - u[:, None]
    varentropy = xp.sum(mass * deviation * deviation, axis=-1) / s
    log_normalizer = m + log_s
    surprisal = rank = top_ids = top_logprobs = None
    if targets is not None:
        chosen = xp.take_along_axis(z, targets[:, None], axis=-1)
        surprisal = log_normalizer - chosen[:, 0]
        rank = xp.sum(xp.astype(z > chosen, xp.int64), axis=-1)
    if top_k:
        top_ids, top_logits = _largest(xp, z, top_k)
        top_logprobs = top_logits - log_normalizer[:, None]
    return log_normalizer, log_s - u, varentropy, 0.0 - log_s, surprisal, rank, top_ids, top_logprobs


def _largest(xp: Any, z: Any, k: int) -> tuple[Any, Any]:
    """Ids and values of the k largest entries a row, descending, ties by id. The array API has no such verb."""
    if is_torch_array(z):
        ids = xp.sort(z.topk(k, dim=-1).indices, axis=-1)
    else:
        ids = np.sort(np.argpartition(z, z.shape[-1] - k, axis=-1)[:, z.shape[-1] - k :], axis=-1)
    values = xp.take_along_axis(z, ids, axis=-1)
    order = xp.argsort(values, axis=-1, descending=True, stable=True)
    return xp.take_along_axis(ids, order, axis=-1), xp.take_along_axis(values, order, axis=-1)


def _refuse_bad_rows(xp: Any, z: Any, m: Any, offset: int) -> None:
    """A maximum that is not finite betrays NaN (which max passes on), +inf, or a row of -inf only."""
    bad = ~xp.isfinite(m)
    if bool(xp.any(bad)):
        row = int(xp.argmax(xp.astype(bad, xp.int64)))
        value = float(m[row])
        what = "NaN" if math.isnan(value) else "+inf" if value > 0 else "nothing but -inf"
        raise InputError(f"logits row {offset + row} contains {what}; a distribution needs one finite logit at least "
                         "and otherwise finite values or -inf.")  # fmt: skip


def _flat_targets(xp: Any, targets: Any, shape: tuple[int, ...], vocabulary: int, logits: Any) -> Any:
    ids = xp.asarray(targets, dtype=xp.int64, device=logits.device)
    if tuple(ids.shape) != shape:
        raise InputError(f"targets have shape {tuple(ids.shape)}; logits of {(*shape, vocabulary)} need {shape}.")
    ids = xp.reshape(ids, (-1,))
    if ids.shape[0]:
        low, high = int(xp.min(ids)), int(xp.max(ids))
        if low < 0 or high >= vocabulary:
            raise InputError(f"target {low if low < 0 else high} is no token of a vocabulary of {vocabulary}.")
    return ids


def _check_options(temperature: float, top_k: int, vocabulary: int) -> None:
    if not (temperature > 0 and math.isfinite(temperature)):
        raise InputError(f"temperature must be positive and finite; given {temperature!r}.")
    if not 0 <= top_k <= vocabulary:
        raise InputError(f"top_k must lie between 0 and the vocabulary of {vocabulary}; given {top_k}.")


def _join(xp: Any, parts: list[Any], shape: tuple[int, ...]) -> Any:
    joined = parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)
    return xp.reshape(joined, (*shape, *joined.shape[1:]))
