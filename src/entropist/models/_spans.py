"""Which bytes of the text each token covers.

Where the tokens' vocabulary entries put together are the text (perhaps after one blank that the
tokenizer put in front), the spans are exact, also inside a multi-byte character split over tokens.
Elsewhere the tokenizer normalises, and its character offsets say where a token lies: bytes between two
tokens go to the second, tokens that share a character share its bytes by the lengths of their entries.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def end_bytes(text: str, pieces: Sequence[bytes], offsets: Sequence[tuple[int, int]]) -> tuple[NDArray[np.int64], bool]:
    """(byte after each token (tokens,), whether the entries are the text).

    text: what was tokenized; pieces: the entry of each token; offsets: (first, after last) character of each.
    """
    raw, joined = text.encode(), b"".join(pieces)
    lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
    if joined == raw:
        return np.cumsum(lengths), True
    if joined == b" " + raw:
        return np.cumsum(lengths) - 1, True
    return _from_offsets(text, lengths, offsets), False


def _from_offsets(text: str, lengths: NDArray[np.int64], offsets: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    byte_of = _byte_positions(text)
    ends = byte_of[np.maximum.accumulate(np.array([last for _, last in offsets], np.int64))]
    first = 0
    while first < len(ends):
        stop = int(np.searchsorted(ends, ends[first], side="right"))
        if stop - first > 1:
            begin = ends[first - 1] if first else 0
            ends[first : stop - 1] = np.minimum(begin + np.cumsum(lengths[first : stop - 1]), ends[first])
        first = stop
    ends[-1] = byte_of[-1]
    return ends


def _byte_positions(text: str) -> NDArray[np.int64]:
    """UTF-8 position of each character, and of the end: (characters + 1,)."""
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    sizes = 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)
    return np.concatenate([[0], np.cumsum(sizes)])
