"""`read_response` and `read_responses`: a server's answer as a `Trace`, with bounds where the server cut.

chunks → dialect → `Rows` → numbers and bytes → sentinels → checks → bounds → rows of the record.

When this misleads: the entropy is that of what the server reports. After a temperature or a cut (probabilities
"processed") it is the sampler's distribution and not the model's; "unknown" says that nobody told. A prompt that a
server scored stands in the record as a document of its own and enters totals like the answer.
"""

import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np

from entropist.errors import InputError
from entropist.provenance import Identity, library_versions
from entropist.record import Declaration, Finding, Metadata, Protocol, Trace
from entropist.responses._bounds import intervals, rounding_of
from entropist.responses._checks import RAW_LOGITS, check
from entropist.responses._dialects import DIALECTS, declared, dialect_of, read, refuse_unknown
from entropist.responses._evidence import Evidence, evidence
from entropist.responses._rows import Rows
from entropist.responses._sentinels import censor
from entropist.responses._sources import Group, groups
from entropist.responses._table import table
from entropist.responses._text import emitted_bytes
from entropist.responses._tokens import Vocabulary, vocabulary
from entropist.responses._vocabulary import ASSUMED, vocabulary_of

Source = str | os.PathLike[str] | bytes | Mapping[str, Any] | list[Any]
Probabilities = Literal["raw", "processed"]


class FindingsError(InputError):
    """An answer was refused for what was found in it: `findings` holds each."""

    def __init__(self, message: str, findings: tuple[Finding, ...]) -> None:
        super().__init__(message)
        self.findings = findings


class _Given(NamedTuple):
    vocabulary_size: int | None
    dialect: str | None
    strict: bool
    probabilities: Probabilities | None
    temperature: float | None


def read_response(
    source: Source,
    vocabulary_size: int | None = None,
    *,
    dialect: str | None = None,
    strict: bool = False,
    probabilities: Probabilities | None = None,
    temperature: float | None = None,
) -> Trace:
    """One server's answer with log-probabilities, as a record with bounds: nothing is a point that was cut.

    source: a path, JSON text or bytes, a decoded object, or a stream kept as the server sent it (``data:`` lines or
    one JSON a line). vocabulary_size: how many tokens the model can emit; by default from its name, else 1 048 576,
    which the declaration says: a size too large only widens the upper bounds, by the logarithm. dialect: one of
    `DIALECTS` to insist on. strict: a finding fails. probabilities, temperature: what you know and the answer does
    not say.

    The record has a document for each choice, and for a prompt that was scored. `metadata.declaration` holds
    server, dialect, k, sentinels and findings. Surprisal is known where the token's log-probability is told, else
    bounded below (`censored`); entropy and varentropy are bounds, in nats.

    Raises `FileError` for a file that cannot be read, `InputError` for what is no answer with log-probabilities or
    holds several (`read_responses`), and `FindingsError` for raw logits, or any finding where `strict`.

    >>> answer = {"object": "chat.completion", "model": "gpt-4o", "choices": [{"logprobs": {"content": [
    ...     {"token": "Yes", "logprob": -0.25, "top_logprobs": [{"token": "Yes", "logprob": -0.25}]}]}}]}
    >>> print(read_response(answer).mean_entropy_bounds(unit="bits"))
    [0.7624, 4.658] bits
    """
    answers = read_responses(
        source, vocabulary_size, dialect=dialect, strict=strict, probabilities=probabilities, temperature=temperature
    )
    found = next(answers)
    if next(answers, None) is not None:
        raise InputError("this holds more than one answer: use read_responses, which gives one after the other.")
    return found


def read_responses(
    source: Source,
    vocabulary_size: int | None = None,
    *,
    dialect: str | None = None,
    strict: bool = False,
    probabilities: Probabilities | None = None,
    temperature: float | None = None,
) -> Iterator[Trace]:
    """Many answers, one after the other: JSON lines, a JSON list, or streams kept one after the other.

    Lines are read one at a time: the memory is that of the longest answer. Arguments and errors as in
    `read_response`; an error names the answer by its number, from 1.

    >>> [len(trace) for trace in read_responses([])]
    Traceback (most recent call last):
    entropist.errors.InputError: this holds no answer: there is nothing to read.
    """
    refuse_unknown(dialect)
    if probabilities not in (None, "raw", "processed"):
        raise InputError(f"probabilities are 'raw' or 'processed'; given {probabilities!r}.")
    if temperature is not None and not (isinstance(temperature, (int, float)) and 0 <= temperature < 1e6):
        raise InputError(f"temperature must be 0 or more; given {temperature!r}.")
    vocabulary_of("", "", vocabulary_size)
    given = _Given(vocabulary_size, dialect, strict, probabilities, temperature)
    return _traces(source, given)


