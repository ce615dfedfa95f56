"""Documents from files, one after the other: text, Markdown, JSON lines, Parquet, Arrow, directories, globs, stdin.

    a file of text                one document, its path the id
    .jsonl .ndjson (.gz .zst)     one document a line: its text column, its id column or "file:line"
    .parquet .arrow .feather      one document a row, the same; a directory saved by `datasets` likewise, or its splits
    a directory, a glob           its files in the order of their names, hidden ones left out

Nothing is held but the document at hand and, of every id seen, sixteen bytes: ids must not repeat.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from entropist.corpus._rows import Row, files_of, rows_of
from entropist.errors import EntropistError, InputError

_REASONS_KEPT = 20


@dataclass(frozen=True)
class Document:
    """A text with its id and, where a column was named for it, its group."""

    id: str
    text: str
    group: str | None = None


class Documents:
    """The documents of `source`, streamed; every `iter` begins anew, but for standard input and iterators.

    source: a path, a glob, "-" for standard input, or an iterable of texts, `Document`s or mappings. text_column,
    id_column, group_column: keys of mappings and columns of data files; a row without an id is called "file:line".
    on_error "skip" leaves out what cannot be read (a bad line, no text, bytes that are not UTF-8, an id seen before)
    and counts it in `skipped`; "fail" raises. kind: "text" or "jsonl" for what has no telling name.

    >>> [document.id for document in Documents(["one", {"text": "two", "id": 7}])]
    ['document:1', '7']
    """

    def __init__(
        self,
        source: Any,
        *,
        text_column: str = "text",
        id_column: str = "id",
        group_column: str | None = None,
        on_error: Literal["fail", "skip"] = "fail",
        kind: Literal["text", "jsonl"] | None = None,
    ) -> None:
        if on_error not in ("fail", "skip"):
            raise InputError(f"on_error is 'fail' or 'skip'; given {on_error!r}.")
        if isinstance(source, (bytes, Document, Mapping)) or not isinstance(source, (str, Path, Iterable)):
            raise InputError(f"documents are a path or an iterable of texts; given {type(source).__name__}.")
        self.source = source
        self.on_error = on_error
        self.skipped = 0
        """How many documents the last iteration left out."""
        self.reasons: list[str] = []
        """Why, for the first twenty of them."""
        self._columns = (text_column, id_column, group_column)
        self._kind = kind

    @property
    def repeatable(self) -> bool:
        """Whether the documents can be read a second time."""
        if isinstance(self.source, (str, Path)):
            return str(self.source) != "-"
        return not isinstance(self.source, Iterator)

    def reads(self, path: str | Path) -> bool:
        """Whether a file is among those that documents are read from."""
        if not isinstance(self.source, (str, Path)) or str(self.source) == "-" or not Path(path).exists():
            return False
        return any(file.exists() and file.samefile(path) for file, _ in files_of(self.source))

    def __iter__(self) -> Iterator[Document]:
        self.skipped, self.reasons = 0, []
        seen: set[bytes] = set()
        for row in self._rows():
            try:
                document = self._document(row)
                mark = hashlib.blake2b(document.id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
                if mark in seen:
                    raise InputError(f"{row.place} has the id {document.id!r}, which another document has already.")
            except EntropistError as error:
                if self.on_error == "fail":
                    raise
                self.skipped += 1
                if len(self.reasons) < _REASONS_KEPT:
                    self.reasons.append(str(error))
                continue
            seen.add(mark)
            yield document

    def _rows(self) -> Iterator[Row]:
        if isinstance(self.source, (str, Path)):
            yield from rows_of(self.source, self._kind, [name for name in self._columns if name])
            return
        for number, item in enumerate(self.source, 1):
            yield Row(f"document:{number}", item)

    def _document(self, row: Row) -> Document:
        if row.error is not None:
            if self.on_error == "fail" and row.place != str(self.source):  # one of several
                raise type(row.error)(f'{row.error} With on_error "skip" such documents are left out and counted.')
            raise row.error
        value = row.value
        if isinstance(value, Document):
            return value
        if isinstance(value, str):
            return Document(row.place, _sound(value, row.place))
        if not isinstance(value, Mapping):
            raise InputError(f"{row.place} is no document: a text or an object with one; given {type(value).__name__}.")
        text_column, id_column, group_column = self._columns
        if text_column not in value:
            known = ", ".join(map(str, list(value)[:12]))
            raise InputError(
                f"{row.place} has no column {text_column!r}: it has {known or 'none'}. Name the one with the text."
            )
        text = value[text_column]
        if not isinstance(text, str):
            raise InputError(f"{row.place}: the column {text_column!r} holds {type(text).__name__}, not a text.")
        given = value.get(id_column)
        group = None
        if group_column is not None:
            if group_column not in value:
                raise InputError(f"{row.place} has no column {group_column!r} to group by.")
            group = None if value[group_column] is None else str(value[group_column])
        return Document(row.place if given is None else str(given), _sound(text, row.place), group)


def _sound(text: str, place: str) -> str:
    """The text, unless half of a surrogate pair stands in it, which no UTF-8 can hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{place} holds half of a surrogate pair at character {error.start}: it is not Unicode text."
        ) from None
    return text
