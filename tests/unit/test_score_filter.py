"""The documents between two quantiles, read once more: those that the score names, or a refusal."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entropist.corpus import Document, Documents
from entropist.errors import InputError
from entropist.scoring import DOCUMENTS, Score, documents_between
from score_rows import row

quantile = st.integers(0, 20).map(lambda k: k / 20)


def scored(sizes):
    """A score of texts of so many bytes, 0 without one; bits per byte grow and fall along them."""
    rows = [row(i, size, float(size * (1 + i * 7 % 5)), 1.0, size=size, name=f"d{i}") for i, size in enumerate(sizes)]
    return Score(documents=pa.Table.from_pylist(rows, schema=DOCUMENTS)), [
        Document(f"d{i}", "a" * size) for i, size in enumerate(sizes)
    ]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30).filter(any), quantile, quantile)
def test_they_are_those_that_the_score_names(sizes, a, b):
    found, documents = scored(sizes)
    low, high = min(a, b), max(a, b)
    kept = list(documents_between(found, documents, low, high))
    dropped = list(documents_between(found, documents, low, high, outside=True))
    assert [document.id for document in kept] == found.between(low, high)
    assert [document.id for document in dropped] == found.outside(low, high)
    assert sorted(kept + dropped, key=documents.index) == documents
    assert all(document.text for document in kept), "one without a score is never between"


def test_others_than_those_scored_are_refused():
    found, documents = scored([4, 5, 6])
    for others, message in (
        (documents[:2], "where the end is now, 'd2' was"),
        ([*documents, Document("d3", "a")], "where 'd3' is now, the end was"),
        (documents[::-1], "where 'd2' is now, 'd0' was"),
        ([documents[0], Document("d1", "longer text"), documents[2]], "where 'd1' is now, 'd1' was"),
    ):
        with pytest.raises(InputError, match=message):
            list(documents_between(found, others, 0, 1))


def test_a_stream_is_refused_before_anything_is_read():
    found, documents = scored([4, 5, 6])
    for source in (iter(documents), Documents("-")):
        with pytest.raises(InputError, match="a second time"):
            documents_between(found, source, 0, 1)


def test_documents_come_one_at_a_time():
    found, documents = scored([4, 5, 6])

    class Watched:
        taken = 0

        def __iter__(self):
            for document in documents:
                self.taken += 1
                yield document

    watched = Watched()
    assert next(documents_between(found, watched, 0, 1)) == documents[0]
    assert watched.taken == 1
