"""`trace` against a loop written with Transformers alone: forward, float64 log-softmax, gather."""

import numpy as np
import pytest
import torch

import entropist as en
from entropist.corpus import Sliding
from families import FAMILIES, TEXT, save_family

SAMPLES = {
    "prose": "It was a bright cold day in April, and the clocks were striking thirteen. " * 30,
    "code": "def entropy(p):\n\treturn -sum(x * math.log(x) for x in p if x > 0)\r\n\n" * 20,
    "japanese": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 12,
    "emoji": "👩‍🚀🙂🇯🇵 e\u0301 ﷽ \u202eabc\u202c " * 30,
    "one window": "Call me Ishmael.",
}


def direct_loop(model, text):
    """(surprisal, entropy, varentropy, rank) of every scored token, from whole-window logits."""
    tokens = model.tokenize(text)
    cut = Sliding(model.context or 4096, model.bos_id is not None)
    rows = []
    for window in cut.windows(len(tokens)):
        ids = [int(i) for i in tokens.ids[window.start : window.stop]]
        if cut.bos:
            ids = [model.bos_id, *ids]
        with torch.no_grad():
            logits = model.module(input_ids=torch.tensor([ids[:-1]])).logits[0]
        logprobs = torch.log_softmax(logits.double(), -1)
        for t in range(window.first_scored, window.stop):
            place = t - window.start - 1 + int(cut.bos)
            lp = logprobs[place]
            p = lp.exp()
            entropy = -(p * lp).sum()
            target = lp[ids[place + 1]]
            rows.append((-target, entropy, (p * (lp + entropy) ** 2).sum(), (lp > target).sum()))
    return np.array(rows, dtype=np.float64).T


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("name", ["builtin:base", "builtin:bytes"])
def test_builtin_equals_a_direct_loop(name, sample):
    model = en.load_model(name)
    record = en.trace(SAMPLES[sample], model=model)
    _compare(record, direct_loop(model, SAMPLES[sample]), 1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_traces_like_a_direct_loop(family, tmp_path):
    model = en.load_model(save_family(family, tmp_path))
    record = en.trace(TEXT, model=model)
    assert record.text_bytes() == TEXT.encode()
    assert model.head is not None, "the head was not found, so logits would be computed whole"
    _compare(record, direct_loop(model, TEXT), 2e-5)


def _compare(record, expected, tolerance):
    scored = record.scored
    for name, values in zip(("surprisal", "entropy", "varentropy"), expected):
        found = record.column(name)[scored]
        assert len(found) == len(values)
        assert np.max(np.abs(found - values)) <= tolerance * max(1.0, np.max(np.abs(values)) / 10), name
    # Ranks may differ where two logits agree to rounding error.
    assert np.mean(record.column("rank")[scored] != expected[3]) < 0.01
    assert np.isclose(record.total_surprisal(), expected[0].sum(), rtol=1e-6)
