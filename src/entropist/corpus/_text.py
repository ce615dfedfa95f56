"""A text from a file or from standard input, byte for byte."""

import codecs
import sys
from pathlib import Path

from entropist.errors import FileError, InputError


def read_text(path: Path | str) -> str:
    """The UTF-8 text in `path` ("-": standard input), line ends as they are.

    Raises `FileError` where it cannot be read and `InputError` where it is not UTF-8 text.
    """
    return decode(_read(path), "standard input" if str(path) == "-" else str(path))


def decode(raw: bytes, source: str) -> str:
    """`raw` as UTF-8; what is not names the first bad byte and, for what looks binary, says so."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise InputError(
                f"{source} begins like UTF-16, not UTF-8. Convert it first: iconv -f utf-16 -t utf-8."
            ) from None
        if b"\0" in raw[:8192]:
            raise InputError(f"{source} is a binary file: Entropist reads text, as UTF-8.") from None
        raise InputError(
            f"{source} is not UTF-8: byte 0x{raw[error.start]:02X} at position {error.start}. Convert it first, "
            "for example: iconv -f latin1 -t utf-8."
        ) from None


def _read(path: Path | str) -> bytes:
    try:
        if str(path) != "-":
            return Path(path).read_bytes()
        if sys.stdin is None:  # what Python makes of a closed standard input
            raise FileError("standard input is closed: give a file, or pipe a text in.")
        return sys.stdin.buffer.read()
    except IsADirectoryError:
        raise FileError(f"{path} is a directory: give one file of text in it.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise FileError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}.") from error
