"""The page of a scored corpus: one HTML file without network and without a script, light and dark."""

from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from entropist.files import write_text
from entropist.report._assets import page_style
from entropist.report._corpus import CorpusView, DocumentFigure, group_interval, level, span_text
from entropist.report._corpus_charts import audit_bar, expected_and_found, histogram, intervals, ranks
from entropist.report._sheet import sheet
from entropist.report._summary import grouped
from entropist.report._visible import one_line, shortened
from entropist.results import Estimate

if TYPE_CHECKING:
    from entropist.scoring._result import Score

_LISTED = 8  # documents and spans at either end
_GROUPS = 60
_REASONS = 3
_LONGEST = 120  # characters of a document's id


def write_score_html(found: "Score", path: Path | str, *, name: str) -> None:
    """Write `score_page` to `path`, whole or not at all."""
    write_text(path, score_page(found, name=name))


def score_page(found: "Score", *, name: str) -> str:
    """The page of a score of the corpus called `name`: totals, distributions, documents and spans at both ends."""
    view = CorpusView(found, name)
    style = page_style() + resources.files("entropist.report").joinpath("static", "corpus.css").read_text("utf-8")
    body = _BODY.format(
        audit=audit_bar(found.bytes()),
        counted="".join(f"<li>{escape(line)}</li>" for line in view.counted()),
        charts="".join(_charts(view)),
        groups=_groups(view),
        documents=_documents(view),
        spans=_spans(found),
        card=escape(view.card()),
    )
    return sheet(
        title=one_line(name),
        brand="what a language model makes of a corpus",
        lead=" ".join(view.sentences()),
        figures=[figure for figure in view.figures if figure.value != "none"],
        reasons=" ".join(view.reasons()),
        body=body,
        provenance=view.provenance(),
        style=style,
    )


def _charts(view: CorpusView) -> Iterator[str]:
    if len(view.documents) > 1:
        at = view.quantiles
        help_ = (
            f"A column is a range of bits per byte. The box holds the middle half, {at['25 %']:.3g} to "
            f"{at['75 %']:.3g}, the stroke is the median, {at['median']:.3g}, the line goes from 5 % to 95 %. "
            "The triangle is all text together."
        )
        yield _chart("Bits per byte of the documents", help_, histogram(view))
    help_ = "How many tokens the model held likelier than the one that came: rank 0 is the likeliest."
    yield _chart("Ranks", help_, ranks(view.found.rank_histogram()))
    if len(view.documents) > 1:
        help_ = (
            "A point is a document, in bits a token. On the dashed line it cost what the model expected; "
            "above, the model was surer than it should be."
        )
        yield _chart("Expected and found", help_, expected_and_found(view.documents))


def _chart(title: str, help_: str, drawn: str) -> str:
    return f'<section><h2>{title}</h2><p class="help">{help_}</p>{drawn}</section>'


def _groups(view: CorpusView) -> str:
    if not view.groups:
        return ""
    ordered = sorted(view.groups, key=lambda group: -group[2].value)[:_GROUPS]
    drawn = intervals([estimate for _, _, estimate in ordered])
    rows = "".join(_row(*group, line) for group, line in zip(ordered, drawn))
    more = f" The {grouped(_GROUPS)} highest of {grouped(len(view.groups))}." if len(view.groups) > _GROUPS else ""
    reasons = [f"{name}: {each.reason}" for name, _, each in ordered if each.reason]
    rest = f"; and {len(reasons) - _REASONS} more" if len(reasons) > _REASONS else ""
    why = f'<p class="help">No error: {escape("; ".join(reasons[:_REASONS]))}{rest}.</p>' if reasons else ""
    help_ = f"Bits per byte by group, the highest first; the stroke is the 95 % interval.{more}"
    if any("within" in each.estimator for _, _, each in ordered):
        help_ += " An error marked “within” is one within the group's documents, which are too few for one between."
    help_ += f" The {view.macro_over_groups()}."
    head = "<tr><th>group</th><th>documents</th><th>bits per byte</th><th>95 %</th><th></th></tr>"
    return (
        f'<section class="chapter"><h2>Groups</h2><p class="help">{escape(help_)}</p><div class="wide"><table>'
        f"<thead>{head}</thead><tbody>{rows}</tbody></table></div>{why}</section>"
    )


def _row(name: str, documents: int, estimate: Estimate, line: str) -> str:
    cells = (f"<bdi>{escape(shortened(name, _LONGEST))}</bdi>", grouped(documents), *group_interval(estimate), line)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _documents(view: CorpusView) -> str:
    every = view.documents
    if len(every) < 2:
        return ""
    if len(every) <= 2 * _LISTED:
        return f'<div class="ends">{_ranked("Documents", "bits per byte, the most surprising first", every)}</div>'
    most = _ranked("Most surprising documents", "bits per byte", every[:_LISTED])
    least = _ranked("Least surprising documents", "bits per byte", every[: -_LISTED - 1 : -1])
    return f'<div class="ends">{most}{least}</div>'


def _ranked(title: str, help_: str, documents: Sequence[DocumentFigure]) -> str:
    items = (
        (document.bits_per_byte, shortened(one_line(document.id), _LONGEST), f"{grouped(document.bytes)} bytes")
        for document in documents
    )
    return _list(title, help_, items)


def _spans(found: "Score") -> str:
    every = found.spans(2 * _LISTED + 1)
    if not every:
        return ""
    help_ = "stretches of some 128 bytes, in bits per byte; so few vary widely"
    most, least = found.spans(_LISTED), found.spans(_LISTED, least=True)
    ends = [("Most surprising spans", most), ("Least surprising spans", least)]
    parts = []
    for title, spans in ends if len(every) > 2 * _LISTED else [("Spans, the most surprising first", every)]:
        items = (
            (
                span.bits_per_byte,
                span_text(span),
                f"{shortened(one_line(span.document), _LONGEST)}, bytes {grouped(span.start_byte)} to "
                f"{grouped(span.end_byte)}",
            )
            for span in spans
        )
        parts.append(_list(title, help_, items))
    return f'<div class="ends">{"".join(parts)}</div>'


def _list(title: str, help_: str, items: "Iterator[tuple[float, str, str]]") -> str:
    rows = "".join(
        f'<li><span class="amount b{level(value)}">{value:.2f}</span><bdi class="where">{escape(text)}</bdi>'
        f'<bdi class="note">{escape(note)}</bdi></li>'
        for value, text, note in items
    )
    list_ = f'<ol class="ranked" translate="no">{rows}</ol>'
    return f'<section><h2>{title}</h2><p class="help">{help_}</p>{list_}</section>'


_BODY = """<main>
<section class="chapter"><h2>What was counted</h2>{audit}<ul class="counts">{counted}</ul></section>
<div class="charts">{charts}</div>
{groups}
{documents}
{spans}
<section class="chapter"><h2>Protocol</h2>
<p class="help">^ is BOS, · seen only, # scored; drawn for 16 tokens at a window of 8</p>
<pre class="card">{card}</pre></section>
</main>"""
