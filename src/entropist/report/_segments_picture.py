"""The picture of segments: under the entropy of every byte the bytes themselves, a cell each, cut where one starts.

Drawn with classes only, so that the page colours it for light and for dark paper; the file of its own brings the light
colours with it. A character of several bytes stands in the middle of their cells, a byte that is no UTF-8 as two
hexadecimal digits.
"""

import math
import textwrap
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from entropist.report._ramp import LIGHT
from entropist.report._segments import SegmentView
from entropist.report._summary import grouped
from entropist.report._visible import safe

if TYPE_CHECKING:
    from entropist.segmentation._result import Segmentation

COLUMNS = 96  # bytes a row
SVG_BYTES = 24 * COLUMNS  # in a picture of its own; a page shows the whole opening
_CELL, _CURVE, _TEXT, _GAP = 9.6, 54.0, 22.0, 16.0
_AXIS = 34.0  # left of the rows, for the scale
_ROW = _CURVE + _TEXT + _GAP
WIDTH = _AXIS + COLUMNS * _CELL + 2


def segments_svg(found: "Segmentation", *, name: str, unit: str = "bits") -> str:
    """An SVG of the beginning of a file: entropy curve, segments, what was found and on what it depends."""
    view = SegmentView(found, name, unit)
    lead = textwrap.wrap(f"{view.sentence()} A segment starts where {view.rule()}.", 100)
    foot = textwrap.wrap(" · ".join(f"{key} {value}" for key, value in view.provenance()), 130)
    shown = min(SVG_BYTES, len(found.opening.data))
    if found.size > shown:
        foot.insert(0, f"… and {grouped(found.size - shown)} more bytes")
    margin, line = 28.0, 22.0
    top = margin + len(lead) * line + 34
    height = top + rows_height(shown) + len(foot) * 16 + margin
    head = "".join(_line(text, "lead", margin, margin + 14 + k * line) for k, text in enumerate(lead))
    tail = "".join(_line(text, "foot", margin, top + rows_height(shown) + 14 + k * 16) for k, text in enumerate(foot))
    size = f"{WIDTH + 2 * margin:g}", f"{height:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" '
        f'height="{size[1]}" role="img" aria-label="{escape(" ".join(lead))}">\n<style>{_light_style()}</style>\n'
        f'<rect width="100%" height="100%" fill="{LIGHT.paper}"/>\n{head}'
        f'<g transform="translate({margin:g} {top - 30:g})">{_legend(view)}</g>\n'
        f'<g transform="translate({margin:g} {top:g})">{"".join(drawn(view, shown))}</g>\n{tail}</svg>\n'
    )


