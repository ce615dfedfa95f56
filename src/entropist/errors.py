"""The exception tree: every deliberate error of Entropist is an `EntropistError`.

A message says what was given, what was expected and what to do. `exit_code` is what the command line
returns for it: 2 where the input is at fault, 1 where Entropist itself failed.
"""

from typing import Any


class EntropistError(Exception):
    """Base of every deliberate error."""

    exit_code = 2


class InputError(EntropistError, ValueError):
    """The values, text or file given cannot be used."""


class ModelError(EntropistError):
    """A model or its tokenizer cannot be loaded or used."""


class FileError(EntropistError):
    """A file cannot be read or written."""


class ServerError(EntropistError):
    """A server could not be reached, refused, or broke off; `trace` records the tokens it had sent, None for none."""

    def __init__(self, message: str, trace: Any = None) -> None:
        super().__init__(message)
        self.trace = trace


class MissingExtraError(EntropistError, ImportError):
    """A package that comes with one of the optional extras is not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs the extra {extra!r}: pip install 'entropist[{extra}]'.")


class AuditError(EntropistError):
    """An account that must balance does not: a defect in Entropist, never a property of the input."""

    exit_code = 1


def first_line(error: BaseException) -> str:
    """The first line of another library's error, short enough to stand inside one of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
