import base64
import importlib
import json
import math
import sys
from importlib import resources

import jsonschema
import numpy as np
import pytest

from entropist.errors import EntropistError
from entropist.record import COLUMNS, Trace
from report_fixtures import hostile, prose, trace_of, truncated


def schema() -> dict:
    return json.loads(resources.files("entropist.record").joinpath("trace.schema.json").read_text(encoding="utf-8"))


TRACES = {
    "prose": prose(250, context=1),
    "hostile": hostile(),
    "one": trace_of([b"a"], context=1),
    "none": prose(9, top_k=0),
    "truncated": truncated(),
}


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("unit", ["nats", "bits", "dits"])
def test_json_follows_its_schema(name: str, unit: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(TRACES[name].to_json(unit=unit)), schema())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format_version",), 2),
        (("unit",), "shannons"),
        (("columns", "scored"), None),
        (("columns", "surprisal", 1), "nan"),
    ],
)
def test_the_schema_refuses_what_it_must(path: tuple, value: object) -> None:
    document = json.loads(TRACES["prose"].to_json())
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema())


def test_json_holds_every_column_to_the_last_bit() -> None:
    trace = hostile()
    columns = json.loads(trace.to_json())["columns"]
    for column in COLUMNS:
        values = trace.table[column.name].to_pylist()
        told = (
            [base64.b64decode(value) for value in columns["token_bytes"]]
            if column.name == "token_bytes"
            else columns[column.name]
        )
        assert told == values
    assert set(columns) == {column.name for column in COLUMNS} | {"token_text"}


def test_json_names_the_pieces_and_the_texts() -> None:
    document = json.loads(hostile().to_json())
    assert {len(column) for column in document["columns"].values()} == {len(hostile())}
    for token, piece in hostile().pieces.items():
        told = document["pieces"][str(token)]
        assert base64.b64decode(told["bytes"]) == piece
        assert told["text"] is None or told["text"].encode() == piece
    assert None in document["columns"]["token_text"]  # a lone byte is no text


def test_json_is_given_in_the_unit_asked_for() -> None:
    trace = prose(250)
    document = json.loads(trace.to_json(unit="bits"))
    np.testing.assert_allclose(document["columns"]["varentropy"], trace.column("varentropy", unit="bits"))
    np.testing.assert_allclose(
        document["columns"]["top_logprobs"][7], np.array(trace.table["top_logprobs"][7].as_py()) / math.log(2)
    )
    assert document["totals"]["mean_surprisal"]["value"] == trace.mean_surprisal(unit="bits").value
    assert document["totals"]["bits_per_byte"]["stderr"] == trace.bits_per_byte().stderr


def test_json_writes_infinity_and_a_missing_total() -> None:
    trace = prose(20)
    place = trace.table.schema.get_field_index("surprisal")
    values = trace.column("surprisal").copy()
    values[3] = np.inf
    infinite = Trace(
        trace.table.set_column(place, trace.table.schema.field(place), [values]), trace.metadata, trace.pieces
    )
    document = json.loads(infinite.to_json())
    jsonschema.validate(document, schema())
    assert document["columns"]["surprisal"][3] == document["totals"]["total_surprisal"] == "inf"
    assert document["totals"]["perplexity"]["value"] is None
    assert "finite" in document["totals"]["perplexity"]["reason"]


def test_json_is_ascii() -> None:
    assert hostile().to_json().isascii()
    assert not set(hostile().to_json()) & {"\x1b", "\x00"}


def test_frame_has_the_rows() -> None:
    pandas = pytest.importorskip("pandas")
    trace = prose(30)
    frame = trace.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == [column.name for column in COLUMNS]
    np.testing.assert_array_equal(frame["surprisal"], trace.column("surprisal"))


def test_frame_without_pandas_is_polars(monkeypatch: pytest.MonkeyPatch) -> None:
    polars = pytest.importorskip("polars")
    monkeypatch.setitem(sys.modules, "pandas", None)
    trace = prose(30)
    frame = trace.to_frame()
    assert isinstance(frame, polars.DataFrame)
    assert frame["token_bytes"].to_list() == trace.table["token_bytes"].to_pylist()


def test_frame_without_either_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EntropistError, match="pip install pandas"):
        prose(5).to_frame()
    assert importlib.util.find_spec("pyarrow")  # what to_arrow, offered instead, needs
