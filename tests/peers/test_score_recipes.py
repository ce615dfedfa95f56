"""`score` against the recipes other tools publish, each written from its documentation with Transformers and torch."""

import importlib.util
import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import entropist as en
from entropist.corpus import protocol
from entropist.scoring import paired_difference
from llama import TOOLS, gguf_of, needs_binding, needs_tools

WORDS = re.findall(r"\S+", "the tide went out and with it went boats gulls rope brine a lamp burnt low over cold stone")


def text(words, seed):
    g = np.random.default_rng(seed)
    return " ".join(WORDS[i] + ("." if g.random() < 0.1 else "") for i in g.integers(0, len(WORDS), words))


DOCUMENTS = [text(n, seed) for seed, n in enumerate([3, 40, 130, 511, 90, 300, 1, 64])] + [
    "naïve café — 日本語 🙂\n\n" * 9
]


@pytest.fixture(scope="module")
def model():
    return en.load_model("builtin:base")


def log_likelihoods(model, ids):
    """ln p of ids[1:], each after those before it."""
    with torch.no_grad():
        logits = model.module(torch.tensor([ids[:-1]])).logits[0].double()
    return torch.log_softmax(logits, -1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0]


def rolling_windows(tokens, prefix, longest):
    """lm-evaluation-harness, utils.get_rolling_token_windows with context_len 1 and make_disjoint_window."""
    first = min(longest, len(tokens))
    pairs = [([prefix, *tokens[: first - 1]], tokens[:first])] if tokens else []
    predicted = first
    while predicted < len(tokens):
        n = min(len(tokens) - predicted, longest)
        end = predicted + n
        pairs.append((tokens[end - longest - 1 : end - 1], tokens[end - n : end]))
        predicted += n
    return [(a[: len(a) - (len(b) - 1)], b) for a, b in pairs]


def lm_eval(model, documents, longest):
    nats = words = size = 0
    for document in documents:
        tokens = model.tokenize(document).ids.tolist()
        for context, continuation in rolling_windows(tokens, model.bos_id, longest):
            nats -= float(log_likelihoods(model, context + continuation)[-len(continuation) :].sum())
        words += len(re.split(r"\s+", document))
        size += len(document.encode())
    return {
        "word_perplexity": math.exp(nats / words),
        "byte_perplexity": math.exp(nats / size),
        "bits_per_byte": nats / size / math.log(2),
    }


def hugging_face(model, document, longest, stride):
    """From "Perplexity of fixed-length models": the loop as it is printed there; (nll sum, tokens, nats, scored)."""
    ids = torch.tensor([[model.bos_id, *model.tokenize(document).ids.tolist()]])
    nll_sum = n_tokens = nats = scored = prev_end = 0
    for begin in range(0, ids.size(1), stride):
        end = min(begin + longest, ids.size(1))
        target_length = end - prev_end
        target = ids[:, begin:end].clone()
        target[:, :-target_length] = -100
        with torch.no_grad():
            loss = float(model.module(ids[:, begin:end], labels=target).loss)
        valid = int((target != -100).sum())
        nll_sum += loss * (valid - 1)
        n_tokens += valid - 1
        true = int((target[:, 1:] != -100).sum())
        nats, scored = nats + loss * true, scored + true
        prev_end = end
        if end == ids.size(1):
            break
    return nll_sum, n_tokens, nats, scored


@pytest.mark.parametrize("longest", [64, 512])
def test_lm_evaluation_harness(model, longest):
    theirs = lm_eval(model, DOCUMENTS, longest)
    report = en.protocol_report(DOCUMENTS, model=model, protocols=["disjoint"], window=longest)
    for name, value in theirs.items():
        assert report.lines[0].printed[name] == pytest.approx(value, rel=1e-4)
    found = en.score(DOCUMENTS, model=model, protocol="disjoint", window=longest)
    assert found.bits_per_byte().value == pytest.approx(theirs["bits_per_byte"], rel=1e-5)
    assert report.lines[0].printed["bits_per_byte"] == pytest.approx(
        math.log2(report.lines[0].printed["byte_perplexity"]), rel=1e-14
    )


