"""llama.cpp's arithmetic on rows (rows, vocabulary): float32, one term after the other, candidates by descending logit.

Its exponentials and logarithms are the C library's in float32; here they are those of float64, rounded, which is the
same number all but some times in a thousand, and then its neighbour. Equal logits come by id here; its sorts leave
their order open.
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def descending(rows: Float32) -> NDArray[np.intp]:
    """Indices by descending logit, equals by id."""
    return np.argsort(-rows, axis=-1, kind="stable")


def probabilities(rows: Float32) -> Float32:
    """exp(z − max z) over their sum, added up in the order given."""
    mass = np.exp((rows - rows.max(axis=-1, keepdims=True)).astype(np.float64)).astype(np.float32)
    return cast(Float32, mass / added(mass)[..., -1:])


def logarithms(values: Float32) -> Float32:
    """ln in float32; −inf at 0."""
    with np.errstate(divide="ignore"):
        return np.log(values.astype(np.float64)).astype(np.float32)


def added(values: Float32) -> Float32:
    """Running sums in float32."""
    return np.cumsum(values, axis=-1, dtype=np.float32)


def entropies(probability: Float32) -> Float32:
    """−Σ p ln p (rows, 1), with 0 ln 0 = 0, where llama.cpp's typical sampler would take a NaN."""
    logs = np.where(probability > 0, logarithms(probability), np.float32(0))
    return added(-probability * logs)[..., -1:]


def first(condition: NDArray[np.bool_]) -> NDArray[np.intp]:
    """How many entries of a row there are up to and with the first True; all where there is none. (rows, 1)"""
    length = condition.shape[-1]
    found = np.where(condition.any(axis=-1), condition.argmax(axis=-1) + 1, length)
    return np.asarray(found[..., None], np.intp)


def kept_of(indices: NDArray[np.intp], count: NDArray[np.intp] | int) -> NDArray[np.bool_]:
    """A mask (rows, vocabulary) of the first `count`, a number or (rows, 1), of the indices of each row."""
    mask = np.zeros(indices.shape, bool)
    np.put_along_axis(mask, indices, np.arange(indices.shape[-1]) < count, axis=-1)
    return mask
