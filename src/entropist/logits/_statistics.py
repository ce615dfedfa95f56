"""Everything a trace needs from a row of logits z, read once, in float64.

With m = max z, l_i = (z_i − m)/T, s = Σ exp l_i, p_i = exp(l_i) / s, u = Σ p_i l_i:

    log_normalizer = m/T + ln s        entropy    H = ln s − u
    max_logprob    = −ln s             varentropy V = Σ p_i (l_i − u)²
    surprisal(t)   = ln s − l_t,       rank(t) = #{i : z_i > z_t}

so that nothing but the normaliser depends on how large the logits are in common. Rows are worked in
chunks, so memory beyond the results stays under a few tens of megabytes whatever the number of rows,
and the values of a row depend neither on its neighbours nor on the number of threads, to the last bit.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj, is_torch_array

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
    if not is_array_api_obj(logits):
        raise InputError(f"logits must be an array of NumPy or torch; given {type(logits).__name__}.")
    xp = array_namespace(logits)
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise InputError(f"logits must be (..., vocabulary) with a vocabulary; given shape {tuple(logits.shape)}.")
    vocabulary = int(logits.shape[-1])
    _check_options(temperature, top_k, vocabulary)
    if wants_gradient(logits):
        from entropist.logits import _gradients

        return _gradients.statistics(logits, targets, temperature, top_k)
    shape = tuple(logits.shape[:-1])
    flat_targets = None if targets is None else _flat_targets(xp, targets, shape, vocabulary, logits)
    return LogitStatistics(*in_groups(xp, (logits,), flat_targets, _rows_by(xp, logits, temperature, top_k)))


RowsBy = Callable[..., tuple[Any, ...]]  # (rows of each array, targets or None, number of the first row) -> fields


def _rows_by(xp: Any, logits: Any, temperature: float, top_k: int) -> RowsBy:
    """What reads rows of these logits: a kernel where one can, on the GPU or the CPU, else the plain way in chunks."""
    from entropist.logits import _cpu

    if on_gpu(logits):
        from entropist.logits import _triton

        if _triton.usable(logits):
            return lambda z, targets, offset: _triton.statistics_rows(z, targets, temperature, top_k, offset)
    elif _cpu.readable(logits, temperature=temperature):
        return lambda z, targets, offset: _cpu.statistics_rows(z, targets, temperature, top_k, offset)
    return lambda z, targets, offset: _plain_rows(xp, z, targets, temperature, top_k, offset)


def in_groups(xp: Any, logits: tuple[Any, ...], targets: Any, rows_by: RowsBy) -> tuple[Any, ...]:
    """The fields that `rows_by` finds for all rows of the `logits`, in their shape and their library.

    Where rows of (..., vocabulary) are not evenly apart in memory, they are read group by group, not copied.
    """
    shape = tuple(logits[0].shape[:-1])
    parts, offset = [], 0
    for group in _even_groups(logits):
        end = offset + group[0].shape[0]
        parts.append(rows_by(*group, None if targets is None else targets[offset:end], offset))
        offset = end
    fields_of_all = zip(*parts)
    return tuple(None if each[0] is None else _join(xp, [_of(xp, e) for e in each], shape) for each in fields_of_all)


def _even_groups(logits: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The arrays as (rows, vocabulary) without a copy, in as few groups of rows as that takes."""
    flat = [_evenly(each) for each in logits]
    if all(each is not None for each in flat):
        yield tuple(flat)
        return
    for i in range(logits[0].shape[0]):
        yield from _even_groups(tuple(each[i] for each in logits))


def _evenly(logits: Any) -> Any:
    """A view (rows, vocabulary), or None where there is none."""
    shape = (math.prod(logits.shape[:-1]), logits.shape[-1])
    if is_torch_array(logits):
        try:
            return logits.view(shape)
        except RuntimeError:  # torch says so where strides do not allow it
            return None
    view = logits.view()
    try:
        view.shape = shape
    except AttributeError:
        return None
    return view


def _of(xp: Any, values: Any) -> Any:
    """The kernels' NumPy arrays in the library of the logits, without a copy."""
    return values if array_namespace(values) is xp else xp.asarray(values)


def wants_gradient(*logits: Any) -> bool:
    """Whether any of them is a tensor that carries a gradient now."""
    if not any(is_torch_array(each) and each.requires_grad for each in logits):
        return False
    import torch

    return torch.is_grad_enabled()


def on_gpu(logits: Any) -> bool:
    """Whether these are a tensor on a CUDA device."""
    return bool(is_torch_array(logits) and logits.is_cuda)


