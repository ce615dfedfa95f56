"""Generations as files: Parquet, Arrow IPC and JSON lines, each without loss, each written whole or not at all."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from pyarrow import feather, parquet

from entropist.errors import FileError, first_line
from entropist.files import refuse_unwritable, written_whole
from entropist.record import COLUMNS
from entropist.record._files import _row_to_json

_ENDINGS = (".parquet", ".arrow", ".jsonl")
Result = TypeVar("Result")


def refuse_unsavable(path: Path) -> None:
    """Raise the `FileError` that `save` would end in for this name and place, before there is anything to save."""
    if path.suffix not in _ENDINGS:
        raise FileError(f"{path}: a generation is kept as {', '.join(_ENDINGS)}; the name must end in one of them.")
    refuse_unwritable(path)


def save(table: pa.Table, path: Path) -> Path:
    """Write in the format that the ending of `path` names."""
    refuse_unsavable(path)
    with written_whole(path) as beside:
        if path.suffix == ".parquet":
            parquet.write_table(table, beside, compression="zstd", write_page_checksum=True)
        elif path.suffix == ".arrow":
            feather.write_feather(table, str(beside), compression="zstd")
        else:
            _write_lines(table, beside)
    return path


def load(path: Path, parse: Callable[[pa.Table], Result], further: pa.Schema) -> Result:
    """Read what `save` wrote and parse it; `further` are the columns beside those of a trace."""
    try:
        if path.suffix == ".jsonl":
            return parse(_read_lines(path, further))
        table = parquet.read_table(path, partitioning=None) if path.suffix == ".parquet" else feather.read_table(path)
        items = {field.name: field.type for field in _schema(further)}  # Parquet has its own name for a list's items
        return parse(table.cast(pa.schema([f.with_type(items[f.name]) for f in table.schema], table.schema.metadata)))
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or first_line(error)}.") from error
    except Exception as error:  # a foreign or damaged file can make Arrow and json raise almost anything
        raise FileError(f"{path} holds no generation written by Entropist ({first_line(error)}).") from error


def _write_lines(table: pa.Table, path: Path) -> None:
    head = {key.decode(): json.loads(value) for key, value in table.schema.metadata.items()}
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({**head, "rows": table.num_rows}) + "\n")
        for batch in table.to_batches(max_chunksize=4096):
            for row in batch.to_pylist():
                file.write(json.dumps(_row_to_json(row), allow_nan=False) + "\n")


def _read_lines(path: Path, further: pa.Schema) -> pa.Table:
    with path.open(encoding="utf-8") as file:
        head = json.loads(next(file, "{}"))
        rows = [json.loads(line) for line in file]
    if len(rows) != head.pop("rows", None):
        raise FileError(f"{path} is cut short, or no generation.")
    schema = _schema(further)
    for row in rows:
        row["token_bytes"] = base64.b64decode(row["token_bytes"])
        for field in schema:
            if isinstance(row[field.name], str) and pa.types.is_floating(field.type):
                row[field.name] = float(row[field.name])
            elif field.name == "top_logprobs" and row[field.name] is not None:
                row[field.name] = [float(value) for value in row[field.name]]
    pairs = {key: json.dumps(value) for key, value in head.items()}
    return pa.Table.from_pylist(rows, schema).replace_schema_metadata(pairs)


def _schema(further: pa.Schema) -> pa.Schema:
    return pa.schema([*(pa.field(column.name, column.type, column.nullable) for column in COLUMNS), *further])
