"""The truth of a real server lies in every bound: llama-server asked for its whole vocabulary, cut to k tokens.

Its normaliser is a float32 sum, so its probabilities add up to 1 only within some 3e-5; the truth is their
distribution made to add up, and the bounds must hold it without any tolerance of the test's.
"""

import copy
import itertools

import numpy as np
import pytest

import entropist as en
from campaigns import campaign
from llama import gguf_of, needs_tools, post, server

pytestmark = needs_tools

ANSWER = 100  # tokens a request
TOKENS = campaign(10_000, least=500)
PROMPTS = ["It was the best of times", "", "The captain said that", "Chapter 1.\n", "1, 2, 3,", "“No,” she", "Of the"]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Answers that list all 4096 tokens, 100 tokens each, at several temperatures."""
    found = []
    with server(gguf_of("base", tmp_path_factory.mktemp("gguf")), "-c", "512") as address:
        # Until there are enough: the server holds back tokens that end inside of a character.
        for number in itertools.count():
            if sum(len(full) for _, full in found) >= TOKENS:
                break
            body = {
                "prompt": PROMPTS[number % len(PROMPTS)],
                "n_predict": ANSWER,
                "n_probs": 4096,
                "temperature": (0.7, 1.0, 1.5)[number % 3],
                "seed": number,
                "ignore_eos": True,
                "top_k": 0,
                "top_p": 1.0,
                "min_p": 0.0,
            }
            answer = post(f"{address}/completion", body)
            tokens = answer["completion_probabilities"]
            full = np.array([[entry["logprob"] for entry in token["top_logprobs"]] for token in tokens])
            # What is kept of 4096 alternatives: the numbers, and the beginning of each list.
            for token in tokens:
                del token["top_logprobs"][20:]
            found.append((answer, full))
    return found


@pytest.mark.parametrize("k", [1, 5, 20])
def test_the_truth_lies_in_every_bound(answers, k, record_property):
    tokens, widths = 0, []
    for answer, full in answers:
        cut = copy.deepcopy(answer)
        for token in cut["completion_probabilities"]:
            del token["top_logprobs"][k:]
        trace = en.read_response(cut, vocabulary_size=4096)
        assert len(trace) == len(full)
        assert full.shape[1] == 4096
        p = np.exp(full)
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=4096 * 2.0**-24)
        p /= p.sum(axis=1, keepdims=True)
        information = -np.log(p)
        entropy = (p * information).sum(axis=1)
        varentropy = (p * (information - entropy[:, None]) ** 2).sum(axis=1)
        for name, truth in (("entropy", entropy), ("varentropy", varentropy)):
            assert (trace.column(f"{name}_low") <= truth).all()
            assert (truth <= trace.column(f"{name}_high")).all()
        emitted = [token["logprob"] for token in answer["completion_probabilities"]]
        known = trace.column("surprisal")
        np.testing.assert_allclose(known[~np.isnan(known)], -np.array(emitted)[~np.isnan(known)], atol=1e-6)
        widths.append(trace.column("entropy_high") - trace.column("entropy_low"))
        tokens += len(trace)
    record_property(f"k={k}: tokens", tokens)
    record_property(f"k={k}: mean width of the entropy bounds in nats", float(np.concatenate(widths).mean()))
    assert tokens >= TOKENS


def test_what_the_server_says_is_what_the_weights_say(answers):
    """The same model through torch: entropy of each token to 5e-3 nats."""
    model = en.load_model("builtin:base")
    for number, (answer, full) in enumerate(answers[:5]):
        ids = [model.bos_id, *model.tokenize(PROMPTS[number % len(PROMPTS)]).ids.tolist()]
        ids += [token["id"] for token in answer["completion_probabilities"]]
        logits = np.concatenate([block.numpy() for block in model.logits(np.array(ids[:-1], np.int32))])[-len(full) :]
        ours = en.logits.statistics(logits).entropy
        theirs = -(np.exp(full) * full).sum(axis=1)
        np.testing.assert_allclose(theirs, ours, atol=5e-3)
