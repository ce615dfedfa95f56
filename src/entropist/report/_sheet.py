"""The sheet that every page is written on: head, heading, figures, footer.

Nothing comes from the network, and the Content-Security-Policy admits the sheet's own style and script by their hashes
and nothing else.
"""

from collections.abc import Iterable
from html import escape

from entropist.provenance import library_versions
from entropist.report._assets import sha256_source
from entropist.report._summary import Figure


def sheet(
    *,
    title: str,
    brand: str,
    lead: str,
    figures: Iterable[Figure],
    body: str,
    provenance: Iterable[tuple[str, str]],
    style: str,
    reasons: str = "",
    behind: str = "",
    script: str = "",
) -> str:
    """One HTML document. `body`, and what comes `behind` it, are markup; all other texts are escaped here."""
    scripts = f"script-src {sha256_source(script)}; " if script else ""
    values = {
        "policy": f"default-src 'none'; {scripts}style-src {sha256_source(style)}; img-src data:; base-uri 'none'; "
        "form-action 'none'",
        "version": library_versions().get("entropist", ""),
        "style": style,
        "title": escape(title),
        "brand": escape(brand),
        "lead": escape(lead),
        "figures": "".join(map(_figure, figures)),
        "reasons": f'\n<p class="help">{escape(reasons)}</p>' if reasons else "",
        "body": body,
        "provenance": "".join(f"<span><b>{escape(name)}</b> {escape(value)}</span> " for name, value in provenance),
        "behind": behind + (f"\n<script>{script}</script>" if script else ""),
    }
    return _TEMPLATE.format_map(values)


def _figure(figure: Figure) -> str:
    name, value, note = (escape(text) for text in (figure.name, figure.value, figure.note))
    return f'<div><dt>{name}</dt><dd>{value}</dd><dd class="note">{note}</dd></div>'


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
<p class="brand">Entropist <span>{brand}</span></p>
<h1><bdi>{title}</bdi></h1>
<p class="lead">{lead}</p>
<dl class="figures">{figures}</dl>{reasons}
</header>
{body}
<footer><p class="provenance">{provenance}</p></footer>
{behind}
</body>
</html>
"""
