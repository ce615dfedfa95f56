"""From arrays, a block at a time, to the rows of a trace.

Every column is one array, allocated once. Thousands of small ones, kept while blocks of logits come
and go, would leave holes that the next block does not fit: memory would grow by a block a window.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.record._schema import SCHEMA

_INFORMATION = ("surprisal", "entropy", "varentropy", "rank", "max_logprob")
_LISTS = ("top_ids", "top_logprobs")
_MOST = 2**31 - 1  # bytes of text, or alternatives, that Arrow's 32-bit offsets reach


class TraceWriter:
    """The rows of one document: all its tokens are context until `put` says what predicted them.

    ids: (tokens,); end_bytes: (tokens,), the byte after each token; text: the document's bytes, which the
    tokens tile. `top_k` alternatives are kept a token.
    """

    def __init__(
        self, ids: NDArray[Any], end_bytes: NDArray[Any], text: bytes, *, top_k: int, document: int = 0
    ) -> None:
        n = len(ids)
        if max(len(text), n * top_k) > _MOST:
            raise InputError(
                f"one text of {len(text)} bytes and {n} tokens with {top_k} alternatives each is too long for one "
                "trace: cut it into documents under 2 GiB, or keep fewer alternatives."
            )
        self._document = document
        self._ids, self._ends, self._text = ids, np.asarray(end_bytes, np.int64), text
        self._scored = np.zeros(n, np.bool_)
        self._values = {name: np.zeros(n, _numpy_type(SCHEMA.field(name).type)) for name in _INFORMATION}
        self._values |= {name: np.zeros((n, top_k), _numpy_type(SCHEMA.field(name).type.value_type)) for name in _LISTS}

    def put(self, begin: int, values: Mapping[str, NDArray[Any]]) -> None:
        """Tokens from `begin` on were predicted: surprisal ... max_logprob (n,), top_ids and top_logprobs (n, k)."""
        end = begin + len(values["surprisal"])
        for name, column in self._values.items():
            if column.ndim == 1 or column.shape[1]:
                column[begin:end] = values[name]
        self._scored[begin:end] = True

    def table(self) -> pa.Table:
        """The rows; they share the writer's memory."""
        n = len(self._ids)
        offsets = np.concatenate([[0], self._ends])
        context = None if self._scored.all() else ~self._scored
        columns: dict[str, Any] = {
            "document": np.full(n, self._document, np.int32),
            "position": np.arange(n, dtype=np.int32),
            "token_id": self._ids,
            "token_bytes": _binary(offsets, self._text),
            "start_byte": offsets[:-1],
            "end_byte": self._ends,
            "scored": self._scored,
            **{name: pa.array(self._values[name], SCHEMA.field(name).type, mask=context) for name in _INFORMATION},
            **{name: _lists(self._values[name], SCHEMA.field(name).type, context) for name in _LISTS},
        }
        arrays = [pa.array(columns[name], SCHEMA.field(name).type) for name in SCHEMA.names]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _numpy_type(kind: pa.DataType) -> Any:
    return kind.to_pandas_dtype()


def _binary(offsets: NDArray[np.int64], text: bytes) -> pa.Array:
    """One binary value between each two offsets, in the memory of `text`."""
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def _lists(values: NDArray[Any], kind: pa.ListType, context: NDArray[np.bool_] | None) -> pa.Array:
    n, k = values.shape
    offsets = pa.array(np.arange(n + 1, dtype=np.int32) * np.int32(k))
    mask = None if context is None else pa.array(context)
    return pa.ListArray.from_arrays(offsets, pa.array(values.ravel()), type=kind, mask=mask)
