"""Joint counts of two binned columns, as sets of bits or by counting one sample after the other; Numba kernels.

Bits: bin a of a column is a mask of n bits, and the joint count of bins a and b is the number of bits that both masks
have. 64 samples are one word, so few bins are counted far faster than one by one; with many bins it is the other way
round. From the counts c_ab with margins r and s come the plug-in information and the number of occupied cells,

    I = ln n + (Σ c ln c − Σ r ln r − Σ s ln s) / n    nats.

`MOST_MASKED` is where the two cost the same (measured: `benchmarks/mutual_information_matrix.py`).
"""

from typing import Any

import numpy as np
from llvmlite import ir  # it comes with Numba
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

MOST_MASKED = 16
"""Up to this many bins a column, masks are faster."""


@intrinsic  # type: ignore[untyped-decorator]
def _bits_set(context: Any, word: Any) -> Any:
    """How many bits of a word are 1: one instruction, and one for eight words where the processor has it."""

    def generate(_: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


def masks(codes: NDArray[Any], bins: int) -> NDArray[np.uint64]:
    """One mask a bin, (bins rounded up to even, words); the rows beyond `bins` are empty."""
    words = -(-len(codes) // 64)
    found = np.zeros((bins + bins % 2, words * 8), np.uint8)
    for each in range(bins):
        packed = np.packbits(codes == each)
        found[each, : len(packed)] = packed
    return found.view(np.uint64)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def from_masks(
    left: Any, left_bins: Any, right: Any, right_bins: Any, begin: int, end: int, triangle: bool, c_ln_c: Any,
    information: Any, occupied: Any,
) -> None:  # fmt: skip
    """Rows begin .. end of the matrix of all pairs; of a triangle, only columns up to the diagonal.

    left, right: masks of all columns one below the other, (rows, words); *_bins, (columns, 2 + bins): where a column's
    masks begin, how many bins it has, and their counts. The last bin's joint counts follow from these. `information`
    receives Σ c ln c, from the table `c_ln_c` (n + 1,), and `occupied` the cells that are not empty.
    """
    words = left.shape[1]
    counts = np.zeros((MOST_MASKED + 1, MOST_MASKED + 1), np.int64)
    for i in range(begin, end):
        first, rows = left_bins[i, 0], left_bins[i, 1]
        for j in range(i + 1 if triangle else right_bins.shape[0]):
            second, columns = right_bins[j, 0], right_bins[j, 1]
            for a in range(0, rows - 1, 2):
                for b in range(0, columns - 1, 2):
                    # Two masks against two: each word is loaded once for two counts.
                    aa = ab = ba = bb = np.uint64(0)
                    for w in range(words):
                        u, v = left[first + a, w], left[first + a + 1, w]
                        x, y = right[second + b, w], right[second + b + 1, w]
                        aa += _bits_set(u & x)
                        ab += _bits_set(u & y)
                        ba += _bits_set(v & x)
                        bb += _bits_set(v & y)
                    counts[a, b], counts[a, b + 1] = aa, ab
                    counts[a + 1, b], counts[a + 1, b + 1] = ba, bb
            _finish(counts, left_bins[i], right_bins[j])
            information[i, j], occupied[i, j] = _summed(counts, rows, columns, c_ln_c)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _finish(counts: Any, left: Any, right: Any) -> None:
    """The last column and the last row, from what the margins leave over."""
    rows, columns = left[1], right[1]
    for a in range(rows - 1):
        rest = left[2 + a]
        for b in range(columns - 1):
            rest -= counts[a, b]
        counts[a, columns - 1] = rest
    for b in range(columns):
        rest = right[2 + b]
        for a in range(rows - 1):
            rest -= counts[a, b]
        counts[rows - 1, b] = rest


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _summed(counts: Any, rows: int, columns: int, c_ln_c: Any) -> Any:
    """Σ c ln c of the cells, and how many are occupied."""
    total, cells = 0.0, 0
    for a in range(rows):
        for b in range(columns):
            c = counts[a, b]
            total += c_ln_c[c]
            cells += c > 0
    return total, cells


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def one_by_one(
    left: Any, left_bins: Any, right: Any, right_bins: Any, begin: int, end: int, triangle: bool, c_ln_c: Any,
    information: Any, occupied: Any,
) -> None:  # fmt: skip
    """The same by codes (columns, n) instead of masks, for any number of bins."""
    n = left.shape[1]
    most = 0
    for j in range(right_bins.shape[0]):
        most = max(most, right_bins[j, 1])
    for i in range(begin, end):
        rows = left_bins[i, 1]
        counts = np.zeros((rows, most), np.int32)
        for j in range(i + 1 if triangle else right_bins.shape[0]):
            columns = right_bins[j, 1]
            counts[:, :columns] = 0
            for k in range(n):
                counts[left[i, k], right[j, k]] += 1
            information[i, j], occupied[i, j] = _summed(counts, rows, columns, c_ln_c)
