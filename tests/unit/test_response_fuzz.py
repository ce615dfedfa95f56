"""Damaged answers, a million of them when certified: an answer, or an `EntropistError` of one line.

Never another error, and never a number that is none.

Three ways: Hypothesis builds answers of the servers' own field names with values that do not belong; a mutator
changes bytes, numbers and structure of the golden files; atheris follows the branches of the reader, with a
limit on memory.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import campaign
from certificates import certifies
from entropist.errors import EntropistError
from entropist.responses import read_responses

pytestmark = certifies("responses")

DATA = Path(__file__).parent.parent / "data/responses"
# A million when certified; on every day the square of the scale, a few thousand.
MUTATIONS = campaign(campaign(900_000))
FOLLOWED = campaign(campaign(100_000))
MEMORY_MB = 1024


def survives(source):
    """How many answers came out, each with numbers that are some; an error must be one of ours, in one line."""
    try:
        traces = list(read_responses(source))
    except EntropistError as error:
        refused = str(error)
    else:
        refused = ""
    assert "\n" not in refused
    assert len(refused) < 2000
    if refused:
        return 0
    for trace in traces:
        sound(trace)
    return len(traces)


def sound(trace):
    scored = trace.scored
    size = trace.metadata.vocabulary_size
    for name in ("surprisal", "entropy", "varentropy"):
        low, high = (trace.column(f"{name}_{end}") for end in ("low", "high"))
        assert np.isnan(low[~scored]).all()
        assert (low[scored] >= 0).all()
        assert (low[scored] <= high[scored]).all()
        assert np.isfinite(low[scored]).all()
        point = trace.column(name)[scored]
        assert not ((point < low[scored]) | (point > high[scored])).any()
    assert (trace.column("entropy_high")[scored] <= np.log(size) * (1 + 1e-12)).all()
    logprobs = np.concatenate([np.asarray(row or [], float) for row in trace.table["top_logprobs"].to_pylist()] or [[]])
    assert (np.isfinite(logprobs) & (logprobs <= 0)).all()
    if scored.any():
        assert trace.mean_entropy_bounds().low >= 0
        assert trace.mean_surprisal_bounds().low >= 0


NUMBERS = st.one_of(
    st.floats(-30, 0), st.sampled_from([0, -0.0, -9999.0, -100.0, 1e-7, 0.5, 3, -1e308, 5e-324, 1 << 70, -1e-320]),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=4), st.sampled_from(["", " a", "�", "byte: \\xe3", "token_id:7", "\ud83d", "a:b"]))
BYTES = st.one_of(st.none(), st.lists(st.integers(-1, 256), max_size=4))
WRONG = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, st.just([]), st.just({}))


def mostly(strategy):
    return st.one_of(strategy, strategy, strategy, WRONG)


ENTRY = st.fixed_dictionaries({}, optional={"token": mostly(TEXTS), "logprob": mostly(NUMBERS), "bytes": BYTES,
    "id": st.integers(-2, 1 << 33), "prob": NUMBERS, "tok_str": TEXTS})  # fmt: skip
LIST = st.lists(ENTRY, max_size=4)
ELEMENT = st.fixed_dictionaries({"token": TEXTS, "logprob": mostly(NUMBERS), "bytes": BYTES}, optional={
    "top_logprobs": mostly(LIST), "id": st.integers(0, 9), "top_probs": LIST, "probs": LIST,
    "content": TEXTS})  # fmt: skip
ELEMENTS = st.lists(ELEMENT, max_size=4)
TUPLES = st.lists(st.tuples(mostly(NUMBERS), st.integers(0, 9), st.one_of(st.none(), TEXTS)), max_size=3)
PROMPT = st.lists(st.one_of(st.none(), st.dictionaries(
    st.one_of(st.integers(0, 9).map(str), TEXTS),
    st.fixed_dictionaries({"logprob": mostly(NUMBERS)}, optional={
        "rank": st.one_of(st.integers(-1, 9), st.integers()), "decoded_token": TEXTS}),
    max_size=3)), max_size=3)  # fmt: skip
TOP = st.lists(st.one_of(st.none(), st.dictionaries(TEXTS, mostly(NUMBERS), max_size=4)), max_size=3)
LEGACY = st.fixed_dictionaries({"tokens": st.lists(TEXTS, max_size=3), "token_logprobs": st.lists(NUMBERS, max_size=3)},
    optional={"top_logprobs": TOP, "text_offset": st.lists(st.integers(0, 9), max_size=3)})  # fmt: skip
GEMINI = st.fixed_dictionaries({}, optional={"token": TEXTS, "tokenId": st.integers(0, 9), "logProbability": NUMBERS})
TGI = st.fixed_dictionaries({}, optional={"id": st.integers(0, 9), "text": TEXTS, "logprob": mostly(NUMBERS)})
CHOICE = st.fixed_dictionaries({}, optional={
    "index": st.integers(-1, 3), "logprobs": mostly(st.one_of(st.fixed_dictionaries({"content": ELEMENTS}), LEGACY)),
    "message": st.fixed_dictionaries({"content": TEXTS}), "text": TEXTS, "prompt_logprobs": PROMPT,
    "finish_reason": st.sampled_from([None, "stop"])})  # fmt: skip
FIELDS = {
    "object": st.sampled_from(["chat.completion", "chat.completion.chunk", "text_completion", "response"]),
    "type": st.sampled_from([None, "response.completed", "response.output_text.delta"]), "id": TEXTS, "model": TEXTS,
    "choices": st.lists(CHOICE, max_size=2), "prompt_logprobs": PROMPT, "completion_probabilities": ELEMENTS,
    "logprobs": ELEMENTS, "done": st.booleans(), "stop": st.booleans(), "content": TEXTS, "temperature": WRONG,
    "candidates": st.lists(st.fixed_dictionaries({"logprobsResult": st.fixed_dictionaries({}, optional={
        "topCandidates": st.lists(st.fixed_dictionaries({"candidates": st.lists(GEMINI, max_size=3)}), max_size=2),
        "chosenCandidates": st.lists(GEMINI, max_size=2)})}), max_size=2),
    "meta_info": st.fixed_dictionaries({}, optional={"output_token_logprobs": TUPLES, "input_token_logprobs": TUPLES,
        "output_top_logprobs": st.lists(st.one_of(st.none(), TUPLES), max_size=3)}),
    "details": st.fixed_dictionaries({}, optional={"tokens": st.lists(TGI, max_size=3), "prefill": st.lists(TGI),
        "top_tokens": st.lists(st.lists(TGI, max_size=3), max_size=3)}),
    "output": st.lists(st.fixed_dictionaries({"content": st.lists(st.fixed_dictionaries({"logprobs": ELEMENTS}),
        max_size=2)}), max_size=2),
    "generation_settings": WRONG, "response": WRONG, "generated_text": TEXTS, "token": TGI}  # fmt: skip


@st.composite
def answers(draw):
    """An object of up to four of the servers' fields, each filled in its own way."""
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=4, unique=True))
    return {name: draw(FIELDS[name]) for name in names}


