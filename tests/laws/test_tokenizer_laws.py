"""Which bytes of the text a token covers, for real tokenizers of every kind and texts that trip them.

The oracles: where entries put together are the text, a token covers its entry's bytes; where blanks are marked by
U+2581, the sizes of the entries say where each token ends; and a text encoded in segments equals it encoded whole.
"""

import os
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import entropist as en
import zoo
from campaigns import campaign
from certificates import certifies
from entropist.errors import InputError, ModelError
from entropist.models import Tokens
from entropist.models._tokenizer import TextTokenizer, encode_in_segments

pytestmark = certifies("byte_spans")

BLANK = zoo.BLANK_MARK
NO_TOKENS = [(kind, name) for kind in ("stripped", "WordPiece") for name in ("one blank", "only line ends")]
# Unigram takes a typed <0xE3> for the entry of that byte, so there the sizes of entries say nothing.
SIZED = [
    (kind, name)
    for kind in zoo.MARKED_BLANKS
    for name, text in zoo.HOSTILE.items()
    if not (kind.startswith("Unigram") and "<0x" in text)
]


def text_tokenizer(kind):
    return TextTokenizer(zoo.tokenizer(kind))


def check_tiling(text, tokens):
    raw = text.encode()
    ends = tokens.end_bytes
    assert len(ends) == len(tokens.ids) > 0
    assert np.all(np.diff(ends, prepend=0) >= 0)
    assert ends[-1] == len(raw)
    spans = [raw[i:j] for i, j in zip([0, *ends[:-1]], ends)]
    assert b"".join(spans) == raw
    return spans


def check_lossless(tokenizer, text, tokens):
    """Each span is its entry, except for a blank put in front of the text."""
    assert tokens.lossless
    spans = check_tiling(text, tokens)
    entries = [tokenizer.pieces[int(i)] for i in tokens.ids]
    if spans[0] != entries[0]:
        assert entries[0] == b" " + spans[0]
    assert spans[1:] == entries[1:]


def ends_by_size(tokenizer, text, ids):
    """Where tokens end, from nothing but the sizes of their entries in a text whose blanks are U+2581."""
    entries = [tokenizer.backend.id_to_token(int(i)) for i in ids]
    sizes = [1 if re.fullmatch("<0x..>", entry) else len(entry.encode()) for entry in entries]
    in_front = sum(sizes) - len(text.replace(" ", BLANK).encode())
    assert in_front in (0, len(BLANK.encode()))
    raw_end = [0] * (in_front + 1)  # for each byte of the marked text, how far the original has come
    for character in text:
        if character == " ":
            raw_end += [None, None, raw_end[-1] + 1]
        else:
            raw_end += [raw_end[-1] + i for i in range(1, len(character.encode()) + 1)]
    return [raw_end[end] for end in np.cumsum(sizes)]


WORDS = [*(text for text in zoo.HOSTILE.values() if len(text) < 200), *zoo.PROSE.split(), "a" * 40, "7" * 40, " " * 40]
FRAGMENTS = [*WORDS, " ", "\n", "\r\n", "\t", BLANK, "é", "e\u0301", "鬱"]
texts = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), min_size=1, max_size=12).map("".join).filter(bool)
long_texts = st.lists(texts, min_size=20, max_size=60).map(" ".join)
kinds = st.sampled_from(list(zoo.ZOO))


@pytest.mark.parametrize("name", zoo.HOSTILE)
@pytest.mark.parametrize("kind", zoo.ZOO)
def test_tokens_tile_the_text(kind, name):
    text = zoo.HOSTILE[name]
    if (kind, name) in NO_TOKENS:
        with pytest.raises(ModelError, match="makes no token at all of"):
            text_tokenizer(kind)(text)
    else:
        check_tiling(text, text_tokenizer(kind)(text))


@pytest.mark.parametrize("name", zoo.HOSTILE)
@pytest.mark.parametrize("kind", zoo.BYTE_LEVEL)
def test_byte_level_tokens_are_their_bytes(kind, name):
    tokenizer = text_tokenizer(kind)
    check_lossless(tokenizer, zoo.HOSTILE[name], tokenizer(zoo.HOSTILE[name]))


@pytest.mark.parametrize(("kind", "name"), SIZED)
def test_tokens_of_marked_blanks_end_where_their_sizes_say(kind, name):
    text, tokenizer = zoo.HOSTILE[name], text_tokenizer(kind)
    tokens = tokenizer(text)
    assert tokens.end_bytes.tolist() == ends_by_size(tokenizer, text, tokens.ids)
    if BLANK not in text:
        check_lossless(tokenizer, text, tokens)


