"""A trained model into the package: fp16 safetensors, config.json, tokenizer.json, in Hugging Face layout."""

import copy
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from training.recipes import Recipe
from training.tokenizer import BOS, END_OF_TEXT
from training.turns import END_MARK, END_OF_TURN, REPLY_MARK, USER_MARK
from training.turns import END_OF_TEXT as END_OF_TEXT_ID

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '" + USER_MARK + "' + message['content'] | trim }}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ '" + REPLY_MARK + " ' + message['content'] | trim + '" + END_MARK + "' }}"
    "{% else %}{{ raise_exception('builtin:tuned knows the roles user and assistant') }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '" + REPLY_MARK + "' }}{% endif %}"
)


def export(model: LlamaForCausalLM, tokenizer: Tokenizer, recipe: Recipe, folder: Path, *, turns: bool = False) -> None:
    """Write the model to `folder`, with a chat template where it knows `turns`; the card comes from `evaluate`."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = copy.deepcopy(model).to(torch.float16)
    if turns:
        stored.config.eos_token_id = [END_OF_TURN, END_OF_TEXT_ID]
    stored.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": END_MARK if turns else END_OF_TEXT,
        "model_max_length": recipe.context,
        "clean_up_tokenization_spaces": False,
    }
    if turns:
        settings["chat_template"] = CHAT_TEMPLATE
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
