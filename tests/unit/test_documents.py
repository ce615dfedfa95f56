"""Documents from every kind of file, and what becomes of those that cannot be read."""

import gzip
import io
import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entropist.corpus import Document, Documents
from entropist.corpus._rows import rows_of
from entropist.errors import FileError, InputError

ROWS = [
    {"text": "one\n", "id": "a", "kind": "x"},
    {"text": "", "id": "b", "kind": "y"},
    {"text": "日本 🙂", "id": 3, "kind": "x"},
]
EXPECTED = [("a", "one\n"), ("b", ""), ("3", "日本 🙂")]
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)


def table():
    return pa.table(
        {"text": [r["text"] for r in ROWS], "id": [str(r["id"]) for r in ROWS], "kind": [r["kind"] for r in ROWS]}
    )


def pairs(source, **options):
    return [(document.id, document.text) for document in Documents(source, **options)]


def write(path, kind):
    if kind == "jsonl":
        path.write_bytes(LINES)
    elif kind == "jsonl.gz":
        path.write_bytes(gzip.compress(LINES))
    elif kind == "jsonl.zst":
        zstandard = pytest.importorskip("zstandard")
        half = LINES.index(b"\n") + 1  # two frames, as appending makes them
        path.write_bytes(zstandard.compress(LINES[:half]) + zstandard.compress(LINES[half:]))
    elif kind == "parquet":
        pq.write_table(table(), path, row_group_size=2)
    elif kind == "arrow":
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table().schema) as writer:
            writer.write_table(table(), max_chunksize=2)
    elif kind == "stream.arrow":
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table().schema) as writer:
            writer.write_table(table(), max_chunksize=1)


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "jsonl.zst", "parquet", "arrow", "stream.arrow"])
def test_every_format_gives_the_same_documents(tmp_path, kind):
    file = tmp_path / f"corpus.{kind}"
    write(file, kind)
    documents = Documents(file, group_column="kind")
    assert [(d.id, d.text) for d in documents] == EXPECTED
    assert [d.group for d in documents] == ["x", "y", "x"], "and a second time"
    assert documents.repeatable


