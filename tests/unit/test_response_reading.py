"""What can be read and what is said of the rest: sources, vocabulary sizes, dialects insisted on, odd JSON, errors."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from test_response_findings import DATA, GOOD, chat

from entropist.errors import EntropistError, FileError, InputError
from entropist.responses import DIALECTS, read_response, read_responses


def test_the_vocabulary_is_the_models_or_given_or_the_largest():
    def told(model, size=None, server_fingerprint=None):
        answer = {**chat(GOOD, model), "system_fingerprint": server_fingerprint}
        declaration = read_response(answer, size).metadata.declaration
        return declaration.vocabulary_size, declaration.vocabulary_source

    assert told("gpt-4o-mini") == told("ft:gpt-4o:org:name:id") == told("o3") == (200_019, "model name")
    assert told("gpt-4-0613") == told("gpt-3.5-turbo") == (100_277, "model name")
    assert told("gpt2") == told("openai-community/gpt2") == (50_257, "model name")
    assert told("meta-llama/Llama-3.1-8B-Instruct") == told("llama3:8b") == (128_256, "model name")
    assert told("gpt-4o", server_fingerprint="b4567-abc") == (1 << 20, "assumed"), "llama.cpp repeats any name"
    assert told("my-model") == told("llama-30b") == told("qwen3.5") == told("") == (1 << 20, "assumed")
    assert told("gpt-4o", 5000) == (5000, "given")
    for wrong in (0, -1, 2.5, True, 1 << 40, "9"):
        with pytest.raises(InputError, match="vocabulary_size must be a number of tokens"):
            read_response(chat(GOOD), wrong)
    with pytest.raises(InputError, match=r"vocabulary_size 3 is too small: the answer names 4"):
        read_response(chat(GOOD), 3)


def test_a_larger_vocabulary_only_raises_the_upper_bound():
    small, large = (read_response(DATA / "openai_chat.json", size) for size in (1000, 10_000_000))
    np.testing.assert_array_equal(small.column("entropy_low"), large.column("entropy_low"))
    assert (small.column("entropy_high") < large.column("entropy_high")).all()
    grows = large.column("entropy_high") - small.column("entropy_high")
    rest = np.array([0.09375, 0.10, 0.11, 0.02, 0.04])
    np.testing.assert_allclose(grows, rest * math.log((1e7 - 4) / 996), rtol=1e-4)


def test_a_name_refuted_by_an_id_is_not_used():
    answer = json.loads((DATA / "tgi.json").read_text(encoding="utf-8"))
    assert read_response({**answer, "model": "gpt2"}).metadata.vocabulary_size == 50_257
    answer["details"]["tokens"][0]["id"] = answer["details"]["top_tokens"][0][0]["id"] = 60_000
    assert read_response({**answer, "model": "gpt2"}).metadata.declaration.vocabulary_source == "assumed"


def test_what_you_know_is_declared():
    trace = read_response(chat(GOOD), probabilities="processed", temperature=0.5)
    declaration = trace.metadata.declaration
    assert (declaration.probabilities, declaration.temperature) == ("processed", 0.5)
    assert trace.metadata.probabilities == "processed"
    with pytest.raises(InputError, match="'raw' or 'processed'; given 'raww'"):
        read_response(chat(GOOD), probabilities="raww")
    for wrong in (-1, math.nan, math.inf, "1"):
        with pytest.raises(InputError, match="temperature must be 0 or more"):
            read_response(chat(GOOD), temperature=wrong)


def test_a_dialect_insisted_on():
    trace = read_response(DATA / "openai_chat.json", dialect="openai-chat")
    assert trace == read_response(DATA / "openai_chat.json")
    with pytest.raises(InputError, match="this is no answer in the dialect 'sglang': leave dialect out"):
        read_response(DATA / "openai_chat.json", dialect="sglang")
    with pytest.raises(InputError, match=r"dialect 'openai' is not known: use one of gemini, sglang"):
        read_response(DATA / "openai_chat.json", dialect="openai")
    assert len(set(DIALECTS)) == len(DIALECTS) == 9


def test_several_choices_are_documents_of_one_record():
    answer = chat(GOOD)
    second = json.loads(json.dumps(answer["choices"][0])) | {"index": 1}
    second["logprobs"]["content"] = second["logprobs"]["content"][:2]
    second["message"]["content"] = " a c"
    answer["choices"] = [second, answer["choices"][0]]
    trace = read_response(answer)
    assert trace.column("document").tolist() == [0] * 6 + [1] * 2
    assert trace.column("position").tolist() == [0, 1, 2, 3, 4, 5, 0, 1]
    assert trace.column("start_byte").tolist() == [0, 2, 4, 6, 8, 10, 0, 2]
    assert trace.metadata.declaration.parts == ("choice 0", "choice 1")


def test_ids_in_the_chat_shape_are_kept():
    """llama.cpp adds them on /v1/chat/completions, with its timings."""
    answer = chat([("a", -0.5, [("a", -0.5), ("b", -1.5)])]) | {"timings": {}}
    element = answer["choices"][0]["logprobs"]["content"][0]
    element["id"] = element["top_logprobs"][0]["id"] = 17
    element["top_logprobs"][1]["id"] = 4
    trace = read_response(answer)
    declaration = trace.metadata.declaration
    assert (declaration.server, declaration.probabilities, declaration.ids) == ("llama.cpp", "raw", "server")
    assert trace.table["top_ids"].to_pylist() == [[17, 4]]
    assert dict(trace.pieces) == {17: b"a", 4: b"b"}
    element["id"] = "seventeen"
    assert read_response(answer).metadata.declaration.ids == "local"


def test_numbers_printed_short_are_known_that_well():
    fine = read_response(chat([("a", -0.125, [("a", -0.125), ("b", -2.5)])]))
    short = read_response(chat([("a", -0.1234, [("a", -0.1234), ("b", -2.5071)])]))
    assert fine.metadata.declaration.rounding == 2.0**-23
    assert short.metadata.declaration.rounding == 0.5e-4
    p = np.exp([-0.12344, -2.50714])  # what may have stood there
    rest = 1 - p.sum()
    low = -(p * np.log(p)).sum() - rest * math.log(rest)
    assert short.column("entropy_low")[0] <= low


ODD = {
    "minus infinity": ('{"logprob": -Infinity', 1),
    "python's": ('{"logprob": -inf', 1),
    "beyond float64": ('{"logprob": -1.5e308', 1),
}


@pytest.mark.parametrize("case", ODD)
def test_numbers_that_json_lacks(case):
    text = json.dumps(chat([*GOOD, (" z", -7.0, [(" y", -1.0)])])).replace('{"token": " z", "logprob": -7.0',
        '{"token": " z", ' + ODD[case][0][1:])  # fmt: skip
    trace = read_response(text)
    assert trace.censored == 1
    assert trace.column("surprisal_low")[-1] == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "nan", "-nan", "1e999", "true", '"-1"', "[]"])
def test_numbers_that_nothing_can_be_made_of(word):
    text = json.dumps(chat(GOOD)).replace("-0.5", word)
    with pytest.raises(InputError):
        read_response(text)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nan_in_an_object_is_not_taken_for_null(value):
    with pytest.raises(InputError, match="stands where a log-probability"):
        read_response(chat([*GOOD, (" z", value, [])]))


def test_words_inside_of_texts_stay():
    rows = [(" NaN", -0.5, [(' "-Infinity', -1.5), ("\\", -3.0)]), (" z", -math.inf, [])]
    trace = read_response(json.dumps(chat(rows)))
    assert trace.table["token_bytes"].to_pylist() == [b" NaN", b" z"]
    assert [trace.pieces[i] for i in trace.table["top_ids"][0].as_py()] == [b' "-Infinity', b"\\"]


def test_half_a_surrogate_pair_is_a_replaced_character():
    text = json.dumps(chat(GOOD)).replace('"token": " a"', r'"token": "\ud83d"')
    assert "�".encode() in read_response(text).pieces.values()
    whole = json.dumps(chat([("🌊", -0.5, [])]))
    assert r"\ud83c\udf0a" in whole
    assert read_response(whole).text_bytes() == "🌊".encode()
    broken = json.dumps(chat([("x", -0.5, [])])).encode().replace(b'"x"', b'"\xff"')
    assert read_response(broken).text_bytes() == "�".encode()


@pytest.mark.parametrize("name", ["bytes: \\xe3\\x81", "bytes:\\xe3\\x81", "byte: \\xe3\\x81", "byte:\\xE3\\x81"])
def test_bytes_written_as_text(name):
    assert read_response(chat([(name, -0.5, []), ("x", -0.5, [])])).table["token_bytes"][0].as_py() == b"\xe3\x81"


NO_ANSWER = {
    "": "the answer is empty", "  \n ": "the answer is empty", "{}": "no server's answer with log-probabilities is rec",
    "[]": "holds no answer", "[[]]": "Expected `object`, got `array`", "[1]": "Expected `object`, got `int`",
    "{": "not valid JSON", '{"choices": []}': "is recognised", '{"choices": 3}': r"Expected `array \| null`, got `int`",
    "[" * 100_000: "nested too deeply", '{"a":' * 100_000: "nested too deeply",
    '{"done": true, "logprobs": {}}': "list of tokens",
    '{"error": {"message": "no such model"}}': "the server answered with an error and no tokens: .*no such model",
    '{"object": "chat.completion", "choices": [{"message": {"content": "x"}}]}': "holds no log-probabilities: ask",
    '{"object":"text_completion","choices":[{"logprobs":{"tokens":["a"],"token_logprobs":[]}}]}': "1 tokens, 0 token_l",
    '{"prompt_logprobs": [null, {"x": {"logprob": -1}}]}': "keyed by the token's id; given 'x'",
    '{"prompt_logprobs": [{"1": {"logprob": -1}}], "prompt_token_ids": [2]}': "prompt token 2 is not in its own",
    '{"prompt_logprobs": [null], "prompt_token_ids": []}': "0 prompt_token_ids and 1 prompt_logprobs",
    '{"candidates": [{"logprobsResult": {"topCandidates": [{}], "chosenCandidates": []}}]}': "they must be paired",
    '{"completion_probabilities": [{"token": "a", "prob": 3, "top_probs": []}]}': "lies between 0 and 1; given 3",
    '{"meta_info": {"output_token_logprobs": [[-1, 2]]}}': "Expected `array` of length 3",
    "data: [DONE]\n": "holds no answer",
    'data: {"x\n\n': "line 1: not valid JSON", "event: ping\n\n": "holds no answer",
}  # fmt: skip


@pytest.mark.parametrize("text", NO_ANSWER, ids=lambda text: text[:40])
def test_what_is_no_answer_is_said_in_one_line(text):
    with pytest.raises(InputError, match=NO_ANSWER[text]) as caught:
        read_response(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    with pytest.raises(InputError):
        list(read_responses(text.encode()))


def test_places_without_an_answer(tmp_path):
    with pytest.raises(FileError, match="is a directory: give the file of an answer"):
        read_response(tmp_path)
    with pytest.raises(FileError, match=r"cannot read .*: No such file or directory"):
        read_response(tmp_path / "none.json")
    with pytest.raises(FileError, match="cannot read"):
        read_response("nul\0name")
    for wrong in (3, None, 2.5, object()):
        with pytest.raises(InputError, match="a path, JSON text or a decoded object; given"):
            read_response(wrong)
    with pytest.raises(InputError, match="not a server's answer"):
        read_response({"choices": object()})
    with pytest.raises(InputError, match="use read_responses"):
        read_response(DATA / "many.jsonl")


def test_a_broken_line_names_its_number_and_what_came_before_is_kept(tmp_path):
    good = json.dumps(chat(GOOD))
    path = tmp_path / "many.jsonl"
    path.write_text(f"{good}\n\n{good}\n{{broken\n{good}\n")
    found = read_responses(path)
    assert len(next(found)) == len(next(found)) == 6
    with pytest.raises(InputError, match="line 4: not valid JSON"):
        next(found)
    path.write_text(f"{good}\n{good.replace('-0.5', '5')}\n")
    with pytest.raises(InputError, match="answer 2: raw logits"):
        list(read_responses(path))


def test_the_usage_chunk_and_comments_of_a_stream_are_no_answers():
    text = (DATA / "openai_chat_stream.sse").read_text(encoding="utf-8")
    assert len(list(read_responses(": ping\n\n" + text + text))) == 2
    assert len(list(read_responses(text.replace("data: [DONE]", "").replace("\n\n", "\r\n\r\n")))) == 1


def test_memory_is_that_of_the_longest_line(tmp_path):
    import tracemalloc

    line = json.dumps(chat(GOOD * 20)) + "\n"
    path = tmp_path / "large.jsonl"
    path.write_text(line * 300)
    tracemalloc.start()
    assert sum(len(trace) for trace in read_responses(path)) == 300 * 120
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.3 * path.stat().st_size


def test_a_last_line_cut_off_is_an_error_unless_it_continues_a_stream():
    good = json.dumps(chat(GOOD))
    found = read_responses(good + "\n" + good[:200])
    assert len(next(found)) == 6
    with pytest.raises(InputError, match="line 2: not valid JSON"):
        next(found)
    stream = (DATA / "openai_chat_stream.sse").read_text(encoding="utf-8")
    place = stream.index("data:", 2000)
    broken = stream[:place] + "data: {x\n" + stream[place:]
    found = read_responses(broken)
    assert 0 < len(next(found)) < 5, "the tokens before the broken line are kept"
    with pytest.raises(InputError, match="not valid JSON"):
        next(found)


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.iterdir()))
def test_every_cut_of_every_file_is_an_answer_or_an_error(name):
    whole = (DATA / name).read_bytes()
    step = max(1, len(whole) // 25)
    for end in range(0, len(whole), step):
        said = ""
        try:
            for trace in read_responses(whole[:end]):
                assert np.isfinite(trace.total_surprisal_bounds().low)
        except EntropistError as error:
            said = str(error)
        assert "\n" not in said


def test_paths_may_be_texts(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(chat(GOOD)))
    assert read_response(str(path)) == read_response(Path(path)) == read_response(chat(GOOD))
