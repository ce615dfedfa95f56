"""The bytes of a vocabulary entry, whatever alphabet the tokenizer writes them in.

Three alphabets occur: byte-level (GPT-2: every byte a printable character), SentencePiece (U+2581 for a
blank, `<0xE3>` for a byte without an entry), and plain text. Which one is read off the tokenizer's own
decoder; added tokens (marks) are plain text in all three.
"""

import re
from functools import cache

from tokenizers import Tokenizer

_BYTE_ENTRY = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class Pieces:
    """Vocabulary entries as bytes, by id, read once each."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._added = {token_id: token.content for token_id, token in tokenizer.get_added_tokens_decoder().items()}
        decoder = "" if tokenizer.decoder is None else tokenizer.decoder.__getstate__().decode()
        self._byte_level = '"ByteLevel"' in decoder
        self._blank = "\u2581" if "\u2581" in decoder or "Metaspace" in decoder else None
        self._byte_entries = "ByteFallback" in decoder
        self._read: dict[int, bytes] = {}

    def __getitem__(self, token_id: int) -> bytes:
        piece = self._read.get(token_id)
        if piece is None:
            piece = self._read[token_id] = self._bytes(token_id)
        return piece

    def _bytes(self, token_id: int) -> bytes:
        if token_id in self._added:
            return self._added[token_id].encode()
        entry = self._tokenizer.id_to_token(token_id)
        if entry is None:
            return b""
        if self._byte_level:
            alphabet = _byte_of_character()
            return bytes(alphabet[c] for c in entry) if all(c in alphabet for c in entry) else entry.encode()
        if self._byte_entries and (byte := _BYTE_ENTRY.fullmatch(entry)):
            return bytes([int(byte[1], 16)])
        return (entry.replace(self._blank, " ") if self._blank else entry).encode()


@cache
def _byte_of_character() -> dict[str, int]:
    """GPT-2's alphabet: printable Latin-1 characters stand for themselves, the other bytes for U+0100 onwards."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(0x100 + i): byte for i, byte in enumerate(others)}
