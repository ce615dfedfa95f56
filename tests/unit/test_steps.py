"""Stepping: logits are those of the whole window read at once, also for forks, slides and other architectures."""

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MambaConfig, MambaForCausalLM

import entropist as en
from entropist.errors import InputError
from entropist.models import end_tokens, steps, wrap_module
from llama import gguf_of

NOISE = 2e-4  # nats of logit: float32 forward passes of other batch shapes


class Bare:
    """A model that keeps nothing: only the protocol's `logits`."""

    def __init__(self, model):
        self._model = model
        self.module = self.directory = self.head = None
        self.identity, self.vocabulary_size = model.identity, model.vocabulary_size
        self.context, self.bos_id = model.context, model.bos_id

    def logits(self, ids, start=0):
        return self._model.logits(ids, start)


def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(en.load_model("builtin:base").directory)


def small(kind):
    torch.manual_seed(0)
    if kind == "gpt2":
        return GPT2LMHeadModel(
            GPT2Config(vocab_size=4096, n_embd=32, n_layer=2, n_head=2, n_positions=64, bos_token_id=0, eos_token_id=1)
        )
    if kind == "sliding":
        from transformers import MistralConfig, MistralForCausalLM

        return MistralForCausalLM(
            MistralConfig(
                vocab_size=4096, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
                num_key_value_heads=1, sliding_window=8, max_position_embeddings=64,
            )
        )  # fmt: skip
    if kind == "mamba":
        return MambaForCausalLM(MambaConfig(vocab_size=4096, hidden_size=32, num_hidden_layers=2, state_size=4))
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=4096, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            max_position_embeddings=64,
        )
    )  # fmt: skip


def model_of(name, folder):
    if name == "gguf":
        pytest.importorskip("llama_cpp")
        return en.load_model(gguf_of("base", folder))
    if name == "bare":
        return Bare(en.load_model("builtin:base"))
    if name.startswith("builtin:"):
        return en.load_model(name)
    return wrap_module(small(name).eval(), tokenizer(), name=name)


def whole(model, ids, seen):
    """Logits after the last of `ids`, by one reading of the window that `seen` positions make."""
    lead = [] if model.bos_id is None else [model.bos_id]
    window = np.array([*lead, *ids[len(ids) - (seen - len(lead)) :]], np.int32)
    (block,) = list(model.logits(window, start=len(window) - 1))
    return np.asarray(block)[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("steps")


@pytest.mark.parametrize("window", [None, 12])
@pytest.mark.parametrize("name", ["builtin:base", "builtin:bytes", "gguf", "bare", "gpt2", "llama", "sliding", "mamba"])
def test_steps_give_the_logits_of_the_whole_window(name, window, folder):
    model = model_of(name, folder)
    going = steps(model, [5, 9, 21, 7], samples=2, window=window)
    rng = np.random.default_rng(0)
    slides = 0
    for number in range(24):
        if number == 7:
            left = going
            going = going.fork([1, 0, 1])
        for ids, logits in zip(going.ids, going.logits):
            assert np.abs(whole(model, ids, going.seen) - logits).max() < NOISE
        going.push(rng.integers(2, 250, len(going)).tolist())
        slides = going.slides
    assert (slides > 0) == (window is not None)
    assert going.logits.shape == (3, model.vocabulary_size)
    assert going.logits.dtype == np.float32
    np.testing.assert_array_equal(going.ids[0][:11], left.ids[1])
    left.push([3, 4])  # the fork took nothing from what it left
    for ids, logits in zip(left.ids, left.logits):
        assert np.abs(whole(model, ids, left.seen) - logits).max() < NOISE


def test_a_prompt_longer_than_the_window_begins_with_its_last_half():
    model = en.load_model("builtin:base")
    going = steps(model, list(range(2, 40)), window=16)
    assert (going.seen, going.slides) == (9, 1)  # BOS and eight tokens
    assert np.abs(whole(model, going.ids[0], 9) - going.logits[0]).max() < NOISE
    full = steps(model, list(range(2, 17)), window=16)
    assert (full.seen, full.slides) == (16, 0)


def test_what_ends_a_text():
    assert end_tokens(en.load_model("builtin:base")) == {1}
    assert end_tokens(en.load_model("builtin:bytes")) == {257}


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ([[]], {"bos": False}, "needs a BOS token"),
        ([[1]], {"samples": 0}, "samples must be 1 or more"),
        ([[1]], {"window": 1}, "window 1 must be between 2 and the 512"),
        ([[1]], {"window": 513}, "window 513"),
    ],
)
def test_what_cannot_be_stepped_says_why(arguments, options, message):
    with pytest.raises(InputError, match=message):
        steps(en.load_model("builtin:base"), *arguments, **options)


def test_push_takes_one_token_a_sample():
    with pytest.raises(InputError, match="given 1 for 2 samples"):
        steps(en.load_model("builtin:base"), [5], samples=2).push([1])