def _plain_rows(xp: Any, rows: Any, targets: Any, temperature: float, top_k: int, offset: int) -> tuple[Any, ...]:
    """The fields of `LogitStatistics` of rows (rows, vocabulary), in float64, a chunk at a time."""
    step = max(1, _CHUNK_ENTRIES // rows.shape[1])

    def read(i: int) -> tuple[Any, ...]:
        chosen = None if targets is None else targets[i : i + step]
        return _chunk(xp, rows[i : i + step], chosen, temperature, top_k, offset + i)

    return filled(xp, rows.shape[0], step, read)


def filled(xp: Any, rows: int, step: int, read: Callable[[int], tuple[Any, ...]]) -> tuple[Any, ...]:
    """The fields that `read(i)` finds of `step` rows from i on, of all rows, in arrays allocated once.

    Small arrays kept between large temporaries leave holes in the heap, gigabytes of them for a long input.
    """
    first = read(0)
    if step >= rows:
        return first
    fields = [None if f is None else xp.empty((rows, *f.shape[1:]), dtype=f.dtype, device=device(f)) for f in first]
    for i in range(0, rows, step):
        for field, part in zip(fields, read(i) if i else first):
            if field is not None:
                field[i : i + step] = part
    return tuple(fields)


def _chunk(xp: Any, rows: Any, targets: Any, temperature: float, top_k: int, offset: int) -> tuple[Any, ...]:
    z = _float64(rows)
    m = xp.max(z, axis=-1) if z.shape[0] else z[:, 0]
    _refuse_bad_rows(xp, z, m, offset)
    with np.errstate(over="ignore"):  # the lowest float64, a usual mask, may pass to -inf here: it is one
        below = (z - m[:, None]) / temperature
        highest = m / temperature
    mass = xp.exp(below)
    s = _row_sums(xp, mass)
    log_s = xp.log(s)
    # A masked entry is exp(-inf) = 0; a finite stand-in keeps 0·(−inf) from becoming NaN.
    log_mass = xp.where(mass > 0, below, xp.zeros_like(below))
    u = _row_sums(xp, mass * log_mass) / s
    deviation = log_mass - u[:, None]
    varentropy = _row_sums(xp, mass * deviation * deviation) / s
    surprisal = rank = top_ids = top_logprobs = None
    if targets is not None:
        surprisal = log_s - xp.take_along_axis(below, targets[:, None], axis=-1)[:, 0]
        rank = xp.sum(xp.astype(z > xp.take_along_axis(z, targets[:, None], axis=-1), xp.int64), axis=-1)
    if top_k:
        top_ids = _largest(xp, z, top_k)
        top_logprobs = xp.take_along_axis(below, top_ids, axis=-1) - log_s[:, None]
    return highest + log_s, log_s - u, varentropy, 0.0 - log_s, surprisal, rank, top_ids, top_logprobs


def _float64(rows: Any) -> Any:
    """The rows in float64, one after the other in memory: sums over them depend on their layout otherwise."""
    return rows.double().contiguous() if is_torch_array(rows) else np.ascontiguousarray(rows, np.float64)


def _row_sums(xp: Any, values: Any) -> Any:
    """Σ over the vocabulary. A row that is alone gets a twin, because torch splits the sum of one row among threads."""
    if is_torch_array(values) and values.shape[0] == 1:
        return xp.sum(values.expand(2, -1), axis=-1)[:1]
    return xp.sum(values, axis=-1)


def _largest(xp: Any, z: Any, k: int) -> Any:
    """Ids of the k largest entries a row, descending, ties by id. The array API has no such verb."""
    if is_torch_array(z):
        ids = xp.sort(z.topk(k, dim=-1).indices, axis=-1)
    else:
        ids = np.sort(np.argpartition(z, z.shape[-1] - k, axis=-1)[:, z.shape[-1] - k :], axis=-1)
    order = xp.argsort(xp.take_along_axis(z, ids, axis=-1), axis=-1, descending=True, stable=True)
    return xp.take_along_axis(ids, order, axis=-1)


def _refuse_bad_rows(xp: Any, z: Any, m: Any, offset: int, name: str = "logits") -> None:
    """A maximum that is not finite betrays NaN (which max passes on), +inf, or a row of -inf only."""
    bad = ~xp.isfinite(m)
    if bool(xp.any(bad)):
        row = int(xp.argmax(xp.astype(bad, xp.int64)))
        value = float(m[row])
        what = "NaN" if math.isnan(value) else "+inf" if value > 0 else "nothing but -inf"
        raise InputError(f"{name} row {offset + row} contains {what}; a distribution needs one finite logit at least "
                         "and otherwise finite values or -inf.")  # fmt: skip


def _flat_targets(xp: Any, targets: Any, shape: tuple[int, ...], vocabulary: int, logits: Any) -> Any:
    # A copy of what is no tensor: torch warns where it is lent an array that is read-only.
    given = targets if is_torch_array(targets) else np.array(targets)
    if tuple(given.shape) != shape:
        raise InputError(f"targets have shape {tuple(given.shape)}; logits of {(*shape, vocabulary)} need {shape}.")
    if math.prod(shape) and not array_namespace(given).isdtype(given.dtype, "integral"):
        raise InputError(f"targets must be token ids, that is integers; given {given.dtype}.")
    ids = xp.reshape(xp.asarray(given, dtype=xp.int64, device=logits.device), (-1,))
    bad = (ids < 0) | (ids >= vocabulary)
    if bool(xp.any(bad)):
        row = int(xp.argmax(xp.astype(bad, xp.int64)))
        raise InputError(
            f"row {row} has the target {int(ids[row])}, which is no token of a vocabulary of {vocabulary}."
        )
    return ids


def _check_options(temperature: float, top_k: int, vocabulary: int) -> None:
    if not (temperature > 0 and math.isfinite(temperature)):
        raise InputError(f"temperature must be positive and finite; given {temperature!r}.")
    if not 0 <= top_k <= vocabulary:
        raise InputError(f"top_k must lie between 0 and the vocabulary of {vocabulary}; given {top_k}.")


def _join(xp: Any, parts: list[Any], shape: tuple[int, ...] = (-1,)) -> Any:
    """One array of the rows of all parts, its rows in `shape`."""
    joined = parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)
    return xp.reshape(joined, (*shape, *joined.shape[1:]))
