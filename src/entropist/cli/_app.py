"""The application: its commands, and what every failure looks like from outside.

Exit codes: 0 done; 2 the input is at fault (one line says what and what to do); 1 Entropist failed;
130 interrupted.
"""

import functools
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from entropist.cli._ask import ask
from entropist.cli._diagnose import diagnose
from entropist.cli._generate import generate
from entropist.cli._score import score
from entropist.cli._segment import segment
from entropist.cli._trace import trace
from entropist.cli._watch import watch
from entropist.errors import EntropistError
from entropist.provenance import library_versions

app = typer.Typer(
    name="entropist",
    help="Measures the information in language models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


class _InterruptedError(EntropistError):
    """Ctrl-C, in a form that Typer passes on; of its own it would end without a word."""

    exit_code = 130


def _interruptible(command: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
            sys.stdout.flush()
        except KeyboardInterrupt:
            raise _InterruptedError("interrupted; nothing was left half written.") from None
        except (BrokenPipeError, SystemExit):
            # The reader (head, less) has gone. Click and Rich would end with 1 (Rich by SystemExit, which no command
            # raises), but nothing failed; with stdout pointed away, Python's last flush is silent.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None

    return run


for _command in (trace, score, generate, diagnose, ask, watch, segment):
    app.command()(_interruptible(_command))


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"entropist {library_versions()['entropist']}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Measures the information in language models."""


def main() -> None:
    """Run the command line; every failure ends in one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app()
    except EntropistError as error:
        _fail(str(error), error.exit_code)
    except Exception as error:
        if os.environ.get("ENTROPIST_DEBUG"):
            raise
        kind = type(error).__name__
        _fail(f"internal error, {kind}: {error}. This is ours: ENTROPIST_DEBUG=1 shows where; please report it.", 1)


def _fail(message: str, code: int) -> NoReturn:
    print(f"entropist: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
