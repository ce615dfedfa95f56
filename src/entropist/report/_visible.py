"""Text that can do no harm where it is shown: nothing in it commands a terminal, a layout or a parser of lines.

Control characters become their pictures (ESC is ␛), other invisible or unassigned characters become
their number (⟨U+202E⟩), bytes that are no UTF-8 become ⟨E3⟩. Newlines and tabs stay.
"""

import unicodedata
from functools import lru_cache

# Joiners shape Arabic, Indic scripts and emoji; the Arabic number signs are visible although "format".
_KEPT = frozenset("\n\t\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u08e2")
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_BLANKS = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥", "\u00a0": "⍽"})
_JOINERS = frozenset("\u200c\u200d")


@lru_cache(maxsize=1 << 16)
def safe(text: str) -> str:
    r"""`text` with every unseen character made visible, newline and tab excepted.

    >>> safe("a\x1b[31m\u202e\n")
    'a␛[31m⟨U+202E⟩\n'
    """
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def visible(text: str) -> str:
    r"""`text`, made safe before, with its blanks visible too: one line without a space.

    >>> visible(" a\n")
    '␣a↵'
    """
    return text.translate(_BLANKS)


def one_line(text: str) -> str:
    """`text` made safe, on one line: for names and titles."""
    return " ".join(safe(text).split())


def shortened(text: str, length: int) -> str:
    """`text`, or its beginning and how many characters were left out."""
    return text if len(text) <= length else f"{text[:length]}… (+{len(text) - length})"


def byte_chips(raw: bytes) -> str:
    r"""Bytes that are no characters, one chip each.

    >>> byte_chips(b"\xe3\x81")
    '⟨E3⟩⟨81⟩'
    """
    return "".join(f"⟨{byte:02X}⟩" for byte in raw)


def is_part(text: str) -> bool:
    """Whether a shown text has no width of its own: it continues a character that an earlier token began."""
    return all(character in _JOINERS or unicodedata.category(character) in ("Mn", "Me") for character in text)


def _shown(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _UNSEEN:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
