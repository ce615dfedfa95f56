"""Where answers come from: a file or JSON text, whole, as JSON lines, or as the stream a server sent.

A source is a sequence of chunks: one JSON value, one a line, or one a ``data:`` line of server-sent events.
Lines are read one at a time, so that a file of many answers takes the memory of its longest. Consecutive chunks
are one answer where their dialect says that it goes on: a stream until ``[DONE]``, ``done``, ``stop`` or its
like, or as long as the id stays the same.
"""

import io
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from msgspec import Raw

from entropist.errors import FileError, InputError
from entropist.responses import _chat, _gemini, _legacy, _llamacpp, _ollama, _openai_responses, _sglang, _tgi
from entropist.responses._dialects import dialect_of
from entropist.responses._json import decode, encode
from entropist.responses._shapes import Answer, Choice, TgiToken

_END = b"[DONE]"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")


_JSON_BEGINS = re.compile(r"\ufeff?\s*(?:[\[{]|data:|event:)")


class Group(NamedTuple):
    """The chunks of one answer, and whether the source ended inside of one of them."""

    chunks: list[Answer]
    cut: bool


class _CutError(InputError):
    """The last line of a source is not whole."""


class _Wrapped(Answer, gc=False):
    body: Answer | None = None


def groups(source: Any, dialect: str | None) -> Iterator[Group]:
    """The answers of a source, one after the other.

    source: a path; JSON as text or bytes; an answer already decoded (a mapping, or a list of them). Raises
    `FileError` for a file that cannot be read, `InputError` for JSON that is none, naming the line.
    """
    with _opened(source) as file:
        yield from _grouped(_chunks(file), dialect)


def _opened(source: Any) -> IO[bytes]:
    if isinstance(source, (Mapping, list)):
        return io.BytesIO(encode(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(bytes(source))
    if isinstance(source, str) and (not source.strip() or "\n" in source or _JSON_BEGINS.match(source)):
        return io.BytesIO(source.encode("utf-8", "replace"))
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(f"a server's answer is a path, JSON text or a decoded object; given {type(source).__name__}.")
    try:
        path = Path(source)
        if path.is_dir():
            raise FileError(f"{path} is a directory: give the file of an answer.")
        return path.open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"cannot read {str(source)[:200]}: {reason}.") from error


def _chunks(file: IO[bytes]) -> Iterator[Answer | bytes]:
    """Chunks, and `_END` where a stream says so; `_CutError` where the last line is not whole."""
    number, line = 0, b""
    while not line.strip() and (line := file.readline()):
        number += 1
    line = line.removeprefix(b"\xef\xbb\xbf")
    if not line:
        raise InputError("the answer is empty: there is nothing to read.")
    if line.lstrip().startswith(_FIELDS):
        yield from _lines(file, line, number, streamed=True)
        return
    try:
        first = list(_values(line))
    except InputError:
        whole = line + file.read()  # a value written over many lines
        yield from _values(whole)
        return
    yield from first
    yield from _lines(file, None, number, streamed=False)


def _lines(file: IO[bytes], line: bytes | None, number: int, *, streamed: bool) -> Iterator[Answer | bytes]:
    error: InputError | None = None
    if line is None:
        line, number = file.readline(), number + 1
    while line:
        text = line.strip()
        if error is not None and text:
            raise error
        if streamed:
            text = text[5:].strip() if text.startswith(b"data:") else b""
        if text == _END:
            yield _END
        elif text:
            try:
                yield from _values(text)
            except InputError as found:
                error = InputError(f"line {number}: {found}")
        line, number = file.readline(), number + 1
    if error is not None:
        raise _CutError(str(error)) from error


def _values(text: bytes) -> Iterator[Answer]:
    if text.lstrip()[:1] == b"[":
        for item in decode(text, list[Raw]):
            yield decode(bytes(item), Answer)
        return
    answer = decode(text, Answer)
    if answer.type is None and bytes(answer.response)[:1] == b"{":  # a line of OpenAI's batch output
        answer = decode(bytes(answer.response), _Wrapped).body or answer
    yield answer


def _grouped(chunks: Iterator[Answer | bytes], dialect: str | None) -> Iterator[Group]:
    held: list[Answer] = []
    name: str | None = None
    while True:
        try:
            chunk = next(chunks, None)
        except InputError as error:  # what was whole before it is given first
            cut = bool(held) and _goes_on(name, held, held[-1])
            if held:
                yield Group(held, cut)
            if cut and isinstance(error, _CutError):
                return
            raise
        mine = dialect_of(chunk, dialect) if isinstance(chunk, Answer) else None
        more = isinstance(chunk, Answer) and (
            _without_tokens(chunk, held) or (mine == name and _goes_on(mine, held, chunk))
        )
        if held and not more:
            yield Group(held, False)
            held = []
        if chunk is None:
            return
        if isinstance(chunk, Answer):
            name = name if held else mine
            held.append(chunk)


def _without_tokens(chunk: Answer, held: list[Answer]) -> bool:
    """A chunk that ends a stream and says nothing: of usage figures alone, or why the answer of this id stopped."""
    if chunk.choices == [] and chunk.error is None:
        return True
    same = bool(held) and chunk.id is not None and chunk.id == held[-1].id
    return same and bool(chunk.choices) and all(_says_nothing(choice) for choice in chunk.choices or ())


def _says_nothing(choice: Choice) -> bool:
    return choice.logprobs is None and choice.finish_reason is not None and not choice.text and choice.message is None


def _is_unfinished(answer: Answer) -> bool:
    return any(choice.finish_reason is None for choice in answer.choices or ())


def _goes_on(name: str | None, held: list[Answer], chunk: Answer) -> bool:
    """Whether `chunk` belongs to the answer that `held` began."""
    if not held:
        return False
    last = held[-1]
    match name:
        case _chat.NAME:
            # llama.cpp streams the chat shape on /v1/completions too, under that object's own name.
            if chunk.object == "chat.completion.chunk":
                return bool(chunk.id == last.id)
            return _is_unfinished(held[0]) and chunk.id is not None and bool(chunk.id == last.id)
        case _legacy.NAME:
            return _is_unfinished(held[0]) and chunk.id is not None and bool(chunk.id == last.id)
        case _ollama.NAME:
            return bool(last.done is False)
        case _llamacpp.NAME:
            return bool(last.stop is False)
        case _tgi.NAME:
            return isinstance(last.token, TgiToken) and last.generated_text is None
        case _sglang.NAME:
            info, before = chunk.meta_info, last.meta_info
            return bool(info and before and info.id is not None and info.id == before.id)
        case _gemini.NAME:
            return bool(chunk.response_id is not None and chunk.response_id == last.response_id)
        case _openai_responses.NAME:
            return chunk.type != "response.created" and chunk.type is not None
        case _:
            return False
