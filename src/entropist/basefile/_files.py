"""A base file: sparse rows of one model over a text, as Parquet, written and read a block at a time.

Columns are those of `SparseRows`, lists of fixed length for top and tail, and `document`, the number of the text a row
is of. What made it (model, protocol, k, m, seed, vocabulary) is JSON in the schema's metadata. At the default sizes a
row has 442 bytes before compression, which Parquet's zstd lowers.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from entropist.basefile._rows import ARRAYS, SparseRows
from entropist.errors import FileError, InputError, first_line
from entropist.files import written_whole

FORMAT = 1
_KEY = b"entropist.base"
_BLOCK_ROWS = 4096


class BaseWriter:
    """Writes a base file, beside its place until it is whole: a context whose `add` takes rows in order.

    facts: what made the rows, anything JSON holds; "vocabulary" is needed.

    >>> import tempfile
    >>> from entropist.basefile import read_base, sparse_rows
    >>> z = np.random.default_rng(0).normal(size=(10, 50))
    >>> path = Path(tempfile.mkdtemp()) / "base.parquet"
    >>> with BaseWriter(path, {"vocabulary": 50}) as file:
    ...     file.add(sparse_rows(z, z.argmax(1), k=20, m=10))
    >>> read_base(path).rows
    10
    """

    def __init__(self, path: str | Path, facts: Mapping[str, Any]) -> None:
        if not isinstance(facts.get("vocabulary"), int):
            raise InputError('facts need "vocabulary", the number of entries of a row of logits.')
        self._facts = json.dumps({"format": FORMAT, **facts})
        self._vocabulary = facts["vocabulary"]
        self._place = written_whole(path)
        self._writer: pq.ParquetWriter | None = None
        self._beside: Path | None = None
        self._schema: pa.Schema | None = None
        self._waiting: list[pa.Table] = []  # less than a block of rows: small row groups cost more than they hold

    def __enter__(self) -> "BaseWriter":
        self._beside = self._place.__enter__()
        return self

    def add(self, rows: SparseRows, document: int | NDArray[Any] = 0) -> None:
        """Append rows; document: their text's number, one for all or one for each."""
        if self._beside is None:
            raise InputError("a base file is written inside of a with statement.")
        if rows.vocabulary != self._vocabulary:
            raise InputError(f"the file is of {self._vocabulary} entries a row; given rows of {rows.vocabulary}.")
        table = _table(rows, document)
        self._schema = self._schema or table.schema
        if table.schema != self._schema:
            raise InputError("these rows are of another size than those before: k and m are those of a file.")
        self._waiting.append(table)
        if sum(table.num_rows for table in self._waiting) >= _BLOCK_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        table, self._waiting = pa.concat_tables(self._waiting), []
        if self._writer is None:
            schema = table.schema.with_metadata({_KEY: self._facts})
            self._writer = pq.ParquetWriter(
                self._beside, schema, compression="zstd", use_dictionary=["document"], write_page_checksum=True
            )
        self._writer.write_table(table)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
                if self._writer is None:
                    raise InputError("a base file needs a row at least: add was never called.")
            if self._writer is not None:
                self._writer.close()
        except BaseException as own:
            self._place.__exit__(type(own), own, own.__traceback__)
            raise
        self._place.__exit__(kind, error, where)


@dataclass(frozen=True)
class BaseFile:
    """A base file opened: how many `rows`, and `facts`, what made them."""

    path: Path
    rows: int
    facts: Mapping[str, Any]

    def blocks(self, rows: int = _BLOCK_ROWS) -> Iterator[tuple[SparseRows, NDArray[np.int64]]]:
        """(rows, number of the document of each) in order, at most `rows` at a time."""
        if rows < 1:
            raise InputError(f"rows must be 1 or more; given {rows}.")
        try:
            with pq.ParquetFile(self.path, page_checksum_verification=True) as file:
                for batch in file.iter_batches(batch_size=rows):
                    columns = {name: _numpy(batch.column(name)) for name in batch.schema.names}
                    nothing = np.empty((len(columns["document"]), 0))
                    columns.setdefault("tail_ids", nothing.astype(columns["top_ids"].dtype))
                    columns.setdefault("tail_logprobs", nothing.astype(np.float32))
                    document = columns.pop("document")
                    yield SparseRows(**columns, vocabulary=self.facts["vocabulary"]), document
        except (OSError, pa.ArrowException) as error:
            raise FileError(f"{self.path} is damaged ({first_line(error)}): write it again.") from error


def read_base(path: str | Path) -> BaseFile:
    """Open a base file. Raises `FileError` for a file that holds none."""
    place = Path(path)
    try:
        with pq.ParquetFile(place) as file:
            facts = json.loads((file.schema_arrow.metadata or {})[_KEY])
            rows = file.metadata.num_rows
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise FileError(f"{place} is no base file ({first_line(error)}): give one that BaseWriter wrote.") from error
    if facts.get("format") != FORMAT:
        raise FileError(f"{place} is a base file of format {facts.get('format')}; this version reads {FORMAT}.")
    return BaseFile(place, rows, facts)


def _table(rows: SparseRows, document: int | NDArray[Any]) -> pa.Table:
    columns: dict[str, Any] = {}
    for name in ARRAYS:
        values = getattr(rows, name)
        if values.ndim == 2 and values.shape[1] == 0:
            continue  # Parquet knows no list of no entries: rows that are all top have no column of their tail
        if values.ndim == 2:
            flat = pa.array(np.ascontiguousarray(values).ravel())
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        else:
            columns[name] = pa.array(values)
    columns["document"] = pa.array(np.broadcast_to(np.asarray(document, np.int32), len(rows)))
    return pa.table(columns)


def _numpy(column: Any) -> NDArray[Any]:
    if pa.types.is_fixed_size_list(column.type):
        return np.asarray(column.flatten().to_numpy(zero_copy_only=False)).reshape(len(column), column.type.list_size)
    return np.asarray(column.to_numpy(zero_copy_only=False))
