"""Spans: a document is tiled as said, the extremes are those of all spans, in whatever order shards come together."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entropist.corpus import Document
from entropist.errors import InputError
from entropist.scoring import DOCUMENTS, SPANS, Score
from entropist.scoring._spans import SPAN_BYTES, SPANS_KEPT, ScoredText, merged, span_table


def scored_text(text, ends, surprisal, scored=None, index=0, name="d"):
    ends = np.asarray(ends, np.int64)
    scored = np.ones(len(ends), bool) if scored is None else np.asarray(scored, bool)
    return ScoredText(index, Document(name, text, None), ends, np.asarray(surprisal, np.float64), scored)


def by_characters(text, surprisal, **options):
    return scored_text(text, np.cumsum([len(c.encode()) for c in text]), surprisal, **options)


def places(table):
    return sorted(zip(table["start_byte"].to_pylist(), table["end_byte"].to_pylist()))


def test_spans_of_a_text_in_closed_form():
    words = "abcdefg " * 40  # 320 bytes, a blank after every eighth less one
    nats = np.ones(320)
    nats[135:263] = 2
    table = span_table([by_characters(words, nats)])
    # The first blank at byte 128 or later is at 135; 57 bytes are left over and too few.
    assert places(table) == [(0, 135), (135, 263)]
    assert table["surprisal"].to_pylist() == [256.0, 135.0]
    assert table["tokens"].to_pylist() == [128, 135]
    assert table["text"].to_pylist() == [words[135:263], words[:135]]
    assert table.schema.equals(SPANS)


def test_a_rest_of_64_bytes_is_a_span_and_one_less_is_none():
    for rest, expected in ((63, [(0, 128)]), (64, [(0, 128), (128, 192)])):
        text = "a" * 128 + " " + "b" * (rest - 1)
        assert places(span_table([by_characters(text, np.ones(len(text)))])) == expected
    for size, expected in ((256, [(0, 256)]), (257, [(0, 128), (128, 257)])):  # the end is 128 bytes on, or 129
        assert places(span_table([by_characters("a" * size, np.ones(size))])) == expected
    assert span_table([by_characters("a" * 63, np.ones(63))]).num_rows == 0
    assert span_table([by_characters("", [])]).num_rows == 0
    assert span_table([]).schema.equals(SPANS)


def test_a_token_not_scored_ends_a_span():
    scored = np.ones(500, bool)
    scored[[0, 190]] = False
    nats = np.where(scored, 1.0, 1e9)  # what was not scored counts for nothing
    table = span_table([by_characters("a" * 500, nats, scored=scored)])
    assert places(table) == [(1, 129), (191, 319), (319, 500)]
    assert sorted(table["surprisal"].to_pylist()) == [128.0, 128.0, 181.0]


def test_spans_hold_whole_characters():
    text = "日本🙂é" * 40  # of 3, 3, 4 and 2 bytes, a token a byte
    size = len(text.encode())
    table = span_table([scored_text(text, np.arange(1, size + 1), np.arange(size))])
    assert "".join(row["text"] for row in sorted(table.to_pylist(), key=lambda row: row["start_byte"])) == text
    assert all(row["end_byte"] - row["start_byte"] < SPAN_BYTES + 4 for row in table.to_pylist()[1:])


@given(st.text(alphabet="ab \n日🙂", max_size=900), st.data())
def test_spans_are_made_of_what_was_scored(text, data):
    raw = text.encode()
    ends = sorted(data.draw(st.sets(st.integers(1, max(1, len(raw))), max_size=60)) | {len(raw)}) if raw else []
    n = len(ends)
    g = np.random.default_rng(n)
    nats, scored = g.exponential(size=n), g.random(n) < 0.95
    starts = [0, *ends[:-1]]
    before = 0
    for row in sorted(span_table([scored_text(text, ends, nats, scored)]).to_pylist(), key=lambda r: r["start_byte"]):
        start, end = row["start_byte"], row["end_byte"]
        assert start >= before
        before = end
        assert end - start >= SPAN_BYTES // 2
        assert row["text"] == raw[start:end].decode()
        first, last = starts.index(start), ends.index(end)
        assert scored[first : last + 1].all()
        assert row["tokens"] == last + 1 - first
        assert row["surprisal"] == pytest.approx(math.fsum(nats[first : last + 1]), rel=1e-12)


def many(count, seed):
    g = np.random.default_rng(seed)
    texts = [
        by_characters((" " + "a" * 127) * 3, np.repeat(g.integers(1, 9, 3) / 8, 128), index=i, name=f"d{i}")
        for i in range(count)
    ]
    rates = sorted((x for text in texts for x in text.surprisal[::128].tolist()), reverse=True)
    return texts, rates


def test_the_extremes_are_those_of_all_shards():
    """Ties abound, and whichever shards are put together first, the same rows stay."""
    texts, rates = many(60, 0)
    whole = span_table(texts)
    assert whole.num_rows == 2 * SPANS_KEPT
    parts = [span_table(texts[i : i + 7]) for i in range(0, 60, 7)]
    assert merged(parts).equals(whole)
    assert merged(parts[::-1]).equals(whole)
    assert merged([merged(parts[:3]), merged(parts[3:])]).equals(whole)
    found = Score(documents=DOCUMENTS.empty_table(), extremes=whole)
    assert [span.surprisal / 128 for span in found.spans(20)] == pytest.approx(rates[:20])
    assert [span.surprisal / 128 for span in found.spans(20, least=True)] == pytest.approx(rates[:-21:-1])
    assert found.spans(1)[0].bits_per_byte == pytest.approx(rates[0] / math.log(2))


def test_what_is_refused():
    found = Score(documents=DOCUMENTS.empty_table(), extremes=pa.Table.from_pylist([], schema=SPANS))
    assert found.spans() == []
    for count in (0, 21):
        with pytest.raises(InputError, match="1 to 20"):
            found.spans(count)
    with pytest.raises(InputError, match="score with words"):
        next(found.word_tables())
