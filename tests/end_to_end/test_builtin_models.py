"""The models in the box are what their issue and their cards say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from tokenizers import Tokenizer

import entropist as en
from entropist.models import BUILTIN

RESULTS = Path(__file__).parents[2] / "training/results"
MARKS = ["<|bos|>", "<|endoftext|>", *(f"<|reserved_{i}|>" for i in range(8))]


@pytest.fixture(scope="module", params=BUILTIN)
def model(request):
    return en.load_model(f"builtin:{request.param}")


def test_shape(model):
    name, config = model.directory.name, model.module.config
    parameters = sum(p.numel() for p in model.module.parameters())
    if name == "base":
        assert model.vocabulary_size == 4096
        assert 3e6 <= parameters <= 6e6
        assert config.hidden_size % 256 == 0
        assert model.context >= 512
    else:
        assert model.vocabulary_size == 256 + len(MARKS)
        assert 1e6 <= parameters <= 2e6
        assert model.context >= 1024
    assert config.architectures == ["LlamaForCausalLM"]
    with safe_open(model.directory / "model.safetensors", "pt") as weights:
        assert {weights.get_tensor(key).dtype for key in weights.keys()} == {torch.float16}  # noqa: SIM118


def test_together_they_fit_the_box():
    place = en.load_model("builtin:base").directory.parent
    assert sum(file.stat().st_size for file in place.rglob("*")) <= 20e6


def test_tokenizer(model):
    tokenizer = Tokenizer.from_file(str(model.directory / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == model.vocabulary_size
    assert all(tokenizer.token_to_id(mark) is not None for mark in MARKS)
    assert tokenizer.token_to_id("<|bos|>") == model.bos_id
    if model.directory.name == "bytes":
        every = "".join(map(chr, range(128))) + "é日🙂"
        assert tokenizer.encode(every).ids == list(every.encode())


def test_card_tells_what_was_measured(model):
    result = json.loads((RESULTS / f"{model.directory.name}.json").read_text())
    card = (model.directory / "README.md").read_text()
    assert result["weights_sha256"] == model.identity.weights_sha256, "measured on other weights: run training.evaluate"
    assert f"**{result['bits_per_byte']:.3f}**" in card
    assert all(book["book"] in card for book in result["books"])
    assert (RESULTS / f"{model.directory.name}-curve.jsonl").exists()


def test_held_out_book_again(model):
    """The beginning of a held-out book costs about what the card says of the whole."""
    shared = os.environ.get("ENTROPIST_SHARED")
    if not shared:
        pytest.skip("ENTROPIST_SHARED does not name the shared data, so there is no held-out book")
    from training.books import read_books, split

    result = json.loads((RESULTS / f"{model.directory.name}.json").read_text())
    _, held_out = split(read_books(Path(shared) / "data/books/books.tar.xz"))
    assert sorted(held_out) == sorted(book["book"] for book in result["books"])
    book = result["books"][0]
    part = held_out[book["book"]][5000:25000]
    rate = en.trace(part, model=model, top_k=0).bits_per_byte()
    assert abs(rate.value - book["bits_per_byte"]) <= 6 * rate.stderr + 0.15


def test_missing_extra_says_which():
    code = "import sys; sys.modules['torch'] = None; import entropist as en; en.load_model('builtin:base')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError" in done.stderr
    assert "pip install 'entropist[models]'" in done.stderr
