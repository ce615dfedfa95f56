"""Each finding by its name, on a file or an answer made for it: what is said, and what is then believed."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from entropist.errors import InputError
from entropist.responses import FindingsError, read_response

DATA = Path(__file__).parent.parent / "data/responses"


def kinds(trace):
    return [finding.kind for finding in trace.metadata.declaration.findings]


def chat(rows, model="gpt-4o", **changes):
    """A chat answer of (token, logprob, [(token, logprob), ...]) rows."""
    content = [
        {"token": token, "logprob": logprob, "top_logprobs": [{"token": t, "logprob": lp} for t, lp in top]}
        for token, logprob, top in rows
    ]
    text = "".join(token for token, _, _ in rows)
    choice = {"index": 0, "message": {"content": text}, "logprobs": {"content": content}, **changes}
    return {"object": "chat.completion", "model": model, "choices": [choice]}


GOOD = [(" a", -0.5, [(" a", -0.5), (" b", -1.5)]), (" c", -0.75, [(" c", -0.75), (" d", -1.25)])] * 3


def test_a_sound_answer_has_no_finding():
    trace = read_response(chat(GOOD), strict=True)
    assert kinds(trace) == []
    assert trace.perplexity_bounds().low == trace.perplexity_bounds().high == pytest.approx(math.exp(0.625))


NAMED = {
    "bad_bytes.json": ("bytes differ from text", 1),
    "bad_collapsed_duplicates.json": ("collapsed duplicates", 0),
    "bad_key_twice.json": ("collapsed duplicates", 0),
    "bad_cut.sse": ("stream cut short", 1),
    "bad_duplicates.json": ("duplicates", 0),
    "bad_emitted_differs.json": ("emitted token differs from list", 0),
    "bad_ids.json": ("ids clash", None),
    "bad_mass.json": ("mass over 1", 0),
    "bad_probability.json": ("probability as logarithm", 1),
    "bad_shifted_lists.json": ("shifted lists", 0),
    "bad_too_little_mass.json": ("too little mass", 4),
    "bad_unsorted.json": ("unsorted", 0),
    "vllm_prompt_unmarked.json": ("emitted token not marked", 1),
    "sglang_ids.json": ("bytes not told", 1),
}


@pytest.mark.parametrize("name", NAMED)
def test_each_finding_has_its_name_and_place_and_fails_where_asked(name):
    kind, position = NAMED[name]
    trace = read_response(DATA / name)
    finding = trace.metadata.declaration.findings[0]
    assert (finding.kind, finding.position) == (kind, position)
    assert kind in str(finding)
    assert set(kinds(trace)) == {kind}
    with pytest.raises(FindingsError, match=kind) as caught:
        read_response(DATA / name, strict=True)
    assert kind in [found.kind for found in caught.value.findings]


@pytest.mark.parametrize("name", ["bad_raw_logits.json", "bad_negative_logits.json"])
@pytest.mark.parametrize("strict", [False, True])
def test_raw_logits_are_refused_always(name, strict):
    with pytest.raises(FindingsError, match=r"raw logits at token 0 and 4 more: (9|-33) stands in a field") as caught:
        read_response(DATA / name, strict=strict)
    assert [finding.kind for finding in caught.value.findings] == ["raw logits"]


LOGITS = {
    "one positive among many": [*GOOD, ("x", 3.0, [("x", 3.0), ("y", 2.0)])],
    "above and below 0": [*GOOD, ("x", 0.9, [("x", 0.9), ("y", -0.2)])],
    "all below 1, together above": [*GOOD, ("x", 0.9, [("x", 0.9), ("y", 0.8)])],
    "without a list": [*GOOD, ("x", 1.5, [])],
    "mostly more than 1": [("x", -0.1, [("x", -0.1), ("y", -0.2)])] * 3 + GOOD[:2],
}


@pytest.mark.parametrize("case", LOGITS)
def test_logits_in_other_guises(case):
    with pytest.raises(FindingsError, match="raw logits"):
        read_response(chat(LOGITS[case]))


SENTINELS = [
    (-9999.0, "-9999"), (-9999, "-9999"), (-3.4028234663852886e38, "-3.4028235e38"), (-3.4028235e38, "-3.4028235e38"),
    (-100.0, "-100"), (-math.inf, "-inf"), (-1e10, "-1e+10"), (-65504.0, "-65504"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "name"), SENTINELS)
@pytest.mark.parametrize("way", ["object", "text"])
def test_a_sentinel_is_a_bound_and_never_a_value(value, name, way):
    answer = chat([*GOOD, (" z", value, [(" y", -1.0), (" x", -2.0), (" w", value)])])
    trace = read_response(answer if way == "object" else json.dumps(answer))
    assert trace.metadata.declaration.sentinels == (name,)
    assert trace.censored == 1
    assert np.isnan(trace.column("surprisal")[-1])
    assert trace.column("surprisal_high")[-1] == math.inf
    assert trace.column("surprisal_low")[-1] == pytest.approx(2.0, rel=1e-6)
    assert len(trace.table["top_ids"][-1]) == 2
    assert trace.perplexity_bounds().low < 3
    with pytest.raises(InputError, match="surprisal of 1 of 7 tokens has bounds and no value"):
        trace.perplexity()
    with pytest.raises(InputError, match="bounds and no value"):
        trace.total_surprisal()


def test_minus_100_among_its_like_is_a_value():
    trace = read_response(chat([*GOOD, (" z", -100.0, [(" y", -1e-9), (" x", -99.9), (" w", -100.0), (" z", -100.1)])]))
    assert trace.metadata.declaration.sentinels == ()
    assert [len(row) for row in trace.table["top_ids"].to_pylist()][-1] == 4


def test_a_token_told_by_nothing_is_bounded_by_the_mass_left():
    trace = read_response(chat([(" z", None, [(" y", math.log(0.6)), (" x", math.log(0.3))])]))
    assert trace.column("surprisal_low")[0] == pytest.approx(-math.log(0.1), rel=1e-5)
    assert trace.censored == 1
    assert read_response(chat([(" z", None, []), *GOOD])).scored.tolist() == [False, *[True] * 6]


def test_what_is_done_with_each_defect():
    mass = read_response(DATA / "bad_mass.json")
    assert (mass.column("entropy_low")[0], mass.column("surprisal_low")[0]) == (0, 0)
    assert mass.column("entropy_high")[0] == pytest.approx(math.log(200_019))
    assert mass.column("surprisal_high")[0] == math.inf
    differs = read_response(DATA / "bad_emitted_differs.json")
    assert differs.column("surprisal_low")[0] == pytest.approx(-math.log(0.5))
    assert differs.column("surprisal_high")[0] == pytest.approx(-math.log(0.3))
    unsorted, good = read_response(DATA / "bad_unsorted.json"), read_response(DATA / "openai_chat.json")
    for name in ("surprisal", "entropy_low", "entropy_high", "rank"):
        np.testing.assert_array_equal(unsorted.column(name), good.column(name))
    twice = read_response(DATA / "bad_duplicates.json")
    assert twice.table.equals(good.table)
    shifted = read_response(DATA / "bad_shifted_lists.json")
    assert all(row == [] for row in shifted.table["top_ids"].to_pylist())
    assert shifted.column("surprisal")[0] == pytest.approx(-math.log(0.5)), "the tokens' own values are kept"
    probability = read_response(DATA / "bad_probability.json")
    assert probability.column("surprisal_high")[1] == math.inf
    little = read_response(DATA / "bad_too_little_mass.json")
    assert little.column("entropy_low")[4] < 1e-6
    assert math.isnan(little.column("max_logprob")[4])


def test_an_unmarked_token_has_the_surprisals_of_its_list():
    trace = read_response(DATA / "vllm_prompt_unmarked.json")
    assert trace.column("surprisal_low")[1:] == pytest.approx([-math.log(0.5), -math.log(0.4)])
    assert trace.column("surprisal_high")[1:] == pytest.approx([-math.log(0.25), -math.log(0.3)])
    assert trace.censored == 0


def test_collapsed_keys_widen_and_never_mislead():
    """Two tokens read " The": p = 0.5 was emitted, the object kept 0.03125. True atoms: 0.5, 0.25, 0.125, 0.03125."""
    trace = read_response(DATA / "bad_collapsed_duplicates.json")
    p = np.array([0.5, 0.25, 0.125, 0.03125])
    rest = 1 - p.sum()
    for tail in ([rest], [rest / 100_000] * 100_000, [0.03, rest - 0.03]):
        every = np.concatenate([p, tail])
        truth = -(every * np.log(every)).sum()
        assert trace.column("entropy_low")[0] <= truth <= trace.column("entropy_high")[0]


def test_a_replaced_character_is_found_in_the_text_and_said():
    rows = [(" a", -0.5, []), ("�", -0.5, []), ("�", -0.25, []), ("�", -0.75, []), ("!", -0.5, [])]
    answer = chat(rows)
    answer["choices"][0]["message"]["content"] = " a🌊!"
    trace = read_response(answer)
    assert trace.table["token_bytes"].to_pylist() == [b" a", b"", b"", "🌊".encode(), b"!"]
    assert kinds(trace) == ["bytes not told"]
    assert not trace.metadata.lossless
    answer["choices"][0]["message"]["content"] = " another text"
    assert kinds(read_response(answer)) == ["bytes not told", "bytes differ from text"]


def test_an_end_of_text_token_is_no_difference():
    answer = chat([*GOOD, ("<|im_end|>", -0.01, [])])
    answer["choices"][0]["message"]["content"] = " a c a c a c"
    assert kinds(read_response(answer)) == []


def test_tokens_without_text_or_usable_ids_are_not_taken_for_one():
    answer = {
        "meta_info": {
            "output_token_logprobs": [[-0.5, 1 << 40, None], [-0.25, 7, None]],
            "output_top_logprobs": [[[-0.5, 1 << 40, None], [-1.5, 7, None]], [[-0.25, 7, None], [-2.5, 9, None]]],
        }
    }
    trace = read_response(answer)
    assert trace.metadata.declaration.ids == "local"
    assert trace.table["top_ids"].to_pylist() == [[0, 1], [1, 2]]
    assert trace.column("rank").tolist() == [0, 0]


def test_a_rank_that_is_none_is_not_kept():
    answer = {"prompt_logprobs": [None, {"1": {"logprob": -0.5, "rank": 1 << 70}, "2": {"logprob": -1.5, "rank": 1}}]}
    assert np.isnan(read_response(answer).column("rank")).all()


def test_one_endless_list_among_short_ones_is_refused():
    rows = [("x", -0.5, [(f"t{i}", -20.0) for i in range(21_000)]), *[("x", -0.5, [("x", -0.5)])] * 1000]
    with pytest.raises(InputError, match="one of the 1001 tokens has 21000 alternatives and the others far fewer"):
        read_response(chat(rows))
