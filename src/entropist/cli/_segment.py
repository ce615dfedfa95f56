"""``entropist segment``: a file cut where the next byte is hard to foresee."""

import json as json_
import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import typer

from entropist.errors import InputError

if TYPE_CHECKING:
    from entropist.segmentation import Segmentation


def segment(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Any file, text or not; without it, or as -, standard input.")
    ] = "-",
    model: Annotated[
        str, typer.Option(help="builtin:bytes, or another model whose tokens are single bytes.")
    ] = "builtin:bytes",
    threshold: Annotated[
        float | None, typer.Option(metavar="H", help="Entropy above which a segment starts; without it 1.927 bits.")
    ] = None,
    mean_size: Annotated[
        float | None, typer.Option(metavar="BYTES", help="Find the threshold that gives segments of this mean size.")
    ] = None,
    rule: Annotated[
        Literal["global", "monotonic", "both"], typer.Option(help="What must exceed it: the entropy, its rise, both.")
    ] = "global",
    rise: Annotated[float, typer.Option(metavar="H", help="The rise that rule both asks for besides.")] = 0.0,
    max_size: Annotated[int | None, typer.Option(metavar="BYTES", help="No segment is longer.")] = None,
    unit: Annotated[
        Literal["bits", "nats", "dits"], typer.Option(help="Unit of everything printed and of what is given.")
    ] = "bits",
    top: Annotated[int, typer.Option(min=0, metavar="N", help="Segments shown, from the beginning.")] = 1500,
    json: Annotated[bool, typer.Option("--json", help="Print the starts and the statistics as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page, one file without network.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the picture of the beginning.")] = None,
) -> None:
    """Cut bytes where the next one is hard to foresee.

    As the Byte Latent Transformer does: a segment starts where a small model's entropy of the next byte exceeds a
    threshold. The memory does not grow with the file; --mean-size keeps 17 bytes a byte in a temporary file.
    """
    from entropist import report
    from entropist.files import refuse_unwritable, write_text
    from entropist.segmentation import segment as cut
    from entropist.units import to_nats

    if file == "-" and (sys.stdin is None or sys.stdin.isatty()):
        raise InputError("nothing to segment: give the name of a file, or pipe one in.")
    for path in (html, svg):
        if path is not None:
            refuse_unwritable(path)
    name = "standard input" if file == "-" else Path(file).name
    options: dict[str, Any] = {
        "threshold": None if threshold is None else to_nats(threshold, unit),
        "mean_size": mean_size,
        "rule": rule,
        "rise": to_nats(rise, unit),
        "max_size": max_size,
    }
    with tempfile.TemporaryFile("w+", encoding="ascii") as starts:  # a long file has more than memory should hold
        found = cut(
            sys.stdin.buffer if file == "-" else Path(file),
            model,
            each=lambda new: starts.write("".join(f"{start}, " for start in new.tolist())) if json else None,
            **options,
        )
        if html is not None:
            report.write_segments_html(found, html, name=name, unit=unit)
        if svg is not None:
            write_text(svg, report.segments_svg(found, name=name, unit=unit))
        if json:
            _print_json(found, starts, unit)
        else:
            report.print_segments(found, name=name, unit=unit, top=top)
    for path in (html, svg):
        if path is not None:
            print(f"wrote {path}", file=sys.stderr)


def _print_json(found: "Segmentation", starts: IO[str], unit: str) -> None:
    """One object; the starts, which may be many, are copied from where they were kept."""
    rest = json_.dumps(found.to_dict(unit), ensure_ascii=False, allow_nan=False)
    starts.seek(0, 2)
    starts.truncate(starts.tell() - len(", "))
    starts.seek(0)
    sys.stdout.write('{"starts": [')
    shutil.copyfileobj(starts, sys.stdout)
    sys.stdout.write(f"], {rest[1:]}\n")