@given(texts, st.sampled_from([*zoo.BYTE_LEVEL, *zoo.MARKED_BLANKS]))
def test_exact_spans_of_any_text(text, kind):
    tokenizer = text_tokenizer(kind)
    tokens = tokenizer(text)
    if kind in zoo.MARKED_BLANKS and not (kind.startswith("Unigram") and "<0x" in text):
        assert tokens.end_bytes.tolist() == ends_by_size(tokenizer, text, tokens.ids)
    if kind in zoo.BYTE_LEVEL:
        check_lossless(tokenizer, text, tokens)


@given(texts, kinds)
def test_any_text_is_tiled(text, kind):
    try:
        tokens = text_tokenizer(kind)(text)
    except ModelError:
        assert kind in ("stripped", "WordPiece"), "only these drop whole texts"
    else:
        check_tiling(text, tokens)


@pytest.mark.parametrize("kind", ["lowercase", "lowercase, trimmed offsets"])
def test_a_letter_changed_leaves_the_other_spans_exact(kind):
    """A capital makes the text one that is changed; characters split over tokens are still cut at the right byte."""
    tokenizer = text_tokenizer(kind)
    text = "Ab 吾輩は नमस्ते 薔薇🙂 ÀÉ X"
    tokens = tokenizer(text)
    assert not tokens.lossless
    spans = check_tiling(text, tokens)
    entries = [tokenizer.pieces[int(i)] for i in tokens.ids]
    assert b"".join(entries).decode() == text.lower()
    assert [len(span) for span in spans] == [len(entry) for entry in entries]
    assert any("\ufffd" in span.decode(errors="replace") for span in spans), "no character was split"


def test_what_a_normaliser_joins_or_drops_still_tiles():
    tokenizer = text_tokenizer("WordPiece")
    spans = check_tiling(text := "The   worst  of\r\n times. ", tokenizer(text))
    assert [span.decode() for span in spans] == ["The", "   worst", "  of", "\r\n times", ". "]
    tokenizer = text_tokenizer("NFKC")
    assert [tokenizer.pieces[int(i)] for i in tokenizer("ﬁx").ids] == [b"f", b"i", b"x"]
    assert tokenizer("ﬁx").end_bytes.tolist() == [1, 3, 4], "two letters share the three bytes of one character"
    tokenizer = text_tokenizer("NFC")
    assert [tokenizer.pieces[int(i)] for i in tokenizer("e\u0301").ids] == ["é".encode()]
    assert tokenizer("e\u0301").end_bytes.tolist() == [3]


@pytest.mark.parametrize("bad", ["\ud800", "ok \udcff", "a" * 500 + "\udfff"])
def test_a_lone_surrogate_is_named(bad):
    with pytest.raises(InputError, match=rf"lone surrogate, U\+{ord(bad[-1]):04X}, at character {len(bad) - 1}"):
        text_tokenizer("byte-level")(bad)


def test_an_empty_text_has_no_tokens():
    for kind in zoo.ZOO:
        assert len(text_tokenizer(kind)("")) == 0


def test_marks_in_a_text_are_plain_text():
    # Not so for Unigram: its marks are pieces like any other, and `tokenizers` offers no way to pass them over.
    for kind in [*zoo.BYTE_LEVEL, *(kind for kind in zoo.MARKED_BLANKS if not kind.startswith("Unigram"))]:
        tokenizer = text_tokenizer(kind)
        marks = {tokenizer.backend.token_to_id(m) for m in ("<s>", "</s>", "<|endoftext|>")} - {None}
        assert not marks & set(tokenizer("<s>one</s> <|endoftext|>").ids.tolist()), kind


def test_pieces_of_every_alphabet():
    byte_level, blanks = text_tokenizer("byte-level"), text_tokenizer("SentencePiece, normalizer")
    every = {byte_level.pieces[i] for i in range(byte_level.backend.get_vocab_size())}
    assert {bytes([b]) for b in range(256)} <= every
    assert b"<|endoftext|>" in every
    assert blanks.pieces[blanks.backend.token_to_id("<0xE3>")] == b"\xe3"
    assert blanks.pieces[blanks.backend.token_to_id(BLANK)] == b" "
    assert blanks.pieces[blanks.backend.get_vocab_size() + 5] == b""


def assert_segments_equal_whole(tokenizer, text, segment, overlap):
    whole = tokenizer._encode(text)
    parts = encode_in_segments(tokenizer._encode, text, segment, overlap)
    np.testing.assert_array_equal(parts.ids, whole.ids)
    np.testing.assert_array_equal(parts.end_bytes, whole.end_bytes)
    return whole.lossless, parts.lossless


