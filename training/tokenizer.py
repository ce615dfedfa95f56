"""The two tokenizers: byte-level BPE with GPT-2's pre-tokenizer pattern, and plain bytes (the same without a merge).

Both begin with the ten marks, so that a model tuned later can give meaning to a reserved one
without changing the vocabulary.
"""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

BOS, END_OF_TEXT = "<|bos|>", "<|endoftext|>"
MARKS = [BOS, END_OF_TEXT, *(f"<|reserved_{i}|>" for i in range(8))]


def byte_characters() -> list[str]:
    """The printable character that stands for each byte in GPT-2's byte-level alphabet, by byte value."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(256))
    return [chr(byte) if byte in plain else chr(256 + next(others)) for byte in range(256)]


def train_bpe(texts: Iterable[str], size: int) -> Tokenizer:
    """Byte-level BPE of `size` entries in all: ten marks, 256 bytes, the rest merges."""
    tokenizer = _byte_level(models.BPE(), use_regex=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=MARKS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=True,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def bytes_tokenizer() -> Tokenizer:
    """Every byte a token: byte b has id b, then the ten marks."""
    vocabulary = {character: byte for byte, character in enumerate(byte_characters())}
    tokenizer = _byte_level(models.BPE(vocab=vocabulary, merges=[]), use_regex=False)
    tokenizer.add_special_tokens(MARKS)
    return tokenizer


def _byte_level(model: models.BPE, use_regex: bool) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
