"""Statistics of next tokens from hidden states and the unembedding: logits of a whole text never exist.

    logits = softcap·tanh(y / softcap),    y = scale·(hidden · weightᵀ + bias)

A chunk of rows is multiplied into one buffer of at most 128 MB (two of 64 MB for a pair), read by `statistics` or
`compare`, and overwritten by the next. Memory beyond the results is that buffer, whatever the number of rows.
The matrix product sums in float32, so a logit differs from the exact one by rounding that grows with its
terms (some 1e-6 of |hidden|·|weight|); what is said of the logits then holds to 1e-6. How many rows share
a chunk can change the last bits of the product, and nothing else. Give float64 for more.
"""

import math
from dataclasses import fields
from typing import Any, TypeVar

from array_api_compat import array_namespace, is_array_api_obj, is_torch_array
from array_api_compat import device as device_of

from entropist.errors import InputError
from entropist.logits._compare import PairStatistics, compare
from entropist.logits._statistics import LogitStatistics, _check_options, _flat_targets, statistics
from entropist.logits._unembedding import Unembedding

_BUFFER_BYTES = 1 << 27

Result = TypeVar("Result", LogitStatistics, PairStatistics)


def head_statistics(
    hidden: Any,
    weight: Any,
    bias: Any = None,
    *,
    softcap: float | None = None,
    scale: float | None = None,
    targets: Any = None,
    temperature: float = 1.0,
    top_k: int = 0,
    chunk_rows: int | None = None,
) -> LogitStatistics:
    """`statistics` of the logits of hidden states, without those logits.

    hidden: (..., d); weight: (vocabulary, d); bias: (vocabulary,); NumPy or torch, any float type. targets:
    (...) token ids. The logits are scale·(hidden · weightᵀ + bias), then softcap·tanh(logits / softcap).
    `chunk_rows` is how many rows are worked at a time, by default as many as 128 MB of logits hold. Torch
    results carry gradients to hidden, weight and bias where those ask for it.

    Raises `InputError` for shapes that do not fit, and as `statistics` does, naming the row.

    >>> import numpy as np
    >>> found = head_statistics(np.eye(2), np.array([[0.0, 2.0], [1.0, 1.0]]), targets=[0, 1])
    >>> found.surprisal.round(4)
    array([1.3133, 1.3133])
    """
    head = _head(hidden, weight, bias, softcap, scale, "")
    _check_options(temperature, top_k, head.vocabulary)
    rows, ids, shape = _rows(hidden, targets, head)
    chunk = _chunk(chunk_rows, rows, head, buffers=1)
    if _wants_gradient(hidden, weight, bias):
        from entropist.logits import _head_gradients

        found = _head_gradients.statistics(rows, head, ids, temperature, top_k, chunk)
    else:
        found = statistics_in_chunks(rows, head, ids, temperature, top_k, chunk)
    return _shaped(found, shape)