def test_a_directory_is_its_files_and_a_glob_some_of_them(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.md").write_text("# two")
    (tmp_path / "a.txt").write_bytes(b"one\r\n")
    (tmp_path / ".hidden").write_text("no")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("no")
    (tmp_path / "c.jsonl").write_bytes(LINES)
    assert pairs(tmp_path) == [("a.txt", "one\r\n"), ("b/two.md", "# two"), *EXPECTED]
    assert pairs(str(tmp_path / "*.txt")) == [(str(tmp_path / "a.txt"), "one\r\n")]
    assert [text for _, text in pairs(str(tmp_path / "**/*.md"))] == ["# two"]
    for source, expected in ((tmp_path, True), (tmp_path / "*.txt", True), (tmp_path / "b", False), ("-", False)):
        assert Documents(str(source)).reads(tmp_path / "a.txt") == expected
        assert not Documents(str(source)).reads(tmp_path / "d.txt")
    assert not Documents(["a"]).reads(tmp_path / "a.txt")


def test_a_directory_saved_by_datasets(tmp_path):
    write(tmp_path / "data-00000-of-00001.arrow", "stream.arrow")
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    (tmp_path / "dataset_info.json").write_text("{}")
    assert pairs(tmp_path) == EXPECTED


def test_the_splits_that_datasets_saved(tmp_path):
    datasets = pytest.importorskip("datasets")
    part = datasets.Dataset.from_list([{"text": "one"}, {"text": "two"}])
    other = datasets.Dataset.from_list([{"text": "three"}])
    datasets.DatasetDict({"train": part, "test": other}).save_to_disk(tmp_path / "d")
    found = pairs(tmp_path / "d")
    assert [text for _, text in found] == ["one", "two", "three"]
    assert [name.partition("/")[0] for name, _ in found] == ["train", "train", "test"]
    (tmp_path / "d/train/state.json").write_text("{}")
    with pytest.raises(FileError, match=r"no directory that datasets saved: state\.json has no _data_files"):
        pairs(tmp_path / "d")


def test_a_byte_order_mark_is_no_part_of_json_and_part_of_a_text(tmp_path):
    mark = b"\xef\xbb\xbf"
    (tmp_path / "c.jsonl").write_bytes(mark + LINES.replace(b"\n", b"\r\n"))
    assert pairs(tmp_path / "c.jsonl") == EXPECTED
    (tmp_path / "t.txt").write_bytes(mark + b"a\r\nb")
    assert pairs(tmp_path / "t.txt")[0][1].encode() == mark + b"a\r\nb"


def test_a_row_without_a_group_has_none(tmp_path):
    pq.write_table(pa.table({"text": ["a", "b"], "kind": ["x", None]}), tmp_path / "c.parquet")
    assert [document.group for document in Documents(tmp_path / "c.parquet", group_column="kind")] == ["x", None]


@pytest.mark.parametrize("kind", ["parquet", "arrow", "stream.arrow"])
def test_only_the_columns_asked_for_are_made(tmp_path, kind, monkeypatch):
    write(tmp_path / f"c.{kind}", kind)
    rows = rows_of(tmp_path / f"c.{kind}", None, ["text"])
    assert [list(row.value) for row in rows] == [["text"]] * 3
    rows = rows_of(tmp_path / f"c.{kind}", None, ["body", "id"])
    assert list(next(rows).value) == ["text", "id", "kind"], "to name them"


def test_a_bad_file_among_others_says_how_to_leave_it_out(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.png").write_bytes(b"\x89PNG\0\xff")
    with pytest.raises(InputError, match=r'b\.png is a binary file.* With on_error "skip" such documents are left out'):
        pairs(tmp_path)
    with pytest.raises(InputError, match=r"reads text, as UTF-8\.$"):
        pairs(tmp_path / "b.png")
    assert [text for _, text in pairs(tmp_path, on_error="skip")] == ["one"]


class Stdin:
    def __init__(self, raw):
        self.buffer = io.BytesIO(raw)


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(b"a text\n"))
    assert pairs("-") == [("standard input", "a text\n")]
    monkeypatch.setattr(sys, "stdin", Stdin(LINES))
    documents = Documents("-", kind="jsonl")
    assert [(d.id, d.text) for d in documents] == EXPECTED
    assert not documents.repeatable


def test_texts_mappings_and_documents_in_memory():
    given = ["one", {"text": "two", "id": 2}, Document("three", "3", "g")]
    assert pairs(given) == [("document:1", "one"), ("2", "two"), ("three", "3")]
    assert not Documents(iter(given)).repeatable
    assert pairs([{"body": "x"}], text_column="body") == [("document:1", "x")]


BAD = {
    b"{": "not JSON",
    b"[1, 2]": "no document",
    b'{"body": "x"}': "no column 'text': it has body",
    b'{"text": 7}': "holds int, not a text",
    b'{"text": null}': "holds NoneType",
    b'{"text": "\xff"}': "not UTF-8",
    b'{"text": "\\ud800"}': "half of a surrogate pair",
    b'{"text": "again", "id": "a"}': "which another document has already",
    b"[" * 100000: "not JSON",
}


@pytest.mark.parametrize(("line", "message"), BAD.items(), ids=[*list(BAD.values())[:8], "deep"])
def test_one_bad_line(tmp_path, line, message):
    file = tmp_path / "c.jsonl"
    file.write_bytes(LINES + line + b"\n\n" + b'{"text": "last", "id": "z"}')
    with pytest.raises(InputError, match=message):
        pairs(file)
    documents = Documents(file, on_error="skip")
    assert [(d.id, d.text) for d in documents] == [*EXPECTED, ("z", "last")]
    assert documents.skipped == 1
    assert message in documents.reasons[0]
    assert "c.jsonl:4" in documents.reasons[0]


def test_a_line_of_fifty_megabytes(tmp_path):
    file = tmp_path / "long.jsonl"
    file.write_bytes(b'{"text": "' + b"a b " * (50 << 18) + b'"}\n{"text": "next"}\n')
    assert [len(text) for _, text in pairs(file)] == [50 << 20, 4]


@pytest.mark.parametrize("kind", ["jsonl.gz", "jsonl.zst", "parquet", "arrow"])
def test_a_file_cut_off_is_one_error(tmp_path, kind):
    file, whole = tmp_path / f"cut.{kind}", tmp_path / f"whole.{kind}"
    write(whole, kind)
    file.write_bytes(whole.read_bytes()[: len(whole.read_bytes()) * 2 // 3])
    with pytest.raises((FileError, InputError)):
        pairs(file)
    documents = Documents(file, on_error="skip")
    assert len(list(documents)) < 3
    assert documents.skipped >= 1


def test_what_is_no_source(tmp_path):
    for source, message in ((tmp_path / "none", "there is no file"), (str(tmp_path / "*.x"), "no file matches")):
        with pytest.raises(FileError, match=message):
            pairs(source)
    with pytest.raises(FileError, match="directory without files"):
        pairs(tmp_path)
    with pytest.raises(FileError, match="there is no file"):
        pairs("a\0b")
    with pytest.raises(FileError, match="the name of the input is empty"):
        pairs("")
    for book in ("It was the best of times. " * 1000, "a " * 100):
        with pytest.raises(FileError) as caught:
            pairs(book)
        assert len(str(caught.value)) < 200, "a text given for a name is not printed whole"
    for source in (7, b"bytes", None, {"text": "one"}):
        with pytest.raises(InputError, match="documents are a path or an iterable"):
            Documents(source)
    with pytest.raises(InputError, match="'fail' or 'skip'"):
        Documents([], on_error="ignore")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match="not UTF-8"):
        pairs(tmp_path)
    with pytest.raises(InputError, match="no column 'kind' to group by"):
        pairs([{"text": "a"}], group_column="kind")
