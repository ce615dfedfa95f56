"""The picture: a passage as SVG, laid out here on a grid of character cells, and as PNG through resvg.

No browser and no font metrics are needed: every piece of a token is told how wide it is (`textLength`),
a cell for a narrow character and two for a wide one.
"""

import importlib
import textwrap
from collections.abc import Iterator
from html import escape

from rich.cells import cell_len

from entropist.errors import MissingExtraError
from entropist.record import Trace
from entropist.report._diagnosis import Diagnosis
from entropist.report._grid import Piece, laid_out
from entropist.report._provenance import provenance
from entropist.report._ramp import LIGHT
from entropist.report._summary import grouped, sentences
from entropist.report._verdict import verdict_rows
from entropist.report._view import View

LONGEST = 1500  # tokens in a picture; a page holds all
_COLUMNS = 88
_CELL, _LINE, _FOOT, _MARGIN = 8.4, 24, 16, 32  # user units, which are pixels in the PNG at scale 1


def svg(trace: Trace, *, unit: str = "bits") -> str:
    """An SVG picture of the beginning of a text, its totals, the legend and the provenance line.

    Under the text of a server's answer stands its verdict, in words.
    """
    view = View(trace, unit)
    pieces = laid_out(view.texts[:LONGEST], _COLUMNS)
    levels = view.scales[0].token_levels()
    said = sentences(view)
    lead = textwrap.wrap(" ".join(said), _COLUMNS)
    more = [f"… and {grouped(len(view) - LONGEST)} more tokens"] if len(view) > LONGEST else []
    line = " · ".join(f"{name} {value}" for name, value in provenance(view))
    foot = [*more, *_verdict(view), *textwrap.wrap(line, 110)]
    first = len(lead) + 3
    rows = 1 + pieces[-1].row if pieces else 0
    parts = [
        *_lines(lead, 0, "lead"),
        *_legend(view, len(lead) + 1),
        *(_token(view, piece, int(levels[piece.token]), first) for piece in pieces),
        *_lines(foot, first + rows + 1, "foot", _FOOT),
    ]
    width, height = _COLUMNS * _CELL + 2 * _MARGIN, (first + rows + 1) * _LINE + len(foot) * _FOOT + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{escape(said[0])}">\n<style>{_STYLE}</style>\n'
        f'<rect width="100%" height="100%" fill="{LIGHT.paper}"/>\n{"".join(parts)}</svg>\n'
    )


def png(trace: Trace) -> bytes:
    """`svg` of a trace in bits as PNG bytes, two pixels a unit; needs the extra "report"."""
    try:
        converter = importlib.import_module("vl_convert")
    except ImportError as error:
        raise MissingExtraError("a PNG picture", "report") from error
    return bytes(converter.svg_to_png(svg(trace), scale=2))


_STYLE = (
    f"text {{ font: 14px 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: {LIGHT.ink}; white-space: pre; }} "
    ".lead { font: 15px Georgia, 'DejaVu Serif', serif; } .foot { font: 11px sans-serif; fill: #6b675f; } "
    ".key { font: 12px sans-serif; }"
)


def _verdict(view: View) -> Iterator[str]:
    """What a server's answer says of itself, and a blank line; nothing for any other record."""
    if view.trace.metadata.declaration is None:
        return
    for name, text in verdict_rows(view.trace, Diagnosis("", view.trace, view.unit).consistency):
        yield from textwrap.wrap(f"{name}: {text}", 110)
    yield ""


def _token(view: View, piece: Piece, level: int, first: int) -> str:
    word = piece.text.lstrip(" ")
    indent = len(piece.text) - len(word) if word else 0  # the blanks before a word stay unpainted
    column = piece.column if piece.right_to_left else piece.column + indent
    x, y = _MARGIN + column * _CELL, _MARGIN + (first + piece.row) * _LINE
    if level < 0:
        return f"<g>{_text(word, x, y + 15, 'opacity: .7')}</g>\n"
    told = f"<title>{view.surprisal[piece.token]:.2f} {view.unit}</title>"
    size = f'width="{(piece.cells - indent) * _CELL:.1f}" height="{_LINE - 4}"'
    box = f'<rect x="{x:.1f}" y="{y:g}" {size} rx="2" fill="{LIGHT.colours[level]}"/>'
    return f"<g>{told}{box}{_text(word, x, y + 15, f'fill: {LIGHT.inks[level]}')}</g>\n"


def _text(text: str, x: float, y: float, style: str) -> str:
    if not text.strip():
        return ""
    # Blanks inside are no-break ones: XML would fold them, and the width told counts each.
    inner = escape(text.replace(" ", "\u00a0"), quote=False)
    width = f'textLength="{cell_len(text) * _CELL:.1f}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{x:.1f}" y="{y:g}" {width} style="{style}">{inner}</text>'


def _lines(lines: list[str], row: int, style: str, step: int = _LINE) -> list[str]:
    top = _MARGIN + row * _LINE + 12
    return [
        f'<text class="{style}" x="{_MARGIN}" y="{top + k * step}">{escape(line, quote=False)}</text>\n'
        for k, line in enumerate(lines)
    ]


def _legend(view: View, row: int) -> Iterator[str]:
    scale = view.scales[0]
    y = _MARGIN + row * _LINE
    yield f'<text class="key" x="{_MARGIN}" y="{y + 14}">{view.unit} a token</text>'
    for k, (label, level) in enumerate(zip(scale.labels, scale.levels)):
        x = _MARGIN + 92 + 56 * k
        yield f'<rect x="{x}" y="{y}" width="54" height="20" rx="2" fill="{LIGHT.colours[level]}"/>'
        style = f'x="{x + 27}" y="{y + 14}" text-anchor="middle" style="fill: {LIGHT.inks[level]}"'
        yield f'<text class="key" {style}>{label}</text>\n'
