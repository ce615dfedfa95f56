"""Ollama's own /api/generate and /api/chat, asked with ``logprobs: true``: a list at the top level.

``logprobs[]`` holds elements of the chat shape; lines of a stream have the next ones and ``done: false``.
Where a log-probability is 0 Ollama copies a probability into its place, which the checks name.

Source: ollama, api types and runner; ollama#16196.
"""

from collections.abc import Sequence

from entropist.errors import InputError
from entropist.responses._json import decode
from entropist.responses._rows import Rows, text_of
from entropist.responses._shapes import Answer

NAME = "ollama"


def matches(answer: Answer) -> bool:
    """Whether this is the dialect of an answer or line."""
    return isinstance(answer.done, bool) and (answer.logprobs is not None or answer.created_at is not None)


def read(chunks: Sequence[Answer], rows: Rows) -> None:
    """The positions of an answer, given whole or in lines."""
    texts: list[object] = []
    for chunk in chunks:
        if isinstance(chunk.logprobs, dict):
            raise InputError("Ollama's logprobs are a list of tokens; given an object.")
        rows.add_elements(chunk.logprobs or ())
        texts.append(decode(bytes(chunk.response), object))
        if isinstance(chunk.message, dict):
            texts.append(chunk.message.get("content"))
    rows.end_part("response", text_of(*texts))
