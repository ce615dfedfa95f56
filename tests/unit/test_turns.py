"""Turns cut from books, replies, samples: the parts of the recipes that can be wrong quietly."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from training import generations
from training.sampling import replies
from training.turns import BOS, END_OF_TURN, REPLY, REPLY_TOKENS, TURN_TOKENS, USER, Turn, ornament, sections, turns
from transformers import LlamaConfig, LlamaForCausalLM

import entropist as en


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.from_file(str(en.load_model("builtin:base").directory / "tokenizer.json"))


def _small(vocabulary, seed=0):
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
            max_position_embeddings=256, bos_token_id=0, eos_token_id=1,
        )
    ).eval()  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("He went to the door.", 0.0),
        ("He went to the door. The rain had come.", 0.0),
        ("The rain, which had come early, went on.", 2.0),  # two commas
        ("He spoke.", 1.0),  # a fragment
        ("He went to the extraordinary door.", 1.0),
        ("Who is at the door?", 1.0),
        (" ".join(["word"] * 24) + ".", 1.0),  # twelve words too many, over twelve
        ("The rain, it came. He went to the door.", 0.5),
        ("He went to the door. And then", 1.0),  # not finished
        ("and so on", 3.0),
        ("", 3.0),
    ],
)
def test_ornament(reply, expected):
    assert ornament(reply) == pytest.approx(expected)


def test_turns_are_what_stands_in_the_book(tokenizer):
    sentences = [f"The {word} stood by the old road and nobody in the town had ever asked the reason of it. "
                 for word in ("house", "tower", "horse", "garden", "bridge", "church", "mill", "inn")]  # fmt: skip
    text = "".join(sentences * 6)
    found = turns({"a": text, "empty": ""}, tokenizer, 5, seed=3)
    assert found == turns({"a": text, "empty": ""}, tokenizer, 5, seed=3)
    assert len(found["a"]) == 5
    assert found["empty"] == []
    for turn in found["a"]:
        assert tokenizer.decode(turn.prompt + turn.reply) in text
        assert tokenizer.decode(turn.reply).startswith(" The ")
        assert len(turn.reply) <= REPLY_TOKENS
        assert turn.opening() == [BOS, USER, *turn.prompt, REPLY]
        assert len(turn.opening()) + len(turn.reply) + 1 <= TURN_TOKENS


def test_sections_are_evenly_spaced():
    text = "".join(chr(0x4E00 + i) for i in range(1000))
    found = sections({"book": text}, 200, 4)
    assert list(found) == ["book#0", "book#1", "book#2", "book#3"]
    starts = [text.index(part) for part in found.values()]
    assert {len(part) for part in found.values()} == {200}
    assert set(np.diff(starts)) == {200}
    assert starts[0] == 1000 - 200 - starts[-1]


def test_replies_end_at_the_mark_and_do_not_depend_on_their_neighbours():
    """With a mark that has all the probability every reply is empty; left padding changes no distribution."""
    model = _small(12)
    first = replies(model, [[0, 5], [0, 5, 6, 7]], 6, END_OF_TURN, seed=1)
    assert first == replies(model, [[0, 5], [0, 5, 6, 7]], 6, END_OF_TURN, seed=1)
    assert all(END_OF_TURN not in reply and len(reply) <= 6 for reply in first)
    with torch.no_grad():
        model.lm_head.weight[:] = 0
        model.model.norm.weight[:] = 1e3
        model.lm_head.weight[7] = model.model.embed_tokens.weight[6]
        alone = model(torch.tensor([[0, 6]])).logits[0, -1].argmax()
    assert replies(model, [[0, 6], [0, 5, 5, 5, 6]], 1, END_OF_TURN, seed=1)[0] == [int(alone)]
    with torch.no_grad():
        hidden = model.model(torch.tensor([[0, 5]])).last_hidden_state[0, -1]
        model.lm_head.weight[END_OF_TURN] = hidden
    assert replies(model, [[0, 5]], 6, END_OF_TURN, seed=1) == [[]]


def test_a_sample_costs_its_writer_its_entropy():
    """E[surprisal] = E[entropy] over a model's own samples: sampling and measuring use one distribution."""
    model = _small(266)
    with torch.no_grad():
        model.lm_head.weight *= 60  # far from uniform, so that a wrong temperature would show
    sample = generations._sample(model, 128, seed=5)
    assert sample.shape == (128, generations.RECIPE.context)
    assert sample.max() < 256
    found = generations._measure(model, sample)
    gap = (found.surprisal - found.entropy) / sample.shape[1]
    assert found.entropy.mean() / sample.shape[1] < 7.5
    assert abs(gap.mean()) < 4 * gap.std(ddof=1) / np.sqrt(len(gap))


def test_the_whole_turn_is_trained_on_its_reply_alone():
    from training.tuned import _batch

    turn = Turn([10, 11, 12], [20, 21])
    ids, targets = _batch([(turn, turn.reply), (turn, [30])])
    assert ids.shape == targets.shape == (2, TURN_TOKENS)
    assert ids[0, :8].tolist() == [BOS, USER, 10, 11, 12, REPLY, 20, 21]
    assert targets[0][targets[0] >= 0].tolist() == [20, 21, END_OF_TURN]
    assert (targets[0] >= 0).nonzero()[:, 0].tolist() == [5, 6, 7]  # predicted from the mark of the reply on
    assert targets[1][targets[1] >= 0].tolist() == [30, END_OF_TURN]
