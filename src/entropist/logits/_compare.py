"""Two next-token distributions over one vocabulary, from a row of logits of each.

With p, q the softmax of the rows, r = ln(q/p), x = (p − q)/(p + q), sums over the vocabulary, in nats:

    KL(p‖q) = Σ p·g(r),  g(r) = eʳ − 1 − r ≥ 0           cross-entropy = H(p) + KL(p‖q)
    JS = ½ Σ (p+q)·j(x), j(x) = x²/2 + x⁴/12 + ... ≥ 0   total variation = ½ Σ |p − q|

Σ p·g(r) is the KL because Σ (q − p) = 0. Every term is at least 0 and near equality of second order, so nothing
of either sign is left to cancel: a row beside itself is exactly 0, a distance of 1e-9 nats keeps its digits.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_array_api_obj, is_torch_array

from entropist.errors import InputError
from entropist.logits._statistics import (
    _CHUNK_ENTRIES,
    RowsBy,
    _flat_targets,
    _float64,
    _refuse_bad_rows,
    _row_sums,
    filled,
    in_groups,
    on_gpu,
    wants_gradient,
)

_NEAR = 0.25  # |r| or |x| below which a series gives the term
_TERMS = 14  # of it: 0.25^14 is nothing beside 1 in float64


@dataclass(frozen=True)
class PairStatistics:
    """One value a row; arrays (rows...), float64 in nats but `same_top`, which is bool.

    `same_top` says whether the most likely token is the same (the smaller id where several tie). The
    surprisals are None without targets. Where p is possible and q masked, kl_pq and cross_entropy_pq are infinite.
    """

    kl_pq: Any
    kl_qp: Any
    js: Any
    cross_entropy_pq: Any
    same_top: Any
    total_variation: Any
    surprisal_p: Any = None
    surprisal_q: Any = None


def compare(p_logits: Any, q_logits: Any, targets: Any = None) -> PairStatistics:
    """Both KLs, JS, cross-entropy, total variation, agreement and, for `targets`, both surprisals of every row.

    p_logits, q_logits: (..., vocabulary) of one shape, both NumPy or both torch, any float type, masked by
    -inf. targets: (...) token ids. The results are arrays of the same library, on the same device, in nats.
    Of p as reference and q as model, kl_pq = KL(p‖q) is what q loses in predicting text drawn from p.

    Raises `InputError`, naming the row, for NaN, +inf, a row masked throughout, a target out of range, and
    for shapes that differ.

    >>> import numpy as np
    >>> found = compare(np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]]))
    >>> found.kl_pq.round(6), found.total_variation.round(6)
    (array([0.143841]), array([0.25]))
    """
    shape, vocabulary = _common_shape(p_logits, q_logits)
    xp = array_namespace(p_logits, q_logits)
    if wants_gradient(p_logits, q_logits):
        from entropist.logits import _gradients

        return _gradients.pair(p_logits, q_logits, targets)
    flat_targets = None if targets is None else _flat_targets(xp, targets, shape, vocabulary, p_logits)
    return PairStatistics(*in_groups(xp, (p_logits, q_logits), flat_targets, _rows_by(xp, p_logits, q_logits)))


def _rows_by(xp: Any, p_logits: Any, q_logits: Any) -> RowsBy:
    """What reads rows of these logits: a kernel where one can, on the GPU or the CPU, else the plain way in chunks."""
    from entropist.logits import _cpu

    if on_gpu(p_logits):
        from entropist.logits import _triton

        if _triton.usable(p_logits, q_logits):
            return _triton.compare_rows
    elif _cpu.readable(p_logits, q_logits):
        return _cpu.compare_rows
    return lambda p, q, targets, offset: _plain_rows(xp, p, q, targets, offset)


def _plain_rows(xp: Any, p_rows: Any, q_rows: Any, targets: Any, offset: int) -> tuple[Any, ...]:
    """The fields of `PairStatistics` of rows (rows, vocabulary), in float64, a chunk at a time."""
    step = max(1, _CHUNK_ENTRIES // (2 * p_rows.shape[1]))

    def read(i: int) -> tuple[Any, ...]:
        chosen = None if targets is None else targets[i : i + step]
        return _chunk(xp, p_rows[i : i + step], q_rows[i : i + step], chosen, offset + i)

    return filled(xp, p_rows.shape[0], step, read)


def _chunk(xp: Any, p_rows: Any, q_rows: Any, targets: Any, offset: int) -> tuple[Any, ...]:
    """The fields of `PairStatistics` for a few rows, in float64; row 0 is called `offset` where it is refused."""
    p, p_log, p_top, p_entropy = _distribution(xp, p_rows, "p_logits", offset)
    q, q_log, q_top, _ = _distribution(xp, q_rows, "q_logits", offset)
    both = xp.isfinite(p_log) & xp.isfinite(q_log)
    zero = xp.zeros_like(p)
    r = xp.where(both, q_log, zero) - xp.where(both, p_log, zero)
    infinite = xp.full_like(p, math.inf)
    pq = xp.where(both, _excess(xp, r, p, q), xp.where(p > 0, infinite, q))
    qp = xp.where(both, _excess(xp, -r, q, p), xp.where(q > 0, infinite, p))
    kl_pq = _row_sums(xp, pq)
    surprisal_p = surprisal_q = None
    if targets is not None:
        surprisal_p = 0.0 - xp.take_along_axis(p_log, targets[:, None], axis=-1)[:, 0]
        surprisal_q = 0.0 - xp.take_along_axis(q_log, targets[:, None], axis=-1)[:, 0]
    return (
        kl_pq,
        _row_sums(xp, qp),
        _row_sums(xp, _spread(xp, p, q)) / 2,
        p_entropy + kl_pq,
        p_top == q_top,
        _row_sums(xp, xp.abs(p - q)) / 2,
        surprisal_p,
        surprisal_q,
    )


def _distribution(xp: Any, rows: Any, name: str, offset: int) -> tuple[Any, Any, Any, Any]:
    """p, ln p, the place of the largest, and the entropy, of every row."""
    z = _float64(rows)
    m = xp.max(z, axis=-1) if z.shape[0] else z[:, 0]
    _refuse_bad_rows(xp, z, m, offset, name)
    with np.errstate(over="ignore"):
        below = z - m[:, None]
    mass = xp.exp(below)
    s = _row_sums(xp, mass)[:, None]
    log_s = xp.log(s)
    known = xp.where(mass > 0, below, xp.zeros_like(below))
    entropy = log_s[:, 0] - _row_sums(xp, mass * known) / s[:, 0]
    return mass / s, below - log_s, xp.argmax(z, axis=-1), entropy


def _excess(xp: Any, r: Any, p: Any, q: Any) -> Any:
    """p·(eʳ − 1 − r) for r = ln(q/p)."""
    near = xp.abs(r) < _NEAR
    small = xp.where(near, r, xp.zeros_like(r))
    series = xp.zeros_like(r)
    for n in range(_TERMS, 1, -1):
        series = series * small + 1 / math.factorial(n)
    with np.errstate(over="ignore"):  # of the lowest float64, a usual mask
        return xp.where(near, p * (small * small * series), q - p - p * r)


def _spread(xp: Any, p: Any, q: Any) -> Any:
    """(p+q)·j(x) for x = (p − q)/(p + q), which is p·ln(2p/(p+q)) + q·ln(2q/(p+q))."""
    both = p + q
    x = (p - q) / xp.where(both > 0, both, xp.ones_like(both))
    square = x * x
    near = square < _NEAR * _NEAR
    small = xp.where(near, square, xp.zeros_like(square))
    series = xp.zeros_like(x)
    for n in range(_TERMS, 0, -1):
        series = series * small + 1 / (n * (2 * n - 1))
    # A stand-in where one of the two is nothing beside the other: 0·ln 0 = 0.
    logs = p * xp.log1p(xp.where(x > -1, x, xp.zeros_like(x))) + q * xp.log1p(xp.where(x < 1, -x, xp.zeros_like(x)))
    return xp.where(near, both * (small * series) / 2, logs)


def _common_shape(p_logits: Any, q_logits: Any) -> tuple[tuple[int, ...], int]:
    for name, logits in (("p_logits", p_logits), ("q_logits", q_logits)):
        if not is_array_api_obj(logits):
            raise InputError(f"{name} must be an array of NumPy or torch; given {type(logits).__name__}.")
        if logits.ndim == 0 or logits.shape[-1] == 0:
            raise InputError(f"{name} must be (..., vocabulary) with a vocabulary; given shape {tuple(logits.shape)}.")
    if is_torch_array(p_logits) != is_torch_array(q_logits):
        raise InputError("p_logits and q_logits come in different libraries: give both in NumPy or both in torch.")
    p_shape, q_shape = tuple(p_logits.shape), tuple(q_logits.shape)
    if p_shape[-1] != q_shape[-1]:
        raise InputError(f"p_logits have a vocabulary of {p_shape[-1]} and q_logits one of {q_shape[-1]}: next tokens "
                         "can be compared only over one vocabulary.")  # fmt: skip
    if p_shape != q_shape:
        raise InputError(f"p_logits have the rows {p_shape[:-1]} and q_logits {q_shape[:-1]}: give the same of both.")
    return p_shape[:-1], int(p_shape[-1])
