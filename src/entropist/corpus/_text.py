"""A text from a file or from standard input, byte for byte."""

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
        if b"\0" in raw[:8192]:
            raise InputError(f"{source} is a binary file: Entropist traces text, as UTF-8.") from None
        raise InputError(
            f"{source} is not UTF-8: byte 0x{raw[error.start]:02X} at position {error.start}. Convert it first, "
            "for example: iconv -f latin1 -t utf-8."
        ) from None


def _read(path: Path | str) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except IsADirectoryError:
        raise FileError(f"{path} is a directory: give one file of text in it.") from None
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}.") from error
