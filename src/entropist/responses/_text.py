"""The bytes of each position: exact where the server told them, aligned with its text where it wrote U+FFFD.

A server without a field for bytes writes U+FFFD for a token that holds part of a character. The tokens around
are whole, so the text between them is what the broken ones hold together; the last of them, which
completes the character, is given it, and those before it are empty.
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from entropist.record import Finding
from entropist.responses._evidence import Evidence
from entropist.responses._rows import Part
from entropist.responses._tokens import Vocabulary

_LONGEST_RUN = 8  # broken tokens side by side; more are no characters but a server that tells no text


def emitted_bytes(words: Vocabulary, parts: Sequence[Part], evidence: Evidence) -> tuple[list[bytes], bool]:
    """(the bytes of each position, whether all of them are the server's own)."""
    found: list[bytes] = []
    exact = np.array(words.exact, np.bool_)[words.emitted]
    evidence.find(
        "bytes not told",
        ~exact & evidence.scored,
        "the server did not tell the bytes of these tokens; where its text shows them they are from there.",
    )
    begin = 0
    for part in parts:
        inside = slice(begin, part.stop)
        pieces = [words.pieces[place] for place in words.emitted[inside].tolist()]
        text = None if part.text is None else part.text.encode()
        if text is not None and not exact[inside].all():
            pieces = _aligned(pieces, exact[inside], text) or pieces
        if text is not None and any(pieces):
            joined = b"".join(pieces)
            if not joined.startswith(text) and not joined.strip().startswith(text.strip()):  # an end-of-text token
                message = f"the tokens of {part.name} read {_short(joined, text)}"
                evidence.findings.append(Finding("bytes differ from text", begin, 1, message))
        found += pieces
        begin = part.stop
    return found, bool(exact.all())


def _aligned(pieces: list[bytes], exact: NDArray[np.bool_], text: bytes) -> list[bytes] | None:
    """The pieces with what `text` has in place of the broken ones; None where they do not fit together."""
    found, at = list(pieces), 0
    runs = [(sure, list(places)) for sure, places in groupby(range(len(pieces)), key=lambda place: bool(exact[place]))]
    for number, (sure, places) in enumerate(runs):
        if sure:
            whole = b"".join(pieces[place] for place in places)
            if text[at : at + len(whole)] != whole:
                return None
            at += len(whole)
            continue
        if len(places) > _LONGEST_RUN:
            return None
        following = b"".join(pieces[place] for place in runs[number + 1][1]) if number + 1 < len(runs) else None
        end = len(text) if following is None else text.find(following, at)
        if end < 0:
            return None
        for place in places:
            found[place] = b""
        found[places[-1]] = text[at:end]
        at = end
    return found


def _short(joined: bytes, text: bytes) -> str:
    at = next((i for i, (a, b) in enumerate(zip(joined, text)) if a != b), min(len(joined), len(text)))
    return f"{joined[at : at + 20]!r} at byte {at}, and its text {text[at : at + 20]!r}; the tokens were taken."
