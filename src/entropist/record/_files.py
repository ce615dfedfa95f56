"""Traces as files: Parquet, Arrow IPC and JSON lines, each without loss."""

import base64
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import feather, parquet

from entropist.errors import FileError, first_line
from entropist.files import refuse_unwritable, written_whole
from entropist.record._schema import POWERS, Metadata, schema_of

_METADATA, _PIECES = b"entropist.metadata", b"entropist.pieces"
_JSONL_ROWS = 4096  # rows turned into Python objects at a time


class Contents(NamedTuple):
    """What a file of a trace holds."""

    table: pa.Table
    metadata: Metadata
    pieces: Mapping[int, bytes]


def save(contents: Contents, path: Path) -> Path:
    """Write `contents` in the format that the ending of `path` names."""
    write, _ = _format(path)
    with written_whole(path) as beside:
        write(contents, beside)
    return path


def refuse_unsavable(path: Path) -> None:
    """Raise the `FileError` that `save` would end in for this name and place, before there is anything to save."""
    _format(path)
    refuse_unwritable(path)


def load(path: Path) -> Contents:
    """Read a trace from `path`; a file that holds none raises `FileError`."""
    _, read = _format(path)
    if path.is_dir():
        raise FileError(f"{path} is a directory: give the file of one trace.")
    try:
        path.open("rb").close()  # Arrow's own message of a file that cannot be opened is longer and less clear
        contents = read(path)
        return contents._replace(table=_checked(contents.table))
    except FileError:
        raise
    except OSError as error:  # Arrow reports damage as OSError without an errno
        reason = error.strerror or f"it is damaged or no trace ({first_line(error)})"
        raise FileError(f"cannot read {path}: {reason}.") from error
    except Exception as error:  # a foreign or damaged file can make Arrow and json raise almost anything
        raise FileError(f"{path} holds no trace written by Entropist ({first_line(error)}).") from error


def _checked(table: pa.Table) -> pa.Table:
    """The table of a trace; raises `ValueError` for another, or for damage that its format does not notice."""
    schema = schema_of(table.schema.names)
    if not table.schema.equals(schema):
        raise ValueError(f"not the columns of a trace: {', '.join(table.schema.names)}")
    table.validate(full=True)
    for field in schema:
        if not field.nullable and table[field.name].null_count:
            raise ValueError(f"column {field.name} has rows without a value")
    return table.cast(schema)  # Parquet has its own name for the items of a list


def to_arrow(contents: Contents) -> pa.Table:
    """The rows, with metadata and pieces as the key-value pairs of their schema."""
    pieces = json.dumps(_pieces_to_json(contents.pieces)).encode()
    pairs = {_METADATA: contents.metadata.to_json().encode(), _PIECES: pieces}
    return contents.table.replace_schema_metadata(pairs)


def from_arrow(table: pa.Table) -> Contents:
    """The inverse of `to_arrow`."""
    pairs = table.schema.metadata
    if not pairs or _METADATA not in pairs:
        raise FileError("this table carries no Entropist metadata, so it is no trace: give one that Trace.save wrote.")
    pieces = _pieces_from_json(json.loads(pairs[_PIECES]))
    return Contents(table.replace_schema_metadata(None), Metadata.from_json(pairs[_METADATA]), pieces)


def _write_parquet(contents: Contents, path: Path) -> None:
    parquet.write_table(to_arrow(contents), path, compression="zstd", write_page_checksum=True)


def _read_parquet(path: Path) -> Contents:
    return from_arrow(parquet.read_table(path, partitioning=None, page_checksum_verification=True))


def _write_arrow(contents: Contents, path: Path) -> None:
    feather.write_feather(to_arrow(contents), str(path), compression="zstd")


def _read_arrow(path: Path) -> Contents:
    return from_arrow(feather.read_table(str(path)))


def _write_jsonl(contents: Contents, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        head = {"metadata": json.loads(contents.metadata.to_json()), "pieces": _pieces_to_json(contents.pieces)}
        file.write(json.dumps({**head, "columns": contents.table.schema.names, "rows": contents.table.num_rows}) + "\n")
        for batch in contents.table.to_batches(max_chunksize=_JSONL_ROWS):
            for row in batch.to_pylist():
                file.write(json.dumps(_row_to_json(row), allow_nan=False) + "\n")


def _read_jsonl(path: Path) -> Contents:
    with path.open(encoding="utf-8") as file:
        head = json.loads(next(file, "null"))
        if not isinstance(head, dict) or "metadata" not in head:
            raise FileError(f"{path} does not begin with the metadata line of a trace.")
        metadata = Metadata.from_json(json.dumps(head["metadata"]))
        schema = schema_of(head["columns"])
        table = pa.Table.from_batches(_jsonl_batches(file, schema), schema)
    if table.num_rows != head["rows"]:
        raise FileError(f"{path} is cut short: it has {table.num_rows} of its {head['rows']} rows.")
    return Contents(table, metadata, _pieces_from_json(head["pieces"]))


def _jsonl_batches(lines: Iterator[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    rows: list[dict[str, Any]] = []
    for line in lines:
        rows.append(_row_from_json(json.loads(line)))
        if len(rows) == _JSONL_ROWS:
            yield pa.RecordBatch.from_pylist(rows, schema)
            rows = []
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema)


def _row_to_json(row: dict[str, Any]) -> dict[str, Any]:
    """Bytes as base64; an infinite number, which JSON lacks, as the text "inf" or "-inf"."""
    return {name: _value_to_json(value) for name, value in row.items()}


def _value_to_json(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case float() if not math.isfinite(value):
            return str(value)
        case list():
            return [_value_to_json(item) for item in value]
        case _:
            return value


def _row_from_json(row: dict[str, Any]) -> dict[str, Any]:
    row["token_bytes"] = base64.b64decode(row["token_bytes"])
    for name in row.keys() & POWERS.keys():
        row[name] = None if row[name] is None else float(row[name])
    if row["top_logprobs"] is not None:
        row["top_logprobs"] = [float(value) for value in row["top_logprobs"]]
    return row


def _pieces_to_json(pieces: Mapping[int, bytes]) -> dict[str, str]:
    return {str(token): base64.b64encode(piece).decode() for token, piece in sorted(pieces.items())}


def _pieces_from_json(pieces: Mapping[str, str]) -> dict[int, bytes]:
    return {int(token): base64.b64decode(piece) for token, piece in pieces.items()}


_FORMATS: dict[str, tuple[Callable[[Contents, Path], None], Callable[[Path], Contents]]] = {
    ".parquet": (_write_parquet, _read_parquet),
    ".arrow": (_write_arrow, _read_arrow),
    ".jsonl": (_write_jsonl, _read_jsonl),
}


def _format(path: Path) -> tuple[Callable[[Contents, Path], None], Callable[[Path], Contents]]:
    if path.suffix not in _FORMATS:
        raise FileError(f"{path}: a trace is kept as {', '.join(_FORMATS)}; the name must end in one of them.")
    return _FORMATS[path.suffix]