def test_the_harness_itself_where_it_is_installed():
    utils = pytest.importorskip("lm_eval.utils", reason="lm-eval is not installed here")
    for n in (*range(0, 40), 100):
        for longest in (4, 7, 16):
            tokens = list(range(1, n + 1))
            theirs = [
                utils.make_disjoint_window(pair) for pair in utils.get_rolling_token_windows(tokens, 0, longest, 1)
            ]
            ours = [
                ([0] * w.bos + tokens[w.start : w.first_scored], tokens[w.first_scored : w.stop])
                for w in protocol("disjoint", longest, bos=True).windows(n)
            ]
            assert ours == theirs
            assert rolling_windows(tokens, 0, longest) == theirs


# In a process of its own: the harness and what it imports warn, and warnings are errors here.
HARNESS = """
import json, logging, sys
logging.disable(logging.CRITICAL)
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
texts = json.load(open(sys.argv[2]))
requests = [Instance("loglikelihood_rolling", {}, (text,), i) for i, text in enumerate(texts)]
answers = {}
for longest in (64, 512):
    peer = HFLM(pretrained=sys.argv[1], device="cpu", dtype="float32", batch_size=4, max_length=longest)
    answers[longest] = peer.loglikelihood_rolling(requests, disable_tqdm=True)
json.dump(answers, open(sys.argv[3], "w"))
"""


def test_loglikelihood_rolling_itself(model, tmp_path):
    if importlib.util.find_spec("lm_eval") is None:
        pytest.skip("lm-eval is not installed here")
    texts, answers = tmp_path / "texts.json", tmp_path / "answers.json"
    texts.write_text(json.dumps(DOCUMENTS))
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HARNESS, model.directory, texts, answers],
        check=True, capture_output=True, env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    size = sum(len(document.encode()) for document in DOCUMENTS)
    for longest, theirs in json.loads(answers.read_text()).items():
        found = en.score(DOCUMENTS, model=model, protocol="disjoint", window=int(longest))
        np.testing.assert_allclose(found.documents["surprisal"].to_numpy(), np.negative(theirs), rtol=1e-4)
        assert found.bits_per_byte().value == pytest.approx(-sum(theirs) / size / math.log(2), rel=1e-4)


def padded_perplexities(model, documents):
    """What the documentation of `evaluate`'s perplexity says: BOS, padding to the longest, a mask, exp of each mean."""
    tokens = [model.tokenize(document).ids.tolist() for document in documents]
    most = max(map(len, tokens))
    ids = torch.tensor([[model.bos_id, *each, *[model.bos_id] * (most - len(each))] for each in tokens])
    mask = torch.tensor([[1] * (1 + len(each)) + [0] * (most - len(each)) for each in tokens])
    with torch.no_grad():
        logits = model.module(ids, attention_mask=mask).logits
    nats = torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")
    return torch.exp((nats * mask[:, 1:]).sum(1) / mask[:, 1:].sum(1)).tolist()


def test_the_perplexity_of_evaluate(model):
    """Its script is not in the package and is fetched when it is loaded, so the recipe is written out here."""
    short = [document for document in DOCUMENTS if len(model.tokenize(document)) < 512]
    theirs = padded_perplexities(model, short)
    found = en.score(short, model=model, protocol="whole")
    ours = np.exp(found.documents["surprisal"].to_numpy() / found.documents["scored_tokens"].to_numpy())
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


@pytest.mark.parametrize(("longest", "stride"), [(64, 32), (64, 64), (64, 23), (512, 256)])
def test_the_hugging_face_recipe(model, longest, stride):
    found = en.score(DOCUMENTS, model=model, protocol="strided", window=longest, stride=stride)
    theirs = [hugging_face(model, document, longest, stride) for document in DOCUMENTS]
    rows = found.documents.to_pylist()
    for row, (nll_sum, n_tokens, nats, scored) in zip(rows, theirs):
        assert row["scored_tokens"] == scored
        assert row["surprisal"] == pytest.approx(nats, rel=1e-5)
        assert row["recipe_tokens"] == n_tokens
        assert row["recipe_nats"] == pytest.approx(nll_sum, rel=1e-5, abs=1e-6)
    expected = math.exp(sum(t[2] for t in theirs) / sum(t[3] for t in theirs))
    assert found.perplexity().value == pytest.approx(expected, rel=1e-4)