@pytest.mark.parametrize("name", zoo.HOSTILE)
@pytest.mark.parametrize("kind", zoo.ZOO)
def test_segments_of_hostile_texts_equal_the_whole(kind, name):
    text = " ".join([zoo.HOSTILE[name]] * (1 if len(zoo.HOSTILE[name]) > 300 else 12))
    for segment, overlap in [(64, 16), (50, 1), (301, 97)]:
        assert_segments_equal_whole(text_tokenizer(kind), text, segment, overlap)


@settings(max_examples=campaign(2000))
@given(long_texts, kinds, st.integers(2, 400), st.integers(1, 200))
def test_segments_of_any_text_equal_the_whole(text, kind, segment, overlap):
    whole, parts = assert_segments_equal_whole(text_tokenizer(kind), text, segment, min(overlap, segment - 1))
    # A normaliser that strips the ends of a text strips those of a segment too, which says "changed" too often.
    assert parts == whole or (kind == "stripped" and not parts)


def watched(tokenizer):
    """(its encoder, the lengths of what it was given)."""
    lengths = []

    def encode(part):
        lengths.append(len(part))
        return tokenizer._encode(part)

    return encode, lengths


@pytest.mark.parametrize("kind", zoo.ZOO)
def test_segments_are_used_and_joined(kind):
    """On prose no segment longer than two is ever encoded: memory does not follow the length of the text."""
    tokenizer, text = text_tokenizer(kind), zoo.MIXED * 40
    encode, longest = watched(tokenizer)
    parts = encode_in_segments(encode, text, 4000, 500)
    np.testing.assert_array_equal(parts.ids, tokenizer._encode(text).ids)
    assert max(longest) <= 4000 + 500
    assert len(longest) >= len(text) // 4500


def test_an_overlap_too_small_to_agree_in_grows():
    """Three characters hold no run of tokens: the overlap grows until one does, and the text is never encoded whole."""
    tokenizer, text = text_tokenizer("byte-level"), zoo.MIXED * 40
    encode, longest = watched(tokenizer)
    parts = encode_in_segments(encode, text, 4000, 3)
    np.testing.assert_array_equal(parts.ids, tokenizer._encode(text).ids)
    assert 4003 < max(longest) < 5000


def test_where_no_agreement_is_found_the_text_is_encoded_whole():
    """Numbers cut in threes from the left: segments out of step never agree."""
    tokenizer, text = text_tokenizer("byte-level, Llama 3 pattern"), "1234567890" * 200
    encode, longest = watched(tokenizer)
    parts = encode_in_segments(encode, text, 401, 100)
    np.testing.assert_array_equal(parts.ids, tokenizer._encode(text).ids)
    assert max(longest) > 501, "the overlap grew"


def test_segments_that_name_their_tokens_differently_are_not_joined():
    """A tokenizer whose ids hang on where the text began: same bytes, other tokens, so no place to join them."""

    def encode(part):
        ids = np.arange(len(part), dtype=np.int32) % 7
        return Tokens(ids, np.arange(1, len(part) + 1, dtype=np.int64), True)

    text = "abc" * 300
    parts = encode_in_segments(encode, text, 100, 32)
    np.testing.assert_array_equal(parts.ids, encode(text).ids)
    np.testing.assert_array_equal(parts.end_bytes, encode(text).end_bytes)


@pytest.mark.parametrize("kind", ["byte-level", "SentencePiece, normalizer", "Unigram, byte fallback", "lowercase"])
def test_a_whole_book_in_segments_equals_the_whole(kind):
    shared = os.environ.get("ENTROPIST_SHARED")
    archive = Path(shared or "") / "data" / "books" / "books.tar.xz"
    if not shared or not archive.is_file():
        pytest.skip("ENTROPIST_SHARED names no place with data/books/books.tar.xz")
    with tarfile.open(archive) as books:
        book = next(member for member in books if member.isfile() and member.name.endswith(".txt"))
        text = books.extractfile(book).read().decode()[:300_000]
    tokenizer = text_tokenizer(kind)
    assert_segments_equal_whole(tokenizer, text, 20_011, 1000)


def test_the_built_in_tokenizer_is_exact_on_everything():
    model = en.load_model("builtin:base")
    for name, text in zoo.HOSTILE.items():
        tokens = model.tokenize(text)
        spans = check_tiling(text, tokens)
        assert tokens.lossless, name
        assert spans == [model.piece(int(i)) for i in tokens.ids], name
        assert tokens.end_bytes[-1] == len(text.encode())
