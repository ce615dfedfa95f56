"""A scored corpus as one SVG with the light colours, and as a fragment for a notebook."""

import textwrap
from html import escape
from typing import TYPE_CHECKING

from entropist.report._assets import fragment_style
from entropist.report._corpus import CorpusView
from entropist.report._corpus_charts import HEIGHT, WIDTH, expected_and_found, histogram, ranks
from entropist.report._fragment import _ATTACH
from entropist.report._ramp import LIGHT
from entropist.report._visible import one_line

if TYPE_CHECKING:
    from entropist.scoring._result import Score

_MARGIN, _GAP, _LINE = 28.0, 36.0, 21.0


def score_svg(found: "Score", *, name: str) -> str:
    """The distributions of a score of the corpus called `name`, its totals in words and on what they depend."""
    view = CorpusView(found, name)
    charts = [("Ranks", ranks(found.rank_histogram()))]
    if len(view.documents) > 1:
        charts.insert(0, ("Bits per byte of the documents", histogram(view)))
        charts.append(("Expected and found, bits a token", expected_and_found(view.documents)))
    width = 2 * _MARGIN + 3 * WIDTH + 2 * _GAP
    lead = textwrap.wrap(" ".join(view.sentences()), 140)
    foot = textwrap.wrap(" · ".join(f"{key} {value}" for key, value in view.provenance()), 180)
    top = _MARGIN + 30 + len(lead) * _LINE + 20
    height = top + 20 + HEIGHT + 26 + len(foot) * 15 + _MARGIN
    parts = [_text("title", _MARGIN, _MARGIN + 16, one_line(name))]
    parts += [_text("lead", _MARGIN, _MARGIN + 44 + k * _LINE, line) for k, line in enumerate(lead)]
    for k, (title, chart) in enumerate(charts):
        x = _MARGIN + k * (WIDTH + _GAP)
        parts.append(_text("head", x, top, title))
        place = f'<svg x="{x:g}" y="{top + 14:g}" width="{WIDTH:g}" height="{HEIGHT:g}" '
        parts.append(chart.replace("<svg ", place, 1))
    parts += [_text("foot", _MARGIN, height - _MARGIN - (len(foot) - 1 - k) * 15, line) for k, line in enumerate(foot)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{escape(" ".join(lead))}">\n<style>{_STYLE}</style>\n'
        f'<rect width="100%" height="100%" fill="{LIGHT.paper}"/>\n{"".join(parts)}</svg>\n'
    )


def score_fragment(found: "Score") -> str:
    """HTML of a score for a notebook: its totals in words and in figures, and what was counted."""
    view = CorpusView(found, "")
    words = escape(" ".join(view.sentences()))
    figures = [figure for figure in view.figures if figure.value != "none"]
    rows = "".join(
        f"<tr><td>{escape(figure.name)}</td><td><b>{escape(figure.value)}</b></td><td>{escape(figure.note)}</td></tr>"
        for figure in figures
    )
    counted = "<br>".join(map(escape, view.counted()))
    line = " · ".join(f"{escape(key)} {escape(value)}" for key, value in view.provenance())
    plain = escape("\n".join(f"{figure.name}: {figure.value} {figure.note}" for figure in figures))
    return (
        '<div class="entropist-trace"><template shadowrootmode="open">'
        f'<style>{fragment_style()} td {{ padding: .1rem 1.2rem .1rem 0; }}</style><div class="sheet"><p>{words}</p>'
        f'<table>{rows}</table><p>{counted}</p><p class="fine">{line}</p></div></template>'
        f"<p>{words}</p><pre>{plain}</pre></div>{_ATTACH}"
    )


def _text(style: str, x: float, y: float, text: str) -> str:
    return f'<text class="{style}" x="{x:g}" y="{y:g}">{escape(text, quote=False)}</text>\n'


_STYLE = (
    f"text {{ font: 11px sans-serif; fill: #6b675f; }} .title {{ font: 22px Georgia, 'DejaVu Serif', serif; "
    f"fill: {LIGHT.ink}; }} .lead {{ font: 15px Georgia, 'DejaVu Serif', serif; fill: {LIGHT.ink}; }} "
    f".head {{ font: bold 13px sans-serif; fill: {LIGHT.ink}; }} .mid {{ text-anchor: middle; }} "
    f".end {{ text-anchor: end; }} .count {{ fill: #a4b6e3; }} .base {{ stroke: {LIGHT.ink}; stroke-width: .8; }} "
    f".rule {{ stroke: #d9d7d2; stroke-width: .8; }} .whisker {{ stroke: {LIGHT.ink}; stroke-width: 1.2; }} "
    f".median {{ stroke: {LIGHT.ink}; stroke-width: 2; }} .box {{ fill: #f2f1ee; stroke: {LIGHT.ink}; }} "
    f".own {{ fill: {LIGHT.colours[7]}; }} .even {{ stroke: {LIGHT.ink}; stroke-width: .8; stroke-dasharray: 4 4; }} "
    f".point {{ fill: {LIGHT.accent}; fill-opacity: .5; }}"
)
