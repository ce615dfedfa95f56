"""A prompt as a user's turn: the ids of Transformers' own template, and what is refused."""

import json
import shutil

import numpy as np
import pytest
from transformers import AutoTokenizer

import entropist as en
from entropist.decoding import Generation, generate
from entropist.errors import InputError, ModelError
from entropist.models import wrap_module
from entropist.report import generation_page

PASSAGE = "It had rained for three days, and the river ran over the lower fields."


@pytest.fixture(scope="module")
def model():
    return en.load_model("builtin:tuned")


@pytest.fixture
def other(model, tmp_path):
    """The tuned model with another chat template."""

    def make(template):
        directory = shutil.copytree(model.directory, tmp_path / "model")
        config = json.loads((directory / "tokenizer_config.json").read_text())
        (directory / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": template}))
        return en.load_model(directory)

    return make


def asked(directory, text):
    turn = [{"role": "user", "content": text}]
    tokenizer = AutoTokenizer.from_pretrained(directory)
    return tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_tensors="pt", return_dict=True)


def test_the_reply_is_that_of_transformers(model):
    given = asked(model.directory, PASSAGE)
    theirs = model.module.generate(**given, max_new_tokens=30, do_sample=False, pad_token_id=1)[0]
    found = generate(PASSAGE, model=model, sampler="greedy", max_tokens=30, chat=True)
    assert list(found.token_ids[0]) == theirs[given["input_ids"].shape[1] :].tolist()
    assert found.settings.stopped == ("end",)
    assert (found.settings.prompt, found.settings.chat) == (PASSAGE, True)
    assert Generation.from_arrow(found.to_arrow()).settings == found.settings
    assert "Generated in reply to a turn by greedy" in generation_page(found)
    assert found.trace.text_bytes().decode() == PASSAGE + found.text
    assert found.trace.metadata.protocol.bos_id == model.bos_id
    assert found.token_ids != generate(PASSAGE, model=model, sampler="greedy", max_tokens=30).token_ids


def test_words_of_a_template_are_text_and_it_says_whether_bos_leads(other):
    model = other("{{ 'Question: ' + messages[0]['content'] + ' Answer:' }}")
    found = generate("Why?", model=model, sampler="greedy", max_tokens=3, chat=True)
    ids = asked(model.directory, "Why?")["input_ids"][0].tolist()
    assert found.trace.column("token_id")[: len(ids)].tolist() == ids
    assert found.trace.text_bytes().startswith(b"Question: Why? Answer:")
    assert found.trace.metadata.protocol.bos_id is None
    plain = generate("Question: Why? Answer:", model=model, sampler="greedy", max_tokens=3, bos=False)
    assert plain.token_ids == found.token_ids
    np.testing.assert_array_equal(plain.trace.column("surprisal"), found.trace.column("surprisal"))


def test_what_cannot_be_a_turn_is_refused(model, other):
    options = {"max_tokens": 1, "chat": True}
    with pytest.raises(InputError, match=r"holds '<\|reserved_1\|>', which in a turn would be read as a mark"):
        generate("A <|reserved_1|> B", model=model, **options)
    with pytest.raises(InputError, match="leave bos out"):
        generate("A", model=model, bos=True, **options)
    with pytest.raises(ModelError, match="builtin:base has no chat template"):
        generate("A", model="builtin:base", **options)
    with pytest.raises(ModelError, match="takes no user's turn: only systems"):
        generate("A", model=other("{{ raise_exception('only systems') }}"), **options)


def test_a_model_from_no_directory_has_no_template(model):
    wrapped = wrap_module(model.module, AutoTokenizer.from_pretrained(model.directory))
    with pytest.raises(ModelError, match="not read from a model directory"):
        generate("A", model=wrapped, max_tokens=1, chat=True)
