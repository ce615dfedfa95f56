"""Rows of logits on the CPU through the compiled kernels: which can go there, by how many threads, what comes out.

Float32 and bfloat16 rows are read where they lie (NumPy's memory or torch's, rows apart by any distance);
float16 rows, and those whose entries are not neighbours, are copied a few at a time. Threads share the rows and
a row is one thread's work from end to end, so their number changes no bit: torch's own for tensors, for
arrays Numba's (NUMBA_NUM_THREADS). Float64 goes the plain way.

Of a row the kernels leave the highest logit m, the mass s relative to it, mean μ and second moment M2 of
x = (z − m)·log₂e/T; the rest is arithmetic on (rows,) in float64:

    log_normalizer = m/T + ln s     entropy    = ln s − μ ln 2     surprisal = ln s − (z_t − m)/T
    max_logprob    = −ln s          varentropy = (M2/s)·ln²2
"""

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_numpy_array, is_torch_array

from entropist.logits import _compiling
from entropist.logits._statistics import _largest, _refuse_bad_rows

_PIECE_ENTRIES = 1 << 20  # logits a piece of work, a fraction of a millisecond
_COPY_ENTRIES = 1 << 18  # logits copied at a time: they stay in the cache
_LONGEST_LIST = 64  # a longer list of the largest takes a reading of its own
_LN2 = math.log(2)


def readable(*logits: Any, temperature: float = 1.0) -> bool:
    """Whether the kernels read these: on the CPU, at most 32 bits wide, and the kernel compiled or worth compiling."""
    if not all(_is_narrow(each) for each in logits) or not 1e-6 < temperature < 1e6:
        return False
    kind = "pair" if len(logits) > 1 else "bfloat16" if "bfloat16" in str(logits[0].dtype) else "float32"
    if not _compiling.is_ready(kind):
        if sum(math.prod(each.shape) for each in logits) < _compiling.PATIENCE:
            return False
        _compiling.compile_now(kind)
    return True


