"""``entropist diagnose``: what a server's answers say, with bounds where it cut."""

import json as json_
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from entropist.errors import EntropistError, FileError, InputError

if TYPE_CHECKING:
    from entropist import report

_SUFFIXES = (".json", ".jsonl", ".ndjson", ".sse")


def diagnose(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE", help="Saved answers, JSON lines, directories of them, or - for one on standard input."
        ),
    ],
    vocabulary: Annotated[
        int | None, typer.Option(min=1, metavar="SIZE", help="Tokens the model can emit, where its name does not tell.")
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(help="Insist on a dialect, such as openai-chat, instead of finding it.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, help="The temperature that was asked for, where the answer does not tell.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on any finding.")] = False,
    unit: Annotated[Literal["bits", "nats", "dits"], typer.Option(help="Unit of everything printed.")] = "bits",
    top: Annotated[int, typer.Option(min=0, metavar="N", help="Tokens shown in their places.")] = 5,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object an answer instead.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page of a single answer.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the picture of a single answer.")] = None,
) -> None:
    """Tell what servers' answers say, with bounds.

    Totals with bounds, missing mass, findings, and how the answer was sampled.

    One answer is told in words, two are compared, more make a table.
    """
    from entropist import report
    from entropist.files import refuse_unwritable, write_text
    from entropist.responses import read_responses

    pictures = [path for path in (html, svg) if path is not None]
    for path in pictures:
        refuse_unwritable(path)
    paths = list(_paths(files))
    if pictures and len(paths) > 1:
        raise _several(len(paths))
    found: list[report.Diagnosis] = []
    failed = 0
    for name in paths:
        source = sys.stdin.buffer.read() if name == "-" else name
        try:
            traces = read_responses(source, vocabulary, dialect=dialect, strict=strict, temperature=temperature)
            for number, trace in enumerate(traces, start=1):
                called = Path(name).name if number == 1 else f"{Path(name).name} #{number}"
                found.append(report.Diagnosis(called, trace, unit))
        except EntropistError as error:
            if len(paths) == 1:
                raise
            failed += 1
            print(f"entropist: {Path(name).name}: {' '.join(str(error).split())}", file=sys.stderr)
    if not found:
        raise InputError(f"none of the {len(paths)} files holds an answer with log-probabilities.")
    if pictures and len(found) != 1:
        raise _several(len(found))
    if html is not None:
        report.write_html(found[0].trace, html, unit=unit)
    if svg is not None:
        write_text(svg, report.svg(found[0].trace, unit=unit))
    if json:
        for each in found:
            print(json_.dumps(each.to_dict(), ensure_ascii=False))
    else:
        _print(found, top)
    for path in pictures:
        print(f"wrote {path}", file=sys.stderr)
    if failed:
        raise InputError(f"{failed} of {len(paths)} files could not be read; the others are above.")


def _print(found: "list[report.Diagnosis]", top: int) -> None:
    from entropist.report import comparison_lines, print_diagnosis, table_lines

    if len(found) == 1:
        print_diagnosis(found[0], top=top)
    else:
        lines = comparison_lines(*found) if len(found) == 2 else table_lines(found)
        for line in lines:
            print(line)


def _several(answers: int) -> InputError:
    return InputError(f"--html and --svg show one answer; given {answers}. Give one of them, or leave the option out.")


def _paths(files: list[str]) -> Iterator[str]:
    for name in files:
        path = Path(name)
        if name != "-" and path.is_dir():
            inside = sorted(str(each) for each in path.iterdir() if each.suffix.lower() in _SUFFIXES)
            if not inside:
                raise FileError(f"{name} holds no file named {', '.join('*' + suffix for suffix in _SUFFIXES)}.")
            yield from inside
        else:
            yield name
