"""`connect`: ask a live server and get a record, token by token as they come.

The answer is kept as the server sent it and read by the same readers as a saved one, so that a live answer
and its file give the same record.

When this misleads: what a server samples from may differ from what it reports; `sampling_consistency` looks.
"""

import os
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from entropist.errors import InputError, MissingExtraError, ServerError
from entropist.record import Trace
from entropist.responses._read import read_response
from entropist.responses._requests import KINDS, Settings, body

if TYPE_CHECKING:
    from entropist.responses._transport import Transport

KEY_VARIABLE = "ENTROPIST_API_KEY"
"""The environment variable whose key goes to any server that is asked."""
_OPENAI = ("api.openai.com", "OPENAI_API_KEY")


def connect(
    base_url: str,
    *,
    model: str | None = None,
    api_key: str | None = None,
    kind: str | None = None,
    vocabulary_size: int | None = None,
    timeout: float = 120.0,
    tries: int = 5,
) -> "Connection":
    """A server at `base_url`: OpenAI-compatible, llama.cpp's own, or Ollama.

    kind: "openai-chat", "openai-completions", "llama.cpp" or "ollama"; found by asking where it is None. model:
    a name the server knows; where it has one only, that one. api_key: by default from the environment,
    `ENTROPIST_API_KEY`, and for api.openai.com `OPENAI_API_KEY`; it is sent to this server alone and stands in
    no record, message or repr. timeout: seconds without a byte. tries: in all, at 429, 5xx and refused connections.

    Raises `InputError` for what is no address, `ServerError` where nothing answers, `MissingExtraError` without
    the extra "api".

    >>> connect("localhost:8080")
    Traceback (most recent call last):
    entropist.errors.InputError: 'localhost:8080' is no address: give one such as http://localhost:8080.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"{base_url!r} is no address: give one such as http://localhost:8080.")
    if parts.username or parts.password:
        raise InputError(f"the address holds a password: set {KEY_VARIABLE} instead.")
    if kind is not None and kind not in KINDS:
        raise InputError(f"kind {kind!r} is not known: use one of {', '.join(KINDS)}.")
    if not timeout > 0 or tries < 1:
        raise InputError(f"timeout must be positive and tries 1 or more; given {timeout!r} and {tries!r}.")
    try:
        from entropist.responses._transport import Transport
    except ImportError as error:
        raise MissingExtraError("asking a server", "api") from error
    key = api_key or os.environ.get(KEY_VARIABLE)
    if key is None and parts.hostname == _OPENAI[0]:
        key = os.environ.get(_OPENAI[1])
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    transport = Transport(base_url.rstrip("/").removesuffix("/v1"), headers, timeout, tries)
    try:
        kind = kind or _kind_of(transport, parts.path)
        model = model or _only_model(transport, kind)
        return Connection(transport, kind, model, vocabulary_size or _size(transport, kind))
    except BaseException:
        transport.close()
        raise


class Connection:
    """A server that can be asked; use it in a `with` statement, or close it."""

    def __init__(self, transport: "Transport", kind: str, model: str | None, vocabulary_size: int | None) -> None:
        self._transport = transport
        self.kind = kind
        self.model = model
        self.vocabulary_size = vocabulary_size

    def ask(
        self,
        prompt: str,
        *,
        max_tokens: int = 256,
        top: int = 20,
        temperature: float | None = None,
        seed: int | None = None,
    ) -> Trace:
        """The record of one answer. Raises `ServerError`; what had come before it is in the error's `trace`."""
        answer = self.stream(prompt, max_tokens=max_tokens, top=top, temperature=temperature, seed=seed)
        for _ in answer:
            pass
        return answer.trace()

    def stream(
        self,
        prompt: str,
        *,
        max_tokens: int = 256,
        top: int = 20,
        temperature: float | None = None,
        seed: int | None = None,
    ) -> "Stream":
        """The same answer as it comes: iterate over it for the records of its pieces, then take `trace()`."""
        if max_tokens < 1 or top < 0:
            raise InputError(f"max_tokens must be 1 or more and top 0 or more; given {max_tokens} and {top}.")
        asked = body(self.kind, self.model, prompt, Settings(max_tokens, top, temperature, seed))
        return Stream(self, self._transport.post_lines(KINDS[self.kind].path, asked), temperature)

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Connection({self._transport.base_url!r}, kind={self.kind!r}, model={self.model!r})"


class Stream:
    """An answer on its way: iterating gives the record of each piece with tokens; stopping early keeps what came."""

    def __init__(self, connection: Connection, lines: Iterator[bytes], temperature: float | None) -> None:
        self._connection = connection
        self._lines = lines
        self._temperature = temperature
        self._received: list[bytes] = []

    def __iter__(self) -> Iterator[Trace]:
        ended = False
        try:
            for line in self._lines:
                _refuse_error(line)
                self._received.append(line)
                ended = ended or KINDS[self._connection.kind].end in line.replace(b" ", b"")
                if (piece := self._read(line)) is not None:
                    yield piece
        except ServerError as error:
            raise self._with_what_came(str(error)) from None
        if not ended:
            raise self._with_what_came("the server's stream ended before its answer was whole.")

    def trace(self) -> Trace:
        """The record of what has come so far. Raises `InputError` where no log-probabilities came."""
        return read_response(
            b"\n".join(self._received), self._connection.vocabulary_size, temperature=self._temperature
        )

    def _read(self, received: bytes) -> Trace | None:
        if not received.strip() or b"[DONE]" in received:
            return None
        try:
            return read_response(received, self._connection.vocabulary_size, temperature=self._temperature)
        except InputError:  # a piece without tokens: a role, usage figures, the end
            return None

    def _with_what_came(self, message: str) -> ServerError:
        try:
            trace = self.trace()
        except InputError:
            return ServerError(f"{message} No token had come.")
        return ServerError(f"{message} The {len(trace)} tokens that had come were kept.", trace)


def _refuse_error(line: bytes) -> None:
    text = line.removeprefix(b"data:").strip()
    if text.startswith(b'{"error"') or line.startswith(b"error:"):
        from entropist.responses._transport import message_of

        raise ServerError(f"the server broke off with an error: {message_of(text.removeprefix(b'error:').strip())}")


def _kind_of(transport: "Transport", path: str) -> str:
    """OpenAI-compatible where the address says /v1; else by what only one kind of server has."""
    if path.rstrip("/").endswith("/v1"):
        return "openai-chat"
    if isinstance(transport.get("/api/version"), dict):
        return "ollama"
    props = transport.get("/props")
    return "llama.cpp" if isinstance(props, dict) and "default_generation_settings" in props else "openai-chat"


def _only_model(transport: "Transport", kind: str) -> str | None:
    if kind == "llama.cpp":
        return None
    listed: Any = transport.get("/api/tags" if kind == "ollama" else "/v1/models")
    entries = listed.get("models" if kind == "ollama" else "data") if isinstance(listed, dict) else None
    names = [str(entry.get("name") or entry.get("id")) for entry in entries or () if isinstance(entry, dict)]
    if len(names) == 1:
        return names[0]
    known = f"it has {', '.join(sorted(names)[:12])}" if names else "it lists none"
    raise InputError(f"name the model to ask {transport.base_url} for: {known}.")


def _size(transport: "Transport", kind: str) -> int | None:
    """The vocabulary size, which llama.cpp's server tells."""
    listed: Any = None if kind == "ollama" else transport.get("/v1/models")
    try:
        size = listed["data"][0]["meta"]["n_vocab"]
    except (TypeError, KeyError, IndexError):
        return None
    return size if isinstance(size, int) and size > 0 else None
