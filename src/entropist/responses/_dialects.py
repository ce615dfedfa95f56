"""Which dialect an answer speaks, in the order in which shapes exclude each other, and what each declares.

| dialect | its log-probabilities are |
|---|---|
| gemini, tgi | unknown |
| sglang | processed: they follow the sampling temperature |
| llama.cpp | raw; processed in the shapes with probabilities, for these are after the samplers |
| ollama | raw |
| openai-responses, openai-chat, openai-completions | raw for OpenAI's own models, unknown for others' |
| vllm-prompt | raw: never processed, whatever the server's mode |

Sources: vllm#9453, #47680; sglang, vime#64; llama.cpp#10783; ollama#16196.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from entropist.errors import InputError
from entropist.responses import (
    _chat,
    _gemini,
    _legacy,
    _llamacpp,
    _ollama,
    _openai_responses,
    _sglang,
    _tgi,
    _vllm_prompt,
)
from entropist.responses._rows import Rows
from entropist.responses._shapes import Answer


class Dialect(NamedTuple):
    """A way to write an answer: whether a chunk is one, and how chunks are read; what its numbers are."""

    matches: Callable[[Answer], bool]
    read: Callable[[Sequence[Answer], Rows], None]
    server: str
    probabilities: str


_TABLE = {
    _gemini.NAME: Dialect(_gemini.matches, _gemini.read, "gemini", "unknown"),
    _sglang.NAME: Dialect(_sglang.matches, _sglang.read, "sglang", "processed"),
    _llamacpp.NAME: Dialect(_llamacpp.matches, _llamacpp.read, "llama.cpp", "raw"),
    _ollama.NAME: Dialect(_ollama.matches, _ollama.read, "ollama", "raw"),
    _openai_responses.NAME: Dialect(_openai_responses.matches, _openai_responses.read, "unknown", "unknown"),
    _vllm_prompt.NAME: Dialect(_vllm_prompt.matches, _vllm_prompt.read, "vllm", "raw"),
    _chat.NAME: Dialect(_chat.matches, _chat.read, "unknown", "unknown"),
    _legacy.NAME: Dialect(_legacy.matches, _legacy.read, "unknown", "unknown"),
    _tgi.NAME: Dialect(_tgi.matches, _tgi.read, "tgi", "unknown"),
}

DIALECTS = tuple(_TABLE)
"""The names that `dialect=` takes, in the order in which they are tried."""

_OPENAI = re.compile(r"(?:ft:)?(?:gpt-\d|chatgpt-|o\d(?:-|$)|(?:text-|code-)?davinci|babbage-002)")


def dialect_of(answer: Answer, insisted: str | None = None) -> str | None:
    """The name of the dialect of an answer or chunk; None where it is none."""
    if insisted is not None:
        return insisted if _known(insisted).matches(answer) else None
    return next((name for name, dialect in _TABLE.items() if dialect.matches(answer)), None)


def refuse_unknown(dialect: str | None) -> None:
    """Raise `InputError` for a dialect that is none."""
    if dialect is not None:
        _known(dialect)


def read(name: str, chunks: Sequence[Answer], rows: Rows) -> None:
    """Fill `rows` from an answer, given whole or in chunks."""
    _known(name).read(chunks, rows)


def declared(name: str, chunks: Sequence[Answer]) -> tuple[str, str, str, float | None]:
    """(server, model, raw or processed or unknown, temperature or None) of an answer."""
    dialect = _known(name)
    answer = _openai_responses.envelope(chunks) if name == _openai_responses.NAME else chunks[0]
    model = next((m for each in (answer, *chunks) for m in (each.model, each.model_version) if isinstance(m, str)), "")
    server, probabilities = dialect.server, dialect.probabilities
    if server == "unknown":
        if any(chunk.timings is not None for chunk in chunks):
            server, probabilities = "llama.cpp", "raw"
        elif _OPENAI.match(model.lower()) and _fingerprint(chunks):
            server, probabilities = "openai", "raw"
    if name == _llamacpp.NAME and _llamacpp.processed(chunks):
        probabilities = "processed"
    settings = next((c.generation_settings for c in chunks if isinstance(c.generation_settings, dict)), {})
    told = settings.get("temperature") if answer.temperature is None else answer.temperature
    number = isinstance(told, (int, float)) and not isinstance(told, bool) and 0 <= told < 1e6
    return server, model, probabilities, float(told) if number and told is not None else None


def _fingerprint(chunks: Sequence[Answer]) -> bool:
    """Whether the system fingerprint can be OpenAI's: other servers that use its models' names write others."""
    told = next((chunk.system_fingerprint for chunk in chunks if chunk.system_fingerprint is not None), None)
    return told is None or (isinstance(told, str) and told.startswith("fp_"))


def _known(name: str) -> Dialect:
    if name not in _TABLE:
        raise InputError(f"dialect {name!r} is not known: use one of {', '.join(_TABLE)}.")
    return _TABLE[name]
