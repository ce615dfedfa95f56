"""Real answers of servers, from the shared data: what must come out of each, by hand or by a plain loop."""

import json
import math
import os
from pathlib import Path

import mpmath
import numpy as np
import pytest

from entropist.errors import InputError
from entropist.responses import FindingsError, read_response

SHARED = os.environ.get("ENTROPIST_SHARED")
pytestmark = pytest.mark.skipif(not SHARED, reason="ENTROPIST_SHARED does not say where the shared data is")
DATA = Path(SHARED or ".") / "data/api"

CHAT = ["domain_creative", "gpt4o_mini_code", "gpt41_nano", "hallucination_factoid", "lang_japanese", "temp_0.0",
        "temp_1.5", "gpt2_openai"]  # fmt: skip


def content_of(name):
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))["choices"][0]


@pytest.mark.parametrize("name", CHAT)
def test_every_token_byte_and_value_of_a_chat_answer(name):
    choice, trace = content_of(name), read_response(DATA / f"{name}.json")
    content = choice["logprobs"]["content"]
    assert trace.text_bytes() == choice["message"]["content"].encode()
    assert trace.table["token_bytes"].to_pylist() == [bytes(element["bytes"]) for element in content]
    assert trace.metadata.declaration.findings == ()
    for element, ids, logprobs in zip(content, *(trace.table[c].to_pylist() for c in ("top_ids", "top_logprobs"))):
        assert [trace.pieces[i] for i in ids] == [bytes(a["bytes"]) for a in element["top_logprobs"]]
        np.testing.assert_allclose(logprobs, [a["logprob"] for a in element["top_logprobs"]], rtol=1e-7)
    told = np.array([element["logprob"] for element in content])
    np.testing.assert_array_equal(trace.column("surprisal")[told > -9999], -told[told > -9999])


def tails(listed, vocabulary):
    """Entropy of the most concentrated and of the uniform tail, in bits, fifty digits."""
    with mpmath.workdps(50):
        p = sorted((mpmath.e ** mpmath.mpf(lp) for lp in listed), reverse=True)
        known, rest = -mpmath.fsum(x * mpmath.log(x, 2) for x in p), 1 - mpmath.fsum(p)
        if rest <= 0:
            return float(known), float(known)
        whole = mpmath.floor(rest / p[-1])
        left = rest - whole * p[-1]
        low = known - whole * p[-1] * mpmath.log(p[-1], 2) - (left * mpmath.log(left, 2) if left else 0)
        return float(low), float(known - rest * mpmath.log(rest / (vocabulary - len(p)), 2))


@pytest.mark.parametrize("name", CHAT)
def test_entropy_bounds_are_those_of_the_extreme_tails(name):
    trace = read_response(DATA / f"{name}.json")
    lists = [[a["logprob"] for a in element["top_logprobs"]] for element in content_of(name)["logprobs"]["content"]]
    if name == "gpt2_openai":  # the emitted token stands beside one list, its numbers have four digits
        lists, trace = lists[1:], trace
    expected = np.array([tails(each, trace.metadata.vocabulary_size) for each in lists])
    low, high = (trace.column(f"entropy_{end}", unit="bits")[-len(lists) :] for end in ("low", "high"))
    reach = 4e-3 if name == "gpt2_openai" else 3e-5
    np.testing.assert_allclose(low, expected[:, 0], atol=reach)
    np.testing.assert_allclose(high, expected[:, 1], atol=reach)
    assert (low <= expected[:, 0] + 1e-12).all()
    assert (high >= expected[:, 1] - 1e-6).all()


def test_one_censored_token_makes_the_perplexity_a_lower_bound():
    trace = read_response(DATA / "domain_creative.json")
    assert trace.censored == trace.metadata.declaration.censored == 1
    (where,) = np.flatnonzero(np.isnan(trace.column("surprisal")))
    assert where == 83
    assert trace.table["token_bytes"][83].as_py() == b" Gene"
    assert trace.column("surprisal_low")[83] == pytest.approx(4.4408, abs=1e-3)  # p <= p_20 = 0.01178
    told = [e["logprob"] for e in content_of("domain_creative")["logprobs"]["content"]]
    assert math.exp(-math.fsum(told) / len(told)) > 1e29, "what a plain mean gives"
    bounds = trace.perplexity_bounds()
    assert bounds.low == pytest.approx(math.exp((4.44085 - math.fsum(lp for lp in told if lp > -9999)) / 150), rel=1e-4)
    assert bounds.low < 2
    assert bounds.high == math.inf
    with pytest.raises(InputError, match="the surprisal of 1 of 150 tokens has bounds and no value"):
        trace.perplexity()
    assert json.loads(trace.to_json())["totals"]["bounds"]["perplexity"]["high"] == "inf"


def test_the_mean_entropy_of_a_real_answer_lies_between():
    trace = read_response(DATA / "domain_creative.json", 128_256)
    bounds = trace.mean_entropy_bounds(unit="bits")
    assert (round(bounds.low, 4), round(bounds.high, 4)) == (1.3684, 1.6011)
    lists = [[a["logprob"] for a in e["top_logprobs"]] for e in content_of("domain_creative")["logprobs"]["content"]]
    p = [np.exp(each) for each in lists]
    partial = np.mean([-(each * np.log2(each)).sum() for each in p])
    renormalised = np.mean([-(each / each.sum() * np.log2(each / each.sum())).sum() for each in p])
    assert partial < renormalised < bounds.low, "what other tools print is not possible"


def test_raw_logits_are_refused_with_the_finding_named():
    with pytest.raises(FindingsError, match=r"raw logits at token 0 and 8 more: 7\.5472 stands in a field") as caught:
        read_response(DATA / "gpt2_logits_openai.json")
    assert [finding.kind for finding in caught.value.findings] == ["raw logits"]


@pytest.mark.parametrize(
    ("name", "dialect", "kinds", "tokens"),
    [("gemini_sample", "gemini", ["ids clash"], 12), ("ollama_sample", "ollama", [], 7),
     ("gpt2_vllm", "openai-completions", [], 9)],
)  # fmt: skip
def test_other_dialects(name, dialect, kinds, tokens):
    trace = read_response(DATA / f"{name}.json")
    assert trace.metadata.declaration.dialect == dialect
    assert [finding.kind for finding in trace.metadata.declaration.findings] == kinds
    assert len(trace) == tokens
    assert trace.censored == 0


def test_a_legacy_object_says_less_than_a_list():
    legacy, chat = (read_response(DATA / f"{name}.json") for name in ("gpt2_vllm", "gpt2_openai"))
    np.testing.assert_array_equal(legacy.column("surprisal"), chat.column("surprisal"))
    assert (legacy.column("entropy_low") <= chat.column("entropy_low") + 1e-12).all()
    assert (legacy.column("entropy_high") >= chat.column("entropy_high") - 1e-12).all()