def rows_height(bytes_: int) -> float:
    """How high `drawn` is."""
    return -(-bytes_ // COLUMNS) * _ROW


def drawn(view: SegmentView, bytes_: int) -> Iterator[str]:
    """SVG elements of the first `bytes_` bytes, from (0, 0) down; WIDTH wide."""
    finite = [value for value in view.entropy[:bytes_].tolist() if value == value]
    top = max([*finite, view.threshold if view.found.rule.name != "monotonic" else 0.0, 1e-9]) * 1.04
    glyphs = _glyphs(view.found.opening.data)
    levels = np.repeat(view.levels, view.stops - view.found.opening.starts).tolist()  # of each byte
    for row, begin in enumerate(range(0, bytes_, COLUMNS)):
        end = min(begin + COLUMNS, bytes_)
        yield f'<g transform="translate({_AXIS:g} {row * _ROW:g})">'
        yield from _scale(view, top, end - begin, begin)
        yield from _boxes(view, begin, end)
        yield _curve(view.entropy[begin:end].tolist(), top)
        for start, size, text in glyphs:
            if begin <= start < end:
                yield _glyph(text, levels[start], (start - begin) * _CELL, min(size, end - start) * _CELL)
        yield "</g>\n"


def _scale(view: SegmentView, top: float, bytes_: int, begin: int) -> Iterator[str]:
    width = bytes_ * _CELL
    yield f'<path class="base" d="M0 {_CURVE:g}H{width:.1f}"/>'
    yield _label(f"{top:.2g}", -6, 9)
    yield _label("0", -6, _CURVE)
    yield _label(str(begin), -6, _CURVE + 16)
    if view.found.rule.name != "monotonic" and 0 <= view.threshold <= top:
        y = _CURVE * (1 - view.threshold / top)
        yield f'<path class="threshold" d="M0 {y:.1f}H{width:.1f}"/>'


def _boxes(view: SegmentView, begin: int, end: int) -> Iterator[str]:
    """The segments, or their parts, in a row: a coloured box each, a line up into the curve where one starts."""
    starts, stops = view.found.opening.starts.tolist(), view.stops.tolist()
    for k, (start, stop) in enumerate(zip(starts, stops)):
        if stop <= begin or start >= end:
            continue
        left, right = max(start, begin) - begin, min(stop, end) - begin
        title = f"<title>{view.information[k]:.2f} {escape(view.unit)} in {stop - start} bytes from {start}</title>"
        yield (
            f'<rect class="s{view.levels[k]}" x="{left * _CELL + 0.8:.1f}" y="{_CURVE + 2:g}" rx="2" '
            f'width="{(right - left) * _CELL - 1.6:.1f}" height="{_TEXT - 2:g}">{title}</rect>'
        )
        if start >= begin:
            yield f'<path class="start" d="M{left * _CELL:.1f} 0V{_CURVE + _TEXT:g}"/>'


def _curve(entropy: list[float], top: float) -> str:
    """A step a byte; a byte without entropy is a gap."""
    path, pen = [], "M"
    for k, value in enumerate(entropy):
        if math.isnan(value):
            pen = "M"
            continue
        y = _CURVE * (1 - value / top)
        path.append(f"{pen}{k * _CELL:.1f} {y:.1f}H{(k + 1) * _CELL:.1f}")
        pen = "L"
    return f'<path class="curve" d="{"".join(path)}"/>' if path else ""


def _glyphs(data: bytes) -> list[tuple[int, int, str]]:
    """(byte, bytes, text) of every character, or byte that is part of none."""
    found, at = [], 0
    for character in data.decode("utf-8", "surrogateescape"):
        if "\udc80" <= character <= "\udcff":
            found.append((at, 1, f"{ord(character) - 0xDC00:02X}"))
            at += 1
            continue
        size = len(character.encode())
        # Few fonts have pictures of control characters, so those are numbers here.
        control = f"{ord(character):02X}" if ord(character) < 0x20 or character == "\x7f" else safe(character)
        text = {" ": "", "\n": "↵", "\t": "⇥", "\u00a0": "⍽"}.get(character, control)
        found.append((at, size, text))
        at += size
    return found


def _glyph(text: str, level: int, x: float, width: float) -> str:
    if not text:
        return ""
    small = " hex" if len(text) > 1 else " mark" if text in "↵⇥⍽" else ""
    fit = f' textLength="{width - 1:.1f}" lengthAdjust="spacingAndGlyphs"' if len(text) > 2 else ""
    place = f'x="{x + width / 2:.1f}" y="{_CURVE + 16:g}"'
    return f'<text class="i{level}{small}" {place}{fit}>{escape(text, quote=False)}</text>'


def _label(text: str, x: float, y: float) -> str:
    return f'<text class="scale" x="{x:g}" y="{y:g}">{text}</text>'


def _line(text: str, style: str, x: float, y: float) -> str:
    return f'<text class="{style}" x="{x:g}" y="{y:g}">{escape(text, quote=False)}</text>\n'


def _legend(view: SegmentView) -> str:
    parts = [f'<text class="key" x="0" y="15">{escape(view.unit)} a segment</text>']
    for level, label in enumerate(view.labels):
        x = 104 + 58 * level
        parts.append(f'<rect class="s{level}" x="{x}" y="0" width="56" height="20" rx="2"/>')
        parts.append(f'<text class="key mid i{level}" x="{x + 28}" y="14">{label}</text>')
    x = 104 + 58 * len(view.labels) + 14
    parts.append(f'<text class="key" x="{x}" y="15">curve: entropy of each byte, {escape(view.unit)}</text>')
    return "".join(parts)


def _light_style() -> str:
    levels = " ".join(
        f".s{k} {{ fill: {colour}; stroke: #0000001f; stroke-width: .6; }} .i{k} {{ fill: {ink}; }}"
        for k, (colour, ink) in enumerate(zip(LIGHT.colours, LIGHT.inks))
    )
    return (
        f"text {{ font: 13px 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: {LIGHT.ink}; }} "
        "text { text-anchor: middle; } "
        ".lead { font: 15px Georgia, 'DejaVu Serif', serif; text-anchor: start; } "
        ".foot, .key, .scale { font: 11px sans-serif; text-anchor: start; } .foot, .scale { fill: #6b675f; } "
        ".mid { text-anchor: middle; } .scale { text-anchor: end; font-size: 9px; } .hex { font-size: 7.2px; } "
        ".mark { opacity: .55; font-size: 10px; } "
        f".curve {{ fill: none; stroke: {LIGHT.accent}; stroke-width: 1.5; stroke-linejoin: round; }} "
        f".base {{ stroke: {LIGHT.ink}; stroke-width: .5; opacity: .4; }} "
        f".threshold {{ stroke: {LIGHT.ink}; stroke-width: .8; stroke-dasharray: 4 4; opacity: .55; }} "
        f".start {{ stroke: {LIGHT.ink}; stroke-width: .8; opacity: .5; }} {levels}"
    )
