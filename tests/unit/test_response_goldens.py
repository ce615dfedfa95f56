"""Golden files of every dialect: the same short answer, "The tide 🌊.", read to the last byte, id and null.

The files are written after each server's documented shape. Position 3 of most is not told (a sentinel or absent);
the wave is cut over two tokens. Bounds are held to the formulas of the tails, worked out here with mpmath.
"""

import json
import math
from pathlib import Path

import mpmath
import numpy as np
import pytest

from entropist.record import Trace, audit_tokens
from entropist.responses import read_response, read_responses

DATA = Path(__file__).parent.parent / "data/responses"
NAN = math.nan
WAVE = [b" The", b" tide", b" \xf0\x9f", b"\x8c\x8a", b"."]
WAVE_P = [0.5, 0.3, NAN, 0.9, 0.7]
SHORT, SHORT_P = [b" The", b" tide", b"."], [0.5, 0.3, 0.7]
SKY, SKY_P = [b" The", b" tide", b" sky", b"."], [0.5, 0.3, 0.02, 0.7]
IDS = [464, 23125, 12520, 234, 13]
SHORT_IDS = [464, 23125, 13]

# file: tokens, probabilities (None: context, NaN: not told), ids or None, what the declaration must say
GOLDEN = {
    "openai_chat.json": (WAVE, WAVE_P, None, {"server": "openai", "dialect": "openai-chat", "probabilities": "raw",
        "k": 4, "vocabulary_size": 200_019, "vocabulary_source": "model name", "sentinels": ("-9999",), "censored": 1}),
    "openai_chat_stream.sse": (WAVE, WAVE_P, None, {"server": "openai", "k": 4, "sentinels": ("-9999",)}),
    "openai_responses.json": (WAVE, WAVE_P, None, {"dialect": "openai-responses", "server": "openai",
        "temperature": 0.7, "parts": ("text 0",)}),
    "openai_responses_stream.sse": (WAVE, WAVE_P, None, {"dialect": "openai-responses", "temperature": 0.7}),
    "openai_responses_deltas.sse": (SHORT, SHORT_P, None, {"dialect": "openai-responses", "server": "openai"}),
    "openai_completions_echo.json": ([b"Now", *WAVE], [None, *WAVE_P], None, {"dialect": "openai-completions",
        "server": "openai", "vocabulary_size": 100_277, "sentinels": ("-9999",)}),
    "vllm_completions.json": (SKY, SKY_P, None, {"dialect": "openai-completions", "server": "unknown",
        "probabilities": "unknown", "k": 4, "vocabulary_size": 128_256}),
    "vllm_completions_stream.sse": (SKY, SKY_P, None, {"dialect": "openai-completions", "k": 4}),
    "lmstudio_completions.json": (SHORT, SHORT_P, None, {"dialect": "openai-completions", "k": 0}),
    "vllm_prompt.json": ([b"", b" The", b" tide", b" sky", b"."], [None, 0.5, 0.3, 0.02, 0.7], None,
        {"dialect": "vllm-prompt", "server": "vllm", "probabilities": "raw", "parts": ("prompt 0", "choice 0")}),
    "vllm_prompt_ids.json": ([b"", b" The", b" tide"], [None, 0.5, 0.3], [128000, 464, 23125], {"server": "vllm"}),
    "llamacpp.json": (WAVE, WAVE_P, IDS, {"dialect": "llama.cpp", "probabilities": "raw", "ids": "server",
        "temperature": 0.800000011920929, "sentinels": ("-3.4028235e38",), "vocabulary_source": "assumed",
        "vocabulary_size": 1 << 20}),
    "llamacpp_post_sampling.json": (WAVE, WAVE_P, IDS, {"dialect": "llama.cpp", "probabilities": "processed"}),
    "llamacpp_2024.json": (WAVE, WAVE_P, None, {"dialect": "llama.cpp", "probabilities": "processed",
        "temperature": 0.8, "sentinels": ()}),
    "llamacpp_stream.sse": (WAVE, WAVE_P, IDS, {"dialect": "llama.cpp", "temperature": 0.800000011920929}),
    "ollama_generate.json": (SHORT, SHORT_P, None, {"dialect": "ollama", "probabilities": "raw",
        "vocabulary_size": 128_256}),
    "ollama_chat_stream.ndjson": (SHORT, SHORT_P, None, {"dialect": "ollama", "model": "llama3.2"}),
    "sglang.json": ([b"Now", b",", *SHORT], [None, math.exp(-0.582), *SHORT_P], [6722, 315, *SHORT_IDS],
        {"dialect": "sglang", "probabilities": "processed", "parts": ("prompt", "answer")}),
    "sglang_ids.json": ([b""] * 4 + [b" The tide."], [None, math.exp(-0.582), *SHORT_P], [6722, 315, *SHORT_IDS], {}),
    "sglang_stream.sse": ([b"Now", b",", *SHORT], [None, math.exp(-0.582), *SHORT_P], [6722, 315, *SHORT_IDS], {}),
    "gemini.json": (SHORT, SHORT_P, SHORT_IDS, {"dialect": "gemini", "probabilities": "unknown",
        "model": "gemini-2.0-flash"}),
    "gemini_stream.sse": (SHORT, SHORT_P, SHORT_IDS, {"dialect": "gemini", "ids": "server"}),
    "tgi.json": ([b"<s>", b"Now", *SHORT], [None, math.exp(-6.5), *SHORT_P], [1, 2061, *SHORT_IDS],
        {"dialect": "tgi", "parts": ("prompt", "answer")}),
    "tgi_stream.sse": (SHORT, SHORT_P, SHORT_IDS, {"dialect": "tgi", "ids": "server", "k": 4}),
}  # fmt: skip
FOUND = {"sglang_ids.json": ["bytes not told"]}
LISTS = {
    b" The": [(b" The", 0.5), (b" the", 0.25), (b" A", 0.125), (b" As", 0.03125)],
    b" tide": [(b" sea", 0.4), (b" tide", 0.3), (b" ocean", 0.15), (b" sun", 0.05)],
    b" \xf0\x9f": [(b" is", 0.6), (b" rises", 0.2), (b".", 0.05), (b" and", 0.04)],
    b"\x8c\x8a": [(b"\x8c\x8a", 0.9), (b"\x8c\x85", 0.05), (b"\x92\xa7", 0.02), (b"\x8c\x9e", 0.01)],
    b".": [(b".", 0.7), (b"!", 0.2), (b",", 0.05), (b"\n", 0.01)],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_nothing_is_lost_of_a_golden_file(name):
    tokens, probabilities, ids, says = GOLDEN[name]
    trace = read_response(DATA / name)
    declaration = trace.metadata.declaration
    assert trace.table["token_bytes"].to_pylist() == tokens
    if ids is not None:
        assert trace.column("token_id").tolist() == ids
        assert declaration.ids == "server"
    assert {field: getattr(declaration, field) for field in says} == says
    assert [finding.kind for finding in declaration.findings] == FOUND.get(name, [])
    assert trace.scored.tolist() == [p is not None for p in probabilities]
    told = [NAN if p is None or math.isnan(p) else -math.log(p) for p in probabilities]
    np.testing.assert_allclose(trace.column("surprisal"), told, rtol=1e-12)
    assert trace.censored == declaration.censored == sum(p is not None and math.isnan(p) for p in probabilities)
    assert not np.isnan(trace.column("entropy_low")[trace.scored]).any()
    for document in np.unique(trace.column("document")):
        rows = trace.table.filter(trace.column("document") == document)
        audit_tokens(rows, rows.num_rows)


LISTED = [name for name, golden in GOLDEN.items() if golden[0] in (WAVE, SHORT) and golden[3].get("k") != 0]


@pytest.mark.parametrize("name", LISTED)
def test_the_lists_come_out_as_they_went_in(name):
    trace = read_response(DATA / name)
    pairs = zip(trace.table["top_ids"].to_pylist(), trace.table["top_logprobs"].to_pylist())
    for token, (ids, logprobs) in zip(trace.table["token_bytes"].to_pylist(), pairs):
        named = [trace.pieces[number] for number in ids]
        assert named == [piece for piece, _ in LISTS[token]]
        np.testing.assert_allclose(np.exp(logprobs), [p for _, p in LISTS[token]], rtol=1e-6)


def bounds(listed, vocabulary, also=()):
    """The two extreme tails in fifty digits: (low, high) of the entropy in nats."""
    with mpmath.workdps(50):
        p = [mpmath.mpf(x) for x in (*listed, *also)]
        known, rest, cap = -mpmath.fsum(x * mpmath.log(x) for x in p), 1 - mpmath.fsum(p), mpmath.mpf(min(listed))
        whole = mpmath.floor(rest / cap)
        left = rest - whole * cap
        low = known - whole * cap * mpmath.log(cap) - (left * mpmath.log(left) if left > 0 else 0)
        return float(low), float(known - rest * mpmath.log(rest / (vocabulary - len(p))))


@pytest.mark.parametrize("name", ["openai_chat.json", "llamacpp.json", "openai_responses_stream.sse"])
def test_bounds_are_those_of_the_extreme_tails(name):
    trace = read_response(DATA / name)
    size = trace.metadata.vocabulary_size
    expected = [bounds([p for _, p in LISTS[token]], size) for token in WAVE]
    # llama.cpp's normaliser is a float32 sum over the vocabulary, which every bound allows for.
    wide, near = (0.35, 2e-2) if trace.metadata.declaration.server == "llama.cpp" else (1e-5, 1e-6)
    np.testing.assert_allclose(trace.column("entropy_low"), [low for low, _ in expected], rtol=wide)
    np.testing.assert_allclose(trace.column("entropy_high"), [high for _, high in expected], rtol=wide)
    assert (trace.column("entropy_low") < [low for low, _ in expected]).all(), "rounding only ever widens"
    assert (trace.column("entropy_high") > [high for _, high in expected]).all()
    assert trace.column("surprisal_low")[2] == pytest.approx(-math.log(0.04), rel=near)  # at most the last of its list
    assert trace.column("surprisal_high")[2] == math.inf
    assert trace.perplexity_bounds().high == math.inf
    low = math.exp(-math.log(0.5 * 0.3 * 0.04 * 0.9 * 0.7) / 5)
    assert trace.perplexity_bounds().low == pytest.approx(low, rel=near)
    low = trace.perplexity_bounds().low
    assert trace.bits_per_byte_bounds().low == pytest.approx(5 * math.log2(low) / len(" The tide 🌊.".encode()))


def test_an_emitted_token_beside_the_list_is_one_more_atom():
    trace = read_response(DATA / "vllm_completions.json")
    low, high = bounds([0.6, 0.2, 0.05, 0.04], 128_256, also=[0.02])
    assert trace.column("entropy_low")[2] == pytest.approx(low, rel=1e-5)
    assert trace.column("entropy_high")[2] == pytest.approx(high, rel=1e-5)
    assert np.isnan(trace.column("rank")[2]), "how many are likelier is not known"
    assert trace.column("rank")[[0, 1, 3]].tolist() == [0, 1, 0]


def test_ranks_that_vllm_tells_are_kept():
    assert read_response(DATA / "vllm_prompt.json").column("rank")[1:].tolist() == [0, 1, 6, 0]


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".jsonl"])
@pytest.mark.parametrize("name", [*GOLDEN, "bad_bytes.json", "bad_mass.json", "bad_shifted_lists.json"])
def test_a_record_of_an_answer_is_saved_and_loaded_whole(tmp_path, name, ending):
    before = read_response(DATA / name)
    after = Trace.load(before.save(tmp_path / f"x{ending}"))
    assert after == before
    assert after.metadata.declaration == before.metadata.declaration


