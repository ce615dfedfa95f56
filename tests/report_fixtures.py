"""Made-up but consistent traces for the views, and every piece of text that might harm one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from entropist.provenance import Identity
from entropist.record import BOUNDS, Declaration, Metadata, Protocol, Trace, TraceWriter

WORDS = (
    "the", "of", "and", "to", "a", "in", "that", "is", "was", "he", "for", "it", "with", "as", "his", "on", "be", "at",
)  # fmt: skip

HOSTILE = (
    b"</script><script>window.harmed=1</script>",
    b"<!--<script>",
    b"<img src=x onerror=window.harmed=1>",
    b"<svg/onload=window.harmed=1>",
    b"\"><b class='harm'>bold</b>",
    b"</noscript></template></style></title></textarea>",
    b"{{7*7}}${7*7}<%=7*7%>#{7*7}",
    b"%s%n{0}{unit}{data}",
    b"[bold red]markup[/] :smile:",
    b"\x1b[31m\x1b]0;owned\x07\x1b[2J",
    b"\xc2\x9b31m\xc2\x9d0;owned\xc2\x9c",
    b"\x00\x01\x07\x08\x0b\x0c\x0e\x7f",
    b"\r",
    b"\r\n",
    b"\n\n\t",
    "\u202ereversed\u202c\u2066\u200f".encode(),
    "\u2028\u2029\u200b\ufeff\u00ad".encode(),
    "שלום ".encode(),
    "عربي ".encode(),
    "e\u0301\u0327".encode(),
    "\u0301".encode(),
    "日本".encode(),
    "本".encode()[:1],
    "本".encode()[1:2],
    "本".encode()[2:],
    "👩‍👩‍👧".encode(),
    b"\x80",
    b"\xe3\x81",
    b"\xff\xfe",
    b"&lt;&amp;&#60;",
    b"'\"`\\",
    b"x" * 10_000,
    b"",
    b" ",
    "\U000e0041\ue000\ufdd0".encode(),
    b"javascript:alert(1)",
)


def trace_of(
    pieces: Sequence[bytes], *, seed: int = 0, top_k: int = 10, context: int = 0, name: str = "made-up"
) -> Trace:
    """A trace of `pieces`: each predicted by a softmax of random logits over as many tokens as there are kinds."""
    kinds = list(dict.fromkeys([*pieces, *(word.encode() for word in WORDS)]))
    number = {piece: token for token, piece in enumerate(kinds)}
    ids = np.array([number[piece] for piece in pieces], np.int32)
    ends = np.cumsum([len(piece) for piece in pieces]).astype(np.int64)
    writer = TraceWriter(ids, ends, b"".join(pieces), top_k=top_k)
    random = np.random.default_rng(seed)
    for begin in range(context, len(pieces), 2000):
        writer.put(begin, _distributions(random, ids[begin : begin + 2000], len(kinds), top_k))
    model = Identity(name, "ab" * 32, "cd" * 32, "float32", versions={"entropist": "0.0"})
    metadata = Metadata(model, Protocol("sliding", 512, 256, None if context else 0), len(kinds))
    return Trace(writer.table(), metadata, dict(enumerate(kinds)))


def prose(tokens: int, *, seed: int = 0, **options: Any) -> Trace:
    """A trace of `tokens` made-up words in paragraphs."""
    random = np.random.default_rng(seed)
    vocabulary = [f" {word}{ending}" for word in WORDS for ending in ("", "ing", "ed", "er", "ly", "s", "ness", "ment")]
    pieces = [vocabulary[k].encode() for k in random.zipf(1.3, tokens) % len(vocabulary)]
    for end in range(70, tokens, 90):
        pieces[end] = b"\n"
    return trace_of(pieces, seed=seed, **options)


def answer(trace: Trace, **told: Any) -> Trace:
    """The trace as if a server had given it, which told `told` of itself."""
    declaration = Declaration(
        server="openai", dialect="openai-chat", model="made-up", probabilities="unknown", temperature=None, k=10,
        vocabulary_size=200, vocabulary_source="given", rounding=0.0, ids="local", parts=("answer",), sentinels=(),
        censored=0, findings=(),
    )  # fmt: skip
    return Trace(trace.table, replace(trace.metadata, declaration=replace(declaration, **told)), trace.pieces)


def hostile() -> Trace:
    """Every piece that was ever used to break out of a page, a picture or a terminal."""
    return trace_of([b"start", *HOSTILE, b" end"], context=1, name='<b>"evil"</b>\x1b[31m\n&')


def _distributions(random: np.random.Generator, ids: Any, vocabulary: int, top_k: int) -> dict[str, Any]:
    n = len(ids)
    logits = random.normal(0, 2.5, (n, vocabulary))
    logits[np.arange(n), ids] += random.normal(2, 2, n)
    logprobs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    chosen = logprobs[np.arange(n), ids]
    entropy = -(np.exp(logprobs) * logprobs).sum(axis=1)
    top = np.argsort(-logprobs, axis=1)[:, :top_k]
    return {
        "surprisal": -chosen,
        "entropy": entropy,
        "varentropy": (np.exp(logprobs) * (logprobs + entropy[:, None]) ** 2).sum(axis=1),
        "rank": (logprobs > chosen[:, None]).sum(axis=1).astype(np.int32),
        "max_logprob": logprobs.max(axis=1),
        "top_ids": top.astype(np.int32),
        "top_logprobs": np.take_along_axis(logprobs, top, axis=1).astype(np.float32),
    }


def truncated(tokens: int = 300) -> Trace:
    """Prose as a server tells it that cuts its list: no entropy, but bounds, the wider the more it cut off."""
    whole = prose(tokens)
    table = whole.table
    entropy, surprisal = whole.column("entropy"), whole.column("surprisal")
    varentropy = whole.column("varentropy")
    width = np.abs(np.sin(np.arange(len(entropy)))) * entropy
    for name in ("entropy", "varentropy"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(place), pa.nulls(len(whole), pa.float64()))
    for column in BOUNDS:
        point = {"surprisal": surprisal, "entropy": entropy, "varentropy": varentropy}[column.name.partition("_")[0]]
        by = {"entropy_low": -0.5 * width, "entropy_high": 0.5 * width}.get(column.name, 0.0)
        table = table.append_column(pa.field(column.name, pa.float64()), pa.array(point + by, from_pandas=True))
    return Trace(table, whole.metadata, whole.pieces)
