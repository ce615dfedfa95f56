"""The distributions of a scored corpus as small SVG charts, coloured by classes so that they follow the paper.

Each is WIDTH wide, made to stand beside another on a wide page and alone on a narrow one.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from entropist.report._corpus import CorpusView, DocumentFigure
from entropist.report._summary import grouped
from entropist.report._visible import one_line, shortened
from entropist.results import Estimate

WIDTH, HEIGHT = 340.0, 232.0
_LEFT, _RIGHT, _BOTTOM = 34.0, 12.0, 26.0
_MOST_POINTS = 600
_MOST_BINS = 28

Place = Callable[[float], float]


def histogram(view: CorpusView) -> str:
    """Documents over bits per byte; above them the quantiles, and the corpus's own."""
    values = np.array([document.bits_per_byte for document in view.documents])
    low, high = _inner_range(values)
    step = _step(high - low, max(6, min(_MOST_BINS, round(2 * math.sqrt(len(values))))))
    edges = np.arange(math.floor(low / step), math.floor(high / step) + 2) * step
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    floor, top, most = HEIGHT - _BOTTOM, 40.0, int(counts.max())
    x, y = _line(edges[0], edges[-1], _LEFT, WIDTH - _RIGHT), _line(0, most, floor, top)
    parts = list(_y_axis(_ticks(0, most, 3, whole=True), y))
    for (a, b), count in zip(pairwise(edges.tolist()), counts.tolist()):
        told = f"<title>{a:.4g} to {b:.4g}: {_documents(count)}</title>"
        parts.append(
            f'<rect class="count" x="{x(a) + 0.5:.1f}" y="{y(count):.1f}" width="{x(b) - x(a) - 1:.1f}" '
            f'height="{floor - y(count):.1f}">{told}</rect>'
        )
    parts += _x_axis(_ticks(edges[0], edges[-1], 5), x, floor)
    parts += _quantiles(view, lambda value: x(min(max(value, edges[0]), edges[-1])))
    beyond = int((values < edges[0]).sum() + (values > edges[-1]).sum())
    note = f", {grouped(beyond)} beyond the ends in the outer columns" if beyond else ""
    return _svg(parts, f"documents by bits per byte{note}")


def ranks(counts: Mapping[str, int]) -> str:
    """How often the token that came was the likeliest (rank 0), the next, and so on."""
    total = sum(counts.values())
    last = max((k for k, count in enumerate(counts.values()) if count), default=0)
    shown = list(counts.items())[: max(last, 7) + 1]
    most, row, left, right = max(counts.values()), HEIGHT / max(len(shown), 12), 84.0, 48.0
    parts = []
    for k, (name, count) in enumerate(shown):
        y, wide = k * row, (WIDTH - left - right) * count / most
        label = "–".join(grouped(int(end)) if end else "" for end in name.split("-"))
        share = f"{100 * count / total:.2g} %" if count else "0"
        parts.append(
            f'<text class="end" x="{left - 8:g}" y="{y + row / 2 + 4:.1f}">{label}</text>'
            f'<rect class="count" x="{left:g}" y="{y + 1.5:.1f}" width="{wide:.1f}" height="{row - 3:.1f}">'
            f"<title>rank {label}: {grouped(count)} tokens</title></rect>"
            f'<text x="{left + wide + 5:.1f}" y="{y + row / 2 + 4:.1f}">{share}</text>'
        )
    return _svg(parts, "tokens by rank", row * len(shown))


