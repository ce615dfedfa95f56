"""``entropist trace``: a text through a language model, token by token."""

import re
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from entropist.errors import FileError, InputError

_LOOKS_LIKE_A_FILE = re.compile(r"\S+\.(txt|md|py|json|jsonl|csv|html|log|rst|tex)", re.IGNORECASE)


def trace(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT|FILE",
            help="The text itself or the name of a file of it; without it, or as -, standard input.",
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="builtin:base (or tuned, student, bytes), a model directory, a .gguf file, or a hub id.")
    ] = "builtin:base",
    unit: Annotated[Literal["bits", "nats", "dits"], typer.Option(help="Unit of everything printed.")] = "bits",
    top: Annotated[int, typer.Option(min=0, metavar="K", help="Alternatives kept for every token.")] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print the whole record as JSON instead of the view.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page, one file without network.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the picture of the text.")] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the record: .parquet, .arrow or .jsonl.")
    ] = None,
) -> None:
    """Show where a model is certain of a text and where not."""
    text = _text(source)
    from entropist import report, scoring
    from entropist.files import refuse_unwritable, write_text
    from entropist.record import refuse_unsavable

    if save is not None:
        refuse_unsavable(save)
    for path in (html, svg):
        if path is not None:
            refuse_unwritable(path)
    record = scoring.trace(text, model=model, top_k=top)
    if not record.scored.any():
        raise InputError(
            f"{model} has no BOS token, so nothing predicts the first token, and the text has no second one: "
            "give a longer text, or a model with a BOS token."
        )
    if save is not None:
        record.save(save)
    if html is not None:
        report.write_html(record, html, unit=unit)
    if svg is not None:
        write_text(svg, report.svg(record, unit=unit))
    if json:
        sys.stdout.write(record.to_json(unit=unit) + "\n")
    else:
        report.print_trace(record, unit=unit)
    for path in (save, html, svg):
        if path is not None:
            print(f"wrote {path}", file=sys.stderr)


def _text(source: str | None) -> str:
    from entropist.corpus import decode, read_text

    if source is None and (sys.stdin is None or sys.stdin.isatty()):
        raise InputError('nothing to trace: give a text, the name of a file, or pipe one in: entropist trace "It was".')
    if source is None or source == "-":
        return read_text("-")
    try:
        is_path = source != "" and Path(source).exists()
    except (OSError, ValueError):  # too long for a name, or a NUL in it: a text
        is_path = False
    if is_path:
        return read_text(source)
    if _LOOKS_LIKE_A_FILE.fullmatch(source):
        raise FileError(f"there is no file {source}. To trace these characters as a text, pipe them in.")
    return decode(source.encode("utf-8", "surrogateescape"), "the text given")
