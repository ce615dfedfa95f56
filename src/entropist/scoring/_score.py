"""`score`: documents through a model, one row a document, totals with errors between documents.

Documents are read, scored and written a shard at a time: consecutive documents of 256 KiB of text together. Memory is
that of the model, a shard and some two hundred bytes a document.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.corpus import Document, Documents, WindowProtocol
from entropist.corpus import protocol as make_protocol
from entropist.errors import InputError
from entropist.logits import compile_kernels
from entropist.models import LanguageModel, load_model
from entropist.progress import working
from entropist.record import Protocol
from entropist.scoring._engine import BATCH_TOKENS, run
from entropist.scoring._result import Score
from entropist.scoring._rows import DOCUMENTS, WORDS, document_row, token_table, word_table
from entropist.scoring._sampling import random_order
from entropist.scoring._store import Store, input_digest

LONGEST_WINDOW = 4096  # tokens; a longer context costs time and memory and changes the totals little
_SHARD_BYTES = 1 << 18
_SHARD_DOCUMENTS = 256
MINIMUM_FOR_STOPPING = 30


def score(
    documents: Any,
    *,
    model: str | Path | LanguageModel = "builtin:base",
    protocol: str = "sliding",
    window: int | None = None,
    stride: int | None = None,
    bos: bool | None = None,
    text_column: str = "text",
    id_column: str = "id",
    group_column: str | None = None,
    on_error: Literal["fail", "skip"] = "fail",
    save: str | Path | None = None,
    resume: bool = False,
    tokens: bool = False,
    words: bool = False,
    until_stderr: float | None = None,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
) -> Score:
    """Bits per byte, perplexity, entropy and their errors of a corpus, in nats inside.

    documents: a path, a glob, "-", texts, mappings, or `Documents`; see `Documents` for columns and `on_error`. model:
    a name for `load_model`, or a model. protocol: "sliding", "disjoint", "strided", "half-window" or "whole", with
    windows of `window` tokens (by default the model's context, at most 4096); `stride` for "strided". bos: whether BOS
    leads, by default where the model has one.

    save: a directory for Parquet and a manifest, with `tokens` one row a token as well; `resume` finishes what was
    begun there and refuses a changed input or model. words: a table of words with corrected surprisal. until_stderr:
    documents in an order drawn from `seed` until bits per byte has that standard error, 30 at least; such an
    interval covers a little less than it says, for the error was looked at many times. `batch_tokens` is how many
    tokens go through the model together.

    Raises `InputError` where no token was scored, `FileError`, `ModelError`, and `AuditError` where bytes do not add
    up.

    >>> found = score(["It was the best of times.", "It was the worst of times."])
    >>> found.documents.num_rows, found.bits_per_byte().unit
    (2, 'bits/byte')
    """
    source = documents if isinstance(documents, Documents) else Documents(
        documents, text_column=text_column, id_column=id_column, group_column=group_column, on_error=on_error
    )  # fmt: skip
    _check_options(source, save, resume, tokens, until_stderr, batch_tokens)
    speaker = load_model(model) if isinstance(model, (str, Path)) else model
    cut = protocol_for(speaker, protocol, window, stride, bos)
    settings = {
        "model": speaker.identity.__dict__,
        "protocol": _declared(cut, speaker).__dict__,
        "options": {
            "tokens": tokens,
            "words": words,
            "until_stderr": until_stderr,
            "seed": seed,
            "batch_tokens": batch_tokens,
        },
    }
    if save is not None:
        # Kernels that became ready between a kill and its resume would change the last bits of what is left to score.
        compile_kernels()
    store = None if save is None else Store(Path(save), settings, resume=resume)
    starts = word_starts(speaker) if words else None
    stream = iter(source) if until_stderr is None else random_order(source, seed)
    tables, spoken, read = [], [], 0
    with working(f"scoring with {speaker.identity.name}"):
        for number, shard in enumerate(shards(stream, _SHARD_DOCUMENTS if until_stderr is None else 32)):
            digest = input_digest(shard)
            rows = None if store is None else store.kept(number, digest)
            if rows is None:
                made = _score_shard(speaker, cut, shard, read, starts, tokens, batch_tokens)
                rows = made["documents"]
                if store is not None:
                    store.write(number, digest, made)
                if words and store is None:
                    spoken.append(made["words"])
            tables.append(rows)
            read += len(shard)
            if until_stderr is not None and _reached(tables, until_stderr):
                break
    table = pa.concat_tables(tables) if tables else DOCUMENTS.empty_table()
    found = Score(
        documents=table,
        model=speaker.identity,
        protocol=_declared(cut, speaker),
        skipped=source.skipped,
        skip_reasons=tuple(source.reasons),
        shards_reused=0 if store is None else store.reused,
        directory=None if save is None else Path(save),
        words=None if not words or store is not None else pa.concat_tables(spoken or [WORDS.empty_table()]),
    )
    found.refuse_empty()
    if store is not None:
        store.finish({"documents": read, "skipped": source.skipped, "totals": found.totals()})
    return found


def protocol_for(
    model: LanguageModel, name: str, window: int | None, stride: int | None, bos: bool | None
) -> WindowProtocol:
    """The protocol of that name for a model; `InputError` for what it has no positions or no BOS for."""
    if bos and model.bos_id is None:
        raise InputError(f"{model.identity.name} has no BOS token: leave bos out, the first token is then context.")
    if window is not None and model.context is not None and window > model.context:
        raise InputError(
            f"window {window} is longer than the {model.context} positions {model.identity.name} was made for."
        )
    longest = min(model.context or LONGEST_WINDOW, LONGEST_WINDOW)
    led = model.bos_id is not None if bos is None else bos
    return make_protocol(name, longest if window is None else window, led, stride)


def word_starts(model: LanguageModel) -> NDArray[np.int64]:
    """Ids of the tokens that begin with whitespace, after which a word is over.

    Raises `InputError` where there are none: the words of such a tokenizer cannot be told apart by their tokens.
    """
    pieces = [model.piece(token) for token in range(model.vocabulary_size)]
    starts = np.array([token for token, piece in enumerate(pieces) if piece[:1].isspace()], np.int64)
    if not len(starts):
        raise InputError(f"no token of {model.identity.name} begins with whitespace: words cannot be corrected there.")
    return starts


def _declared(cut: WindowProtocol, model: LanguageModel) -> Protocol:
    return Protocol(cut.name, cut.context, cut.stride, model.bos_id if cut.bos else None)


def shards(documents: Iterator[Document], most: int = _SHARD_DOCUMENTS) -> Iterator[list[Document]]:
    """Consecutive documents of 256 KiB of text together, or `most` of them."""
    shard: list[Document] = []
    size = 0
    for document in documents:
        shard.append(document)
        size += len(document.text.encode())
        if size >= _SHARD_BYTES or len(shard) >= most:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


def _score_shard(
    model: LanguageModel,
    cut: WindowProtocol,
    shard: list[Document],
    first: int,
    starts: NDArray[np.int64] | None,
    tokens: bool,
    batch_tokens: int,
) -> dict[str, pa.Table]:
    """The tables of a shard whose first document has the number `first`."""
    texts = [model.tokenize(document.text) for document in shard]
    found = run(model, texts, [cut], word_starts=starts, batch_tokens=batch_tokens)
    items = [
        (first + i, document, text, values) for i, (document, text, (values,)) in enumerate(zip(shard, texts, found))
    ]
    made = {"documents": pa.Table.from_pylist([document_row(*item, cut) for item in items], schema=DOCUMENTS)}
    if tokens:
        made["tokens"] = pa.concat_tables([token_table(*item) for item in items])
    if starts is not None:
        made["words"] = pa.concat_tables([word_table(*item) for item in items])
    return made


def _reached(tables: list[pa.Table], goal: float) -> bool:
    """Whether bits per byte has that error already."""
    table = pa.concat_tables(tables)
    so_far = Score(documents=table)
    if so_far.scored_documents < MINIMUM_FOR_STOPPING:
        return False
    stderr = so_far.bits_per_byte().stderr
    return stderr is not None and stderr <= goal


def _check_options(
    source: Documents, save: Any, resume: bool, tokens: bool, until_stderr: float | None, batch_tokens: int
) -> None:
    if resume and save is None:
        raise InputError("resume needs the directory that was begun: give save.")
    if tokens and save is None:
        raise InputError("a table of tokens is only written to a directory: give save.")
    if batch_tokens < 1:
        raise InputError(f"batch_tokens must be 1 or more; given {batch_tokens}.")
    if until_stderr is not None:
        if not until_stderr > 0:
            raise InputError(f"until_stderr must be positive, in bits per byte; given {until_stderr!r}.")
        if not source.repeatable:
            raise InputError(
                "until_stderr takes documents in random order, so they must be readable twice: give a file."
            )
