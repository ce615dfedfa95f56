"""What each token shows of a text, where tokens may cut a character in two.

A character is shown whole by the token in which it begins; a token that only continues one shows
nothing of its own (the views give it a narrow mark). Put together, the shown texts are the text.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from entropist.report._visible import byte_chips, safe


def shown_texts(pieces: Sequence[bytes]) -> list[str]:
    r"""The safe text of each of consecutive `pieces` of bytes.

    >>> shown_texts([b"a", "日".encode()[:2], "日".encode()[2:] + b"b", b"\xff"])
    ['a', '日', 'b', '⟨FF⟩']
    """
    texts: list[str] = []
    broken: list[bytes] = []  # a run of pieces that are no UTF-8 by themselves; its two ends are clean
    for piece in pieces:
        try:
            text = piece.decode()
        except UnicodeDecodeError:
            broken.append(piece)
            continue
        if broken:
            texts += _rejoined(broken)
            broken = []
        texts.append(safe(text))
    return texts + _rejoined(broken)


def _rejoined(run: Sequence[bytes]) -> list[str]:
    raw = b"".join(run)
    ends = list(accumulate(map(len, run)))
    texts = [""] * len(run)
    token = 0
    for start, character in _characters(raw):
        while start >= ends[token]:
            token += 1
        texts[token] += character
    return texts


def _characters(raw: bytes) -> Iterator[tuple[int, str]]:
    """(where it begins, what it shows) of every character or stray byte of `raw`."""
    start = 0
    while start < len(raw):
        for length in range(1, 5):
            try:
                character = raw[start : start + length].decode()
            except UnicodeDecodeError:
                continue
            yield start, safe(character)
            start += length
            break
        else:
            yield start, byte_chips(raw[start : start + 1])
            start += 1
