r"""Numbers and bytes for the tokens of an answer: the server's ids where it gave them, else numbers of our own.

A token's bytes come from the server's list of them; else from its text, where "bytes:\\xe3\\x81" (OpenAI) and
"byte: \\xe3" (llama.cpp) stand for bytes that are no text by themselves. Two tokens are one where id, text and
bytes are the same. Local numbers count from 0 in the order of appearance, emitted tokens first.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.record import Finding
from entropist.responses._rows import Rows

_ESCAPED = re.compile(r"bytes?: ?((?:\\x[0-9a-fA-F]{2})+)")
_LARGEST_ID = (1 << 31) - 1
_REPLACED = "\ufffd"
_BYTES = msgspec.json.Decoder(list[int] | None)


@dataclass(frozen=True)
class Vocabulary:
    """The different tokens of an answer.

    emitted, listed: (n,), (m,) places in `ids` and `pieces`; `exact[i]` is false where the server's text stands for
    bytes that it did not tell.
    """

    emitted: NDArray[np.int32]
    listed: NDArray[np.int32]
    ids: NDArray[np.int32]
    pieces: list[bytes]
    exact: list[bool]
    from_server: bool


def vocabulary(rows: Rows, findings: list[Finding]) -> Vocabulary:
    """The different tokens of `rows`; what is wrong with their ids and bytes is added to `findings`."""
    texts: list[Any] = rows.emitted.texts + rows.listed.texts
    raws: list[Any] = rows.emitted.raws + rows.listed.raws
    ids: list[Any] = rows.emitted.ids + rows.listed.ids
    n, raw_of, keys = len(rows), _one_each(texts, raws), texts
    if raw_of is None:
        raws = [bytes(raw).translate(None, b" \t\r\n") for raw in raws]  # a list written with other blanks is the same
        raw_of = _one_each(texts, raws)
    from_server = None not in ids and all(_is_id(number) for number in set(ids))
    if from_server:
        by_id = _one_each(ids, raws), _one_each(ids, texts)
        if None in by_id:
            findings.append(_clash_finding(ids, texts if by_id[1] is None else raws, n))
            from_server = False
        else:
            keys, raw_of = ids, by_id[0]
    if raw_of is None or (None in raw_of and not from_server):  # texts that read alike and have other bytes, or none
        keys = [(text, bytes(raw), number if text is None else None) for text, raw, number in zip(texts, raws, ids)]
        raw_of = dict(zip(keys, raws))
    number = dict(zip(raw_of, range(len(raw_of))))
    index = np.array(list(map(number.__getitem__, keys)), np.int32)
    named = raw_of if keys is texts else dict(zip(keys, texts)).values()
    known = list(map(_piece, named, map(bytes, raw_of.values())))
    for place, piece in enumerate(known):
        if piece.doubt:
            first = int((index == place).argmax())
            findings.append(Finding("bytes differ from text", first if first < n else None, 1, piece.doubt))
    pieces, exact = [piece.bytes for piece in known], [piece.exact for piece in known]
    numbers = np.array(list(raw_of) if from_server else range(len(raw_of)), np.int32)
    return Vocabulary(index[:n], index[n:], numbers, pieces, exact, from_server)


def _one_each(keys: list[Any], values: list[Any]) -> dict[Any, Any] | None:
    """The value of each key, in the order of appearance; None where a key has two."""
    found = dict(zip(keys, values))
    return found if list(map(found.__getitem__, keys)) == values else None


def _is_id(number: Any) -> bool:
    return isinstance(number, int) and 0 <= number <= _LARGEST_ID


def _clash_finding(ids: list[Any], values: list[Any], n: int) -> Finding:
    found = dict(zip(reversed(ids), reversed(values)))  # the first of each
    place = next(place for place, number in enumerate(ids) if values[place] != found[number])
    one, other = _short(found[ids[place]]), _short(values[place])
    message = f"id {ids[place]} is {one} at one place and {other} at another; local numbers were used."
    return Finding("ids clash", place if place < n else None, 1, message)


class _Piece(NamedTuple):
    bytes: bytes
    exact: bool
    doubt: str = ""


@lru_cache(1 << 16)  # the same tokens come again and again, in one answer and in the next
def _piece(text: str | None, raw: bytes) -> _Piece:
    """The bytes of a token, whether the server told them, and what is wrong with them."""
    told = _bytes_told(raw)
    if told is not None:
        sound = text is None or _reads_as(told, text)
        message = f"the bytes of a token are {told[:40]!r} and its text {_short(text)}; the bytes were taken."
        return _Piece(told, True, "" if sound else message)
    if text is None:
        return _Piece(b"", False)
    if escaped := _ESCAPED.fullmatch(text):
        return _Piece(bytes.fromhex(escaped[1].replace("\\x", "")), True)
    return _Piece(text.encode(), _REPLACED not in text)


def _bytes_told(raw: bytes) -> bytes | None:
    if raw == b"null":
        return None
    try:
        values = _BYTES.decode(raw)
        return None if values is None else bytes(values)
    except (msgspec.DecodeError, ValueError, OverflowError) as error:
        given = raw[:60].decode("utf-8", "replace")
        raise InputError(f"the bytes of a token are numbers from 0 to 255; given {given}.") from error


def _reads_as(told: bytes, text: str) -> bool:
    """Whether `text` is how a server may write these bytes: whole, cut to valid UTF-8, replaced or escaped."""
    if told == text.encode():
        return True
    if escaped := _ESCAPED.fullmatch(text):
        return told == bytes.fromhex(escaped[1].replace("\\x", ""))
    try:
        told.decode()
    except UnicodeDecodeError:
        return text in (told.decode("utf-8", way) for way in ("replace", "ignore", "backslashreplace"))
    return False


def _short(text: Any) -> str:
    return repr(text if text is None or len(text) <= 30 else text[:30])