def head_compare(
    hidden_p: Any,
    weight_p: Any,
    hidden_q: Any,
    weight_q: Any,
    *,
    bias_p: Any = None,
    bias_q: Any = None,
    softcap_p: float | None = None,
    softcap_q: float | None = None,
    scale_p: float | None = None,
    scale_q: float | None = None,
    targets: Any = None,
    chunk_rows: int | None = None,
) -> PairStatistics:
    """`compare` of the logits of two models' hidden states, without those logits.

    hidden_p: (..., d_p) and weight_p: (vocabulary, d_p), and the same of q with its own width; the rows and
    the vocabulary are common. Everything else is as in `head_statistics`.

    >>> import numpy as np
    >>> weight = np.array([[0.0, 2.0], [1.0, 1.0]])
    >>> float(head_compare(np.eye(2), weight, np.eye(2), weight).kl_pq.max())
    0.0
    """
    p = _head(hidden_p, weight_p, bias_p, softcap_p, scale_p, "_p")
    q = _head(hidden_q, weight_q, bias_q, softcap_q, scale_q, "_q")
    if tuple(hidden_p.shape[:-1]) != tuple(hidden_q.shape[:-1]):
        raise InputError(
            f"hidden_p has rows {tuple(hidden_p.shape[:-1])} and hidden_q {tuple(hidden_q.shape[:-1])}: "
            "give both models the same tokens."
        )
    if p.vocabulary != q.vocabulary:
        raise InputError(
            f"weight_p has a vocabulary of {p.vocabulary} and weight_q one of {q.vocabulary}: "
            "next tokens can be compared only over one vocabulary."
        )
    if is_torch_array(hidden_p) != is_torch_array(hidden_q) or device_of(hidden_p) != device_of(hidden_q):
        raise InputError("p and q come in different libraries or on different devices: give both in NumPy or both in "
                         "torch, on one device.")  # fmt: skip
    p_rows, ids, shape = _rows(hidden_p, targets, p)
    q_rows, _, _ = _rows(hidden_q, None, q)
    chunk = _chunk(chunk_rows, p_rows, p, buffers=2)
    if _wants_gradient(hidden_p, weight_p, bias_p, hidden_q, weight_q, bias_q):
        from entropist.logits import _head_gradients

        found = _head_gradients.pair(p_rows, p, q_rows, q, ids, chunk)
    else:
        found = pair_in_chunks(p_rows, p, q_rows, q, ids, chunk)
    return _shaped(found, shape)


def statistics_in_chunks(
    rows: Any, head: Unembedding, targets: Any, temperature: float, top_k: int, chunk: int
) -> LogitStatistics:
    """Of hidden states `rows` (rows, d), no gradient."""
    buffer = head.buffer(rows, min(chunk, rows.shape[0]))
    parts = []
    for i in range(0, max(1, rows.shape[0]), chunk):
        some = rows[i : i + chunk]
        logits = buffer[: some.shape[0]]
        head.fill(some, logits)
        chosen = None if targets is None else targets[i : i + chunk]
        try:
            parts.append(statistics(logits, chosen, temperature=temperature, top_k=top_k))
        except InputError:
            _refuse_bad_logits(logits, i, "hidden")
            raise
    return _joined(parts)


def pair_in_chunks(
    p_rows: Any, p: Unembedding, q_rows: Any, q: Unembedding, targets: Any, chunk: int
) -> PairStatistics:
    """Of hidden states `p_rows` and `q_rows` (rows, d), no gradient."""
    heads = ((p_rows, p, "hidden_p"), (q_rows, q, "hidden_q"))
    buffers = [head.buffer(rows, min(chunk, rows.shape[0])) for rows, head, _ in heads]
    parts = []
    for i in range(0, max(1, p_rows.shape[0]), chunk):
        pair = []
        for (rows, head, _), buffer in zip(heads, buffers):
            pair.append(buffer[: len(rows[i : i + chunk])])
            head.fill(rows[i : i + chunk], pair[-1])
        chosen = None if targets is None else targets[i : i + chunk]
        try:
            parts.append(compare(pair[0], pair[1], chosen))
        except InputError:
            for logits, (_, _, name) in zip(pair, heads):
                _refuse_bad_logits(logits, i, name)
            raise
    return _joined(parts)


