import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entropist.report._cells import shown_texts
from entropist.report._visible import is_part, one_line, safe, shortened, visible
from report_fixtures import HOSTILE


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("plain", "plain"),
        (" a\tb\n", " a\tb\n"),
        ("\x1b[31m", "␛[31m"),
        ("\x00\x7f", "␀␡"),
        ("\x9b", "⟨U+009B⟩"),
        ("\r\n", "␍\n"),
        ("\u202e\u2066\u200f", "⟨U+202E⟩⟨U+2066⟩⟨U+200F⟩"),
        ("\u2028\u2029\ufeff\u00ad\u200b", "⟨U+2028⟩⟨U+2029⟩⟨U+FEFF⟩⟨U+00AD⟩⟨U+200B⟩"),
        ("\U000e0041\ue000\ufdd0", "⟨U+E0041⟩⟨U+E000⟩⟨U+FDD0⟩"),
        ("👩‍👩‍👧 שלום", "👩‍👩‍👧 שלום"),
    ],
)
def test_unseen_characters_are_shown(given_text: str, expected: str) -> None:
    assert safe(given_text) == expected


@given(st.text(st.characters(codec=None)))
def test_safe_text_commands_nothing(text: str) -> None:
    allowed = {"\n", "\t", "\u200c", "\u200d"}
    categories = {unicodedata.category(c) for c in safe(text) if c not in allowed and c not in "؀؁؂؃؄؅۝࣢"}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert safe(safe(text)) == safe(text)


def test_visible_text_has_no_blank() -> None:
    assert visible(" a\tb\n\u00a0") == "␣a⇥b↵⍽"
    assert one_line(" a\n b\x1b") == "a b␛"
    assert shortened("abcdef", 4) == "abcd… (+2)"


@given(st.text(), st.lists(st.integers(0, 200), max_size=20))
def test_shown_texts_put_together_are_the_text_however_it_is_cut(text: str, cuts: list[int]) -> None:
    raw = text.encode()
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    pieces = [raw[a:b] for a, b in itertools.pairwise(edges)]
    assert "".join(shown_texts(pieces)) == safe(text)


def test_a_cut_character_is_shown_by_the_token_in_which_it_begins() -> None:
    assert shown_texts([b"a\xe6", b"\x97", b"\xa5b"]) == ["a日", "", "b"]
    assert [is_part(text) for text in ("a日", "", "b", "\u0301", "\u200d")] == [False, True, False, True, True]
    # A variation selector and a vowel sign below have no combining class, yet no width; a vowel sign beside has one.
    assert [is_part(text) for text in ("\ufe0f", "\u0941", "e\u0301", "\u093e")] == [True, True, False, False]


def test_stray_bytes_are_shown_in_their_own_token() -> None:
    assert shown_texts([b"a", b"\x80", b"\xe3\x81", b"\xff\xfe", b"b"]) == ["a", "⟨80⟩", "⟨E3⟩⟨81⟩", "⟨FF⟩⟨FE⟩", "b"]


@given(st.lists(st.one_of(st.binary(max_size=6), st.sampled_from(HOSTILE)), max_size=12))
def test_any_bytes_are_shown(pieces: list[bytes]) -> None:
    texts = shown_texts(pieces)
    assert len(texts) == len(pieces)
    for piece, text in zip(pieces, texts):
        assert piece or not text
