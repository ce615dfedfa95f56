"""Rows from a source that truncates: flat arrays in, the columns of a trace with its bounds out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.record._schema import BOUNDS, COLUMNS, schema_of

_MOST = 2**31 - 1  # bytes of text, or alternatives, that Arrow's 32-bit offsets reach


def bounded_table(
    *,
    document: NDArray[np.int32],
    ids: NDArray[np.int32],
    pieces: Sequence[bytes],
    scored: NDArray[np.bool_],
    values: Mapping[str, NDArray[np.float64]],
    ranks: NDArray[np.int64],
    counts: NDArray[np.int64],
    top_ids: NDArray[np.int32],
    top_logprobs: NDArray[np.float64],
) -> pa.Table:
    """The rows of one or more documents, which stand one after the other in `document` (n,), ascending.

    ids, pieces: of the token, (n,). values: each information column and its bounds, (n,), NaN for null. ranks: (n,), -1
    for null. counts: (n,), how many of top_ids and top_logprobs belong to each row. Context rows are null.
    """
    n = len(document)
    lengths = np.fromiter(map(len, pieces), np.int64, n)
    if max(int(lengths.sum()), int(counts.sum())) > _MOST:
        raise InputError(f"an answer of {n} tokens has too many bytes or alternatives for one trace: cut it.")
    ends = np.cumsum(lengths)
    starts = ends - lengths
    first = np.searchsorted(document, document)  # the first row of each row's document
    before = starts[first] if n else starts
    context = ~scored
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    columns: dict[str, Any] = {
        "document": document,
        "position": (np.arange(n) - first).astype(np.int32),
        "token_id": ids,
        "token_bytes": pa.array(pieces, pa.binary()),
        "start_byte": starts - before,
        "end_byte": ends - before,
        "scored": scored,
        "rank": pa.array(np.maximum(ranks, 0).astype(np.int32), mask=context | (ranks < 0)),
        "top_ids": _lists(offsets, pa.array(top_ids.astype(np.int32)), context),
        "top_logprobs": _lists(offsets, pa.array(top_logprobs.astype(np.float32)), context),
    }
    columns |= {name: pa.array(each, mask=context | np.isnan(each)) for name, each in values.items()}
    schema = schema_of(column.name for column in (*COLUMNS, *BOUNDS))
    arrays = [pa.array(columns[name], schema.field(name).type) for name in schema.names]
    return pa.Table.from_arrays(arrays, schema=schema)


def _lists(offsets: pa.Array, values: pa.Array, context: NDArray[np.bool_]) -> pa.ListArray:
    return pa.ListArray.from_arrays(offsets, values, mask=pa.array(context) if context.any() else None)
