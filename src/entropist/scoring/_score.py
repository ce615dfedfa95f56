"""`score`: documents through a model, one row a document, totals with errors between documents.

Documents are read, scored and written a shard at a time: consecutive documents of 256 KiB of text together. Memory is
that of the model, a shard and some two hundred bytes a document.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.corpus import Document, Documents, WindowProtocol
from entropist.corpus import protocol as make_protocol
from entropist.errors import InputError, MissingExtraError
from entropist.logits import compile_kernels
from entropist.models import LanguageModel, load_model
from entropist.progress import working
from entropist.record import Protocol
from entropist.scoring._engine import BATCH_TOKENS
from entropist.scoring._result import Score
from entropist.scoring._sampling import random_order
from entropist.scoring._schemas import DOCUMENTS, SPANS, WORDS
from entropist.scoring._shards import Recipe, Shard, Work, in_process
from entropist.scoring._spans import merged
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
    engine: Literal["in-process", "ray"] = "in-process",
    workers: int | None = None,
    ray_address: str | None = None,
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

    engine: "in-process", or "ray" (extra `scale`): shards go to `workers` processes of Ray Data, each with a model of
    its own, on the cluster at `ray_address` ("auto": the one this machine is part of) or on a Ray that is started here
    and stopped afterwards; by default one worker a machine. Rows, their order, tables, files, refusals and what
    `resume` reuses are those of the process itself. On the same hardware, versions and threads a worker the numbers
    are the same bits; elsewhere sums agree to the noise floor of the forward, as they do between two batch sizes, and
    a rank may change where two logits nearly tie. A worker that dies costs no document: its shard is scored again; a
    shard that three workers died of ends the run.

    Raises `InputError` where no token was scored, `FileError`, `ModelError`, `ServerError` where no Ray answers,
    `MissingExtraError`, and `AuditError` where bytes do not add up.

    >>> found = score(["It was the best of times.", "It was the worst of times."])
    >>> found.documents.num_rows, found.bits_per_byte().unit
    (2, 'bits/byte')
    """
    source = documents if isinstance(documents, Documents) else Documents(
        documents, text_column=text_column, id_column=id_column, group_column=group_column, on_error=on_error
    )  # fmt: skip
    _check_options(source, save, resume, tokens, until_stderr, batch_tokens)
    _check_engine(engine, workers, ray_address)
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
    recipe = Recipe(cut, word_starts(speaker) if words else None, tokens, batch_tokens)
    stream = iter(source) if until_stderr is None else random_order(source, seed)
    work = _work(stream, _SHARD_DOCUMENTS if until_stderr is None else 32, store)
    if engine == "in-process":
        done = in_process(work, speaker, recipe)
    else:
        from entropist.scoring._ray import by_ray

        done = by_ray(work, model, speaker.identity, recipe, workers=workers, address=ray_address)
    tables, spoken, extremes, read, size = [], [], SPANS.empty_table(), 0, 0
    # Closed at once where the run ends early: what an engine has started is stopped.
    with working(f"scoring with {speaker.identity.name}") as tell, closing(done):
        for each, made in done:
            if each.kept is not None:
                tables.append(each.kept)
                assert store is not None
                store.reuse(each.shard.number, each.kept)
            else:
                tables.append(made["documents"])
                if store is not None:
                    store.write(each.shard.number, each.shard.digest, made)
                else:
                    extremes = merged([extremes, made["spans"]])
                    if words:
                        spoken.append(made["words"])
            read += len(each.shard.documents)
            size += sum(tables[-1]["bytes"].to_pylist())
            tell(f"{read} document{'' if read == 1 else 's'}, {size / 1e6:.1f} MB")
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
        extremes=None if store is not None else extremes,
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


def _work(stream: Iterator[Document], most: int, store: Store | None) -> Iterator[Work]:
    """The shards of a stream, numbered, with the rows that an earlier run has left of them."""
    first = 0
    for number, documents in enumerate(shards(stream, most)):
        shard = Shard(number, first, documents, input_digest(documents))
        yield Work(shard, None if store is None else store.kept(number, shard.digest))
        first += len(documents)


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


def _check_engine(engine: str, workers: int | None, ray_address: str | None) -> None:
    if engine not in ("in-process", "ray"):
        raise InputError(f"engine is 'in-process' or 'ray'; given {engine!r}.")
    if engine == "in-process" and (workers is not None or ray_address is not None):
        raise InputError("workers and ray_address are those of Ray: they go with the engine ray.")
    if workers is not None and workers < 1:
        raise InputError(f"workers must be 1 or more; given {workers}.")
    if engine == "ray":  # a missing extra is told before the model is loaded
        try:
            from entropist.scoring import _ray  # noqa: F401
        except ImportError as error:
            if error.name and error.name.startswith("entropist"):
                raise
            raise MissingExtraError("scoring with Ray Data", "scale") from error