def _traces(source: Source, given: _Given) -> Iterator[Trace]:
    number = 0
    for group in groups(source, given.dialect):
        number += 1
        yield _trace(group, given, number)
    if not number:
        raise InputError("this holds no answer: there is nothing to read.")


def _trace(group: Group, given: _Given, number: int) -> Trace:
    try:
        return _read(group, given)
    except FindingsError as error:
        if number == 1:
            raise
        raise FindingsError(f"answer {number}: {error}", error.findings) from error
    except InputError as error:
        if number == 1:
            raise
        raise InputError(f"answer {number}: {error}") from error


def _read(group: Group, given: _Given) -> Trace:
    name = next((found for chunk in group.chunks if (found := dialect_of(chunk, given.dialect))), None)
    if name is None:
        raise InputError(_no_answer(group, given.dialect))
    rows = Rows()
    read(name, group.chunks, rows)
    if not len(rows):
        raise InputError(
            f"this answer ({name}) holds no log-probabilities: ask the server for them "
            "(logprobs=true and top_logprobs=20, or its like)."
        )
    if group.cut:
        message = "the last line of the stream is not whole; the tokens before it were kept."
        rows.findings.append(Finding("stream cut short", len(rows) - 1, 1, message))
    server, model, told, temperature = declared(name, group.chunks)
    words = vocabulary(rows, rows.findings)
    seen = evidence(rows, words)
    censor(seen)
    size, size_source = _size(model, server, given, words, seen)
    check(seen, size)
    _refuse(seen.findings, given.strict and RAW_LOGITS not in {finding.kind for finding in seen.findings})
    pieces, exact = emitted_bytes(words, rows.parts, seen)
    _refuse(seen.findings, given.strict)
    rounding = rounding_of(seen)
    bounds = intervals(seen, size, rounding, server)
    record = table(rows, words, seen, bounds, pieces)
    declaration = Declaration(
        server=server,
        dialect=name,
        model=model,
        probabilities=given.probabilities or told,
        temperature=temperature if given.temperature is None else float(given.temperature),
        k=int(seen.counts.max(initial=0)),
        vocabulary_size=size,
        vocabulary_source=size_source,
        rounding=rounding,
        ids="server" if words.from_server else "local",
        parts=tuple(part.name for part in rows.parts),
        sentinels=tuple(sorted(seen.sentinels)),
        censored=int((np.isnan(seen.logprob) & (bounds.surprisal[1] == np.inf)).sum()),
        findings=tuple(seen.findings),
    )
    metadata = Metadata(
        model=Identity(model or "unknown", "", "", "unknown", server, versions=_versions()),
        protocol=Protocol("server", 0, 0, None),
        vocabulary_size=size,
        lossless=exact,
        dialect=name,
        probabilities=declaration.probabilities,
        declaration=declaration,
    )
    return Trace(record, metadata, dict(zip(words.ids.tolist(), words.pieces)))


def _size(model: str, server: str, given: _Given, words: Vocabulary, found: Evidence) -> tuple[int, str]:
    """The vocabulary size and its source; one that this very answer refutes is not used."""
    size, source = vocabulary_of(model, server, given.vocabulary_size)
    named = int(words.ids.max(initial=-1)) + 1 if words.from_server else len(words.ids)
    needed = max(named, int(found.counts.max(initial=0)) + 1)
    if needed <= size:
        return size, source
    if source == "given":
        raise InputError(f"vocabulary_size {size} is too small: the answer names {needed} tokens or ids.")
    return max(ASSUMED, needed), "assumed"


def _refuse(findings: list[Finding], strict: bool) -> None:
    refused = findings if strict else [finding for finding in findings if finding.kind == RAW_LOGITS]
    if refused:
        more = f" And {len(refused) - 1} other findings." if len(refused) > 1 else ""
        raise FindingsError(f"{refused[0]}{more}", tuple(findings))


@cache
def _versions() -> dict[str, str]:
    return library_versions()


def _no_answer(group: Group, dialect: str | None) -> str:
    answer = group.chunks[0]
    if answer.error is not None:
        return f"the server answered with an error and no tokens: {str(answer.error)[:200]}"
    if dialect is not None:
        return f"this is no answer in the dialect {dialect!r}: leave dialect out to have it found."
    return f"no server's answer with log-probabilities is recognised here; known are {', '.join(DIALECTS)}."


__all__ = ["FindingsError", "read_response", "read_responses"]
