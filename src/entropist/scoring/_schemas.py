"""The columns of what scoring writes: documents, and on request tokens and words; spans of text at both ends.

Information is in nats; bytes are those of the original text, from 0 in every document.
"""

import pyarrow as pa

RANK_EDGES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)
"""Bucket i of the rank histogram counts ranks from edge i to below edge i + 1; the last is open."""

_INT, _REAL, _REALS = pa.int64(), pa.float64(), pa.list_(pa.float64())
DOCUMENTS = pa.schema(
    [
        pa.field("index", _INT, False),
        pa.field("id", pa.string(), False),
        pa.field("group", pa.string()),
        *(pa.field(name, _INT, False) for name in (
            "bytes", "scored_bytes", "context_bytes", "dropped_bytes",
            "tokens", "scored_tokens", "context_tokens", "dropped_tokens", "words", "split_words",
        )),
        pa.field("lossless", pa.bool_(), False),
        *(pa.field(name, _REAL, False) for name in ("surprisal", "entropy", "varentropy")),
        pa.field("top1", _INT, False),
        pa.field("seen", _INT, False),
        pa.field("rank_histogram", pa.list_(_INT), False),
        pa.field("recipe_nats", _REAL, False),
        pa.field("recipe_tokens", _INT, False),
        *(pa.field(f"block_{name}", _REALS) for name in ("tokens", "bytes", "surprisal", "entropy", "top1")),
    ]
)  # fmt: skip
"""The columns of the table of documents: information in nats, summed over the scored tokens."""

TOKENS = pa.schema(
    [
        pa.field("index", _INT, False), pa.field("id", pa.string(), False), pa.field("position", _INT, False),
        pa.field("token_id", pa.int32(), False), pa.field("start_byte", _INT, False), pa.field("end_byte", _INT, False),
        pa.field("state", pa.string(), False), pa.field("surprisal", _REAL), pa.field("entropy", _REAL),
        pa.field("varentropy", _REAL), pa.field("rank", pa.int32()), pa.field("max_logprob", _REAL),
    ]
)  # fmt: skip
"""The columns of the table of tokens; null where a token was not scored."""

WORDS = pa.schema(
    [
        pa.field("index", _INT, False), pa.field("id", pa.string(), False), pa.field("word", _INT, False),
        pa.field("text", pa.string(), False), pa.field("start_byte", _INT, False), pa.field("end_byte", _INT, False),
        pa.field("tokens", _INT, False), pa.field("words_held", _INT, False),
        pa.field("surprisal", _REAL), pa.field("corrected_surprisal", _REAL), pa.field("entropy", _REAL),
        pa.field("place", pa.string(), False),
    ]
)  # fmt: skip
"""The columns of the table of words, nats."""

SPANS = pa.schema(
    [
        pa.field("index", _INT, False), pa.field("id", pa.string(), False), pa.field("start_byte", _INT, False),
        pa.field("end_byte", _INT, False), pa.field("tokens", _INT, False), pa.field("surprisal", _REAL, False),
        pa.field("text", pa.string(), False),
    ]
)  # fmt: skip
"""The columns of the table of spans, the most surprising first; nats."""
