"""`write_base`: what a model thinks of a corpus, kept small in a base file, to distil from or to compare with later."""

from pathlib import Path
from typing import Any

import numpy as np

from entropist.basefile import BaseFile, BaseWriter, default_size, read_base, sparse_rows
from entropist.corpus import Documents
from entropist.errors import InputError
from entropist.models import LanguageModel, load_model
from entropist.progress import working
from entropist.scoring._score import protocol_for
from entropist.scoring._trace_text import scored_logits


def write_base(
    documents: Any,
    path: str | Path,
    *,
    model: str | Path | LanguageModel = "builtin:base",
    protocol: str = "sliding",
    window: int | None = None,
    bos: bool | None = None,
    k: int | None = None,
    m: int | None = None,
    seed: int = 0,
) -> BaseFile:
    """Write the sparse next-token distributions of every scored token of `documents` to `path`, and open the file.

    documents, protocol, window, bos: as for `score`. k, m: tokens kept of the top and drawn from the tail, by default
    such that a token takes at most 450 bytes; see `sparse_rows`. Rows come document by document, in the order of the
    text; a document's tokens are its `token_id`.

    Raises `InputError` where no token was scored, and as `score` does.

    >>> import tempfile
    >>> kept = write_base(["It was the best of times."], Path(tempfile.mkdtemp()) / "base.parquet")
    >>> kept.rows, kept.facts["k"], kept.facts["model"]["name"]
    (7, 46, 'builtin:base')
    """
    if seed < 0:
        raise InputError(f"seed must be 0 or more; given {seed}.")
    speaker = load_model(model) if isinstance(model, (str, Path)) else model
    cut = protocol_for(speaker, protocol, window, None, bos)
    usual = default_size(speaker.vocabulary_size)
    size = usual[0] if k is None else k, usual[1] if m is None else m
    facts = {
        "vocabulary": speaker.vocabulary_size,
        "k": size[0],
        "m": size[1],
        "seed": seed,
        "model": speaker.identity.__dict__,
        "protocol": {"name": cut.name, "window": cut.context, "stride": cut.stride, "bos": cut.bos},
    }
    source = documents if isinstance(documents, Documents) else Documents(documents)
    rng = np.random.default_rng(seed)
    written = 0
    with working(f"keeping what {speaker.identity.name} thinks") as tell, BaseWriter(path, facts) as file:
        for number, document in enumerate(source):
            tokens = speaker.tokenize(document.text)
            for one in cut.windows(len(tokens)):
                for block, targets in scored_logits(speaker, tokens, one):
                    rows = sparse_rows(block, targets, k=size[0], m=size[1], rng=rng)
                    file.add(rows, number)
                    written += len(rows)
            tell(f"{number + 1} documents, {written} tokens")
        if not written:
            raise InputError("no token was scored: the documents are empty or too short for the protocol.")
    return read_base(path)
