"""Reading of truncated lists: what is an array of log-probabilities, and what is refused with which words."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError, first_line

Array = NDArray[np.float64]

EXCUSED_MASS = 1e-4
_MOST_ROUNDING = 2.0**-6
_SENTINEL = -9999.0  # OpenAI's and vLLM's; llama.cpp's is the lowest float32


def series(name: str, values: ArrayLike) -> Array:
    """(atoms,): one list, without the -inf that fills up a row."""
    found = np.asarray(numbers(name, values), np.float64)
    if found.ndim != 1:
        raise InputError(f"{name} must be one list of log-probabilities; given shape {found.shape}. "
                         "Many lists go through truncated.rows.")  # fmt: skip
    if np.isneginf(found).any():
        raise InputError(f"{name} holds -inf at index {int(np.argmax(np.isneginf(found)))}, which stands for a value "
                         "that was cut off or has probability 0: leave the entry out.")  # fmt: skip
    return found


def matrix(name: str, values: ArrayLike, *, columns: bool = False) -> Array:
    """(rows, atoms); with `columns`, (rows,) is one column."""
    found = np.asarray(numbers(name, values), np.float64)
    if columns and found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2:
        raise InputError(f"{name} must be (rows, atoms); given shape {found.shape}.")
    return found


def numbers(name: str, values: ArrayLike) -> NDArray[Any]:
    """An array of real numbers."""
    try:
        found = np.asarray(values)
        if found.dtype.kind not in "fiub" and found.size:
            raise TypeError(f"an array of {found.dtype}")
        return found
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be numbers, all rows of one length ({first_line(error)}).") from error


def roundings(rounding: ArrayLike, n: int) -> Array:
    """(rows,): the relative rounding error of each row; refuses what is none of a number format."""
    given = np.asarray(numbers("rounding", rounding))
    if given.shape not in ((), (n,)) or not bool(((given >= 0) & (given <= _MOST_ROUNDING)).all()):
        raise InputError(f"rounding must lie between 0 and 2**-6; given {rounding!r}. It is the relative size of a "
                         "rounding error: 2**-23 for float32, 2**-8 for bfloat16.")  # fmt: skip
    return np.broadcast_to(given.astype(np.float64), (n,))


def vocabularies(vocabulary_size: ArrayLike, count: Array) -> Array:
    """(rows,): the size for each row, at least as many as it lists."""
    given = np.asarray(numbers("vocabulary_size", vocabulary_size))
    if given.ndim > 1 or (given.ndim == 1 and given.shape != count.shape):
        raise InputError(f"vocabulary_size must be a number or one a row; given shape {given.shape} for "
                         f"{len(count)} rows.")  # fmt: skip
    size = np.broadcast_to(given.astype(np.float64), count.shape)
    bad = ~(np.isfinite(size) & (size >= 1) & (size == np.floor(size)))
    if bad.any():
        raise InputError(f"vocabulary_size must be a positive whole number; given {size[np.argmax(bad)]:g}.")
    few = size < count
    if few.any():
        row = int(np.argmax(few))
        raise InputError(f"row {row} lists {count[row]:.0f} tokens, more than the vocabulary of {size[row]:.0f}.")
    return size


def refuse_values(low: Array, largest: Array) -> None:
    """Refuse NaN, what is positive and what stands for a value; `low` and `largest` are those of each row."""
    bad = np.isnan(largest) | (largest > EXCUSED_MASS) | (low <= _SENTINEL)
    if not bad.any():
        return
    row = int(np.argmax(bad))
    if np.isnan(largest[row]):
        raise InputError(f"row {row} contains NaN; log-probabilities are numbers ≤ 0.")
    if largest[row] > 0:
        raise InputError(f"row {row} contains {largest[row]:g}, and a log-probability is never positive: these look "
                         "like raw logits or probabilities. Logits go to entropist.logits.")  # fmt: skip
    raise InputError(f"row {row} contains {low[row]:g}, a server's mark for a value that it did not report, not a "
                     "log-probability: leave the entry out.")  # fmt: skip


def refuse_misplaced(extra: Array, smallest: Array, rounding: Array) -> None:
    """Refuse an atom of `also` above the list, up to the rounding of both."""
    reach = smallest + 2 * rounding * (1.0 - smallest)
    above = extra > reach[:, None]
    if above.any():
        row, column = (int(i) for i in np.argwhere(above)[0])
        raise InputError(f"row {row}: also holds {extra[row, column]:g}, above the smallest of the list, "
                         f"{smallest[row]:g}. A token of that probability stands in the list: leave it out of "
                         "also.")  # fmt: skip


def refuse_mass(mass: Array, astray: Array, allowed: Array, vocabulary: Array, count: Array) -> None:
    """Refuse a mass that lies `astray` from what any distribution allows by more than is `allowed`."""
    bad = astray > allowed
    if not bad.any():
        return
    row = int(np.argmax(bad))
    if mass[row] > 1:
        raise InputError(f"row {row} holds a mass of {mass[row]:.6g}, and probabilities sum to 1 at most: raw logits "
                         "in place of log-probabilities, or a token listed twice.")  # fmt: skip
    rest = vocabulary[row] - count[row]
    raise InputError(f"row {row} lists {count[row]:.0f} tokens of mass {mass[row]:.6g}; the {rest:.0f} others of a "
                     f"vocabulary of {vocabulary[row]:.0f}, each at most as likely as the last listed, cannot hold "
                     "the rest: the vocabulary is larger, or these are not the largest values.")  # fmt: skip
