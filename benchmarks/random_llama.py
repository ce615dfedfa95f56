"""What the benchmarks of scoring share: documents, and Llamas of any size with random weights and a real tokenizer."""

import shutil
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

import entropist as en

WORDS = ("the", "tide", "went", "out", "and", "with", "it", "boats", "gulls", "rope", "brine", "a", "lamp", "low")
SIZES = {
    "100m": {"hidden_size": 640, "intermediate_size": 1792, "num_hidden_layers": 12, "vocab_size": 32_000},
    "wide": {"hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 2, "vocab_size": 131_072},
}
"""102 million parameters; a small one of a large vocabulary."""


def random_llama(size: str, folder: Path) -> Path:
    """A directory with a Llama of that size, float32 and the same each time, and the tokenizer of `builtin:base`.

    The tokenizer has 4096 entries: the others are never read, and scored like any.
    """
    directory = folder / size
    if (directory / "config.json").exists():
        return directory
    torch.manual_seed(0)
    heads = SIZES[size]["hidden_size"] // 64
    config = LlamaConfig(**SIZES[size], num_attention_heads=heads, max_position_embeddings=512, bos_token_id=0,
                         eos_token_id=1, tie_word_embeddings=False)  # fmt: skip
    LlamaForCausalLM(config).float().save_pretrained(directory)
    base = en.load_model("builtin:base").directory
    assert base is not None
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / name, directory)
    return directory


def documents(count: int, *, middle: float = 5.0, longest: int = 100_000) -> list[str]:
    """Words at random in documents of lognormal length, e^`middle` words in the median, `longest` at most."""
    g = np.random.default_rng(0)
    lengths = np.minimum(np.exp(g.normal(middle, 1.0, count)).astype(int) + 1, longest)
    return [" ".join(WORDS[i] for i in g.integers(0, len(WORDS), n)) for n in lengths]
