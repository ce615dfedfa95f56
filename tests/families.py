"""Small randomly initialised models of many families, each with a tokenizer of its kind, in Hugging Face layout."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

SMALL = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64,
}  # fmt: skip

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("sentencepiece", SMALL),
    "gpt2": ("byte-level", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}),
    "gpt_neox": ("byte-level", SMALL),
    "qwen3": ("without BOS", {**SMALL, "head_dim": 8, }),
    "gemma2": ("sentencepiece", {**SMALL, "head_dim": 8, "final_logit_softcapping": 3.0, "query_pre_attn_scalar": 8}),
    "opt": (
        "byte-level",
        {"hidden_size": 32, "ffn_dim": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
         "max_position_embeddings": 64, "word_embed_proj_dim": 16},
    ),
    "mamba": ("byte-level", {"hidden_size": 32, "state_size": 4, "num_hidden_layers": 2}),
    "cohere": ("byte-level", {**SMALL, "logit_scale": 0.25}),
    "granite": ("byte-level", {**SMALL, "logits_scaling": 4.0}),
}  # fmt: skip

TEXT = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.\r\n"
    "def add(a, b):\n\treturn a + b  # done\n\n"
    "吾輩は猫である。名前はまだ無い。 Ça va? naïve cafe\u0301 👩‍🚀🙂 \u202eRTL\u202c <|endoftext|> </s> ▁ "
) * 4


def byte_level(vocabulary: int = 400) -> Tokenizer:
    """A tokenizer as GPT-2's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    return tokenizer


def sentencepiece(vocabulary: int = 400) -> Tokenizer:
    """A tokenizer as Llama 2's: a blank in front, U+2581 for blanks, an entry for every byte."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    marks = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=marks[:3], show_progress=False)
    plain = "".join(c for c in TEXT if c.isascii())
    tokenizer.train_from_iterator([plain], trainer)
    vocabulary_now = tokenizer.get_vocab()
    entries = sorted(vocabulary_now, key=vocabulary_now.__getitem__)
    merges = _merges(tokenizer)
    ids = {entry: i for i, entry in enumerate(dict.fromkeys([*marks, *entries]))}
    tokenizer.model = models.BPE(vocab=ids, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    return tokenizer


def _merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    import json

    return [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]


TOKENIZERS = {"byte-level": byte_level, "without BOS": byte_level, "sentencepiece": sentencepiece}
MARKS = {
    "byte-level": {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"},
    "without BOS": {"eos_token": "<|endoftext|>"},
    "sentencepiece": {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
}


def save_tokenizer(kind: str, directory: Path) -> int:
    """Write a tokenizer of `kind`; returns its vocabulary size."""
    tokenizer = TOKENIZERS[kind]()
    marks = MARKS[kind]
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **marks).save_pretrained(directory)
    return int(tokenizer.get_vocab_size())


def save_family(family: str, directory: Path, seed: int = 0) -> Path:
    """Write a model of `family`, random with a spread wide enough that its logits differ, with its tokenizer."""
    kind, settings = FAMILIES[family]
    size = save_tokenizer(kind, directory)
    config = CONFIG_MAPPING[family](vocab_size=size, **settings)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in _matrices(model):
            parameter.normal_(0, 0.2)
    model.save_pretrained(directory)
    return directory


def _matrices(model: torch.nn.Module) -> Iterator[torch.nn.Parameter]:
    return (parameter for name, parameter in model.named_parameters() if parameter.ndim == 2 and "A_log" not in name)
