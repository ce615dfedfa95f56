"""Beam search beside Transformers' own, beside the enumeration of all continuations, and the penalty by hand."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import entropist as en
from entropist.decoding import beam_search
from entropist.errors import InputError

PROMPTS = ["It was the best of", "The captain", '"Yes," said', "def f(x):"]


@pytest.fixture(scope="module")
def model():
    return en.load_model("builtin:base")


def transformers(model, prompt, beams, length, alpha):
    """(token ids, score) of each beam; the empty end of a sequence that ended earlier is cut off."""
    ids = torch.tensor([[model.bos_id, *model.tokenize(prompt).ids.tolist()]])
    found = model.module.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=length, num_beams=beams, num_return_sequences=beams,
        do_sample=False, length_penalty=alpha, early_stopping="never", pad_token_id=2, return_dict_in_generate=True,
        output_scores=True,
    )  # fmt: skip
    for row, score in zip(found.sequences[:, ids.shape[1] :].tolist(), found.sequences_scores.tolist()):
        yield tuple(row[: row.index(1) + 1] if 1 in row else row), score


@pytest.mark.parametrize("alpha", [1.0, 0.0, 2.0, -1.0])
@pytest.mark.parametrize(("beams", "length"), [(2, 9), (5, 12)])
@pytest.mark.parametrize("prompt", PROMPTS[:2])
def test_one_group_is_the_search_of_transformers(model, prompt, beams, length, alpha):
    theirs = list(transformers(model, prompt, beams, length, alpha))
    ours = beam_search(prompt, model=model, beams=beams, length_penalty=alpha, max_tokens=length)
    assert [beam.token_ids for beam in ours] == [ids for ids, _ in theirs]
    np.testing.assert_allclose([beam.score for beam in ours], [score for _, score in theirs], rtol=1e-5)


class Tiny:
    """A model of `vocabulary` tokens named a, b, c...; token 0 ends a text where `ends`. `row(ids)` are its logits."""

    module = directory = head = context = None
    bos_id = 0
    identity = SimpleNamespace(name="tiny")

    def __init__(self, vocabulary, row, ends=True):
        self.vocabulary_size, self.row = vocabulary, row
        self.end_tokens = (0,) if ends else ()

    def tokenize(self, text):
        return SimpleNamespace(ids=np.array([ord(letter) - 97 for letter in text], np.int32))

    def piece(self, token):
        return bytes([97 + token])

    def logits(self, ids, start=0):
        yield np.array([self.row(tuple(ids[: t + 1].tolist())) for t in range(start, len(ids))], np.float32)


def random_row(vocabulary, seed):
    return lambda ids: np.random.default_rng([seed, *ids]).normal(0, 2, vocabulary)


def every_continuation(tiny, prompt, length):
    """{token ids: Σ ln p} of all texts of up to `length` tokens that end with token 0 or are that long."""
    lead, found = (0, *tiny.tokenize(prompt).ids.tolist()), {}
    for ids in itertools.chain(
        *(itertools.product(range(tiny.vocabulary_size), repeat=n) for n in range(1, length + 1))
    ):
        ended = ids[-1] == 0
        if 0 in ids[:-1] or not (ended or len(ids) == length):
            continue
        total = 0.0
        for t, token in enumerate(ids):
            z = np.float32(tiny.row((*lead, *ids[:t]))).astype(np.float64)
            total += z[token] - np.log(np.exp(z).sum())
        found[ids] = total
    return found


@pytest.mark.parametrize("alpha", [0.0, 1.0, 0.6, -0.5])
@pytest.mark.parametrize("seed", range(4))
def test_a_search_that_is_wide_enough_is_the_enumeration(seed, alpha):
    tiny, length = Tiny(4, random_row(4, seed)), 4
    exact = every_continuation(tiny, "bc", length)
    assert sum(map(math.exp, exact.values())) == pytest.approx(1), "every text is there once"
    ranked = sorted(exact, key=lambda ids: -exact[ids] / len(ids) ** alpha)
    found = beam_search("bc", model=tiny, beams=200, length_penalty=alpha, max_tokens=length)
    assert [beam.token_ids for beam in found] == ranked
    for beam in found:
        assert beam.logprob == pytest.approx(exact[beam.token_ids], abs=1e-6)
        assert beam.score == pytest.approx(beam.logprob / len(beam.token_ids) ** alpha)
        assert beam.ended == (beam.token_ids[-1] == 0)
        assert beam.text == "".join("abcd"[token] for token in beam.token_ids if token)
    narrow = beam_search("bc", model=tiny, beams=2, length_penalty=alpha, max_tokens=length)
    assert len(narrow) == 2
    assert all(beam.logprob == pytest.approx(exact[beam.token_ids], abs=1e-6) for beam in narrow)
    assert narrow[0].score <= found[0].score + 1e-9


@pytest.mark.parametrize(
    ("beams", "groups", "diversity", "texts"),
    [  # p = 0.5, 0.3, 0.2 at every step; a token costs λ for each beam before that took it
        (2, 2, 0.4, ["aa", "aa"]),  # −0.69 − 0.4 for a against −1.20 for b
        (2, 2, 0.6, ["aa", "bb"]),
        (3, 3, 0.6, ["aa", "bb", "aa"]),  # a −1.29, b −1.80, c −1.61
        (3, 3, 1.0, ["aa", "bb", "cc"]),  # a −1.69, b −2.20, c −1.61
        (4, 2, 0.1, ["aa", "ab", "aa", "ab"]),
        (4, 2, 0.8, ["a", "b", "a", "c"]),  # the first group took a and b: a −1.49, b −2.00, c −1.61
        (4, 2, 1.0, ["a", "b", "c", "a"]),  # a −1.69
        (6, 3, 1.0, ["a", "b", "c", "a", "b", "c"]),  # taken by now: a twice −2.69, b once −2.20, c once −2.61
    ],
)
def test_groups_keep_away_from_what_was_taken(beams, groups, diversity, texts):
    tiny = Tiny(3, lambda ids: np.log([0.5, 0.3, 0.2]), ends=False)
    found = beam_search("a", model=tiny, beams=beams, groups=groups, diversity=diversity, max_tokens=len(texts[0]))
    by_group = sorted(found, key=lambda beam: (beam.group, -beam.score))
    assert [beam.text for beam in by_group] == texts
    for group in range(groups):
        assert sum(beam.group == group for beam in found) == beams // groups
    for beam in found:
        assert beam.logprob == pytest.approx(sum(math.log((0.5, 0.3, 0.2)[token]) for token in beam.token_ids))
    assert [beam.score for beam in found] == sorted((beam.score for beam in found), reverse=True)
    assert all(beam.score == pytest.approx(beam.logprob / len(beam.text)) for beam in found if beam.group == 0)


def test_the_first_group_is_a_search_of_its_own_and_the_others_say_other_things(model):
    plain = beam_search(PROMPTS[0], model=model, beams=2, max_tokens=8)
    found = beam_search(PROMPTS[0], model=model, beams=6, groups=3, diversity=2.0, max_tokens=8)
    assert [beam.token_ids for beam in found if beam.group == 0] == [beam.token_ids for beam in plain]
    alike = beam_search(PROMPTS[0], model=model, beams=6, groups=3, diversity=0.0, max_tokens=8)
    assert {beam.token_ids for beam in alike} == {beam.token_ids for beam in plain}
    first = {beam.token_ids[0] for beam in plain}
    assert all(beam.token_ids[0] not in first for beam in found if beam.group > 0)


def test_a_penalty_is_over_the_whole_text_and_in_the_score():
    tiny = Tiny(3, lambda ids: np.log([0.5, 0.3, 0.2]), ends=False)
    found = beam_search("a", model=tiny, beams=2, groups=2, diversity=0.4, length_penalty=0, max_tokens=3)
    assert found[0].score == pytest.approx(3 * math.log(0.5))
    assert found[1].score == pytest.approx(3 * (math.log(0.5) - 0.4))
    assert found[1].logprob == pytest.approx(3 * math.log(0.5))


def test_masked_tokens_and_a_small_vocabulary():
    tiny = Tiny(3, lambda ids: np.array([-np.inf, 0.0, -np.inf]))
    (alone,) = beam_search("b", model=tiny, beams=5, max_tokens=3)
    assert (alone.token_ids, alone.logprob, alone.ended) == ((1, 1, 1), 0.0, False)
    only_end = Tiny(2, lambda ids: np.array([0.0, -np.inf]))
    (ended,) = beam_search("b", model=only_end, beams=3, groups=3, max_tokens=9)[:1]
    assert (ended.token_ids, ended.text, ended.ended) == ((0,), "", True)


def test_the_window_slides(model):
    short = beam_search(PROMPTS[0], model=model, beams=2, max_tokens=14, window=8)
    assert all(len(beam.token_ids) == 14 or beam.ended for beam in short)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beams": 0}, "beams must be a whole number of at least 1"),
        ({"beams": 4, "groups": 3}, "4 beams cannot be dealt to 3 groups"),
        ({"groups": 0}, "groups must be a whole number"),
        ({"diversity": -1}, "diversity must be at least 0"),
        ({"length_penalty": math.inf}, "length_penalty must be"),
        ({"length_penalty": 1e9}, "length_penalty must be at least -10 and at most 10"),
        ({"max_tokens": 0}, "max_tokens must be a whole number"),
    ],
)
def test_what_cannot_be_searched_says_why(model, options, message):
    with pytest.raises(InputError, match=message):
        beam_search("x", model=model, **options)
