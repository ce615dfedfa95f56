"""JSON of servers to typed objects: exact where it is JSON, repaired where servers write what JSON lacks.

Python servers write ``NaN``, ``Infinity`` and ``-Infinity``; others cut a surrogate pair in two. A minus
infinity becomes the largest negative float64, which the reader takes for "not said"; a lone surrogate becomes
U+FFFD; NaN and plus infinity are refused, because nothing can be made of them. Everything else that is wrong
raises `InputError` with the place.
"""

import json
import re
from functools import cache
from typing import Any

import msgspec

from entropist.errors import InputError, first_line

MINUS_INFINITY = -1.7976931348623157e308
"""Stands for the ``-Infinity`` that JSON lacks."""

_UTF8_BOM = b"\xef\xbb\xbf"
# A string whole, so that what is inside one stays as it is; or a word that JSON lacks.
_FOREIGN = re.compile(rb'"(?:[^"\\]|\\.)*+"|-?Infinity|-?inf\b|NaN|nan\b', re.DOTALL)
_SURROGATES = re.compile(
    rb"(\\\\)|(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def decode(text: bytes, kind: Any) -> Any:
    """`text` as an object of the msgspec type `kind`; `InputError` names what is wrong and where."""
    text = text.removeprefix(_UTF8_BOM)
    try:
        return _decoder(kind).decode(text)
    except msgspec.ValidationError as error:
        raise InputError(f"not the JSON of a server's answer: {first_line(error)}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        repaired = _repaired(text)
        if repaired == text:
            raise InputError(f"not valid JSON: {first_line(error)}.") from error
    except RecursionError as error:
        raise InputError("not the JSON of a server's answer: it is nested too deeply.") from error
    try:
        return _decoder(kind).decode(repaired)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not valid JSON: {first_line(error)}.") from error
    except RecursionError as error:
        raise InputError("not the JSON of a server's answer: it is nested too deeply.") from error


def pairs_of(text: bytes) -> list[tuple[str, Any]]:
    """The pairs of an object that `decode` has read, a key that stands twice given twice."""
    pairs: list[tuple[str, Any]] = json.loads(_repaired(text), object_pairs_hook=list)
    return pairs


def encode(value: Any) -> bytes:
    """A Python value, such as an answer already decoded, as JSON; one that JSON cannot hold raises `InputError`."""
    try:
        return msgspec.json.encode(_without_infinities(value))
    except (TypeError, ValueError, OverflowError, RecursionError, UnicodeError) as error:
        raise InputError(f"not a server's answer: {first_line(error)}.") from error


@cache
def _decoder(kind: Any) -> Any:
    return msgspec.json.Decoder(kind)


def _repaired(text: bytes) -> bytes:
    sound = text.decode("utf-8", "replace").encode()
    return _SURROGATES.sub(_surrogate, _FOREIGN.sub(_word, sound))


def _word(match: re.Match[bytes]) -> bytes:
    found = match.group()
    if found.startswith(b'"'):
        return found
    if not found.startswith(b"-") or found.lower().endswith(b"nan"):
        raise InputError(f"{found.decode()} stands where a log-probability or another number is expected.")
    return repr(MINUS_INFINITY).encode()


def _surrogate(match: re.Match[bytes]) -> bytes:
    return match.group() if match.group(1) or match.group(2) else rb"\ufffd"


def _without_infinities(value: Any) -> Any:
    """The value with minus infinity replaced; msgspec writes NaN and infinities as null, which would hide them."""
    match value:
        case float() if value != value or value == float("inf"):
            raise InputError(f"{value} stands where a log-probability or another number is expected.")
        case float() if value == -float("inf"):
            return MINUS_INFINITY
        case dict():
            return {key: _without_infinities(item) for key, item in value.items()}
        case list() | tuple():
            return [_without_infinities(item) for item in value]
        case str():
            return value.encode("utf-8", "replace").decode()
        case _:
            return value
