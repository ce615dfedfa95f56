"""How many tokens a model can emit, from its name where that is known; else given, else the largest of all.

The size enters only the upper bounds, and there by r·ln of it, r the mass not listed: a size too large is
wide, one too small is wrong. So what is not known is taken as 1 048 576, four times the largest in use, and
the declaration says so.

Sources: the n_vocab of tiktoken's encodings (largest id + 1, special tokens included; a few ids are unused);
the vocab_size of the models' config.json on the Hugging Face hub, padding included. Sizes are upper bounds.
"""

import re

from entropist.errors import InputError

ASSUMED = 1 << 20
"""The vocabulary size where a model's is not known."""

# The first that fits the name, in lower case and without the provider's prefix.
_HOSTED: tuple[tuple[str, int], ...] = (
    (r"(?:gpt-4o|chatgpt-4o|gpt-4\.1|gpt-4\.5|gpt-5|o1|o3|o4)(?:[-.]|$)", 200_019),  # o200k_base
    (r"(?:gpt-4|gpt-3\.5|gpt-35)(?:-|$)", 100_277),  # cl100k_base
    (r"(?:davinci|babbage)-002$", 100_277),  # cl100k_base
    (r"(?:text-davinci-00[23]|code-davinci-00[12])$", 50_281),  # p50k_base
    (r"(?:text-davinci-001|davinci|curie|babbage|ada)$", 50_257),  # r50k_base
)
_OPEN: tuple[tuple[str, int], ...] = (
    (r"gpt-oss(?:-|:|$)", 201_088),  # o200k_harmony
    (r"(?:distil)?gpt-?2(?:-|$)", 50_257),
    (r"(?:meta-)?llama-?3(?:[.\d]*)(?:-|:|$)", 128_256),
    (r"(?:meta-)?llama-?2(?:-|:|$)", 32_000),
    (r"qwen-?(?:2|2\.5|3)(?:-|:|$)", 152_064),  # the largest padding of the family
    (r"gemma-?(?:2)?(?:-|:|$)", 256_000),
    (r"gemma-?3(?:-|:|$)", 262_208),
    (r"phi-?3(?:\.5)?-mini(?:-|:|$)", 32_064),
    (r"mistral-7b(?:-|:|$)", 32_768),
)


def vocabulary_of(model: str, server: str, given: int | None) -> tuple[int, str]:
    """(size, where it comes from: "given", "model name" or "assumed").

    The name of a hosted model counts only where its host answered: local servers use such names as they are asked.
    A `given` size below 1 raises `InputError`.

    >>> vocabulary_of("gpt-4o-mini-2024-07-18", "openai", None)
    (200019, 'model name')
    >>> vocabulary_of("gpt-4o-mini", "llama.cpp", None)
    (1048576, 'assumed')
    """
    if given is not None:
        if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given < 1 << 31:
            raise InputError(f"vocabulary_size must be a number of tokens from 1 to 2 147 483 647; given {given!r}.")
        return given, "given"
    name = model.lower()
    name = name.removeprefix("ft:").partition(":")[0] if name.startswith("ft:") else name.rpartition("/")[2]
    for pattern, size in (*(_HOSTED if server == "openai" else ()), *_OPEN):
        if re.match(pattern, name):
            return size, "model name"
    return ASSUMED, "assumed"