@settings(max_examples=campaign(4_000))
@given(answers(), answers(), st.booleans())
def test_answers_built_of_wrong_parts(answer, other, spaced):
    survives(answer)
    survives([answer, other])
    survives(json.dumps(answer, indent=1 if spaced else None))


@settings(max_examples=campaign(4_000))
@given(ELEMENTS, LEGACY, PROMPT)
def test_one_dialect_at_a_time_of_wrong_numbers(elements, legacy, prompt):
    survives({"object": "chat.completion", "choices": [{"logprobs": {"content": elements}}]})
    survives({"object": "text_completion", "choices": [{"logprobs": legacy}]})
    survives({"prompt_logprobs": prompt})
    survives({"completion_probabilities": elements})
    survives("".join(f"data: {json.dumps({'done': False, 'logprobs': [e]})}\n\n" for e in elements) + "data: [DONE]")


PIECES = [
    b"null", b"-9999.0", b"-Infinity", b"NaN", b"1e999", b"-3.4028234663852886e38", b"0", b"-0.0", b"7.5", b"[]", b"{}",
    b'""', b"true", b"-100.0", b'"\\ud83d"', b"\xff", b"\n", b"data: ", b"[DONE]", b",", b":", b'"', b"}", b"]", b"\\",
    b"99999999999999999999", b"-1e-400", b'"logprob":', b'"bytes":[256]', b"\xef\xbb\xbf", b"\x00",
]  # fmt: skip
MARKS = b'0123456789-.,:[]{}" eE'


def mutated(generator, corpus):
    """One golden file with a few bytes, numbers or slices changed, repeated, swapped with another's or cut."""
    text = bytearray(corpus[int(generator.integers(len(corpus)))])
    for _ in range(int(generator.integers(1, 4))):
        at = int(generator.integers(len(text) + 1))
        to = min(len(text), at + int(generator.integers(1, 60)))
        match int(generator.integers(7)):
            case 0:
                text[at:to] = b""
            case 1:
                text[at:at] = PIECES[int(generator.integers(len(PIECES)))]
            case 2:
                text[at:to] = PIECES[int(generator.integers(len(PIECES)))]
            case 3:
                text[at : at + 1] = bytes([MARKS[int(generator.integers(len(MARKS)))]])
            case 4:
                text[at:at] = text[at:to]
            case 5:
                digits = [i for i in range(at, min(len(text), at + 200)) if 48 <= text[i] <= 57]
                if digits:
                    text[digits[0]] = 48 + int(generator.integers(10))
            case _:
                other = corpus[int(generator.integers(len(corpus)))]
                begin = int(generator.integers(len(other)))
                text[at:to] = other[begin : begin + to - at]
    return bytes(text)


def test_mutated_golden_files(record_property):
    corpus = [json.dumps(json.loads(p.read_bytes())).encode() for p in sorted(DATA.glob("*.json"))]
    corpus += [p.read_bytes() for p in sorted(DATA.iterdir()) if p.suffix != ".json"]
    generator = np.random.default_rng(20)
    came = sum(survives(mutated(generator, corpus)) > 0 for _ in range(MUTATIONS))
    record_property("mutations", MUTATIONS)
    record_property("read", came)
    assert 0 < came < MUTATIONS


FUZZER = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import atheris
with atheris.instrument_imports(include=["entropist.responses"]):
    import entropist.responses
from test_response_fuzz import survives
atheris.Setup(sys.argv, survives)
atheris.Fuzz()
"""


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_atheris_finds_no_way_through(tmp_path, record_property):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for path in DATA.iterdir():
        text = path.read_bytes()
        (corpus / path.name).write_bytes(json.dumps(json.loads(text)).encode() if path.suffix == ".json" else text)
    # The peak memory that libFuzzer reads begins at that of who started it: a shell between keeps ours out of it.
    command = ["sh", "-c", '"$@"; exit $?', "sh",
               sys.executable, "-c", FUZZER, str(Path(__file__).parent), str(corpus), f"-runs={FOLLOWED}", "-seed=1",
               "-max_len=6000", f"-rss_limit_mb={MEMORY_MB}", "-timeout=20",
               f"-artifact_prefix={tmp_path}/"]  # fmt: skip
    tests = str(Path(__file__).parent.parent)
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": tests})
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done" in done.stderr, done.stderr[-500:]
    record_property("runs", FOLLOWED)
    record_property("memory_limit_mb", MEMORY_MB)
