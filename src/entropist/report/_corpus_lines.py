"""A scored corpus in the terminal: aligned lines without colours, every text made safe before."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from entropist.report._corpus import CorpusView, group_interval, span_text
from entropist.report._segments import _aligned
from entropist.report._summary import grouped
from entropist.report._visible import one_line, shortened
from entropist.results import Estimate

if TYPE_CHECKING:
    from entropist.scoring._result import Score
    from entropist.scoring._spans import Span

_LONGEST = 60  # characters of a name
_GROUPS = 60


def score_lines(found: "Score", *, spans: int = 0, until_stderr: float | None = None) -> Iterator[str]:
    """The totals, what was counted and on what it depends; groups and `spans` at either end where there are any.

    until_stderr: the error of bits per byte that documents in random order were scored for, where they were.
    """
    view = CorpusView(found, "")
    yield from _table([(figure.name, figure.value, figure.note) for figure in view.figures if figure.value != "none"])
    yield ""
    first = view.bits_per_byte
    if first.stderr is not None:
        yield f"error      {first.estimator}"
    if first.domain:
        yield f"           it speaks of {first.domain}"
    for k, line in enumerate(view.reasons()):
        yield f"{'reasons' if k == 0 else '':<9}  {line}"
    if until_stderr is not None:
        yield f"sample     {_sample(first, until_stderr)}"
    if len(view.documents) > 7:
        at = ", ".join(f"{name} {value:.3g}" for name, value in view.quantiles.items())
        yield f"documents  bits per byte of each: {at}"
    for k, line in enumerate(view.counted()):
        yield f"{'counted' if k == 0 else '':<9}  {line}"
    if found.shards_reused:
        yield f"reused     shards of an earlier run: {grouped(found.shards_reused)}"
    yield from (f"{name:<9}  {value}" for name, value in view.provenance() if name in ("model", "weights", "protocol"))
    if view.groups:
        yield ""
        head = ("group", "documents", "bits per byte", "95 %")
        yield from _aligned(
            [head]
            + [
                (shortened(name, _LONGEST), grouped(n), *group_interval(each))
                for name, n, each in view.groups[:_GROUPS]
            ]
        )
        if len(view.groups) > _GROUPS:
            yield f"the first {_GROUPS} of {grouped(len(view.groups))} groups"
        yield view.macro_over_groups()
    for title, least in (("most", False), ("least", True)):
        if spans:
            yield ""
            yield f"{title} surprising spans: bits per byte, document, bytes"
            yield from _spans(found.spans(spans, least=least))


def _sample(first: Estimate, goal: float) -> str:
    """Why no more documents were scored."""
    if first.stderr is not None and first.stderr <= goal:
        return f"documents in random order, until the error of bits per byte was {goal:g} or less: {first.stderr:.3g}"
    error = "it has none" if first.stderr is None else f"it is {first.stderr:.3g}"
    return f"all documents: the error of bits per byte did not come down to {goal:g}, {error}"


def _spans(spans: "Sequence[Span]") -> Iterator[str]:
    if not spans:
        yield "  none: no document has 64 bytes that were scored"
    for span in spans:
        where = shortened(one_line(span.document), _LONGEST)
        yield f"  {span.bits_per_byte:6.3f}  {where}, {span.start_byte} to {span.end_byte}"
        yield f"          {span_text(span)}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    for name, value, note in rows:
        yield f"{name:<{widths[0]}}  {value:<{widths[1]}}  {note}".rstrip()
