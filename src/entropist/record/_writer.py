"""From arrays, a block at a time, to the rows of a trace."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.record._schema import SCHEMA

_INFORMATION = ("surprisal", "entropy", "varentropy", "rank", "max_logprob")


@dataclass
class TraceWriter:
    """Collects the rows of one document; holds nothing but the rows."""

    document: int = 0
    _batches: list[pa.RecordBatch] = field(default_factory=list)
    _next: int = 0

    def context(self, ids: NDArray[Any], token_bytes: Sequence[bytes], end_bytes: NDArray[Any]) -> None:
        """Add tokens that nothing predicted."""
        empty = {
            name: pa.nulls(len(ids), SCHEMA.field(name).type) for name in (*_INFORMATION, "top_ids", "top_logprobs")
        }
        self._add(ids, token_bytes, end_bytes, False, empty)

    def scored(
        self,
        ids: NDArray[Any],
        token_bytes: Sequence[bytes],
        end_bytes: NDArray[Any],
        values: dict[str, NDArray[Any]],
    ) -> None:
        """Add predicted tokens: `values` holds surprisal ... max_logprob (n,), top_ids and top_logprobs (n, k)."""
        columns = {name: pa.array(values[name], SCHEMA.field(name).type) for name in _INFORMATION}
        for name in ("top_ids", "top_logprobs"):
            columns[name] = _lists(values[name], SCHEMA.field(name).type)
        self._add(ids, token_bytes, end_bytes, True, columns)

    def table(self) -> pa.Table:
        """All rows so far."""
        return pa.Table.from_batches(self._batches, SCHEMA)

    def _add(
        self,
        ids: NDArray[Any],
        token_bytes: Sequence[bytes],
        end_bytes: NDArray[Any],
        scored: bool,
        rest: dict[str, Any],
    ) -> None:
        n = len(ids)
        lengths = np.fromiter((len(piece) for piece in token_bytes), np.int64, n)
        columns = {
            "document": np.full(n, self.document, np.int32),
            "position": np.arange(self._next, self._next + n, dtype=np.int32),
            "token_id": ids.astype(np.int32),
            "token_bytes": pa.array(token_bytes, pa.binary()),
            "start_byte": end_bytes - lengths,
            "end_byte": end_bytes,
            "scored": np.full(n, scored),
            **rest,
        }
        arrays = [pa.array(columns[name], SCHEMA.field(name).type) for name in SCHEMA.names]
        self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=SCHEMA))
        self._next += n


def _lists(values: NDArray[Any], kind: pa.ListType) -> pa.Array:
    n, k = values.shape
    offsets = pa.array(np.arange(0, n * k + 1, k, dtype=np.int32) if k else np.zeros(n + 1, np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(values.ravel(), kind.value_type), type=kind)
