"""Words as runs of tokens, and their corrected surprisal against a sum written out."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import entropist as en
from entropist.corpus import word_spans
from entropist.errors import InputError


@given(st.text(alphabet="ab \n\té🙂\u3000", max_size=40), st.data())
def test_words_tile_the_tokens(text, data):
    size = len(text.encode())
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, size - 1)), max_size=size))) if size > 1 else []
    ends = np.array([*cuts, size] if size else [], np.int64)
    edges, held = word_spans(text, ends)
    assert edges[0] == 0
    assert edges[-1] == len(ends)
    assert len(held) == len(edges) - 1
    assert (np.diff(edges) > 0).all()
    assert held.sum() == len(text.split())
    starts = np.concatenate([[0], ends[:-1]])
    raw = text.encode()
    for a in edges[1:-1]:  # a word begins after the end of one, at a token
        before, after = raw[: starts[a]].decode(), raw[starts[a] :].decode()
        assert not before[-1].isspace()
        assert after[0].isspace()


def test_the_correction_written_out():
    model = en.load_model("builtin:base")
    text = "The keeper's lamp burnt unquenchably low.\n\nIt went out"
    words = en.score([text], model=model, words=True).words.to_pylist()
    ids = [model.bos_id, *model.tokenize(text).ids.tolist()]
    with torch.no_grad():
        logprobs = torch.log_softmax(model.module(torch.tensor([ids])).logits[0].double(), -1)
    space = [i for i in range(model.vocabulary_size) if model.piece(i)[:1].isspace()]
    boundary = torch.logsumexp(logprobs[:, space], -1)  # row t is after token t of the text, BOS being -1
    t = 0
    for word in words:
        first, after = t, t + word["tokens"]
        own = -sum(float(logprobs[i, ids[i + 1]]) for i in range(first, after))
        assert word["surprisal"] == pytest.approx(own, rel=1e-5)
        expected = own - float(boundary[after]) + (0 if first == 0 else float(boundary[first]))
        if word["place"] == "last":
            assert word["corrected_surprisal"] is None
        else:
            assert word["corrected_surprisal"] == pytest.approx(expected, rel=1e-5, abs=1e-6)
        t = after
    assert [word["text"] for word in words] == text.split()
    assert [word["place"] for word in words] == ["first", *["inner"] * (len(words) - 2), "last"]
    assert any(word["tokens"] > 1 for word in words)
    # The terms cancel between neighbours: nothing is lost or counted twice but the end of the last corrected word.
    total = math.fsum(word["corrected_surprisal"] for word in words[:-1])
    raw = math.fsum(word["surprisal"] for word in words[:-1])
    assert total == pytest.approx(raw - float(boundary[t - words[-1]["tokens"]]), rel=1e-5)


def test_without_bos_the_first_word_has_no_surprisal():
    words = en.score(["went out again"], bos=False, words=True).words.to_pylist()
    assert words[0]["surprisal"] is None
    assert words[0]["corrected_surprisal"] is None
    assert words[1]["surprisal"] > 0


def test_bytes_have_words_too():
    words = en.score(["went out again"], model="builtin:bytes", words=True).words.to_pylist()
    assert [word["tokens"] for word in words] == [4, 4, 6]


def test_a_tokenizer_without_spaces_is_refused():
    from entropist.scoring._score import word_starts

    class Model:
        vocabulary_size = 2
        identity = en.load_model("builtin:bytes").identity

        def piece(self, token):
            return b"ab"

    with pytest.raises(InputError, match="begins with whitespace"):
        word_starts(Model())