def expected_and_found(documents: Sequence[DocumentFigure]) -> str:
    """A point a document: the bits a token it was expected to cost, and those it cost."""
    some = list(documents)[:: -(-len(documents) // _MOST_POINTS)]
    every = np.array([[document.entropy, document.surprisal] for document in some])
    ends = [_inner_range(every[:, axis]) for axis in (0, 1)]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    pad = 0.04 * (high - low)
    floor, top = HEIGHT - _BOTTOM - 12, 20.0
    x = _line(low - pad, high + pad, _LEFT, WIDTH - _RIGHT)
    y = _line(low - pad, high + pad, floor, top)
    ticks = _ticks(low, high, 5)
    parts = [*_y_axis(ticks, y), *_x_axis(ticks, x, floor)]
    parts.append(f'<path class="even" d="M{x(low):.1f} {y(low):.1f}L{x(high):.1f} {y(high):.1f}"/>')
    parts.append(f'<text class="mid" x="{(WIDTH + _LEFT) / 2:g}" y="{HEIGHT - 2:g}">mean entropy</text>')
    parts.append(f'<text x="{_LEFT - 24:g}" y="10">mean surprisal</text>')
    for document, (entropy, surprisal) in zip(some, np.clip(every, low, high).tolist()):
        told = (
            f"{shortened(one_line(document.id), 80)}: {document.entropy:.3f} expected, {document.surprisal:.3f} found"
        )
        parts.append(
            f'<circle class="point" cx="{x(entropy):.1f}" cy="{y(surprisal):.1f}" r="3">'
            f"<title>{escape(told)}</title></circle>"
        )
    return _svg(parts, "mean surprisal against mean entropy of each document")


def intervals(estimates: Sequence[Estimate]) -> list[str]:
    """A line for each: a dot at the value, a stroke over its 95 % interval, all on one scale."""
    spans = [each.confidence_interval() if each.stderr is not None else (each.value, each.value) for each in estimates]
    low, high = min(a for a, _ in spans), max(b for _, b in spans)
    x = _line(low, high if high > low else low + 1, 6, 174)
    return [
        f'<svg class="interval" viewBox="0 0 180 16" width="180" height="16" aria-hidden="true">'
        f'<path d="M{x(a):.1f} 8H{x(b):.1f}"/><circle cx="{x(each.value):.1f}" cy="8" r="3.5"/></svg>'
        for each, (a, b) in zip(estimates, spans)
    ]


def audit_bar(sizes: Mapping[str, int]) -> str:
    """Bytes scored, context and dropped as parts of one bar."""
    parts, at = [], 0.0
    for name in ("scored_", "context_", "dropped_"):
        wide = 100 * sizes[name] / max(1, sizes[""])
        parts.append(f'<rect class="{name.strip("_")}" x="{at:.3f}" y="0" width="{wide:.3f}" height="4"/>')
        at += wide
    return (
        f'<svg class="audit" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" '
        f'aria-label="scored, context and dropped bytes">{"".join(parts)}</svg>'
    )


def _quantiles(view: CorpusView, x: Place) -> Iterator[str]:
    """A box over the middle half, a line from 5 % to 95 %, a stroke at the median, a mark at the corpus's own."""
    at, y = view.quantiles, 18.0
    told = ", ".join(f"{name}: {value:.4g}" for name, value in at.items())
    yield f"<g><title>{told}</title>"
    yield f'<path class="whisker" d="M{x(at["5 %"]):.1f} {y:g}H{x(at["95 %"]):.1f}"/>'
    wide = max(1.0, x(at["75 %"]) - x(at["25 %"]))
    yield f'<rect class="box" x="{x(at["25 %"]):.1f}" y="{y - 6:g}" width="{wide:.1f}" height="12"/>'
    yield f'<path class="median" d="M{x(at["median"]):.1f} {y - 8:g}v16"/></g>'
    own = view.bits_per_byte.value
    yield f'<path class="own" d="M{x(own):.1f} 37l-4.5 -7h9z"><title>all together: {own:.4g}</title></path>'


def _inner_range(values: NDArray[np.float64]) -> tuple[float, float]:
    """From the least to the most, but no further than four times the middle half beyond its ends."""
    first, third = np.quantile(values, [0.25, 0.75]).tolist()
    reach = 4 * (third - first)
    low, high = (float(values.min()), float(values.max()))
    if reach > 0:
        low, high = max(low, first - reach), min(high, third + reach)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _step(width: float, parts: int) -> float:
    """1, 2 or 5 times a power of ten: the finest that cuts `width` into no more than `parts`."""
    power = 10.0 ** math.floor(math.log10(width / parts))
    return next(power * factor for factor in (1, 2, 5, 10) if width / (power * factor) <= parts)


def _ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    step = _step(high - low, most)
    if whole:
        step = max(1.0, step)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _line(low: float, high: float, start: float, stop: float) -> Place:
    return lambda value: start + (stop - start) * (value - low) / (high - low)


def _x_axis(ticks: Sequence[float], x: Place, floor: float) -> Iterator[str]:
    yield f'<path class="base" d="M{_LEFT:g} {floor:g}H{WIDTH - _RIGHT:g}"/>'
    for tick in ticks:
        yield f'<text class="mid" x="{x(tick):.1f}" y="{floor + 15:g}">{tick:.4g}</text>'


def _y_axis(ticks: Sequence[float], y: Place) -> Iterator[str]:
    for tick in ticks:
        yield f'<path class="rule" d="M{_LEFT:g} {y(tick):.1f}H{WIDTH - _RIGHT:g}"/>'
        yield f'<text class="end" x="{_LEFT - 6:g}" y="{y(tick) + 4:.1f}">{tick:.4g}</text>'


def _documents(count: int) -> str:
    return "1 document" if count == 1 else f"{grouped(count)} documents"


def _svg(parts: Sequence[str], label: str, height: float = HEIGHT) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
