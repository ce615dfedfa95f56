"""What several protocols, and the tools they come from, would print of the same documents, and why they differ.

Every document goes through the model once for all protocols where their windows coincide. A protocol's number depends
on how much context a scored token has (`mean_context`, tokens before it in its window), on which bytes it scores
(`scored_share`), and on how the tool averages (`printed`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from entropist.corpus import Documents, WindowProtocol, card
from entropist.errors import InputError
from entropist.models import LanguageModel, load_model
from entropist.record import Protocol
from entropist.results import Estimate
from entropist.scoring._engine import BATCH_TOKENS, run
from entropist.scoring._result import Score
from entropist.scoring._rows import document_row
from entropist.scoring._schemas import DOCUMENTS
from entropist.scoring._score import protocol_for, shards
from entropist.scoring._shards import refuse_too_long


@dataclass(frozen=True)
class ProtocolLine:
    """One protocol's figures; `printed` is what the tool it comes from would print, by the names it uses."""

    name: str
    card: str
    bits_per_byte: Estimate
    perplexity: Estimate
    mean_context: float
    scored_share: float
    printed: dict[str, float]


@dataclass(frozen=True)
class ProtocolReport:
    """The lines, in the order asked."""

    lines: tuple[ProtocolLine, ...]

    def __str__(self) -> str:
        rows = [("protocol", "perplexity", "bits/byte", "context", "scored", "the tool prints")]
        for line in self.lines:
            printed = ", ".join(f"{name} {value:.6g}" for name, value in line.printed.items())
            rows.append(
                (line.name, f"{line.perplexity.value:.4f}", f"{line.bits_per_byte.value:.4f}",
                 f"{line.mean_context:.0f}", f"{line.scored_share:.1%}", printed)
            )  # fmt: skip
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        return "\n".join("  ".join((*(cell.ljust(w) for cell, w in zip(row, widths)), row[5])) for row in rows)


def protocol_report(
    documents: Any,
    *,
    model: str | Path | LanguageModel = "builtin:base",
    protocols: Sequence[str] = ("sliding", "disjoint", "strided", "half-window"),
    window: int | None = None,
    bos: bool | None = None,
) -> ProtocolReport:
    """The same documents under several protocols, forwards shared where windows coincide.

    Raises `InputError` where a protocol scores no token of them, as `score` does.

    >>> report = protocol_report(["It was the best of times."], protocols=["sliding", "whole"])
    >>> report.lines[0].perplexity.value == report.lines[1].perplexity.value
    True
    """
    if not protocols or len(set(protocols)) < len(protocols):
        raise InputError(f"name every protocol once, and one at least; given {list(protocols)}.")
    speaker = load_model(model) if isinstance(model, (str, Path)) else model
    cuts = [protocol_for(speaker, name, window, None, bos) for name in protocols]
    source = documents if isinstance(documents, Documents) else Documents(documents)
    tables = [[DOCUMENTS.empty_table()] for _ in cuts]
    first = 0
    for shard in shards(iter(source)):
        texts = [speaker.tokenize(document.text) for document in shard]
        for cut in cuts:
            refuse_too_long(shard, texts, cut)
        found = run(speaker, texts, cuts, batch_tokens=BATCH_TOKENS)
        for i, (cut, into) in enumerate(zip(cuts, tables)):
            items = enumerate(zip(shard, texts, found), first)
            rows = [document_row(index, document, text, values[i], cut) for index, (document, text, values) in items]
            into.append(pa.Table.from_pylist(rows, schema=DOCUMENTS))
        first += len(shard)
    return ProtocolReport(tuple(_line(cut, speaker, pa.concat_tables(each)) for cut, each in zip(cuts, tables)))


def as_printed(name: str, table: pa.Table) -> dict[str, float]:
    """The numbers the tool of a protocol prints of these documents, by its own names and its own averaging.

    lm-evaluation-harness divides by all bytes and by `len(re.split(r"\\s+", text))` words, whatever was scored; the
    Hugging Face recipe weights windows by one token too few from the second on.
    """
    nats = math.fsum(table["surprisal"].to_pylist())
    total = {
        column: sum(table[column].to_pylist()) for column in ("bytes", "split_words", "scored_tokens", "recipe_tokens")
    }
    if name == "disjoint":
        return {
            "word_perplexity": _exp(nats / total["split_words"]),
            "byte_perplexity": _exp(nats / total["bytes"]),
            "bits_per_byte": nats / total["bytes"] / math.log(2),
        }
    if name == "strided":
        recipe = math.fsum(table["recipe_nats"].to_pylist())
        return {"ppl": _exp(recipe / total["recipe_tokens"])} if total["recipe_tokens"] else {}
    return {"perplexity": _exp(nats / total["scored_tokens"])}


def _line(cut: WindowProtocol, model: LanguageModel, table: pa.Table) -> ProtocolLine:
    declared = Protocol(cut.name, cut.context, cut.stride, model.bos_id if cut.bos else None)
    found = Score(documents=table, model=model.identity, protocol=declared)
    found.refuse_empty()
    scored = sum(table["scored_tokens"].to_pylist())
    sizes = found.bytes()
    return ProtocolLine(
        name=cut.name,
        card=card(cut),
        bits_per_byte=found.bits_per_byte(),
        perplexity=found.perplexity(),
        mean_context=sum(table["seen"].to_pylist()) / scored,
        scored_share=sizes["scored_"] / sizes[""],
        printed=as_printed(cut.name, table),
    )


def _exp(value: float) -> float:
    return math.exp(value) if value < 709 else math.inf
