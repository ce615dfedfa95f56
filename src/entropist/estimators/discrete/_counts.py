"""How often each symbol was seen, kept as how many symbols were seen how often.

    v_1 < v_2 < …  the distinct counts above 0,  m_j  symbols seen v_j times,  n = Σ m_j v_j,  K symbols there are.

Every estimator of entropy depends on the counts through these alone. There are at most √(2n) distinct counts, so a
table of 262 144² cells costs what its samples cost: cells that were not seen exist only as K − Σ m_j.

K is what `support_size` says, else the length of dense counts (zeros are symbols that might have come), else the
number of symbols seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError, first_line
from entropist.estimators._samples import coded

_LARGEST = 2**53  # whole numbers up to here are exact in float64


@dataclass(frozen=True)
class Counts:
    """values (D,) ascending and symbols (D,), both float64; n samples; K symbols; whether K was given or only seen."""

    values: NDArray[np.float64]
    symbols: NDArray[np.float64]
    n: int
    support: int
    given: bool

    @property
    def seen(self) -> int:
        """Symbols with a count above 0."""
        return int(self.symbols.sum())

    @property
    def singletons(self) -> int:
        """Symbols seen once."""
        return self.seen_times(1)

    def seen_times(self, times: int) -> int:
        """Symbols seen that often."""
        return int(self.symbols[self.values == times].sum())

    @property
    def shares(self) -> NDArray[np.float64]:
        """values / n, (D,)."""
        return self.values / self.n


def tallied(counts: NDArray[Any], support: int | None = None) -> Counts:
    """`Counts` of an array of whole numbers, its zeros not counted as symbols unless `support` says so.

    >>> tallied(np.array([1, 2, 3, 2, 1])).symbols.tolist()
    [2.0, 2.0, 1.0]
    """
    values, symbols = np.unique(counts[counts > 0], return_counts=True)
    seen = int(symbols.sum())
    n = int((values.astype(object) * symbols).sum()) if len(values) else 0
    return Counts(values.astype(np.float64), symbols.astype(np.float64), n, support or seen, support is not None)


def from_samples(samples: Any) -> Counts:
    """`Counts` of samples (n,) of labels or (n, d) of rows; the support is what was seen."""
    codes, width = coded("samples", samples)
    return tallied(np.bincount(codes, minlength=width))


def from_counts(counts: Any, name: str = "counts") -> Counts:
    """`Counts` of an array of counts of any shape, a SciPy sparse one, or a mapping of labels to counts.

    Raises `InputError` for counts that are negative, not whole, too large to be exact, or all zero.
    """
    table, dense = flat(counts, name)
    found = tallied(table, table.size if dense else None)
    if not found.n:
        raise InputError(f"{name} are all zero: there is no sample to estimate from.")
    return found


def flat(counts: Any, name: str) -> tuple[NDArray[Any], bool]:
    """The counts as a one-dimensional array of whole numbers, and whether zeros among them stand for symbols."""
    if isinstance(counts, Mapping):
        table, dense = _numbers(list(counts.values()), name), True
    elif hasattr(counts, "tocoo"):
        table, dense = _numbers(sparse_cells(counts).data, name), False
    else:
        table, dense = _numbers(counts, name), True
    if not table.size:
        raise InputError(f"{name} are empty: there is no sample to estimate from.")
    bad = np.flatnonzero(~((table >= 0) & (table <= _LARGEST) & (table == np.floor(table))))
    if len(bad):
        raise InputError(f"{name} must be whole numbers from 0 to 2**53; {table[bad[0]]} is entry {bad[0]}.")
    return table, dense


def sparse_cells(counts: Any) -> Any:
    """The cells of a SciPy sparse array in coordinate form, cells that are stored twice added up."""
    cells = counts.tocoo(copy=True)
    cells.sum_duplicates()
    return cells


def with_support(counts: Counts, support_size: int | None) -> Counts:
    """The same counts among `support_size` symbols; `InputError` where more were seen, or it is no whole number."""
    if support_size is None:
        return counts
    if isinstance(support_size, bool) or not (
        isinstance(support_size, (int, np.integer)) or float(support_size).is_integer()
    ):
        raise InputError(f"support_size must be a whole number of symbols; given {support_size!r}.")
    if support_size < counts.seen:
        raise InputError(f"support_size is {support_size}, but {counts.seen} different symbols were seen.")
    return Counts(counts.values, counts.symbols, counts.n, int(support_size), True)


def _numbers(counts: Any, name: str) -> NDArray[Any]:
    try:
        table = np.asarray(counts).ravel()
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be an array of whole numbers ({first_line(error)}).") from error
    if table.dtype.kind not in "biuf":
        raise InputError(f"{name} must be whole numbers; given {table.dtype}.")
    return table.astype(np.int64) if table.dtype.kind == "b" else table
