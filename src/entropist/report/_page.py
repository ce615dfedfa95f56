"""The page: one HTML file, without network, that shows a trace and can be asked about every token.

Everything a reader could be harmed by is shut out twice: texts are escaped here and only ever become
text nodes in the script, and the page's Content-Security-Policy admits this very script and style by
their hashes and nothing else.
"""

from html import escape
from pathlib import Path

from entropist.files import written_whole
from entropist.provenance import library_versions
from entropist.record import Trace
from entropist.report._assets import page_style, script, sha256_source
from entropist.report._data import page_data
from entropist.report._peaks import peaks
from entropist.report._provenance import provenance
from entropist.report._strip import static_legend, static_strip
from entropist.report._summary import Figure, counts, figures, sentences
from entropist.report._view import View
from entropist.report._visible import one_line, shortened

_PEAKS = 15


def write_html(trace: Trace, path: Path | str, *, unit: str = "bits", title: str | None = None) -> None:
    """Write `html_page` to `path`, whole or not at all."""
    page = html_page(trace, unit=unit, title=title)
    with written_whole(path) as beside:
        beside.write_text(page, encoding="utf-8")


def html_page(trace: Trace, *, unit: str = "bits", title: str | None = None) -> str:
    """The page of a trace, information in `unit`; without `title` it is called by the beginning of its text."""
    view = View(trace, unit)
    tokens = view.most_surprising(_PEAKS)
    totals = figures(view)
    heading = escape(one_line(title) if title else _beginning(view))
    values = {
        "policy": _policy(),
        "version": library_versions().get("entropist", ""),
        "style": page_style(),
        "title": heading,
        "lead": escape(" ".join(sentences(view))),
        "figures": "".join(_figure(figure) for figure in [*totals, *counts(view)]),
        "reasons": escape(" ".join(dict.fromkeys(figure.reason for figure in totals if figure.reason))),
        "legend": static_legend(view),
        "setting": "code" if _is_code(view) else "prose",
        "strip": static_strip(view, stop=len(view), anchors=tokens),
        "peaks": peaks(view, tokens),
        "unit": escape(unit),
        "provenance": "".join(
            f"<span><b>{escape(name)}</b> {escape(value)}</span> " for name, value in provenance(view)
        ),
        "data": page_data(view),
        "script": script(),
    }
    return _TEMPLATE.format_map(values)


def _policy() -> str:
    allowed = f"script-src {sha256_source(script())}; style-src {sha256_source(page_style())}"
    return f"default-src 'none'; {allowed}; img-src data:; base-uri 'none'; form-action 'none'"


def _figure(figure: Figure) -> str:
    name, value, note = (escape(text) for text in (figure.name, figure.value, figure.note))
    return f'<div><dt>{name}</dt><dd>{value}</dd><dd class="note">{note}</dd></div>'


def _beginning(view: View) -> str:
    text = " ".join("".join(view.texts[:40]).split()).strip("\"“”'`")
    return f"“{text[:60].rsplit(' ', 1)[0]} …”" if len(text) > 60 else f"“{shortened(text, 60)}”"


def _is_code(view: View) -> bool:
    """Whether many lines are indented, so that a fixed width reads better."""
    lines = [line for line in "".join(view.texts[:5000]).split("\n") if line.strip()]
    return len(lines) > 2 and sum(line.startswith(("  ", "\t")) for line in lines) > 0.25 * len(lines)


_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="Entropist {version}">
<title>{title} · Entropist</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<header>
<p class="brand">Entropist <span>where a language model was surprised, and by how much</span></p>
<h1><bdi>{title}</bdi></h1>
<p class="lead">{lead}</p>
<dl class="figures">{figures}</dl>
<p class="help">{reasons}</p>
</header>
<div class="desk">
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
</div>
<footer><p class="provenance">{provenance}</p></footer>
<div id="hover" role="tooltip" hidden></div>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""
