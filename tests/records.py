"""Traces made by hand, without a model, with everything in them that a file may trip over."""

import math

import numpy as np

from entropist.provenance import Identity
from entropist.record import Metadata, Protocol, Trace, TraceWriter

HOSTILE_TOKENS = [
    b"</script>", b"\0", "\u202e".encode(), "\u200f".encode(), b"\xe3", b"\x81\x82", b"\xff", b"", b'"', b"\\", b"\r\n",
    b"\n", "\u2028".encode(), "👩‍🚀".encode(), b"<!--", b" ", b"\x1b[31m", "\ufeff".encode(), b"NaN", b"null",
]  # fmt: skip


def metadata(**changes):
    model = Identity(
        "naïve/модель \udcff", "ab" * 32, "cd" * 32, "float32", versions={"torch": "2", "ü": "1"}, architecture='A"B'
    )
    protocol = Protocol("sliding", 512, 255, changes.pop("bos_id", 1))
    return Metadata(model=model, protocol=protocol, vocabulary_size=4096, **changes)


def values(n, top_k, seed=0):
    g = np.random.default_rng(seed)
    surprisal = g.gamma(2.0, 1.5, n)
    return {
        "surprisal": surprisal,
        "entropy": g.gamma(2.0, 1.2, n),
        "varentropy": g.gamma(1.0, 2.0, n),
        "rank": g.integers(0, 4096, n),
        "max_logprob": -g.gamma(1.0, 0.5, n),
        "top_ids": np.argsort(g.random((n, 50)), axis=1)[:, :top_k] + 7,
        "top_logprobs": -np.sort(g.gamma(1.0, 2.0, (n, top_k)), axis=1),
    }


def table(tokens, *, context=1, top_k=3, seed=0, **changes):
    """Rows for `tokens` (bytes each), the first `context` of them not scored; `changes` replaces values."""
    ends = np.cumsum([len(token) for token in tokens])
    writer = TraceWriter(np.arange(len(tokens), dtype=np.int32), ends, b"".join(tokens), top_k=top_k)
    if len(tokens) > context:
        writer.put(context, values(len(tokens) - context, top_k, seed) | changes)
    return writer.table()


def trace(tokens=tuple(HOSTILE_TOKENS), **options):
    """A trace with hostile tokens, an impossible token, a masked alternative, and context without values."""
    pieces = dict(enumerate(HOSTILE_TOKENS))
    return Trace(table(tokens, **options), metadata(), pieces)


def with_infinities():
    n = len(HOSTILE_TOKENS) - 1
    given = values(n, 3)
    given["surprisal"][2] = math.inf
    given["max_logprob"][5] = -0.0
    given["top_logprobs"][4, 2] = -math.inf
    return trace(**given)
