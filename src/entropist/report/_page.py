"""The page: one HTML file, without network, that shows a trace and can be asked about every token.

Everything a reader could be harmed by is shut out twice: texts are escaped here and only ever become
text nodes in the script, and the sheet's Content-Security-Policy admits this very script and style by
their hashes and nothing else. The record of a server's answer has its verdict above the text; that needs no script.
"""

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from entropist.files import write_text
from entropist.record import Trace
from entropist.report._assets import page_style, script
from entropist.report._data import page_data
from entropist.report._diagnosis import Diagnosis
from entropist.report._drift import drift_picture
from entropist.report._peaks import peaks
from entropist.report._provenance import provenance
from entropist.report._sheet import sheet
from entropist.report._strip import static_legend, static_strip
from entropist.report._summary import Figure, counts, figures, sentences
from entropist.report._verdict import verdict_rows
from entropist.report._view import View
from entropist.report._visible import one_line, shortened

_PEAKS = 15
_CONTROL_PICTURES = re.compile("[\u2400-\u2421]")  # what `safe` shows in place of a carriage return and the like


def write_html(trace: Trace, path: Path | str, *, unit: str = "bits", title: str | None = None) -> None:
    """Write `html_page` to `path`, whole or not at all."""
    write_text(path, html_page(trace, unit=unit, title=title))


def html_page(trace: Trace, *, unit: str = "bits", title: str | None = None) -> str:
    """The page of a trace, information in `unit`; without `title` it is called by the beginning of its text."""
    return page_of(View(trace, unit), title=title)


def page_of(view: View, *, title: str | None = None, told: Iterable[str] = (), further: Iterable[Figure] = ()) -> str:
    """The page of a view, with `told`, more sentences under its title, and `further` figures beside its totals."""
    tokens = view.most_surprising(_PEAKS)
    totals = [*figures(view), *further]
    body = _BODY.format(
        verdict=_verdict(view),
        legend=static_legend(view),
        setting="code" if _is_code(view) else "prose",
        strip=static_strip(view, stop=len(view), anchors=tokens),
        peaks=peaks(view, tokens),
        unit=escape(view.unit),
    )
    return sheet(
        title=one_line(title) if title else _beginning(view),
        brand="where a language model was surprised, and by how much",
        lead=" ".join([*sentences(view), *told]),
        figures=[*totals, *counts(view)],
        reasons=" ".join(dict.fromkeys(figure.reason for figure in totals if figure.reason)),
        body=body,
        provenance=provenance(view),
        style=page_style(),
        behind=f'<div id="hover" role="tooltip" hidden></div>\n'
        f'<script type="application/json" id="data">{page_data(view)}</script>',
        script=script(),
    )


def _verdict(view: View) -> str:
    """What a server's answer says of itself; nothing for any other record."""
    if view.trace.metadata.declaration is None:
        return ""
    diagnosis = Diagnosis("", view.trace, view.unit)
    found, missing = diagnosis.consistency, diagnosis.missing_mass
    said = list(verdict_rows(view.trace, found))
    if missing is not None:
        said.append((missing.name, f"{missing.value}, {missing.note}: the probability beyond the lists"))
    rows = "".join(f"<dt>{escape(name)}</dt><dd><bdi>{escape(text)}</bdi></dd>" for name, text in said)
    drawn = "" if found is None else _DRIFT.format(picture=drift_picture(found.drift, len(view)))
    return _VERDICT.format(rows=rows, drawn=drawn)


def _beginning(view: View) -> str:
    shown = _CONTROL_PICTURES.sub(" ", "".join(view.texts[:40]))
    text = " ".join(shown.split()).strip("\"“”'`# ")
    return f"“{text[:60].rsplit(' ', 1)[0]} …”" if len(text) > 60 else f"“{shortened(text, 60)}”"


def _is_code(view: View) -> bool:
    """Whether many lines are indented, so that a fixed width reads better."""
    lines = [line for line in "".join(view.texts[:5000]).split("\n") if line.strip()]
    return len(lines) > 2 and sum(line.startswith(("  ", "\t")) for line in lines) > 0.25 * len(lines)


_DRIFT = """
<figure>{picture}
<figcaption class="help">The evidence, after each token, that the text does not follow the reported numbers: by what
a bet against them has multiplied its stake. Raw numbers sampled at another temperature set the alarm off, too.
</figcaption></figure>"""

_VERDICT = """<section class="verdict" aria-labelledby="verdict"><div><h2 id="verdict">Verdict</h2>
<dl>{rows}</dl></div>{drawn}</section>
"""

_BODY = """{verdict}<div class="desk">
<main>
<div class="controls" id="controls" hidden>
<fieldset id="modes"><legend>Colour by</legend></fieldset>
<form id="search" role="search"><label for="query">Search</label>
<input id="query" type="search" autocomplete="off" spellcheck="false" placeholder="find in the text">
<output id="found" role="status"></output></form>
<button type="button" id="theme" aria-pressed="false">Dark</button>
</div>
<section id="legend" aria-label="Legend">{legend}</section>
<div id="overview" hidden><p class="help">The text from beginning to end; a tall column is a surprising stretch.
Choose one to go there.</p><div id="map"></div></div>
<p id="help" class="help" hidden>Point at a token, or press Tab and the arrow keys. Click or Enter pins it,
Escape lets go, / searches.</p>
<div id="strip" class="{setting}" lang="" translate="no"
 role="group" aria-label="The text, token by token" aria-describedby="help"><noscript>{strip}</noscript></div>
</main>
<aside>
<section id="pinned" aria-label="Pinned token" hidden></section>
<section class="peaks"><h2>Most surprising</h2><p class="help">in {unit}; choose one to see it in the text</p>
<ol id="peaks">{peaks}</ol></section>
</aside>
</div>"""
