"""Text to tokens with exact bytes, in memory that does not depend on how long the text is.

A tokenizer library keeps a hundred bytes and more a token, so a long text is encoded in overlapping
segments. Two neighbours are joined at a place in their overlap where both have the same run of tokens
at the same bytes; where none is found the overlap grows, and in the end the text is encoded whole.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from entropist.errors import ModelError
from entropist.models._pieces import Pieces
from entropist.models._protocol import Tokens
from entropist.models._spans import end_bytes, utf8

_SEGMENT = 1 << 17  # characters encoded at a time
_OVERLAP = 1 << 12
_AGREEMENT = 16  # tokens in a row that two neighbours must share


class TextTokenizer:
    """A fast tokenizer that adds nothing: no marks, no truncation, no padding; marks in the text are plain text.

    A Unigram model is the exception: it still takes a typed <s> for its mark, an entry like any other there.
    """

    def __init__(self, backend: Tokenizer) -> None:
        self.backend = backend
        self.backend.no_truncation()
        self.backend.no_padding()
        self.backend.encode_special_tokens = True
        self.pieces = Pieces(backend)

    def __call__(self, text: str) -> Tokens:
        utf8(text)
        tokens = encode_in_segments(self._encode, text)
        if text and not len(tokens):
            raise ModelError(f"the tokenizer makes no token at all of {text[:40]!r}, so it cannot be traced.")
        return tokens

    def _encode(self, text: str) -> Tokens:
        encoding = self.backend.encode(text, add_special_tokens=False)
        ids = np.array(encoding.ids, np.int32)
        if not len(ids):
            return Tokens(ids, np.zeros(0, np.int64), True)
        ends, lossless = end_bytes(text, [self.pieces[i] for i in encoding.ids], encoding.offsets)
        return Tokens(ids, ends, lossless)


@dataclass(frozen=True)
class _Segment:
    """The characters start to stop of a text, and its tokens with their ends as bytes of the whole text."""

    start: int
    stop: int
    start_byte: int
    ids: NDArray[np.int32]
    ends: NDArray[np.int64]
    lossless: bool

    def without(self, tokens: slice) -> "_Segment":
        return replace(self, ids=self.ids[tokens], ends=self.ends[tokens])


def encode_in_segments(
    encode: Callable[[str], Tokens], text: str, segment: int = _SEGMENT, overlap: int = _OVERLAP
) -> Tokens:
    """`encode(text)`, put together from segments of `segment` characters that overlap by `overlap`."""

    def read(start: int, stop: int, start_byte: int) -> _Segment:
        tokens = encode(text[start:stop])
        return _Segment(start, stop, start_byte, tokens.ids, tokens.end_bytes + start_byte, tokens.lossless)

    done: list[_Segment] = []
    left = read(0, min(segment, len(text)), 0)
    while left.stop < len(text):
        start = max(left.start, left.stop - overlap)
        start_byte = left.start_byte + len(text[left.start : start].encode())
        right = read(start, min(left.stop + segment, len(text)), start_byte)
        cut = _agreement(left, right)
        if cut is not None:
            done.append(left.without(slice(None, cut[0])))
            left = right.without(slice(cut[1], None))
        elif start > left.start:
            overlap *= 4
        else:
            return encode(text)
    done.append(left)
    return Tokens(
        np.concatenate([part.ids for part in done]),
        np.concatenate([part.ends for part in done]),
        all(part.lossless for part in done),
    )


def _agreement(left: _Segment, right: _Segment) -> tuple[int, int] | None:
    """Where two overlapping segments can be joined: (tokens to keep of the left, tokens to skip of the right).

    The place is the middle of the longest run of tokens that both have at the same bytes.
    """
    _, i, j = np.intersect1d(left.ends, right.ends, return_indices=True)
    same = (left.ids[i] == right.ids[j]) & (np.diff(i, prepend=-1) == 1) & (np.diff(j, prepend=-1) == 1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    if not len(lengths) or lengths.max() < _AGREEMENT:
        return None
    longest = int(lengths.argmax())
    middle = int(edges[2 * longest] + lengths[longest] // 2)
    return int(i[middle]) + 1, int(j[middle]) + 1
