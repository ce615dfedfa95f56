"""What a server's answer declares travels with its record; totals of a record with bounds."""

import json
import math
from importlib import resources

import jsonschema
import numpy as np
import pytest
from test_response_findings import DATA, GOOD, chat

import records
from entropist.errors import InputError
from entropist.record import Declaration, Finding, Metadata, Trace
from entropist.responses import read_response
from report_fixtures import truncated

DECLARATION = Declaration(
    server="vllm", dialect="openai-chat", model="m", probabilities="processed", temperature=0.7, k=5,
    vocabulary_size=100, vocabulary_source="given", rounding=1e-7, ids="local", parts=("choice 0", "choice 1"),
    sentinels=("-9999",), censored=2,
    findings=(Finding("unsorted", 3, 2, "sorted."), Finding("ids clash", None, 1, "local numbers.")),
)  # fmt: skip


def test_a_declaration_survives_json():
    metadata = records.metadata(declaration=DECLARATION)
    again = Metadata.from_json(metadata.to_json())
    assert again == metadata
    assert again.declaration == DECLARATION
    assert isinstance(again.declaration.findings[0], Finding)


def test_files_from_before_declarations_are_read_and_written_as_they_were():
    metadata = records.metadata()
    assert "declaration" not in json.loads(metadata.to_json())
    assert Metadata.from_json(metadata.to_json()).declaration is None


def test_findings_read_as_sentences():
    assert str(DECLARATION.findings[0]) == "unsorted at token 3 and 1 more: sorted."
    assert str(DECLARATION.findings[1]) == "ids clash: local numbers."


@pytest.mark.parametrize("name", ["openai_chat.json", "sglang.json", "bad_mass.json", "lmstudio_completions.json"])
@pytest.mark.parametrize("unit", ["nats", "bits"])
def test_the_json_of_an_answer_follows_the_schema(name, unit):
    schema = json.loads(resources.files("entropist.record").joinpath("trace.schema.json").read_text(encoding="utf-8"))
    document = json.loads(read_response(DATA / name).to_json(unit=unit))
    jsonschema.validate(document, schema)
    assert document["metadata"]["declaration"]["dialect"]
    interval = document["totals"]["bounds"]["mean_entropy"]
    assert 0 <= interval["low"] <= interval["high"]
    assert interval["unit"] == unit


def test_bounds_of_totals_by_hand():
    trace = read_response(chat([(" a", -1.0, []), (" bc", -3.0, [])]), 1000)
    assert trace.total_surprisal_bounds().low == trace.total_surprisal_bounds().high == trace.total_surprisal() == 4.0
    assert trace.mean_surprisal_bounds(unit="bits").low == pytest.approx(2 / math.log(2))
    assert trace.perplexity_bounds().low == trace.perplexity_bounds().high == pytest.approx(math.exp(2))
    assert trace.bits_per_byte_bounds().high == pytest.approx(4 / 5 / math.log(2))
    assert trace.bits_per_byte_bounds().unit == "bits/byte"
    low, high = (trace.column(f"entropy_{end}") for end in ("low", "high"))
    assert trace.mean_entropy_bounds().low == pytest.approx(np.mean(low))
    assert trace.mean_entropy_bounds(unit="bits").high == pytest.approx(np.mean(high) / math.log(2))


def test_a_record_that_was_not_cut_has_bounds_that_meet():
    trace = records.trace()
    for low_high, value in (
        (trace.total_surprisal_bounds(), trace.total_surprisal()),
        (trace.perplexity_bounds(), trace.perplexity().value),
        (trace.mean_entropy_bounds(), trace.mean_entropy().value),
        (trace.bits_per_byte_bounds(), trace.bits_per_byte().value),
    ):
        assert low_high.low == low_high.high == pytest.approx(value, rel=1e-14)
    assert trace.censored == 0


def test_bounds_without_tokens_or_bytes_are_refused():
    lone = records.trace([b"lone"])
    assert lone.total_surprisal_bounds().high == 0
    for total in (Trace.perplexity_bounds, Trace.mean_entropy_bounds, Trace.bits_per_byte_bounds):
        with pytest.raises(InputError, match="none of the 1 tokens was scored"):
            total(lone)
    ids = read_response({"meta_info": {"output_token_logprobs": [[-1.0, 7, None]]}})
    with pytest.raises(InputError, match="the scored tokens hold no bytes"):
        ids.bits_per_byte_bounds()
    assert "bits_per_byte" not in json.loads(ids.to_json())["totals"]["bounds"]
    with pytest.raises(InputError, match="unit 'bytes' is not known"):
        lone.total_surprisal_bounds(unit="bytes")


def test_a_perplexity_beyond_float64_has_no_upper_bound_or_none_at_all():
    trace = truncated(50)
    index = trace.table.schema.get_field_index("surprisal_high")
    huge = trace.table.set_column(index, trace.table.schema.field(index), [np.full(len(trace), 800.0)])
    assert Trace(huge, trace.metadata, trace.pieces).perplexity_bounds().high == math.inf
    impossible = records.trace([b"a", b"b"], **records.values(1, 3) | {"surprisal": np.array([800.0])})
    with pytest.raises(InputError, match=r"of 800 nats or more is too large for a perplexity"):
        impossible.perplexity_bounds()


def test_a_sound_answer_counts_no_censored_token():
    assert read_response(chat(GOOD)).censored == 0
