"""The models in the box are what their issue and their cards say."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from jinja2.exceptions import TemplateError
from safetensors import safe_open
from tokenizers import Tokenizer
from training import cards, generations
from training.figures import divergence, entropies
from training.recipes import RECIPES
from training.sampling import replies
from training.turns import BOS, END_OF_TURN, REPLY_TOKENS, Turn
from transformers import AutoTokenizer

import entropist as en
from entropist.estimators import clustered_ratio
from entropist.models import BUILTIN

RESULTS = Path(__file__).parents[2] / "training/results"
THREE = ("base", "tuned", "student")
MARKS = ["<|bos|>", "<|endoftext|>", *(f"<|reserved_{i}|>" for i in range(8))]


@pytest.fixture(scope="module", params=BUILTIN)
def model(request):
    return en.load_model(f"builtin:{request.param}")


@pytest.fixture(scope="module")
def passages():
    """Of the held-out books, by section and number."""
    return _result("passages")


def _result(name):
    return json.loads((RESULTS / f"{name}.json").read_text())


def _parameters(model):
    return sum(parameter.numel() for parameter in model.module.parameters())


def test_shape(model):
    name, config = model.directory.name, model.module.config
    if name == "bytes":
        assert model.vocabulary_size == 256 + len(MARKS)
        assert 1e6 <= _parameters(model) <= 2e6
        assert model.context >= 1024
    else:
        assert model.vocabulary_size == 4096
        assert model.context >= 512
    if name in ("base", "tuned"):
        assert 3e6 <= _parameters(model) <= 6e6
        assert config.hidden_size % 256 == 0
    assert config.architectures == ["LlamaForCausalLM"]
    with safe_open(model.directory / "model.safetensors", "pt") as weights:
        assert {weights.get_tensor(key).dtype for key in weights.keys()} == {torch.float16}  # noqa: SIM118


def test_together_they_fit_the_box():
    place = en.load_model("builtin:base").directory.parent
    assert sorted(file.name for file in place.iterdir()) == sorted(BUILTIN)
    assert sum(file.stat().st_size for file in place.rglob("*")) <= 36e6


def test_student_is_a_third_of_base():
    assert _parameters(en.load_model("builtin:student")) <= _parameters(en.load_model("builtin:base")) / 3


def test_three_share_a_vocabulary():
    files = [(en.load_model(f"builtin:{name}").directory / "tokenizer.json").read_bytes() for name in THREE]
    assert files[0] == files[1] == files[2]


def test_turn_format():
    """The template writes the marks that training used, and only them."""
    tuned = en.load_model("builtin:tuned")
    tokenizer = AutoTokenizer.from_pretrained(tuned.directory)
    turn = Turn(tokenizer.encode("The sea was calm."), tokenizer.encode(" He went out."))
    user = {"role": "user", "content": " The sea was calm.\n"}
    asked = tokenizer.apply_chat_template([user], add_generation_prompt=True, return_dict=True)["input_ids"]
    assert asked == turn.opening()
    whole = [user, {"role": "assistant", "content": "He went out."}]
    assert tokenizer.apply_chat_template(whole, return_dict=True)["input_ids"] == [*asked, *turn.reply, END_OF_TURN]
    assert tokenizer.eos_token_id == END_OF_TURN
    with pytest.raises(TemplateError, match="user and assistant"):
        tokenizer.apply_chat_template([{"role": "system", "content": "Be brief."}])


def test_tuned_replies_have_less_entropy_than_base_on_the_same_tokens(passages):
    """On held-out passages, resolved by an interval over their sections."""
    tuned, base = en.load_model("builtin:tuned").module, en.load_model("builtin:base").module
    tokenizer = Tokenizer.from_file(str(en.load_model("builtin:tuned").directory / "tokenizer.json"))
    prompts = [tokenizer.encode(passage).ids for passage in passages.values()]
    openings = [Turn(prompt, []).opening() for prompt in prompts]
    said = replies(tuned, openings, REPLY_TOKENS, END_OF_TURN, seed=1)
    kept = [i for i, reply in enumerate(said) if reply]
    some, sections = [said[i] for i in kept], [list(passages)[i].split("/")[0] for i in kept]
    gap = entropies(tuned, [openings[i] for i in kept], some) - entropies(
        base, [[BOS, *prompts[i]] for i in kept], some
    )
    found = clustered_ratio(gap, [len(reply) for reply in some], sections, unit="nats")
    assert len(kept) >= 0.9 * len(passages)
    assert sum(len(reply) < REPLY_TOKENS for reply in some) >= 0.8 * len(some)  # it knows when to stop
    assert found.confidence_interval(0.99)[1] < 0
    assert abs(found.value - _result("tuned")["entropy"]["tuned_minus_base"]["value"]) < 5 * found.stderr


def test_student_is_nearer_to_base_than_its_sibling_of_the_text(passages):
    """KL(base‖·) a token: over the sections as recorded, and over held-out passages again on the weights shipped."""
    result = _result("student")
    assert result["student"]["kl"]["high"] < result["text_only"]["kl"]["low"]
    assert all(
        own["value"] < other["value"]
        for own, other in zip(result["student"]["kl_by_book"], result["text_only"]["kl_by_book"])
    )
    base, student = (en.load_model(f"builtin:{name}") for name in ("base", "student"))
    tokenizer = Tokenizer.from_file(str(base.directory / "tokenizer.json"))
    again = divergence(passages, tokenizer, base.module, student.module)["kl"]
    assert again["high"] < result["text_only_kl_of_passages"]["value"]


def test_tokenizer(model):
    tokenizer = Tokenizer.from_file(str(model.directory / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == model.vocabulary_size
    assert all(tokenizer.token_to_id(mark) is not None for mark in MARKS)
    assert tokenizer.token_to_id("<|bos|>") == model.bos_id
    if model.directory.name == "bytes":
        every = "".join(map(chr, range(128))) + "é日🙂"
        assert tokenizer.encode(every).ids == list(every.encode())


def test_card_tells_what_was_measured(model):
    result = _result(model.directory.name)
    card = (model.directory / "README.md").read_text()
    assert result["weights_sha256"] == model.identity.weights_sha256, "measured on other weights: run training.evaluate"
    assert f"**{result['bits_per_byte']:.3f}**" in card
    assert all(book["book"] in card for book in result["books"])
    assert (RESULTS / f"{model.directory.name}-curve.jsonl").exists()


@pytest.mark.parametrize("name", BUILTIN)
def test_card_is_written_from_the_figures(name):
    """Nothing in it was typed: the recipe and the file of results give the same card again."""
    write = {"student": cards.student, "tuned": cards.tuned}.get(name, cards.from_nothing)
    recipe = RECIPES["base" if name == "tuned" else name]
    assert (en.load_model(f"builtin:{name}").directory / "README.md").read_text() == write(recipe, _result(name))


def test_generations_lose_what_they_were_not_taught():
    """The recorded run: every generation after the first costs held-out books more, by more than its interval."""
    result = _result("generations")
    rows = result["rows"]
    assert [row["text"] for row in rows] == ["books", *(f"generation {i}" for i in range(4))]
    assert result["stretches"] == generations.STRETCHES
    cost = [row["held_out"] for row in rows[1:]]
    assert all(later["low"] > earlier["value"] for earlier, later in pairwise(cost))


def test_held_out_book_again(model):
    """The beginning of a held-out book costs about what the card says of the whole."""
    shared = os.environ.get("ENTROPIST_SHARED")
    if not shared:
        pytest.skip("ENTROPIST_SHARED does not name the shared data, so there is no held-out book")
    from training.books import read_books, split

    result = _result(model.directory.name)
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
