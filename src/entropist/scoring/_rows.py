"""A document's row: what every total needs of it, so that no token has to be kept.

Sums are correctly rounded (`math.fsum`), counts exact. scored + context + dropped = all, in tokens and in bytes: an
`AuditError` otherwise. The first documents also keep sums over at most 64 consecutive blocks of equal length, which
give an error where there are too few documents for one between them.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.corpus import Document, Strided, WindowProtocol, word_spans
from entropist.errors import AuditError
from entropist.estimators import MINIMUM_GROUPS
from entropist.models import Tokens
from entropist.scoring._engine import CONTEXT, DROPPED, SCORED, TokenValues
from entropist.scoring._schemas import RANK_EDGES, TOKENS, WORDS

_MOST_BLOCKS = 64
_SHORTEST_BLOCK = 8


def document_row(
    index: int, document: Document, tokens: Tokens, values: TokenValues, cut: WindowProtocol
) -> dict[str, Any]:
    """The row of one document. Raises `AuditError` where bytes or tokens do not add up."""
    raw = len(document.text.encode())
    sizes = np.diff(tokens.end_bytes, prepend=0)
    state, scored = values.state, values.state == SCORED
    by_state = {
        name: (int((state == code).sum()), int(sizes[state == code].sum()))
        for name, code in (("scored", SCORED), ("context", CONTEXT), ("dropped", DROPPED))
    }
    covered = sum(size for _, size in by_state.values())
    if covered != raw or (sizes < 0).any():
        raise AuditError(
            f"byte audit failed for {document.id!r}: scored, context and dropped bytes add up to {covered} of {raw}. "
            "This is a defect in Entropist; please report the text."
        )
    surprisal, entropy, rank = values.surprisal[scored], values.entropy[scored], values.rank[scored]
    nats = math.fsum(surprisal)
    recipe = _recipe(values, cut, len(tokens)) if isinstance(cut, Strided) else (nats, len(surprisal))
    row: dict[str, Any] = {
        "index": index,
        "id": document.id,
        "group": document.group,
        "bytes": raw,
        "tokens": len(tokens),
        **{f"{name}_tokens": count for name, (count, _) in by_state.items()},
        **{f"{name}_bytes": size for name, (_, size) in by_state.items()},
        "words": len(document.text.split()),
        "split_words": len(re.split(r"\s+", document.text)),
        "lossless": tokens.lossless,
        "surprisal": nats,
        "entropy": math.fsum(entropy),
        "varentropy": math.fsum(values.varentropy[scored]),
        "top1": int((rank == 0).sum()),
        "seen": int(values.seen[scored].sum()),
        "rank_histogram": np.histogram(rank, [*RANK_EDGES, np.inf])[0].tolist(),
        "recipe_nats": recipe[0],
        "recipe_tokens": recipe[1],
    }
    if index < MINIMUM_GROUPS:
        row |= _blocks(surprisal, entropy, sizes[scored], rank == 0)
    return row


def token_table(index: int, document: Document, tokens: Tokens, values: TokenValues) -> pa.Table:
    """One row a token."""
    n = len(tokens)
    unscored = values.state != SCORED
    names = np.array(["dropped", "context", "scored"])
    columns: dict[str, Any] = {
        "index": np.full(n, index),
        "id": pa.array([document.id] * n, pa.string()),
        "position": np.arange(n),
        "token_id": tokens.ids,
        "start_byte": np.concatenate([[0], tokens.end_bytes[:-1]])[:n].astype(np.int64),
        "end_byte": tokens.end_bytes,
        "state": pa.array(names[values.state].tolist(), pa.string()),
    }
    for name in ("surprisal", "entropy", "varentropy", "rank", "max_logprob"):
        columns[name] = pa.array(getattr(values, name), TOKENS.field(name).type, mask=unscored)
    return pa.table([columns[name] for name in TOKENS.names], schema=TOKENS)


def word_table(index: int, document: Document, tokens: Tokens, values: TokenValues) -> pa.Table:
    """One row a word: Σ surprisal of its tokens, and the same corrected for where the space stands.

        corrected(w) = −ln p(tokens of w | before) − ln P(a word begins | after w) + ln P(a word begins | before w)

    Tokens carry the space in front of a word, so that p(tokens) says that a word begins but not that it ends there.
    The first word of a document has no second term, for it needs no space; the last has no corrected value, for what
    follows it was not asked. A word with a token that was not scored has neither.

    Source: Pimentel & Meister (2024), "How to compute the probability of a word"; Oh & Schuler (2024), "Leading
    whitespaces of language models' subword vocabulary pose a confound for calculating word probabilities".
    """
    assert values.boundary is not None
    edges, held = word_spans(document.text, tokens.end_bytes)
    raw, ends = document.text.encode(), np.concatenate([[0], tokens.end_bytes])
    rows = []
    for number, (a, b) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist())):
        told = bool((values.state[a:b] == SCORED).all())
        surprisal = math.fsum(values.surprisal[a:b]) if told else None
        last = b == len(tokens)
        corrected = None
        if told and not last and values.state[b] == SCORED:
            before = 0.0 if number == 0 else float(values.boundary[a])
            corrected = surprisal - float(values.boundary[b]) + before  # type: ignore[operator]
        start, end = int(ends[a]), int(ends[b])
        rows.append(
            {
                "index": index,
                "id": document.id,
                "word": number,
                "text": raw[start:end].decode(errors="replace").strip(),
                "start_byte": start,
                "end_byte": end,
                "tokens": b - a,
                "words_held": int(held[number]),
                "surprisal": surprisal,
                "corrected_surprisal": corrected,
                "entropy": float(values.entropy[a]) if values.state[a] == SCORED else None,
                "place": "first" if number == 0 else "last" if last else "inner",
            }
        )
    return pa.Table.from_pylist(rows, schema=WORDS)


def _recipe(values: TokenValues, cut: WindowProtocol, tokens: int) -> tuple[float, int]:
    """(nats, tokens) as the recipe of the Hugging Face documentation weights them.

    Its window counts one token fewer than it has labels, "for the shift"; from the second window on the shift takes
    none away (unless windows do not overlap), and the mean over n tokens is weighted by n − 1.
    """
    nats, count, reached = [], 0, 0
    for window in cut.windows(tokens):
        n = window.stop - window.first_scored
        weight = window.stop - reached - 1 + window.bos  # its labels, BOS among them, but for one
        reached = window.stop
        if n > 0:
            nats.append(math.fsum(values.surprisal[window.first_scored : window.stop]) / n * weight)
            count += weight
    return math.fsum(nats), count


def _blocks(
    surprisal: NDArray[np.float64], entropy: NDArray[np.float64], sizes: NDArray[np.int64], top1: NDArray[np.bool_]
) -> dict[str, Sequence[float]]:
    """Sums over consecutive blocks of the scored tokens, the shorter rest at the end in the last."""
    n = len(surprisal)
    blocks = max(1, min(_MOST_BLOCKS, n // _SHORTEST_BLOCK))
    starts = np.arange(blocks) * (n // blocks)
    series = {"tokens": np.ones(n), "bytes": sizes, "surprisal": surprisal, "entropy": entropy, "top1": top1}
    if not n:
        return {f"block_{name}": [] for name in series}
    return {
        f"block_{name}": np.add.reduceat(values.astype(np.float64), starts).tolist() for name, values in series.items()
    }