def _head(hidden: Any, weight: Any, bias: Any, softcap: float | None, scale: float | None, of: str) -> Unembedding:
    """The unembedding, after everything about the shapes and kinds of what was given has been tried."""
    parts = {f"hidden{of}": hidden, f"weight{of}": weight} | ({} if bias is None else {f"bias{of}": bias})
    for name, part in parts.items():
        if not is_array_api_obj(part):
            raise InputError(f"{name} must be an array of NumPy or torch; given {type(part).__name__}.")
        if is_torch_array(part) != is_torch_array(hidden):
            raise InputError(f"{name} and hidden{of} come in different libraries: give both in NumPy or both in torch.")
        if device_of(part) != device_of(hidden):
            raise InputError(f"{name} is on {device_of(part)} and hidden{of} on {device_of(hidden)}: give both on one.")
        if "float" not in str(part.dtype):
            raise InputError(f"{name} must hold floating-point numbers; given {part.dtype}.")
    if hidden.ndim == 0 or weight.ndim != 2 or weight.shape[0] == 0 or hidden.shape[-1] != weight.shape[1]:
        raise InputError(f"hidden{of} must be (..., d) and weight{of} (vocabulary, d) with a vocabulary; given shapes "
                         f"{tuple(hidden.shape)} and {tuple(weight.shape)}.")  # fmt: skip
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise InputError(f"bias{of} must be {(int(weight.shape[0]),)}; given shape {tuple(bias.shape)}.")
    if softcap is not None and not (softcap > 0 and math.isfinite(softcap)):
        raise InputError(f"softcap{of} must be positive and finite, or None for none; given {softcap!r}.")
    if scale is not None and not (scale > 0 and math.isfinite(scale)):
        raise InputError(f"scale{of} must be positive and finite, or None for 1; given {scale!r}.")
    return Unembedding(weight, bias, softcap, 1.0 if scale is None else scale)


def _rows(hidden: Any, targets: Any, head: Unembedding) -> tuple[Any, Any, tuple[int, ...]]:
    """Hidden states (rows, d), targets (rows,) or None, and the shape the results shall have."""
    xp = array_namespace(hidden)
    shape = tuple(hidden.shape[:-1])
    ids = None if targets is None else _flat_targets(xp, targets, shape, head.vocabulary, hidden)
    return xp.reshape(hidden, (math.prod(shape), hidden.shape[-1])), ids, shape


def _chunk(asked: int | None, rows: Any, head: Unembedding, buffers: int) -> int:
    if asked is None:
        itemsize = 8 if "64" in str(head.dtype(rows)) else 4
        return max(1, _BUFFER_BYTES // (buffers * itemsize * head.vocabulary))
    if asked < 1:
        raise InputError(f"chunk_rows must be 1 or more, or None to fill 128 MB; given {asked!r}.")
    return asked


def _wants_gradient(*arrays: Any) -> bool:
    if not any(is_torch_array(each) and each.requires_grad for each in arrays):
        return False
    import torch

    return torch.is_grad_enabled()


def _refuse_bad_logits(logits: Any, offset: int, name: str) -> None:
    """Name the row of `name` whose logits are no distribution: `statistics` counts from the start of the chunk."""
    xp = array_namespace(logits)
    highest = xp.max(logits, axis=-1)
    bad = ~xp.isfinite(highest)
    if bool(xp.any(bad)):
        row = int(xp.argmax(xp.astype(bad, xp.int64)))
        value = float(highest[row])
        what = "NaN" if math.isnan(value) else "+inf" if value > 0 else "nothing but -inf"
        raise InputError(f"{name} row {offset + row} gives logits that contain {what}; a distribution needs one finite "
                         "logit at least and otherwise finite values or -inf.")  # fmt: skip


def _joined(parts: list[Result]) -> Result:
    """One result from the results of chunks."""
    if len(parts) == 1:
        return parts[0]
    values: dict[str, Any] = {}
    for field in fields(parts[0]):
        pieces = [getattr(part, field.name) for part in parts]
        values[field.name] = None if pieces[0] is None else array_namespace(pieces[0]).concat(pieces)
    return type(parts[0])(**values)


def _shaped(found: Result, shape: tuple[int, ...]) -> Result:
    """The same result with its rows in `shape`."""
    return type(found)(*(_reshaped(getattr(found, field.name), shape) for field in fields(found)))


def _reshaped(rows: Any, shape: tuple[int, ...]) -> Any:
    return None if rows is None else array_namespace(rows).reshape(rows, (*shape, *rows.shape[1:]))