def statistics_rows(z: Any, targets: Any, temperature: float, top_k: int, offset: int = 0) -> tuple[Any, ...]:
    """The fields of `LogitStatistics`, in their order and in NumPy, of rows z (n, vocabulary).

    targets: (n,) int64 within the vocabulary, or None. Raises `InputError` naming row `offset` + i where
    row i holds NaN, +inf or nothing but -inf.
    """
    from entropist.logits._kernels import statistics_kernel

    rows, vocabulary = z.shape
    k = top_k if top_k <= _LONGEST_LIST else 0
    wanted = np.empty(0, np.int64) if targets is None else np.ascontiguousarray(np.asarray(targets))
    moments, ranks = np.empty((rows, 5)), np.empty(rows, np.int64)
    ids, values = np.empty((rows, k), np.int64), np.empty((rows, k), np.float32)
    source, scale = _Rows(z), 1 / (temperature * _LN2)
    step = max(1, rows if source.flat is not None else _COPY_ENTRIES // vocabulary)

    def work(a: int, b: int) -> None:
        for i in range(a, b, step):
            part = slice(i, min(b, i + step))
            flat, stride, first = source.some(part.start, part.stop)
            statistics_kernel(
                flat,
                stride,
                first,
                vocabulary,
                wanted[part],
                scale,
                moments[part],
                ranks[part],
                ids[part],
                values[part],
            )

    _share(work, rows, vocabulary, z)
    m, s, mean, square, target = moments.T
    _refuse_bad_rows(np, m, m, offset)
    log_s = np.log(s)
    surprisal = rank = top_ids = top_logprobs = None
    if targets is not None:
        surprisal, rank = log_s - (target - m) / temperature, ranks
    if top_k:
        top_ids, tops = (ids, values.astype(np.float64)) if k else _long_list(z, top_k)
        top_logprobs = (tops - m[:, None]) / temperature - log_s[:, None]
    entropy, varentropy = log_s - mean * _LN2, square / s * _LN2**2
    return m / temperature + log_s, entropy, varentropy, 0.0 - log_s, surprisal, rank, top_ids, top_logprobs


def compare_rows(p: Any, q: Any, targets: Any, offset: int = 0) -> tuple[Any, ...]:
    """The fields of `PairStatistics`, in their order and in NumPy, of rows p and q (n, vocabulary); as above."""
    from entropist.logits._kernels import pair_kernel

    rows, vocabulary = p.shape
    out = np.empty((rows, 11))
    p_source, q_source = _Rows(p, widen=True), _Rows(q, widen=True)
    flat = p_source.flat is not None and q_source.flat is not None
    step = max(1, rows if flat else _COPY_ENTRIES // vocabulary)

    def work(a: int, b: int) -> None:
        for i in range(a, b, step):
            j = min(b, i + step)
            p_flat, p_stride, p_first = p_source.some(i, j)
            q_flat, q_stride, q_first = q_source.some(i, j)
            pair_kernel(p_flat, p_stride, p_first, q_flat, q_stride, q_first, vocabulary, out[i:j])

    _share(work, rows, 4 * vocabulary, p)
    p_m, p_s, p_mean, q_m, q_s, _, kl_pq, kl_qp, js, variation, same_top = out.T
    _refuse_bad_rows(np, p_m, p_m, offset, "p_logits")
    _refuse_bad_rows(np, q_m, q_m, offset, "q_logits")
    surprisal_p = surprisal_q = None
    if targets is not None:
        ids = np.asarray(targets)[:, None]
        surprisal_p = np.log(p_s) - (_entries(p, ids)[:, 0] - p_m)
        surprisal_q = np.log(q_s) - (_entries(q, ids)[:, 0] - q_m)
    cross_entropy = np.log(p_s) - p_mean * _LN2 + kl_pq
    return kl_pq, kl_qp, js, cross_entropy, same_top == 1, variation, surprisal_p, surprisal_q


class _Rows:
    """Rows (n, vocabulary) as the kernels take them: flat memory and the distance of one row from the next."""

    def __init__(self, z: Any, widen: bool = False) -> None:
        self._z = z
        array = z
        if is_torch_array(z):
            import torch

            half = z.dtype == torch.bfloat16
            array = z.detach().view(torch.int16).numpy().view(np.uint16) if half else z.detach().numpy()
        self._array = array
        itemsize, (apart, along) = array.dtype.itemsize, array.strides
        readable = array.dtype == np.float32 or (array.dtype == np.uint16 and not widen)
        dense = (along == itemsize or array.shape[1] == 1) and apart >= 0 and apart % itemsize == 0
        self._widen = widen or array.dtype == np.float16
        self.flat = _flat(array) if readable and dense and len(array) else None
        self._stride = apart // itemsize

    def some(self, a: int, b: int) -> tuple[Any, int, int]:
        """Memory, distance and number of the first row, of the rows from a to b; a copy where they do not lie so."""
        if self.flat is not None:
            return self.flat, self._stride, a
        if self._widen and is_torch_array(self._z):
            copy = self._z[a:b].detach().float().contiguous().numpy()
        elif self._widen:
            copy = np.ascontiguousarray(self._array[a:b], np.float32)
        else:
            copy = np.ascontiguousarray(self._array[a:b])
        return _flat(copy), copy.shape[1], 0


class _Memory:
    """What NumPy makes a flat, writable array of, whatever the flags: kernels are compiled for one kind of array."""

    def __init__(self, array: Any) -> None:
        length = (len(array) - 1) * (array.strides[0] // array.dtype.itemsize) + array.shape[1]
        self._owner = array
        self.__array_interface__ = {
            "data": (array.__array_interface__["data"][0], False),
            "shape": (length,),
            "typestr": array.dtype.str,
            "version": 3,
        }


def _flat(array: Any) -> Any:
    return np.asarray(_Memory(array))


def _share(work: Callable[[int, int], None], rows: int, entries: int, like: Any) -> None:
    """Call work(a, b) on all rows, a piece at a time, by as many threads as the library of `like` is set to."""
    step = max(1, _PIECE_ENTRIES // entries)
    starts = iter(range(0, rows, step))  # next() of a range's iterator is one step: threads may share it

    def pull() -> None:
        for a in starts:
            work(a, min(rows, a + step))

    threads = min(_threads(like), -(-rows // step))
    helpers = [_pool(os.getpid(), threads).submit(pull) for _ in range(threads - 1)]
    pull()
    for helper in helpers:
        helper.result()


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process: those of a parent do not live on in its forks."""
    return ThreadPoolExecutor(threads, "entropist-logits")


def _threads(like: Any) -> int:
    if is_torch_array(like):
        import torch

        return torch.get_num_threads()
    import numba

    return int(numba.config.NUMBA_NUM_THREADS)


def _is_narrow(z: Any) -> bool:
    if is_numpy_array(z):
        return z.dtype in (np.float32, np.float16)
    if not is_torch_array(z):
        return False
    import torch

    return z.device.type == "cpu" and z.dtype in (torch.float32, torch.float16, torch.bfloat16)


def _entries(z: Any, ids: Any) -> Any:
    """The logits at ids (n, k), in float64."""
    if is_torch_array(z):
        import torch

        return z.detach().gather(-1, torch.from_numpy(ids)).double().numpy()
    return np.take_along_axis(z, ids, axis=-1).astype(np.float64)


def _long_list(z: Any, k: int) -> tuple[Any, Any]:
    """Ids (n, k) of the largest and their logits, a few rows at a time."""
    xp, step = array_namespace(z), max(1, _COPY_ENTRIES // z.shape[1])
    ids = np.empty((z.shape[0], k), np.int64)
    for i in range(0, z.shape[0], step):
        ids[i : i + step] = np.asarray(_largest(xp, z[i : i + step], k))
    return ids, _entries(z, ids)
