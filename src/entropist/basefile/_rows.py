"""The sparse form of next-token distributions p: their k most likely tokens, and m tokens drawn from the rest.

    top    k ids with ln p, exactly
    tail   m ids with ln p, drawn with replacement in proportion to p from the tokens outside of the top
    mass   t, the probability outside of the top

Whatever is a mean over p is then a sum over the top plus t times a mean over the draws, without bias. What a row costs
is 6 bytes an entry where ids fit 16 bits, else 8: the default sizes stay under 450 bytes a token with all beside them.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from array_api_compat import is_torch_array
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.logits import statistics

_SMALL_IDS = 1 << 16
_CHUNK_ENTRIES = 1 << 21


@dataclass(frozen=True)
class SparseRows:
    """Sparse distributions, (rows, ...): ids and ln p of the top and of the tail's draws, float32; `tail_mass` (rows,).

    `token_id`, `surprisal` and `entropy` (rows,) are of the token that came, its −ln p, and the whole entropy, nats.
    `vocabulary` is how many entries the distributions have.
    """

    top_ids: NDArray[Any]
    top_logprobs: NDArray[np.float32]
    tail_ids: NDArray[Any]
    tail_logprobs: NDArray[np.float32]
    tail_mass: NDArray[np.float32]
    token_id: NDArray[Any]
    surprisal: NDArray[np.float32]
    entropy: NDArray[np.float32]
    vocabulary: int

    def __len__(self) -> int:
        return len(self.top_ids)

    def __getitem__(self, rows: Any) -> "SparseRows":
        return replace(self, **{name: getattr(self, name)[rows] for name in ARRAYS})


ARRAYS = tuple(name for name in SparseRows.__annotations__ if name != "vocabulary")
"""The columns of sparse rows."""


def default_size(vocabulary: int) -> tuple[int, int]:
    """(k, m) of rows of that many entries: two thirds of the entries in the top.

    >>> default_size(4096), default_size(131_072)
    ((46, 22), (34, 17))
    """
    k, m = (46, 22) if vocabulary <= _SMALL_IDS else (34, 17)
    return min(k, vocabulary), m


def sparse_rows(
    logits: Any, targets: Any, *, k: int | None = None, m: int | None = None, rng: np.random.Generator | int = 0
) -> SparseRows:
    """The sparse form of softmax(logits).

    logits: (rows, vocabulary), NumPy or torch, masked by -inf. targets: (rows,) ids of the tokens that came. k, m:
    entries of the top and draws from the tail, by default `default_size`. rng: a generator or a seed; draws depend on
    the order of the rows alone, not on how they are cut into calls with the same generator.

    Raises `InputError` for sizes outside the vocabulary, m of 0 with mass left outside, and as `statistics` does.

    >>> found = sparse_rows(np.log([[0.5, 0.25, 0.125, 0.125]]), [0], k=2, m=3)
    >>> found.top_ids.tolist(), found.tail_mass.tolist(), sorted(set(found.tail_ids[0].tolist()) - {2, 3})
    ([[0, 1]], [0.25], [])
    """
    if getattr(logits, "ndim", 0) != 2:
        raise InputError(f"logits must be (rows, vocabulary); given shape {tuple(getattr(logits, 'shape', ()))}.")
    vocabulary = int(logits.shape[1])
    usual = default_size(vocabulary)
    k, m = usual[0] if k is None else k, usual[1] if m is None else m
    if not 1 <= k <= vocabulary or m < 0 or (m == 0 and k < vocabulary):
        raise InputError(
            f"k must be 1 to {vocabulary}, the vocabulary, and m 1 or more where k leaves tokens out; given {k}, {m}."
        )
    generator = np.random.default_rng(rng)
    ids = np.uint16 if vocabulary <= _SMALL_IDS else np.uint32
    step = max(1, _CHUNK_ENTRIES // vocabulary)
    parts = [
        _chunk(logits[i : i + step], targets[i : i + step], k, m, generator, ids)
        for i in range(0, max(1, len(logits)), step)
    ]
    joined: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS}
    return replace(parts[0], **joined)


def _chunk(logits: Any, targets: Any, k: int, m: int, rng: np.random.Generator, ids: Any) -> SparseRows:
    found = statistics(logits, targets, top_k=k)
    z = _numpy(logits).astype(np.float64)
    top, of_top = _numpy(found.top_ids), _numpy(found.top_logprobs)
    rest = np.exp(z - _numpy(found.log_normalizer)[:, None])
    np.put_along_axis(rest, top, 0.0, axis=1)
    mass = rest.sum(axis=1)
    tail = np.zeros((len(z), m), np.int64)
    uniform = rng.random((len(z), m))
    for row, steps in enumerate(np.cumsum(rest, axis=1)):
        if mass[row] > 0:
            # The last step of the sum may lie above what a draw reaches; no draw may pass the last entry with mass.
            tail[row] = np.searchsorted(steps, uniform[row] * steps[-1], side="right")
    of_tail = np.take_along_axis(z, tail, axis=1) - _numpy(found.log_normalizer)[:, None]
    return SparseRows(
        top_ids=top.astype(ids), top_logprobs=of_top.astype(np.float32), tail_ids=tail.astype(ids),
        tail_logprobs=of_tail.astype(np.float32), tail_mass=mass.astype(np.float32),
        token_id=np.asarray(_numpy(targets)).astype(ids), surprisal=_numpy(found.surprisal).astype(np.float32),
        entropy=_numpy(found.entropy).astype(np.float32), vocabulary=int(logits.shape[1]),
    )  # fmt: skip


def _numpy(array: Any) -> NDArray[Any]:
    if is_torch_array(array):
        array = array.detach().cpu()
        return np.asarray(array.float() if array.dtype.is_floating_point and array.itemsize < 4 else array)
    return np.asarray(array)
