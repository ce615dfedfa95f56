"""Which bytes of the text each token covers.

Where the tokens' vocabulary entries put together are the text (perhaps after one blank that the
tokenizer put in front), the spans are exact, also inside a multi-byte character split over tokens.
Elsewhere the tokenizer normalises, and its character offsets say where a token lies: bytes between two
tokens go to the second. Tokens whose characters overlap share the bytes of these characters by the
lengths of their entries, which is exact wherever the normaliser left these characters alone.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError


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
    if pieces[0].startswith(b" ") and (not text[0].isspace() or [first for first, _ in offsets[:2]] == [0, 0]):
        lengths[0] -= 1  # the blank put in front is no byte of the text
    return _from_offsets(text, lengths, np.array(offsets, np.int64)), False


def utf8(text: str) -> bytes:
    """The bytes of a text; one that has none, because of a lone surrogate, raises `InputError`."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text has a lone surrogate, U+{ord(text[error.start]):04X}, at character {error.start}, which "
            "UTF-8 cannot hold: decode the original bytes again, or replace it."
        ) from None


def _from_offsets(text: str, lengths: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    byte_of = _byte_positions(text)
    reached = np.maximum.accumulate(offsets[:, 1])
    still_to_come = np.minimum.accumulate(offsets[::-1, 0])[::-1]
    is_last = np.append(reached[:-1] <= still_to_come[1:], True)  # of a run of tokens that overlap
    last = np.flatnonzero(is_last)
    first = np.append(0, last[:-1] + 1)
    run = np.cumsum(is_last) - is_last
    end = byte_of[reached[last]]
    after_previous = np.append(0, end[:-1])
    whole = after_previous + np.add.reduceat(lengths, first) == end
    begin = np.where(whole, after_previous, byte_of[still_to_come[first]])
    so_far = np.cumsum(lengths)
    ends: NDArray[np.int64] = np.minimum((begin - (so_far - lengths)[first])[run] + so_far, end[run])
    ends[last] = end
    ends[-1] = byte_of[-1]
    return ends


def _byte_positions(text: str) -> NDArray[np.int64]:
    """UTF-8 position of each character, and of the end: (characters + 1,)."""
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    sizes = 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)
    return np.concatenate([[0], np.cumsum(sizes)])
