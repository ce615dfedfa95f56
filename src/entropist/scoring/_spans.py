"""The stretches of text that cost a model most and least: kept while scoring, so that no token has to be.

A document is cut from its beginning into spans: each ends with the first token after 128 bytes that a blank or the end
follows, or where none comes within 128 more, that ends between two characters. None holds a token that was not scored,
and a rest of fewer than 64 bytes is left out. Of a shard the 20 spans with the most bits per byte stay and the 20 with
the fewest, and of all shards together the same again.

When this misleads: 128 bytes are few, and their bits per byte vary widely; the first of very many are extreme by chance
alone. Read them to see what a corpus holds (tables, lists, other languages, repeats), not to rank its documents.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.corpus import Document
from entropist.scoring._schemas import SPANS

SPAN_BYTES = 128
"""A span ends at the first token that reaches so many."""
SPANS_KEPT = 20
"""Spans kept at either end."""
_SHORTEST = SPAN_BYTES // 2
_IS_BLANK = np.isin(np.arange(256), list(b"\t\n\v\f\r "))


@dataclass(frozen=True)
class Span:
    """A stretch of a document: the bytes from `start_byte` up to `end_byte`, their text, their surprisal in nats."""

    document: str
    start_byte: int
    end_byte: int
    text: str
    surprisal: float

    @property
    def bits_per_byte(self) -> float:
        """Bits over bytes of this stretch alone; of so few, no error."""
        return self.surprisal / math.log(2) / (self.end_byte - self.start_byte)


@dataclass(frozen=True)
class ScoredText:
    """A document, the byte after each token's last one, each token's surprisal, which were scored: (tokens,) each."""

    index: int
    document: Document
    end_bytes: NDArray[np.int64]
    surprisal: NDArray[np.float64]
    scored: NDArray[np.bool_]


def span_table(texts: Sequence[ScoredText]) -> pa.Table:
    """The spans of some documents that are kept, the most surprising first: a table like `SPANS`."""
    cut = [_spans_of(text) for text in texts]
    owner = np.repeat(np.arange(len(texts)), [len(spans) for spans in cut])
    starts, ends, counts, nats = np.concatenate([*cut, np.zeros((0, 4))]).T
    rows, kept = [], _kept(nats, starts, ends, owner)
    raw = {k: texts[k].document.text.encode() for k in set(owner[kept].tolist())}
    for i in kept.tolist():
        text, start, end = texts[owner[i]], int(starts[i]), int(ends[i])
        rows.append(
            {
                "index": text.index, "id": text.document.id, "start_byte": start, "end_byte": end,
                "tokens": int(counts[i]), "surprisal": nats[i],
                "text": raw[int(owner[i])][start:end].decode(),
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=SPANS)


def merged(tables: Iterable[pa.Table]) -> pa.Table:
    """One table like `SPANS` of several; whichever are put together first, the same."""
    found = SPANS.empty_table()
    for table in tables:
        both = pa.concat_tables([found, table.cast(SPANS)])
        nats, starts, ends, owner = (both[name].to_numpy() for name in ("surprisal", "start_byte", "end_byte", "index"))
        found = both.take(_kept(nats, starts, ends, owner)).combine_chunks()
    return found


def spans_of_table(table: pa.Table, count: int, least: bool) -> list[Span]:
    """The first `count` rows of a table like `SPANS`, or the last ones, the last first."""
    rows = table.slice(max(0, table.num_rows - count)).to_pylist()[::-1] if least else table.slice(0, count).to_pylist()
    return [
        Span(row["id"], row["start_byte"], row["end_byte"], row["text"], row["surprisal"]) for row in rows
    ]  # fmt: skip


def _kept(
    nats: NDArray[np.float64], starts: NDArray[np.float64], ends: NDArray[np.float64], owner: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Indices of the rows that stay: by bits per byte, where these are equal by document and place."""
    order = np.lexsort((starts, owner, -nats / (ends - starts)))
    return order if len(order) <= 2 * SPANS_KEPT else np.concatenate([order[:SPANS_KEPT], order[-SPANS_KEPT:]])


def _spans_of(text: ScoredText) -> NDArray[np.float64]:
    """The spans of one document: rows of (start byte, end byte, tokens, nats)."""
    raw = np.frombuffer(text.document.text.encode() + b" ", np.uint8)  # the end is like a blank
    scored = np.concatenate([[False], text.scored, [False]])
    edges = np.flatnonzero(scored[1:] != scored[:-1])
    places = np.concatenate([[0], text.end_bytes])  # token t lies between places[t] and places[t + 1]
    found = [np.zeros((0, 4))]
    for a, b in zip(edges[::2].tolist(), edges[1::2].tolist()):
        after = raw[places[a : b + 1]]
        clean = after & 0xC0 != 0x80  # between two characters
        cuts = a + np.flatnonzero(clean)[_cuts(places[a : b + 1][clean], _IS_BLANK[after[clean]])]
        if len(cuts) > 1:
            nats = np.add.reduceat(text.surprisal[: cuts[-1]], cuts[:-1])
            found.append(np.stack([places[cuts[:-1]], places[cuts[1:]], np.diff(cuts), nats], 1).astype(np.float64))
    return np.concatenate(found)


def _cuts(places: NDArray[np.int64], before_blank: NDArray[np.bool_]) -> list[int]:
    """Which of the places, bytes in their order, spans lie between; none or one where there is no span."""
    if not len(places):
        return []
    cuts, last, blanks = [0], len(places) - 1, np.flatnonzero(before_blank)
    at_blanks = places[blanks]
    while True:
        goal = places[cuts[-1]] + SPAN_BYTES
        if goal > places[last]:
            return cuts if goal - places[last] > SPAN_BYTES - _SHORTEST else [*cuts, last]
        k = int(np.searchsorted(at_blanks, goal))
        near = k < len(blanks) and at_blanks[k] <= goal + SPAN_BYTES
        cuts.append(int(blanks[k] if near else np.searchsorted(places, goal)))
