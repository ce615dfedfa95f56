"""Texts from files and standard input: byte for byte, or one sentence why not."""

import io
import sys

import pytest

from entropist.corpus import decode, read_text
from entropist.errors import FileError, InputError

TEXTS = [
    "",
    "a",
    "one\r\ntwo\rthree\n",
    "\ufeffmark",
    "nul\0inside",
    "\u2028\u2029\x85\x1c",
    "e\u0301 👩‍🚀",
    "\U0010ffff",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("source", ["file", "standard input"])
def test_every_byte_comes_through(tmp_path, monkeypatch, text, source):
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    if source == "standard input":
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="latin-1"))
        path = "-"
    assert read_text(path) == text
    assert read_text(path).encode() == (b"" if path == "-" else text.encode())  # standard input is read once


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"caf\xe9 au lait", "byte 0xE9 at position 3"),
        ("é".encode()[:1], "byte 0xC3 at position 0"),
        (b"ok " + b"\xed\xa0\x80", "byte 0xED at position 3"),  # a surrogate
        (b"ok \xc0\xaf", "byte 0xC0 at position 3"),  # overlong
        (b"\xf4\x90\x80\x80", "byte 0xF4 at position 0"),  # beyond Unicode
        (b"x" * 9000 + b"\xff\0", "byte 0xFF at position 9000"),
    ],
)
def test_what_is_not_utf8_names_the_first_bad_byte(raw, message):
    with pytest.raises(InputError) as caught:
        decode(raw, "letter.txt")
    assert str(caught.value).startswith(f"letter.txt is not UTF-8: {message}. Convert it first")


@pytest.mark.parametrize("raw", [b"\x7fELF\x02\x01\x01\0\0\0\xff\xfe", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_binary_is_called_binary(raw):
    with pytest.raises(InputError, match=r"^photo is a binary file"):
        decode(raw, "photo")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf16_is_called_utf16(encoding):
    with pytest.raises(InputError, match=r"UTF-16, not UTF-8.*iconv -f utf-16"):
        decode(("\ufeff" if encoding.endswith("be") else "").encode(encoding) + "hé".encode(encoding), "note.txt")


def test_a_missing_file_a_directory_and_an_odd_name(tmp_path):
    for path, message in [
        (tmp_path / "none.txt", f"cannot read {tmp_path / 'none.txt'}: No such file or directory."),
        (tmp_path, f"{tmp_path} is a directory: give one file of text in it."),
        (tmp_path / "a\0b", f"cannot read {tmp_path / 'a'}\0b: embedded null byte."),
        (tmp_path / ("n" * 300), f"cannot read {tmp_path / ('n' * 300)}: File name too long."),
    ]:
        with pytest.raises(FileError) as caught:
            read_text(path)
        assert str(caught.value) == message


def test_bad_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(FileError, match="standard input is closed"):
        read_text("-")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    with pytest.raises(InputError, match="standard input is not UTF-8: byte 0xFF at position 0"):
        read_text("-")
