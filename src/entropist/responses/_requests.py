"""What each kind of server is asked, and how it says that its answer is whole.

| kind | path | the last line of its stream |
|---|---|---|
| openai-chat | /v1/chat/completions | ``data: [DONE]`` |
| openai-completions | /v1/completions | ``data: [DONE]`` |
| llama.cpp | /completion | "stop": true |
| ollama | /api/generate | "done": true |
"""

from dataclasses import dataclass
from typing import Any

from entropist.errors import InputError


@dataclass(frozen=True)
class Settings:
    """What the text is to be: at most `max_tokens`, the `top` alternatives, sampled at `temperature` (None: the
    server's own) with `seed`."""

    max_tokens: int
    top: int
    temperature: float | None
    seed: int | None


@dataclass(frozen=True)
class Kind:
    """A kind of server: where it is asked and the flag that ends its stream."""

    path: str
    end: bytes


KINDS = {
    "openai-chat": Kind("/v1/chat/completions", b"[DONE]"),
    "openai-completions": Kind("/v1/completions", b"[DONE]"),
    "llama.cpp": Kind("/completion", b'"stop":true'),
    "ollama": Kind("/api/generate", b'"done":true'),
}


def body(kind: str, model: str | None, prompt: str, settings: Settings) -> dict[str, Any]:
    """The JSON of a request; what is None is left to the server."""
    sampling = {"temperature": settings.temperature, "seed": settings.seed}
    match kind:
        case "openai-chat":
            asked: dict[str, Any] = {
                "messages": [{"role": "user", "content": prompt}],
                "logprobs": True,
                "top_logprobs": settings.top,
                "max_tokens": settings.max_tokens,
                **sampling,
            }
        case "openai-completions":
            asked = {"prompt": prompt, "logprobs": settings.top, "max_tokens": settings.max_tokens, **sampling}
        case "llama.cpp":
            asked = {"prompt": prompt, "n_probs": settings.top, "n_predict": settings.max_tokens, **sampling}
        case "ollama":
            options = {"num_predict": settings.max_tokens, **sampling}
            asked = {"prompt": prompt, "logprobs": True, "top_logprobs": settings.top, "options": _told(options)}
        case _:
            raise InputError(f"kind {kind!r} is not known: use one of {', '.join(KINDS)}.")
    return _told({"model": model, "stream": True, **asked})


def _told(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
