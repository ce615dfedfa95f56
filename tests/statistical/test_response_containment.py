"""The truth lies inside every bound: distributions known whole, cut and written as servers write them, read back.

Each case draws a distribution over V tokens, samples a text from it, and writes k of its log-probabilities in the
way of a dialect: rounded to float32 or to four digits, the emitted token beside the list, a sentinel in its
place, or keyed by texts of which some read alike, so that they collapse. No bound may exclude the truth.
The negative control is a reader that believes the renormalised list: it fails at most positions.
"""

import json
import math

import numpy as np
import pytest

from campaigns import campaign
from certificates import certifies
from entropist.responses import read_response

pytestmark = certifies("responses")

POSITIONS = 40


def distributions(generator, vocabulary):
    """(positions, vocabulary) probabilities, from certain to flat."""
    scale = generator.choice([0.3, 1.0, 2.0, 4.0, 8.0], size=(POSITIONS, 1))
    z = generator.normal(size=(POSITIONS, vocabulary)) * scale
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def told(p, digits):
    with np.errstate(divide="ignore"):
        return float(np.float32(np.log(p))) if digits is None else round(float(np.log(p)), digits)


def chat(p, emitted, k, digits, generator):
    """OpenAI: a sentinel where the emitted token is not listed."""
    content = []
    for row, own in zip(p, emitted):
        top = np.argsort(-row, kind="stable")[:k]
        value = told(row[own], digits) if own in top or generator.random() < 0.5 else -9999.0
        lists = [{"token": f"t{i}", "logprob": told(row[i], digits)} for i in top]
        content.append({"token": f"t{own}", "logprob": value, "top_logprobs": lists})
    return {"object": "chat.completion", "model": "m", "choices": [{"logprobs": {"content": content}}]}


def llama(p, emitted, k, digits, generator):
    """llama.cpp: ids, the emitted token's value always told."""
    rows = []
    for row, own in zip(p, emitted):
        top = np.argsort(-row, kind="stable")[:k]
        lists = [{"id": int(i), "token": f"t{i}", "logprob": told(row[i], digits)} for i in top]
        rows.append({"id": int(own), "token": f"t{own}", "logprob": told(row[own], digits), "top_logprobs": lists})
    return {"completion_probabilities": rows, "content": "", "stop": True}


def legacy(p, emitted, k, digits, generator, alike=1, own_first=False):
    """vLLM and OpenAI: an object keyed by text, the emitted token first or last; `alike` ids share a text."""
    tokens, logprobs, lists = [], [], []
    for row, own in zip(p, emitted):
        top = np.argsort(-row, kind="stable")[:k].tolist()
        order = [own, *(i for i in top if i != own)] if own_first else [*top, *([] if own in top else [own])]
        tokens.append(f"t{own // alike}")
        logprobs.append(told(row[own], digits))
        lists.append({f"t{i // alike}": told(row[i], digits) for i in order})  # the later one wins
    logprob_lists = {"tokens": tokens, "token_logprobs": logprobs, "top_logprobs": lists}
    return {"object": "text_completion", "choices": [{"text": "".join(tokens), "logprobs": logprob_lists}]}


WAYS = {
    "chat": chat,
    "llama.cpp": llama,
    "legacy": legacy,
    "legacy, own first": lambda *given: legacy(*given, own_first=True),
    "legacy, texts alike": lambda *given: legacy(*given, alike=3),
    "legacy, texts alike, own first": lambda *given: legacy(*given, alike=3, own_first=True),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("digits", [None, 4, 2])
def test_no_bound_excludes_the_truth(way, digits, record_property):
    generator = np.random.default_rng([list(WAYS).index(way), digits or 0])
    seen = outside = renormalised_wrong = 0
    for _ in range(campaign(200)):
        vocabulary, k = int(generator.choice([8, 60, 1000])), int(generator.choice([1, 2, 5, 20]))
        p = distributions(generator, vocabulary)
        emitted = [int(generator.choice(vocabulary, p=row)) for row in p]
        size = int(generator.choice([vocabulary, 2 * vocabulary]))
        k = min(k, vocabulary - 2)
        trace = read_response(json.dumps(WAYS[way](p, emitted, k, digits, generator)), max(size, vocabulary))
        information = -np.log(np.maximum(p, 1e-300))
        entropy = (p * information).sum(axis=1)
        varentropy = (p * (information - entropy[:, None]) ** 2).sum(axis=1)
        surprisal = information[np.arange(POSITIONS), emitted]
        slack = 1e-9 if digits is None else 0.0
        rounding = 1e-6 if digits is None else 0.51 * 10.0**-digits
        for name, truth, close in (
            ("entropy", entropy, slack), ("varentropy", varentropy, slack), ("surprisal", surprisal, rounding),
        ):  # fmt: skip
            low, high = trace.column(f"{name}_low"), trace.column(f"{name}_high")
            reach = close * (1 + truth)
            wrong = (truth < low - reach) | (truth > high + reach)
            outside += int(wrong.sum())
            assert not wrong.any(), (way, name, vocabulary, k, low[wrong][:2], truth[wrong][:2], high[wrong][:2])
        top = -np.sort(-p, axis=1)[:, :k]
        share = top / top.sum(axis=1, keepdims=True)
        naive = -(share * np.log(share)).sum(axis=1)
        low, high = trace.column("entropy_low"), trace.column("entropy_high")
        renormalised_wrong += int(((naive < low) | (naive > high)).sum())
        seen += POSITIONS
    record_property("positions", seen)
    record_property("truths_outside", outside)
    record_property("renormalised_entropies_outside", renormalised_wrong / seen)
    if "legacy" not in way:
        assert renormalised_wrong > 0.5 * seen, "what other tools print lies outside"


def test_the_mean_bounds_hold_the_mean():
    generator = np.random.default_rng(9)
    p = distributions(generator, 500)
    emitted = [int(generator.choice(500, p=row)) for row in p]
    trace = read_response(chat(p, emitted, 20, None, generator), 500)
    entropy = -(p * np.log(p)).sum(axis=1)
    assert entropy.mean() in trace.mean_entropy_bounds()
    assert -math.fsum(np.log(p[np.arange(POSITIONS), emitted])) in trace.total_surprisal_bounds()