def test_what_the_recipe_prints(model):
    theirs = [hugging_face(model, document, 64, 32) for document in DOCUMENTS]
    line = en.protocol_report(DOCUMENTS, model=model, protocols=["strided"], window=64).lines[0]
    expected = math.exp(sum(t[0] for t in theirs) / sum(t[1] for t in theirs))
    assert line.printed["ppl"] == pytest.approx(expected, rel=1e-4)
    assert line.printed["ppl"] != pytest.approx(line.perplexity.value, rel=1e-5), "the recipe's weights are not ours"


@needs_tools
@pytest.mark.parametrize("context", [128, 512])
def test_llama_perplexity(model, tmp_path, context):
    corpus = " ".join(DOCUMENTS)
    file = tmp_path / "corpus.txt"
    file.write_text(corpus)
    command = [TOOLS / "llama-perplexity", "-m", gguf_of("base", tmp_path), "-f", file, "-c", str(context), "-b", "512"]
    command += ["-t", "1", "-fa", "off", "-ctk", "f32", "-ctv", "f32"]
    for _ in range(3):  # its log is written by a thread of its own, and now and then ends before the last line
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        if printed := re.search(r"Final estimate: PPL = ([\d.]+)", done.stdout + done.stderr):
            break
    theirs = float(printed[1])
    found = en.score([corpus], model=model, protocol="half-window", window=context)
    assert found.perplexity().value == pytest.approx(theirs, rel=1e-3)
    scored = (len(model.tokenize(corpus)) + 1) // context * (context - 1 - context // 2)
    assert found.documents["scored_tokens"].to_pylist() == [scored]


def test_sliding_is_the_trace(model):
    found = en.score(DOCUMENTS, model=model).documents.to_pylist()
    for row, document in zip(found, DOCUMENTS):
        record = en.trace(document, model=model)
        assert row["surprisal"] == pytest.approx(record.column("surprisal").sum(), rel=1e-6)
        assert row["entropy"] == pytest.approx(record.column("entropy").sum(), rel=1e-6)
        assert row["varentropy"] == pytest.approx(record.column("varentropy").sum(), rel=1e-6)
        assert row["top1"] == int((record.column("rank") == 0).sum())


def test_the_protocols_in_one_pass_are_those_of_their_own(model):
    names = ["sliding", "disjoint", "strided", "half-window"]
    report = en.protocol_report(DOCUMENTS, model=model, protocols=names, window=100)
    for name, line in zip(names, report.lines):
        alone = en.score(DOCUMENTS, model=model, protocol=name, window=100)
        assert line.bits_per_byte == alone.bits_per_byte()
        assert line.perplexity == alone.perplexity()


def test_a_paired_difference_is_the_delete_one_jackknife(model):
    documents = [text(n, seed) for seed, n in enumerate([40, 50, 60, 55, 70, 80, 30, 65, 90, 45])]
    a = en.score(documents, model=model)
    b = en.score(documents, model=model, protocol="disjoint", window=32)
    found = paired_difference(a, b)
    x, y = (s.documents["surprisal"].to_numpy() / math.log(2) for s in (a, b))
    z, w = (s.documents["scored_bytes"].to_numpy() for s in (a, b))
    without = []
    for g in range(len(x)):
        keep = np.arange(len(x)) != g
        without.append(x[keep].sum() / z[keep].sum() - y[keep].sum() / w[keep].sum())
    stderr = math.sqrt((len(x) - 1) / len(x) * ((np.array(without) - np.mean(without)) ** 2).sum())
    assert found.value == pytest.approx(x.sum() / z.sum() - y.sum() / w.sum(), rel=1e-12)
    assert found.stderr == pytest.approx(stderr, rel=1e-9)
    alone = math.hypot(a.bits_per_byte().stderr, b.bits_per_byte().stderr)
    assert found.stderr < alone / 2, "what is hard for both takes itself out"


def test_a_gguf_file_scores_like_the_weights(model, tmp_path):
    needs_binding()
    theirs = en.score(DOCUMENTS, model=gguf_of("base", tmp_path), words=True)
    ours = en.score(DOCUMENTS, model=model, words=True)
    assert theirs.bits_per_byte().value == pytest.approx(ours.bits_per_byte().value, rel=1e-4)
    for name in ("surprisal", "corrected_surprisal"):
        one, other = (np.array(s.words[name].to_pylist(), float) for s in (theirs, ours))
        np.testing.assert_allclose(one, other, atol=1e-3)
