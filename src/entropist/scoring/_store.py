"""A directory of scores: one Parquet file a shard of documents, and a manifest that says what made them.

    DIR/manifest.json                 settings, model, and at the end shards with their hashes, counts, totals
    DIR/documents/shard-00000.parquet one row a document, in the order read          (the last of a shard to appear)
    DIR/spans/shard-00000.parquet     the most and least surprising stretches of its text
    DIR/tokens/shard-00000.parquet    one row a token, where asked for
    DIR/words/shard-00000.parquet     one row a word, where asked for

Every file is written beside its place and renamed, so that a shard is there whole or not at all. A shard carries the
hash of the documents it was made of: a later run reuses it where that and the settings are the same.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from entropist.corpus import Document
from entropist.errors import FileError, InputError
from entropist.files import write_text, written_whole

FORMAT = 1
_KEY = b"entropist"


class Store:
    """The directory `path` for a run with `settings`; `resume` lets it hold the shards of an earlier one."""

    def __init__(self, path: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
        self.path = path
        self._settings = json.loads(json.dumps(settings))
        self.reused = 0
        """Shards taken from an earlier run."""
        self._shards: list[dict[str, Any]] = []
        manifest = path / "manifest.json"
        if manifest.exists():
            if not resume:
                raise FileError(f"{path} holds a score already: resume it, or give another directory.")
            self._refuse_other_settings(read_manifest(path))
            for leftover in path.rglob(".entropist-*.part"):
                leftover.unlink(missing_ok=True)
            return
        try:
            if path.exists() and any(path.iterdir()):
                raise FileError(f"{path} is not empty and holds no score: give another directory.")
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"cannot make the directory {path}: {error.strerror or error}.") from error
        self._write_manifest({"complete": False})

    def kept(self, number: int, digest: str) -> pa.Table | None:
        """The rows of shard `number` from an earlier run; None where there is none.

        Raises `InputError` where it was made of other documents.
        """
        path = self._place("documents", number)
        if not path.exists():
            return None
        try:
            table = pq.read_table(path)
            made_of = json.loads(table.schema.metadata[_KEY])["input"]
            asked = [kind for kind in ("tokens", "words") if self._settings["options"][kind]]
            others = [self._place(kind, number) for kind in ("spans", *asked)]
            for other in others:
                pq.ParquetFile(other).close()
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            return None
        if made_of != digest:
            raise InputError(
                f"shard {number} of {self.path} was made of other documents: the input has changed since. "
                "Give another directory to score it as it is now."
            )
        return table.replace_schema_metadata(None)

    def reuse(self, number: int, rows: pa.Table) -> None:
        """Count a kept shard as part of this run."""
        self.reused += 1
        self._note(number, rows.num_rows)

    def write(self, number: int, digest: str, tables: Mapping[str, pa.Table]) -> None:
        """Put a shard in place; its documents come last, for they say that the shard is there."""
        for kind in sorted(tables, key=lambda name: name == "documents"):
            place = self._place(kind, number)
            place.parent.mkdir(exist_ok=True)
            table = tables[kind].replace_schema_metadata({_KEY: json.dumps({"input": digest})})
            with written_whole(place) as beside:
                pq.write_table(table, beside, compression="zstd")
        self._note(number, tables["documents"].num_rows)

    def finish(self, totals: Mapping[str, Any]) -> None:
        """Write the manifest of a run that is done; `InputError` where an earlier one had more documents."""
        count = len(self._shards)
        if self._place("documents", count).exists():
            raise InputError(
                f"the input has changed since {self.path} was made: it ended before shard {count}, which is there. "
                "Give another directory to score it as it is now."
            )
        self._write_manifest({"complete": True, "shards": self._shards, **totals})

    def _note(self, number: int, documents: int) -> None:
        place = self._place("documents", number)
        digest = hashlib.sha256(place.read_bytes()).hexdigest()
        self._shards.append({"shard": number, "documents": documents, "sha256": digest})

    def _place(self, kind: str, number: int) -> Path:
        return self.path / kind / f"shard-{number:05d}.parquet"

    def _write_manifest(self, more: Mapping[str, Any]) -> None:
        content = {"format": FORMAT, "settings": self._settings, **more}
        write_text(self.path / "manifest.json", json.dumps(content, indent=1) + "\n")

    def _refuse_other_settings(self, manifest: Mapping[str, Any]) -> None:
        before = manifest["settings"]
        changed = [name for name in self._settings if before.get(name) != self._settings[name]]
        if changed:
            name = changed[0]
            raise InputError(
                f"{self.path} was begun with another {name} ({_short(before.get(name))}; now "
                f"{_short(self._settings[name])}): resume with the same, or give another directory."
            )


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a directory of scores; `FileError` where it holds none that this version reads."""
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(f"{path} holds no score: its manifest.json cannot be read ({error}).") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or "settings" not in manifest:
        raise FileError(f"{path} holds a score of another format than {FORMAT}, the one this version reads.")
    return manifest


def saved_tables(directory: Path, kind: str) -> Iterator[pa.Table]:
    """The tables of one kind in a directory, shard after shard."""
    for part in read_manifest(directory)["shards"]:
        try:
            table = pq.read_table(directory / kind / f"shard-{part['shard']:05d}.parquet")
        except (OSError, pa.ArrowException) as error:
            raise FileError(
                f"a shard of {directory} cannot be read ({error}): score with resume makes it again."
            ) from error
        yield table.replace_schema_metadata(None)


def input_digest(documents: Sequence[Document]) -> str:
    """One hash of the documents of a shard: ids, groups, texts, each with its length."""
    digest = hashlib.sha256()
    for document in documents:
        for part in (document.id, document.group, document.text):
            raw = b"" if part is None else part.encode("utf-8", "surrogatepass")
            digest.update(b"-" if part is None else len(raw).to_bytes(8, "little"))
            digest.update(raw)
    return digest.hexdigest()


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else text[:117] + "..."
