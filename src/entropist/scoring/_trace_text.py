"""`trace`: a text through a language model, one row a token."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.corpus import Sliding, Window
from entropist.errors import InputError
from entropist.logits import statistics
from entropist.models import LanguageModel, Tokens, load_model
from entropist.progress import tracked
from entropist.record import Metadata, Protocol, Trace, TraceWriter, audit_bytes, audit_tokens, audit_total
from entropist.scoring._score import protocol_for


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
    cut = _sliding(protocol, speaker, window, bos)
    tokens = speaker.tokenize(text)
    raw = text.encode()
    top_k = min(top_k, speaker.vocabulary_size)
    writer = TraceWriter(tokens.ids, tokens.end_bytes, raw, top_k=top_k)
    log_likelihood, named = _score(speaker, cut, tokens, writer, top_k)
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
    return Trace(table, metadata, {token: speaker.piece(token) for token in sorted(named)})


def _score(
    model: LanguageModel, cut: Sliding, tokens: Tokens, writer: TraceWriter, top_k: int
) -> tuple[float, set[int]]:
    """Fill the rows, one window after the other: (Σ log-probability, ids that occur in text or alternatives)."""
    named = np.zeros(model.vocabulary_size, np.bool_)
    named[tokens.ids] = True
    log_likelihood: list[float] = []
    for window in tracked(cut.windows(len(tokens)), cut.count(len(tokens)), "tracing"):
        begin = window.first_scored
        for block, targets in scored_logits(model, tokens, window):
            stats = statistics(block, targets, top_k=top_k)
            values = {name: _numpy(array) for name in _FIELDS if (array := getattr(stats, name)) is not None}
            writer.put(begin, values)
            log_likelihood.append(-float(values["surprisal"].sum()))
            if top_k:
                named[values["top_ids"].ravel()] = True
            begin += len(values["surprisal"])
    return math.fsum(log_likelihood), set(np.flatnonzero(named).tolist())


_FIELDS = ("surprisal", "entropy", "varentropy", "rank", "max_logprob", "top_ids", "top_logprobs")


def _numpy(array: Any) -> NDArray[Any]:
    return np.asarray(array.cpu() if hasattr(array, "cpu") else array)


def scored_logits(model: LanguageModel, tokens: Tokens, window: Window) -> Iterator[tuple[Any, NDArray[np.int64]]]:
    """(logits, targets) of the window's scored tokens, in blocks; the distribution of token t stands at t − 1."""
    ids = tokens.ids[window.start : window.stop]
    if window.bos:
        ids = np.concatenate([[model.bos_id], ids]).astype(np.int32)
    lead = window.start - int(window.bos)  # the text position of ids[0]
    first_row = window.first_scored - 1 - lead
    targets = ids[first_row + 1 :].astype(np.int64)
    if not len(targets):
        return  # a single token without BOS: context and nothing else
    done = 0
    for block in model.logits(ids[:-1], start=first_row):
        yield block, targets[done : done + len(block)]
        done += len(block)


def _sliding(name: str, model: LanguageModel, window: int | None, bos: bool | None) -> Sliding:
    if name != Sliding.name:
        raise InputError(f"protocol {name!r} is not known: use {Sliding.name!r}.")
    cut = protocol_for(model, name, window, None, bos)
    assert isinstance(cut, Sliding)
    return cut
