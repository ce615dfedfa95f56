"""Statistics of rows on a GPU: launches the kernels of `_triton_kernels` and finishes their sums.

A kernel leaves a handful of numbers a row (maximum m, mass s, mean μ and second moment M2 of
x = (z − m)·log₂e/T, target's logit); what `LogitStatistics` wants of them is arithmetic on (rows,) in float64:

    log_normalizer = m/T + ln s       entropy    = ln s − μ ln 2
    max_logprob    = −ln s            varentropy = (M2/s)·ln²2
    surprisal      = ln s − (z_t − m)/T

Float64 logits go the plain torch way: the kernels count in float32 within a block. The k largest are a
second reading, by torch.topk.
"""

import math
from functools import cache
from typing import Any

import torch
from array_api_compat import array_namespace

from entropist.logits._statistics import _largest, _refuse_bad_rows

_KINDS = (torch.float32, torch.float16, torch.bfloat16)


def usable(*logits: torch.Tensor) -> bool:
    """Whether the kernels can read all of `logits`: on a CUDA device, 32 or 16 bits, triton installed."""
    return all(z.is_cuda and z.dtype in _KINDS for z in logits) and _installed()


def statistics_rows(
    z: torch.Tensor, targets: torch.Tensor | None, temperature: float, top_k: int, offset: int = 0
) -> tuple[Any, ...]:
    """The fields of `LogitStatistics`, in their order, of rows z (rows, vocabulary); targets (rows,) int64 or None.

    Raises `InputError` naming row `offset` + i where row i holds NaN, +inf or nothing but -inf.
    """
    from entropist.logits._triton_kernels import statistics_kernel

    z = _dense_rows(z)
    rows, vocabulary = z.shape
    moments = torch.empty((5, rows), dtype=torch.float64, device=z.device)
    ranks = torch.empty(rows, dtype=torch.int64, device=z.device)
    if rows:
        with _device(z):
            statistics_kernel[(rows,)](
                z, targets, moments, ranks, rows, vocabulary, z.stride(0), *_factor(temperature),
                HAS_TARGETS=targets is not None, CAREFUL=z.dtype == torch.float32, BLOCK=_block(vocabulary, 4096),
                num_warps=8, enable_fp_fusion=True,
            )  # fmt: skip
    m, s, mean, square, target_logit = moments
    xp = array_namespace(z)
    _refuse_bad_rows(xp, z, m, offset)
    log_s = s.log()
    top_ids = top_logprobs = None
    if top_k:
        top_ids = _largest(xp, z, top_k)
        top_logprobs = (z.gather(-1, top_ids).double() - m[:, None]) / temperature - log_s[:, None]
    return (
        m / temperature + log_s,
        log_s - mean * math.log(2),
        square / s * math.log(2) ** 2,
        0.0 - log_s,
        None if targets is None else log_s - (target_logit - m) / temperature,
        None if targets is None else ranks,
        top_ids,
        top_logprobs,
    )


def compare_rows(p: torch.Tensor, q: torch.Tensor, targets: torch.Tensor | None, offset: int = 0) -> tuple[Any, ...]:
    """The fields of `PairStatistics`, in their order, of rows p and q (rows, vocabulary), targets (rows,) or None.

    Raises `InputError` naming row `offset` + i where row i of either holds NaN, +inf or nothing but -inf.
    """
    from entropist.logits._triton_kernels import pair_kernel

    p, q = _dense_rows(p), _dense_rows(q)
    rows, vocabulary = p.shape
    results = torch.empty((10, rows), dtype=torch.float64, device=p.device)
    if rows:
        with _device(p):
            pair_kernel[(rows,)](
                p, q, targets, results, rows, vocabulary, p.stride(0), q.stride(0), *_factor(1.0),
                HAS_TARGETS=targets is not None, P_CAREFUL=p.dtype == torch.float32, Q_CAREFUL=q.dtype == torch.float32,
                BLOCK=_block(vocabulary, 2048), num_warps=8, enable_fp_fusion=True,
            )  # fmt: skip
    p_m, q_m, pq, qp, js, cross, same, variation, p_surprisal, q_surprisal = results
    xp = array_namespace(p)
    _refuse_bad_rows(xp, p, p_m, offset, "p_logits")
    _refuse_bad_rows(xp, q, q_m, offset, "q_logits")
    surprisals = (None, None) if targets is None else (p_surprisal, q_surprisal)
    return (pq, qp, js, cross, same == 1, variation, *surprisals)


@cache
def _installed() -> bool:
    try:
        import triton  # noqa: F401
    except ImportError:
        return False
    return True


def _dense_rows(z: torch.Tensor) -> torch.Tensor:
    """The kernels step over rows by a stride and read columns one after the other."""
    return z if z.shape[1] == 1 or z.stride(1) == 1 else z.contiguous()


def _block(vocabulary: int, largest: int) -> int:
    """Entries a program holds at a time; `largest` is what eight warps keep in registers (ptxas reports no spill)."""
    return min(largest, 1 << max(4, (vocabulary - 1).bit_length()))


def _factor(temperature: float) -> tuple[float, float]:
    """log₂e / T as the sum of two float32 numbers."""
    exact = 1 / (temperature * math.log(2))
    high = torch.tensor(exact, dtype=torch.float32).item()
    return high, exact - high


def _device(z: torch.Tensor) -> Any:
    """Triton launches on the current device, which need not be that of the logits."""
    return torch.cuda.device_of(z)  # type: ignore[no-untyped-call]