@pytest.mark.parametrize("name", GOLDEN)
def test_whole_or_streamed_or_decoded_or_spaced_is_one_answer(name):
    text = (DATA / name).read_text(encoding="utf-8")
    trace = read_response(DATA / name)
    assert read_response(text) == read_response(text.encode()) == trace
    if name.endswith(".json"):
        value = json.loads(text)
        assert read_response(value) == trace
        assert read_response(json.dumps(value)) == trace
        assert read_response(json.dumps(value, indent=7).encode()) == trace
        assert read_response("\ufeff \n" + json.dumps(value)) == trace


STREAMS = {
    "openai_chat.json": "openai_chat_stream.sse",
    "openai_responses.json": "openai_responses_stream.sse",
    "vllm_completions.json": "vllm_completions_stream.sse",
    "llamacpp.json": "llamacpp_stream.sse",
    "sglang.json": "sglang_stream.sse",
    "gemini.json": "gemini_stream.sse",
    "ollama_generate.json": "ollama_chat_stream.ndjson",
}


@pytest.mark.parametrize("whole", STREAMS)
def test_streams_give_what_the_whole_answers_give(whole):
    one, other = read_response(DATA / whole), read_response(DATA / STREAMS[whole])
    assert one.table.equals(other.table)
    assert dict(one.pieces) == dict(other.pieces)


def test_many_answers_of_many_dialects_in_one_file():
    found = list(read_responses(DATA / "many.jsonl"))
    names = [trace.metadata.declaration.dialect for trace in found]
    assert names == ["openai-chat", "ollama", "openai-completions", "llama.cpp", "openai-chat"]
    assert [trace.text_bytes().decode() for trace in found] == [
        " The tide 🌊.", " The tide.", " The tide sky.", " The tide 🌊.", " The tide 🌊.",
    ]  # fmt: skip
    assert found[0] == found[4], "a line of OpenAI's batch output is the answer inside"
