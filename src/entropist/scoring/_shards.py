"""A shard: consecutive documents that are scored, and written, together; and what is made of one.

Every engine gives the same shard to the same recipe, so that which windows share a batch does not depend on the engine.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.corpus import Document, WindowProtocol
from entropist.errors import InputError
from entropist.models import LanguageModel, Tokens
from entropist.scoring._engine import SCORED, TokenValues, run
from entropist.scoring._rows import document_row, token_table, word_table
from entropist.scoring._schemas import DOCUMENTS
from entropist.scoring._spans import ScoredText, span_table

Tables = dict[str, pa.Table]
"""The tables made of a shard: "documents", "spans" and, where asked for, "tokens" and "words"."""


@dataclass(frozen=True)
class Shard:
    """The documents numbered from `first` on, themselves number `number` of the shards; `digest` is their hash."""

    number: int
    first: int
    documents: list[Document]
    digest: str


@dataclass(frozen=True)
class Work:
    """A shard to score, or the rows an earlier run has left of it."""

    shard: Shard
    kept: pa.Table | None


@dataclass(frozen=True)
class Recipe:
    """How shards become tables. word_starts: ids of the tokens that begin a word, where words are wanted."""

    cut: WindowProtocol
    word_starts: NDArray[np.int64] | None
    tokens: bool
    batch_tokens: int

    def tables(self, model: LanguageModel, shard: Shard) -> Tables:
        """The tables of a shard."""
        texts = [model.tokenize(document.text) for document in shard.documents]
        refuse_too_long(shard.documents, texts, self.cut)
        found = run(model, texts, [self.cut], word_starts=self.word_starts, batch_tokens=self.batch_tokens)
        items = [
            (shard.first + i, document, text, values)
            for i, (document, text, (values,)) in enumerate(zip(shard.documents, texts, found))
        ]
        rows = [document_row(*item, self.cut) for item in items]
        made = {"documents": pa.Table.from_pylist(rows, schema=DOCUMENTS), "spans": _spans(items)}
        if self.tokens:
            made["tokens"] = pa.concat_tables([token_table(*item) for item in items])
        if self.word_starts is not None:
            made["words"] = pa.concat_tables([word_table(*item) for item in items])
        return made


def refuse_too_long(documents: Sequence[Document], texts: Sequence[Tokens], cut: WindowProtocol) -> None:
    """Raise the protocol's `InputError` for a document that it has no windows for, with the document's id."""
    for document, text in zip(documents, texts):
        try:
            next(cut.windows(len(text)), None)
        except InputError as error:
            raise InputError(f"{document.id}: {error}") from None


def _spans(items: list[tuple[int, Document, Tokens, TokenValues]]) -> pa.Table:
    return span_table(
        [
            ScoredText(index, document, text.end_bytes, values.surprisal, values.state == SCORED)
            for index, document, text, values in items
        ]
    )


def in_process(
    work: Iterator[Work], model: LanguageModel, recipe: Recipe
) -> Generator[tuple[Work, Tables], None, None]:
    """Each shard with what is made of it, one after the other; nothing is made of one that is kept."""
    for each in work:
        yield each, {} if each.kept is not None else recipe.tables(model, each.shard)
