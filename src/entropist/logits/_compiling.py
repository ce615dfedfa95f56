"""Whether the kernels of this machine are compiled yet: nobody with little to do waits for a compiler.

Numba keeps what it compiled beside the source, or in the user's cache directory where that is read-only, or in
NUMBA_CACHE_DIR. There an empty file a kind of kernel says that it is compiled, named by everything that makes Numba
compile again: the bytes and the time of the source, the versions of Numba and Python, the processor.
"""

import hashlib
import platform
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from entropist.progress import working

PATIENCE = 50_000_000  # logits: fewer are read by the plain path until the kernels are compiled
KINDS = ("float32", "bfloat16", "pair")
_ready: set[str] = set()


def cached_njit(function: Callable[..., Any]) -> Any:
    """`function` compiled by Numba at its first call or read from the disk; other threads run while it does."""
    from numba import njit

    try:
        return njit(function, cache=True, nogil=True, error_model="numpy")
    except RuntimeError:  # no directory to keep it in can be written
        return njit(function, nogil=True, error_model="numpy")


def is_ready(kind: str) -> bool:
    """Whether the kernel for this kind of logits is compiled, in this process or on the disk."""
    if kind not in _ready and (marker := _marker(kind)) is not None and marker.exists():
        _ready.add(kind)
    return kind in _ready


def compile_now(kind: str) -> None:
    """Compile the kernel for this kind of logits by calling it, and say on the disk that it is there."""
    with working("compiling the kernels for this machine, once (half a minute)"):
        _call_once(kind)
    _ready.add(kind)
    if (marker := _marker(kind)) is not None:
        marker.touch()


def compile_kernels() -> None:
    """Compile the CPU kernels for this machine now and keep them on the disk; does nothing where they are.

    Without this they are compiled when 50 million logits are first given at once. Until then the plain path
    answers, with the same numbers to 1e-6·max(1, |value|) and at a tenth of the speed.
    """
    for kind in KINDS:
        if not is_ready(kind):
            compile_now(kind)


def _call_once(kind: str) -> None:
    from entropist.logits._kernels import pair_kernel, statistics_kernel

    logits = np.zeros(1, np.uint16 if kind == "bfloat16" else np.float32)
    if kind == "pair":
        pair_kernel(logits, 1, 0, logits, 1, 0, 1, np.empty((1, 11)))
        return
    ids, values = np.empty((1, 0), np.int64), np.empty((1, 0), np.float32)
    statistics_kernel(logits, 1, 0, 1, np.zeros(1, np.int64), 1.0, np.empty((1, 5)), np.empty(1, np.int64), ids, values)


def _marker(kind: str) -> Path | None:
    """The file that says so, or None where nothing is kept."""
    from entropist.logits import _kernels

    kernel = _kernels.pair_kernel if kind == "pair" else _kernels.statistics_kernel
    folder = kernel.stats.cache_path
    return Path(folder) / f"entropist-{kind}-{_machine()}.compiled" if folder else None


@cache
def _machine() -> str:
    """A name for the source, the compiler and the processor."""
    import llvmlite.binding
    import numba

    source = Path(__file__).with_name("_kernels.py")
    processor = llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten()
    seen = (numba.__version__, sys.version, platform.machine(), *processor, source.stat().st_mtime_ns)
    return hashlib.sha256(repr(seen).encode() + source.read_bytes()).hexdigest()[:16]
