"""Rows of data files and texts of text files, streamed; what cannot be read is a row with its error.

JSON lines are read a line at a time, Parquet and Arrow a batch of rows at a time and only the columns asked for.
A byte order mark in front of JSON lines is left out; in front of a text it is part of it, as all bytes are.
"""

import codecs
import glob
import gzip
import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from entropist.corpus._text import decode, read_text
from entropist.errors import EntropistError, FileError, InputError, first_line

_BATCH_ROWS = 64
_BUFFER = 1 << 20
_LINES = (".jsonl", ".ndjson")
_ARROW = (".arrow", ".feather", ".ipc")
_PACKED = (".gz", ".zst")


@dataclass(frozen=True)
class Row:
    """What stands at a place: a text, an object of columns, or the error of reading it."""

    place: str
    value: Any = None
    error: EntropistError | None = None


class _Kind(NamedTuple):
    name: str  # "text", "lines", "parquet", "arrow"
    packed: str  # "", ".gz", ".zst"


def rows_of(source: str | Path, kind: str | None, columns: Sequence[str]) -> Iterator[Row]:
    """Every row of a path, a glob, or "-"; `FileError` where there is nothing of that name."""
    if str(source) == "-":
        if kind == "jsonl":
            if sys.stdin is None:
                raise FileError("standard input is closed: give a file, or pipe documents in.")
            yield from _lines(sys.stdin.buffer, "standard input")
        else:
            yield Row("standard input", read_text("-"))
        return
    for path, name in files_of(source):
        yield from _rows_of_file(path, name, kind, columns)


def files_of(source: str | Path) -> Iterator[tuple[Path, str]]:
    """(file, the name its documents go by) of a path or a glob; `FileError` where there is nothing of that name."""
    if not str(source):
        raise FileError("the name of the input is empty: give a file, a directory or a glob.")
    path = Path(source).expanduser()
    try:
        directory, there = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:  # a NUL in the name, or one too long
        raise FileError(f"cannot read {_short(source)!r}: {getattr(error, 'strerror', None) or error}.") from error
    if directory:
        found = list(_inside(path))
        if not found:
            raise FileError(f"{source} is a directory without files: there is nothing to score.")
        yield from found
    elif there:
        yield path, str(source)
    elif glob.has_magic(str(path)):
        matches = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
        files = [match for match in matches if match.is_file()]
        if not files:
            raise FileError(f"no file matches {source}.")
        yield from ((file, str(file)) for file in files)
    else:
        raise FileError(
            f"there is no file {_short(source)}: a text itself is piped in, or given in a list from Python."
        )


def _inside(directory: Path) -> Iterator[tuple[Path, str]]:
    if (directory / "dataset_dict.json").is_file():
        for split in _listed(directory / "dataset_dict.json", "splits"):
            yield from ((path, f"{split}/{name}") for path, name in _inside(directory / split))
        return
    if (directory / "state.json").is_file() and (directory / "dataset_info.json").is_file():
        files = [part["filename"] for part in _listed(directory / "state.json", "_data_files")]
        yield from ((directory / name, name) for name in files)
        return
    for path in sorted(directory.rglob("*")):
        inner = path.relative_to(directory)
        if path.is_file() and not any(part.startswith(".") for part in inner.parts):
            yield path, inner.as_posix()


def _listed(file: Path, key: str) -> list[Any]:
    """What `datasets` has listed in one of its files, in order: splits, or Arrow files."""
    try:
        return list(json.loads(file.read_text(encoding="utf-8"))[key])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"{file.parent} is no directory that datasets saved: {file.name} has no {key}.") from error


def _short(source: str | Path) -> str:
    """A text given for a name may be a whole book."""
    return str(source) if len(str(source)) <= 80 else f"{str(source)[:77]}..."


def _kind_of(path: Path) -> _Kind:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes.pop() if suffixes and suffixes[-1] in _PACKED else ""
    last = suffixes[-1] if suffixes else ""
    if last in _LINES:
        return _Kind("lines", packed)
    if last == ".parquet":
        return _Kind("parquet", packed)
    return _Kind("arrow" if last in _ARROW else "text", packed)


def _rows_of_file(path: Path, name: str, kind: str | None, columns: Sequence[str]) -> Iterator[Row]:
    form, packed = _kind_of(path)
    if kind is not None:
        form = "lines" if kind == "jsonl" else "text"
    try:
        if form == "parquet":
            yield from _batches(_parquet(path, columns), name)
        elif form == "arrow":
            yield from _batches(_arrow(path, columns), name)
        elif form == "lines":
            with _opened(path, packed) as file:
                yield from _lines(file, name)
        else:
            with _opened(path, packed) as file:
                raw = file.read()
            yield Row(name, decode(raw, str(path)))
    except InputError as error:  # not UTF-8
        yield Row(name, error=error)
    except (OSError, EOFError, ValueError, pa.ArrowException) as error:
        # What was read before stands; the rest of this file is one error.
        yield Row(
            name, error=FileError(f"cannot read {path}: {getattr(error, 'strerror', None) or first_line(error)}.")
        )


def _lines(file: BinaryIO, name: str) -> Iterator[Row]:
    for number, line in enumerate(file, 1):
        place = f"{name}:{number}"
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if not line.strip():
            continue
        try:
            yield Row(place, json.loads(decode(line, place)))
        except InputError as error:
            yield Row(place, error=error)
        except (ValueError, RecursionError) as error:
            yield Row(place, error=InputError(f"{place} is not JSON ({first_line(error)})."))


@contextmanager
def _opened(path: Path, packed: str) -> Iterator[BinaryIO]:
    if packed == ".gz":
        with gzip.open(path) as file:
            yield file  # type: ignore[misc]
    elif packed == ".zst":
        # Arrow's reader tells a stream that was cut off, which a decompressor alone takes for its end.
        with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as raw:
            yield io.BufferedReader(raw, _BUFFER)
    else:
        with path.open("rb") as file:
            yield file


def _parquet(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=_BATCH_ROWS, columns=_wanted(columns, file.schema_arrow))


def _arrow(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path)) as source:
        if source.read(6) == b"ARROW1":
            with pa.ipc.open_file(source) as file:
                for i in range(file.num_record_batches):
                    yield file.get_batch(i).select(_wanted(columns, file.schema))
            return
        source.seek(0)
        with pa.ipc.open_stream(source) as stream:
            for batch in stream:
                yield batch.select(_wanted(columns, stream.schema))


def _wanted(columns: Sequence[str], schema: pa.Schema) -> list[str]:
    """Those of the columns that are there; where the first is not, that of the text, all, so that a message can say."""
    return [name for name in columns if name in schema.names] if columns[0] in schema.names else list(schema.names)


def _batches(batches: Iterator[pa.RecordBatch], name: str) -> Iterator[Row]:
    number = 0
    for batch in batches:
        for first in range(0, batch.num_rows, _BATCH_ROWS):
            for value in batch.slice(first, _BATCH_ROWS).to_pylist():
                number += 1
                yield Row(f"{name}:{number}", value)
