"""Words of a text as runs of tokens, for surprisal a word.

A word is a run of what is not whitespace, with the whitespace before it: so the words tile the text, and the token of
" was" is part of "was". Where a word begins inside a token, it is one with the word before it. Whitespace after the
last word belongs to it.
"""

import re
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\S+")


def word_spans(text: str, end_bytes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of every word: its first token, words + 1 edges in all; and how many words of whitespace style it holds (words,).

    text: the document; end_bytes (tokens,): the byte after each token.

    >>> edges, held = word_spans("it was so", np.array([2, 6, 7, 9]))
    >>> edges.tolist(), held.tolist()
    ([0, 1, 2, 4], [1, 1, 1])
    """
    # A word begins where the one before it ends: the whitespace between them is its own.
    ends = [match.end() for match in _WORD.finditer(text)]
    if not ends or not len(end_bytes):
        return np.array([0, len(end_bytes)] if len(end_bytes) else [0]), np.zeros(int(len(end_bytes) > 0), np.int64)
    begins = _byte_positions(text, [0, *ends[:-1]])
    starts = np.concatenate([[0], end_bytes[:-1]])
    first = np.searchsorted(starts, begins)
    # The first of several tokens at one byte, and only where a token begins there.
    known = (first < len(starts)) & (starts[np.minimum(first, len(starts) - 1)] == begins)
    owner = np.cumsum(known) - 1
    return np.append(first[known], len(end_bytes)), np.bincount(owner)


def _byte_positions(text: str, characters: list[int]) -> NDArray[np.int64]:
    if text.isascii():
        return np.array(characters, np.int64)
    edges = [0, *characters]
    sizes = [len(text[a:b].encode()) for a, b in pairwise(edges)]
    return np.cumsum(sizes)
