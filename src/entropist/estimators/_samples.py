"""Samples of categories as numbers: each sample's place among the distinct ones.

    samples (n,) of any hashable labels, or rows (n, d) of an array   →   codes (n,) in 0..K−1, and K.

Equal labels get equal codes; their order means nothing. A row counts as one label. A missing value is no label.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError, first_line

Codes = NDArray[np.int64]
_LARGEST_EXACT = 2.0**53


def coded(name: str, samples: Any) -> tuple[Codes, int]:
    """Codes (n,) of the samples and how many different ones there are.

    samples: (n,) labels or (n, d) rows. Raises `InputError` for nothing, NaN, None, a bare text, or what has no hash.

    >>> coded("x", ["tea", "milk", "tea"])[1]
    2
    >>> coded("x", [[0, 1], [0, 1], [1, 0]])[0].tolist()
    [0, 0, 1]
    """
    if isinstance(samples, (str, bytes)):
        raise InputError(f"{name} is one text: give its symbols, such as list(text) for characters.")
    if isinstance(samples, Mapping):
        raise InputError(f"{name} is a mapping: labels with their counts go to counts=, samples are a sequence.")
    if not hasattr(samples, "__array__") and not isinstance(samples, (list, tuple, range)):
        if not isinstance(samples, Iterable):
            raise InputError(f"{name} must be samples (n,) or (n, d); given {type(samples).__name__}.")
        samples = list(samples)
    table = _array(name, samples)
    if table is None:
        return _hashed(name, samples)
    if table.ndim not in (1, 2) or table.size == 0:
        raise InputError(f"{name} must be samples (n,) or (n, d) and not empty; given shape {table.shape}.")
    return joined([table] if table.ndim == 1 else list(table.T))


def joined(columns: Sequence[NDArray[Any]]) -> tuple[Codes, int]:
    """Codes of the rows that the columns (n,) make, and how many different rows occur.

    >>> joined([np.array([2**60, 2**60, 0]), np.array([7, 7, 7])])[0].tolist()
    [1, 1, 0]
    """
    codes, width = _one(columns[0])
    for column in columns[1:]:
        codes, width = paired_codes(codes, *_one(column))
    return codes, width


def paired_codes(first: Codes, second: Codes, width: int) -> tuple[Codes, int]:
    """Codes of the pairs (first_i, second_i), second < width, and how many different pairs occur.

    >>> paired_codes(np.array([0, 0, 1]), np.array([1, 1, 0]), 2)[0].tolist()
    [0, 0, 1]
    """
    distinct, codes = np.unique(first * width + second, return_inverse=True)
    return codes.astype(np.int64, copy=False), len(distinct)


def same_length(**named: Codes) -> int:
    """The common length; `InputError` names two that differ.

    >>> same_length(x=np.zeros(3, np.int64), y=np.zeros(3, np.int64))
    3
    """
    (first, codes), *others = named.items()
    for name, other in others:
        if len(other) != len(codes):
            raise InputError(f"{first} has {len(codes)} samples and {name} {len(other)}: row i of both must pair.")
    return len(codes)


def _array(name: str, samples: Any) -> NDArray[Any] | None:
    """Numbers, booleans or strings as an array; None where only hashing tells labels apart."""
    try:
        table = np.asarray(samples)
    except (TypeError, ValueError):  # lists of unequal length, tensors on a device
        if hasattr(samples, "__array__"):
            raise InputError(f"{name} must be an array that NumPy can read; given {type(samples).__name__}.") from None
        return None
    if isinstance(samples, np.ma.MaskedArray) and np.ma.is_masked(samples):
        raise InputError(f"{name} has masked values: drop them, or name them as a label of their own.")
    if table.dtype.kind == "O":
        return None
    listed = not hasattr(samples, "__array__")
    if listed and table.dtype.kind == "f" and table.size and np.abs(table).max() >= _LARGEST_EXACT:
        return None  # whole numbers of a list that float64 would make equal
    if listed and table.dtype.kind in "US":
        return None  # NumPy turns [1, "1"] into two equal strings
    if table.dtype.kind in "fc" and not np.isfinite(table).all():
        bad = np.argwhere(~np.isfinite(table))[0]
        raise InputError(f"{name} must be finite; {table[tuple(bad)]} stands at {tuple(int(i) for i in bad)}.")
    if table.dtype.kind in "mM" and np.isnat(table).any():
        raise InputError(f"{name} has missing values (NaT): drop them, or name them as a label of their own.")
    return table


def _one(column: NDArray[Any]) -> tuple[Codes, int]:
    distinct, codes = np.unique(column, return_inverse=True)
    return codes.astype(np.int64, copy=False), len(distinct)


def _hashed(name: str, samples: Any) -> tuple[Codes, int]:
    table = samples if not hasattr(samples, "ndim") else list(samples)
    places: dict[Any, int] = {}
    codes = np.empty(len(table), np.int64)
    for i, label in enumerate(table):
        label = tuple(label) if isinstance(label, (list, np.ndarray)) else label
        try:
            missing = label is None or bool(label != label)
            codes[i] = places.setdefault(label, len(places))
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} must be labels that can be told apart ({first_line(error)}).") from error
        if missing:
            raise InputError(f"{name} has a missing value ({label!r}) at index {i}: drop it, or name it as a label.")
    if not len(codes):
        raise InputError(f"{name} must hold one sample at least; given none.")
    return codes, len(places)
