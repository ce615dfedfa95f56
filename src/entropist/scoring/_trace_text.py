"""`trace`: a text through a language model, one row a token."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from entropist.corpus import Sliding, Window
from entropist.errors import InputError
from entropist.logits import LogitStatistics, statistics
from entropist.models import LanguageModel, Tokens, load_model
from entropist.progress import tracked
from entropist.record import Metadata, Protocol, Trace, TraceWriter, audit_bytes, audit_tokens, audit_total

LONGEST_WINDOW = 4096  # tokens; a longer context costs time and memory and changes the totals little


def trace(
    text: str,
    *,
    model: str | Path | LanguageModel = "builtin:base",
    protocol: str = "sliding",
    window: int | None = None,
    bos: bool | None = None,
    top_k: int = 10,
) -> Trace:
    """Surprisal, entropy, rank and the `top_k` alternatives of every token of `text`, in nats.

    surprisal(t) = −ln p(t | before), entropy(t) = −Σ p ln p of the same distribution.

    model: a name for `load_model`, or a model. window: tokens the model sees at once, by default its
    context, at most 4096. bos: whether the model's BOS token leads every window, by default where it
    has one; without it the first token is context and not scored. Text of any length is cut by
    `protocol` ("sliding": half-window steps, every token scored once). Marks such as <|endoftext|> in the
    text are plain text.

    Raises `InputError` for an empty text, `ModelError` for a model that cannot be used, and `AuditError`
    where bytes, tokens or totals do not add up, which is never the text's fault.

    >>> trace("It was the best of times, it was the worst of times.").bits_per_byte().unit
    'bits/byte'
    """
    if not text:
        raise InputError("the text is empty: there is nothing to trace.")
    if top_k < 0:
        raise InputError(f"top_k must be 0 or more; given {top_k}.")
    speaker = load_model(model) if isinstance(model, (str, Path)) else model
    cut = _protocol(protocol, speaker, window, bos)
    tokens = speaker.tokenize(text)
    raw = text.encode()
    writer, log_likelihood, named = _score(speaker, cut, tokens, raw, min(top_k, speaker.vocabulary_size))
    table = writer.table()
    audit_bytes(table, len(raw))
    audit_tokens(table, len(tokens))
    audit_total(table, log_likelihood)
    metadata = Metadata(
        model=speaker.identity,
        protocol=Protocol(cut.name, cut.context, cut.stride, speaker.bos_id if cut.bos else None),
        vocabulary_size=speaker.vocabulary_size,
        lossless=tokens.lossless,
    )
    return Trace(table, metadata, {int(token): speaker.piece(int(token)) for token in np.flatnonzero(named)})


def _score(
    model: LanguageModel, cut: Sliding, tokens: Tokens, raw: bytes, top_k: int
) -> tuple[TraceWriter, float, NDArray[np.bool_]]:
    """(the rows, Σ log-probability, which ids occur): one window after the other, nothing kept but rows."""
    writer = TraceWriter()
    named = np.zeros(model.vocabulary_size, np.bool_)
    named[tokens.ids] = True
    parts: list[float] = []
    if not cut.bos:
        writer.context(tokens.ids[:1], *_bytes(tokens, raw, 0, 1))
    for window in tracked(cut.windows(len(tokens)), cut.count(len(tokens)), "tracing"):
        begin = window.first_scored
        for stats in _scored_blocks(model, cut, tokens, window, top_k):
            end = begin + len(stats.surprisal)
            values = {name: array.cpu().numpy() for name in _FIELDS if (array := getattr(stats, name)) is not None}
            if not top_k:
                values |= {name: np.zeros((end - begin, 0), np.float32) for name in ("top_ids", "top_logprobs")}
            named[values["top_ids"].astype(np.int64).ravel()] = True
            parts.append(-float(values["surprisal"].sum()))
            writer.scored(tokens.ids[begin:end], *_bytes(tokens, raw, begin, end), values)
            begin = end
    return writer, math.fsum(parts), named


_FIELDS = ("surprisal", "entropy", "varentropy", "rank", "max_logprob", "top_ids", "top_logprobs")


def _scored_blocks(
    model: LanguageModel, cut: Sliding, tokens: Tokens, window: Window, top_k: int
) -> Iterator[LogitStatistics]:
    """Statistics of the window's scored tokens, block by block; the distribution of token t stands at t − 1."""
    ids = tokens.ids[window.start : window.stop]
    if cut.bos:
        ids = np.concatenate([[model.bos_id], ids]).astype(np.int32)
    lead = window.start - int(cut.bos)  # the text position of ids[0]
    first_row = window.first_scored - 1 - lead
    targets = ids[first_row + 1 :].astype(np.int64)
    row = 0
    for block in model.logits(ids[:-1]):
        skip = max(0, first_row - row)
        if skip < len(block):
            begin = row + skip - first_row
            kept = block[skip:]
            yield statistics(kept, targets[begin : begin + len(kept)], top_k=top_k)
        row += len(block)


def _protocol(name: str, model: LanguageModel, window: int | None, bos: bool | None) -> Sliding:
    if name != Sliding.name:
        raise InputError(f"protocol {name!r} is not known: use {Sliding.name!r}.")
    if bos and model.bos_id is None:
        raise InputError(f"{model.identity.name} has no BOS token: leave bos out, the first token is then context.")
    if window is not None and model.context is not None and window > model.context:
        raise InputError(
            f"window {window} is longer than the {model.context} positions {model.identity.name} was made for."
        )
    longest = min(model.context or LONGEST_WINDOW, LONGEST_WINDOW)
    return Sliding(window or longest, model.bos_id is not None if bos is None else bos)


def _bytes(tokens: Tokens, raw: bytes, begin: int, end: int) -> tuple[list[bytes], NDArray[np.int64]]:
    """(bytes of the text that each token covers, where they end)."""
    ends = tokens.end_bytes[begin:end]
    starts = np.concatenate([[tokens.end_bytes[begin - 1] if begin else 0], ends[:-1]])
    return [raw[i:j] for i, j in zip(starts.tolist(), ends.tolist())], ends
