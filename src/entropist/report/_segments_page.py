"""The page of segments: one HTML file without network and without a script, light and dark."""

from html import escape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from entropist.files import write_text
from entropist.report._assets import page_style
from entropist.report._ramp import LEVELS
from entropist.report._segments import SegmentView, comparison
from entropist.report._segments_picture import WIDTH, drawn, rows_height
from entropist.report._sheet import sheet
from entropist.report._summary import Figure, grouped
from entropist.report._visible import one_line

if TYPE_CHECKING:
    from entropist.segmentation._result import Segmentation

_BARS = 24  # sizes shown one by one


def write_segments_html(found: "Segmentation", path: Path | str, *, name: str, unit: str = "bits") -> None:
    """Write `segments_page` to `path`, whole or not at all."""
    write_text(path, segments_page(found, name=name, unit=unit))


def segments_page(found: "Segmentation", *, name: str, unit: str = "bits") -> str:
    """The page of a segmentation called `name`, information in `unit`: the opening drawn, all of it counted."""
    view = SegmentView(found, name, unit)
    shown = len(found.opening.data)
    patches = found.statistics[0]
    figures = [
        ("segments", grouped(patches.patches), f"of {grouped(found.size)} bytes"),
        (
            "mean size",
            f"{patches.mean_size:.2f} bytes",
            f"± {patches.size_stdev:.2f}, the longest {grouped(patches.longest)}",
        ),
        ("threshold", f"{view.threshold:.4g} {unit}", f"rule: {found.rule.name}"),
        ("entropy at starts", comparison(view)[2][5], "of all the entropy"),
    ]
    body = _BODY.format(
        legend="".join(f'<span class="b{level}">{label}</span>' for level, label in enumerate(view.labels)),
        unit=escape(unit),
        dashed="" if found.rule.name == "monotonic" else "; the dashed line is the threshold",
        opening=f"The first {grouped(shown)} of {grouped(found.size)} bytes." if view.more else "The whole file.",
        picture=f'<svg viewBox="0 0 {WIDTH:g} {rows_height(shown):g}" role="img" '
        f'aria-label="entropy of each byte, and the segments">{"".join(drawn(view, shown))}</svg>',
        table=_table(comparison(view)),
        sizes=_sizes(found.sizes),
    )
    return sheet(
        title=one_line(name),
        brand="where the next byte was hard to foresee",
        lead=f"{view.sentence()} A segment starts where {view.rule()}.",
        figures=[Figure(*each) for each in figures],
        body=body,
        provenance=view.provenance(),
        style=_style(),
    )


def _style() -> str:
    own = resources.files("entropist.report").joinpath("static", "segments.css").read_text(encoding="utf-8")
    levels = [f".picture .s{k} {{ fill: var(--b{k}); }} .picture .i{k} {{ fill: var(--i{k}); }}" for k in range(LEVELS)]
    return "\n".join([page_style(), own, *levels])


def _table(rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(a)}<br>{escape(b)}</th>" for a, b in zip(*rows[:2]))
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[2:])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _sizes(sizes: tuple[int, ...]) -> str:
    """Bars: how many segments have 1, 2, … bytes, those longer together in the last."""
    counts = [*sizes[:_BARS], sum(sizes[_BARS:])]
    most, parts = max(counts), []
    for k, count in enumerate(counts):
        high, x = 96 * count / most, 16 * k
        label = f"{_BARS}+" if k == _BARS else str(k + 1)
        told = "more" if k == _BARS else label
        parts.append(
            f'<rect x="{x + 1}" y="{100 - high:.1f}" width="14" height="{high:.1f}">'
            f"<title>{told} bytes: {grouped(count)} segments</title></rect>"
        )
        if k in (0, _BARS) or ((k + 1) % 4 == 0 and k + 1 < _BARS):
            parts.append(f'<text x="{x + 8}" y="114">{"›" + str(_BARS) if k == _BARS else label}</text>')
    box = f"0 0 {16 * len(counts) + 8} 120"
    return f'<svg viewBox="{box}" role="img" aria-label="sizes of segments">{"".join(parts)}</svg>'


_BODY = """<main>
<section class="chapter">
<h2>Entropy and segments</h2>
<p class="help">{opening} The curve is the entropy of each byte given those before it, in {unit}{dashed}.
A box is a segment, coloured by the information in it.</p>
<p class="key">{unit} a segment {legend}</p>
<div class="picture" lang="" translate="no">{picture}</div>
</section>
<section class="chapter patches">
<h2>Beside other patches</h2>
{table}
<p class="help">Of the whole file. A word starts at a letter, a digit or a byte above 0x7F that follows none of these; a
whitespace patch at what follows whitespace.</p>
</section>
<section class="chapter sizes">
<h2>Sizes</h2>
<p class="help">segments by their number of bytes</p>
{sizes}
</section>
</main>"""
