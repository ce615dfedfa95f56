"""The documents of a score that lie between two quantiles of bits per byte, or all others, read once more.

A score keeps no text. So the documents come from their source a second time, one by one, and each must be the one that
was scored: the same id and as many bytes, in the same order. Held are the ids of those wanted.

When this misleads: bits per byte of a short document vary widely, and what a model finds easy is not what is good. The
ends of the distribution hold repeats and lists at one side, verse, tables and other languages at the other: look at
what goes before letting it go.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from entropist.corpus import Document, Documents
from entropist.errors import InputError
from entropist.scoring._result import Score


def documents_between(
    score: Score, documents: Any, low: float, high: float, *, outside: bool = False
) -> Iterator[Document]:
    """The documents that `Score.between` names, or with `outside` those of `Score.outside`, in their order.

    documents: what was scored, as for `score` and with the same columns: a path, texts, mappings, or `Documents`. One
    without a score (empty, or too short for the protocol) is never between, so that it is among those outside; one that
    could not be read is in neither.

    Raises `InputError` where they cannot be read twice, or are others, or in another order, than those scored.

    >>> from entropist.scoring import score
    >>> texts = ["It was the best of times.", "zqx vvk"]
    >>> [document.text for document in documents_between(score(texts), texts, 0.0, 0.5)]
    ['It was the best of times.']
    """
    source = documents if isinstance(documents, Documents) else Documents(documents)
    if not source.repeatable:
        raise InputError("documents are read a second time to be kept: give a file or a list, not a stream.")
    wanted = set(score.outside(low, high) if outside else score.between(low, high))
    return _wanted(score, source, wanted)


def _wanted(score: Score, source: Documents, wanted: set[str]) -> Iterator[Document]:
    for document, scored in zip_longest(source, _scored(score)):
        if document is None or scored != (document.id, len(document.text.encode())):
            raise InputError(
                f"the documents are not those that were scored, or in another order: where "
                f"{'the end' if document is None else repr(document.id)} is now, "
                f"{'the end' if scored is None else repr(scored[0])} was."
            )
        if document.id in wanted:
            yield document


def _scored(score: Score) -> Iterator[tuple[str, int]]:
    """(id, bytes) of every document scored, a batch of rows at a time."""
    for batch in score.documents.select(["id", "bytes"]).to_batches():
        yield from zip(*(column.to_pylist() for column in batch.columns))
