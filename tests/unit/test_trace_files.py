"""Traces as files: equal to the last byte after a round trip; damage and strangers named in one line."""

import base64
import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

import records
from entropist.errors import FileError, InputError
from entropist.record import COLUMNS, FORMAT_VERSION, Trace
from report_fixtures import truncated

ENDINGS = [".parquet", ".arrow", ".jsonl"]
TRACES = {
    "hostile": records.trace,
    "infinities": records.with_infinities,
    "no alternatives": lambda: records.trace(top_k=0),
    "context only": lambda: records.trace([b"one"]),
    "all scored": lambda: records.trace([b"a", b"b"], context=0),
    "truncated": truncated,
    "no rows": lambda: records.trace([], context=0),
    "many rows": lambda: records.trace([b"x%d " % i for i in range(9001)]),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", TRACES)
def test_what_is_loaded_equals_what_was_saved(tmp_path, name, ending):
    before = TRACES[name]()
    path = before.save(tmp_path / f"trace{ending}")
    after = Trace.load(str(path))
    assert after == before
    assert after.text_bytes() == before.text_bytes()
    assert dict(after.pieces) == dict(before.pieces)
    assert after.metadata == before.metadata
    assert after.table.schema.equals(before.table.schema, check_metadata=True)
    assert [p.name for p in tmp_path.iterdir()] == [f"trace{ending}"]


def test_equality_sees_every_column_and_the_metadata():
    one = records.trace()
    for column in COLUMNS:
        index = one.table.schema.get_field_index(column.name)
        field = one.table.schema.field(index)
        other = pa.concat_arrays(
            [one.table[column.name].combine_chunks()[1:], one.table[column.name].combine_chunks()[:1]]
        )
        if not other.equals(one.table[column.name].combine_chunks()):
            assert Trace(one.table.set_column(index, field, other), one.metadata, one.pieces) != one, column.name
    assert Trace(one.table, records.metadata(lossless=False), one.pieces) != one
    assert Trace(one.table, one.metadata, {**one.pieces, 3: b"?"}) != one
    assert one != 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_arrow_carries_everything():
    before = records.with_infinities()
    assert Trace.from_arrow(before.to_arrow()) == before


def test_jsonl_is_plain_json_in_ascii(tmp_path):
    path = records.with_infinities().save(tmp_path / "trace.jsonl")
    head, *rows = [
        json.loads(line, parse_constant=pytest.fail) for line in path.read_bytes().decode("ascii").splitlines()
    ]
    assert head["rows"] == len(rows) == len(records.HOSTILE_TOKENS)
    assert [base64.b64decode(row["token_bytes"]) for row in rows] == records.HOSTILE_TOKENS
    assert rows[0]["surprisal"] is None
    assert rows[3]["surprisal"] == "inf"
    assert rows[5]["top_logprobs"][2] == "-inf"


@pytest.mark.parametrize("ending", ENDINGS)
def test_damage_is_a_file_error_or_harmless(tmp_path, ending):
    """Cut at every so many bytes, and with single bytes changed: one line that says so, or a trace; nothing else."""
    path = tmp_path / f"trace{ending}"
    records.trace().save(path)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    cuts = [whole[:n] for n in {0, 1, 7, len(whole) - 1, *range(5, len(whole), len(whole) // 23)}]
    flips = []
    for place in generator.integers(0, len(whole), 150):
        damaged = bytearray(whole)
        damaged[place] ^= int(generator.integers(1, 256))
        flips.append(bytes(damaged))
    refused = loaded = 0
    for content in cuts + flips:
        path.write_bytes(content)
        try:
            found = Trace.load(path)
        except FileError as error:
            refused += str(path) in str(error) and "\n" not in str(error)
        else:
            loaded += 1
            assert content not in cuts or found == records.trace(), "a file cut short passed for whole"
            if ending == ".parquet":
                assert found.table.equals(records.trace().table), "its pages carry checksums"
            found.text_bytes()
    assert refused + loaded == len(cuts + flips), "every refusal is one line that names the file"
    assert refused >= len(cuts)


FOREIGN = [
    b"", b"\0" * 5000, b"PAR1", b"ARROW1\0\0", b"hello\n", b"null\n", b"{}\n", b"[" * 100_000, b"\xff\xfe",
    "“”\n".encode(),
]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("content", FOREIGN)
def test_foreign_files_are_refused(tmp_path, ending, content):
    path = tmp_path / f"x{ending}"
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        Trace.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", ENDINGS)
def test_places_without_a_file(tmp_path, ending):
    (tmp_path / f"d{ending}").mkdir()
    with pytest.raises(FileError, match="is a directory: give the file of one trace"):
        Trace.load(tmp_path / f"d{ending}")
    with pytest.raises(FileError, match=r"cannot read .*: No such file or directory\."):
        Trace.load(tmp_path / f"none{ending}")
    with pytest.raises(FileError, match=r"cannot write .*Make its directory first"):
        records.trace().save(tmp_path / "none" / f"x{ending}")


@pytest.mark.parametrize("name", ["x.csv", "x", "x.PARQUET", ".parquet"])
def test_an_ending_without_a_format_names_those_with_one(tmp_path, name):
    for act in (Trace.load, records.trace().save):
        with pytest.raises(FileError, match=r"kept as \.parquet, \.arrow, \.jsonl; the name must end in one of them"):
            act(tmp_path / name)


def edited(tmp_path, change_head=lambda head: head, change_row=lambda row: row):
    path = records.trace().save(tmp_path / "x.jsonl")
    head, *rows = [json.loads(line) for line in path.read_text().splitlines()]
    lines = [change_head(head), *(change_row(row) for row in rows)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def without(mapping, key):
    return {name: value for name, value in mapping.items() if name != key}


def test_an_untouched_edit_loads(tmp_path):
    assert Trace.load(edited(tmp_path)) == records.trace()


HEADS = {
    "other version": (lambda h: {**h, "metadata": {**h["metadata"], "format_version": 99}}, "trace format 99 is not 1"),
    "no version": (lambda h: {**h, "metadata": without(h["metadata"], "format_version")}, "trace format None is not 1"),
    "metadata a list": (lambda h: {**h, "metadata": [1]}, "JSON object"),
    "metadata a text": (lambda h: {**h, "metadata": "x"}, "JSON object"),
    "no model": (lambda h: {**h, "metadata": without(h["metadata"], "model")}, "holds no trace"),
    "model a number": (lambda h: {**h, "metadata": {**h["metadata"], "model": 3}}, "holds no trace"),
    "unknown field": (lambda h: {**h, "metadata": {**h["metadata"], "new": 3}}, "holds no trace"),
    "no pieces": (lambda h: without(h, "pieces"), "holds no trace"),
    "pieces a list": (lambda h: {**h, "pieces": []}, "holds no trace"),
    "pieces no base64": (lambda h: {**h, "pieces": {"1": "é"}}, "holds no trace"),
    "pieces no ids": (lambda h: {**h, "pieces": {"one": ""}}, "holds no trace"),
    "rows missing": (lambda h: {**h, "rows": h["rows"] + 1}, "cut short"),
    "a list": (lambda h: [h], "does not begin with the metadata line"),
}


@pytest.mark.parametrize("case", HEADS)
def test_a_head_that_lies_is_refused(tmp_path, case):
    change, message = HEADS[case]
    with pytest.raises(FileError, match=message) as caught:
        Trace.load(edited(tmp_path, change_head=change))
    assert "\n" not in str(caught.value)


ROWS = {
    "a list": lambda row: [row],
    "no token_bytes": lambda row: without(row, "token_bytes"),
    "bytes no base64": lambda row: {**row, "token_bytes": "é"},
    "a word for a number": lambda row: {**row, "surprisal": "much"},
    "an id too large": lambda row: {**row, "token_id": 1 << 40},
    "an id enormous": lambda row: {**row, "token_id": 1 << 80},
    "a text for an id": lambda row: {**row, "token_id": "7"},
    "no position": lambda row: without(row, "position"),
    "a null end": lambda row: {**row, "end_byte": None},
    "no scored": lambda row: {**row, "scored": None},
    "a number for a list": lambda row: {**row, "top_ids": 4},
}


@pytest.mark.parametrize("case", ROWS)
def test_a_row_that_is_none_is_refused(tmp_path, case):
    with pytest.raises(FileError) as caught:
        Trace.load(edited(tmp_path, change_row=ROWS[case]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
def test_tables_of_others_are_refused(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    write = (
        parquet.write_table if ending == ".parquet" else lambda table, place: feather.write_feather(table, str(place))
    )
    write(pa.table({"a": [1, 2]}), path)
    with pytest.raises(FileError, match="carries no Entropist metadata"):
        Trace.load(path)
    write(records.trace().to_arrow().drop_columns(["rank"]), path)
    with pytest.raises(FileError, match="not the columns of a trace"):
        Trace.load(path)
    table = records.trace().to_arrow()
    pairs = {**table.schema.metadata, b"entropist.metadata": b'{"format_version": 2}'}
    write(table.replace_schema_metadata(pairs), path)
    with pytest.raises(FileError, match=f"trace format 2 is not {FORMAT_VERSION}"):
        Trace.load(path)
    write(table.replace_schema_metadata(without(table.schema.metadata, b"entropist.pieces")), path)
    with pytest.raises(FileError, match="holds no trace"):
        Trace.load(path)


def test_other_columns_make_no_trace():
    with pytest.raises(InputError, match="not the columns of a trace"):
        Trace(pa.table({"a": [1]}), records.metadata(), {})


def test_a_writer_refuses_what_arrows_offsets_cannot_reach():
    from entropist.record import TraceWriter

    with pytest.raises(InputError, match=r"too long for one trace: cut it into documents"):
        TraceWriter(np.zeros(3, np.int32), np.arange(1, 4), b"abc", top_k=1 << 30)
