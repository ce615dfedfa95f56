"""Segments as every view sees them: the text of each, what it holds, and how the patches compare, in one unit.

A segment is coloured by the information in it, the sum of its bytes' surprisal. In a terminal with colours the running
text stands on those colours, a bar between two segments; in a pipe there is a row a segment.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from entropist.report._scales import _ranges
from entropist.report._summary import grouped
from entropist.report._terminal import _print, _style
from entropist.report._visible import byte_chips, is_part, one_line, safe, shortened, visible
from entropist.units import per_nat

if TYPE_CHECKING:
    from entropist.segmentation._result import PatchStatistics, Segmentation

_LONGEST = 120  # characters of a segment in the terminal

# Wider than those of a token: a segment of code or of noise holds tens of bits.
_EDGES = {
    "bits": (1.0, 2.0, 4.0, 6.0, 10.0, 16.0, 32.0, 64.0),
    "nats": (0.5, 1.0, 2.0, 4.0, 7.0, 10.0, 20.0, 40.0),
    "dits": (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0),
}


@dataclass(frozen=True, eq=False)
class SegmentView:
    """A segmentation under a name, information in `unit`."""

    found: "Segmentation"
    name: str
    unit: str

    @property
    def stops(self) -> NDArray[np.int64]:
        """Where each segment of the opening ends; the last may go on beyond it."""
        opening = self.found.opening
        return np.append(opening.starts[1:], len(opening.data))

    @cached_property
    def information(self) -> NDArray[np.float64]:
        """Surprisal of each segment of the opening: (segments,)."""
        opening = self.found.opening
        return np.add.reduceat(np.nan_to_num(opening.surprisal), opening.starts) * per_nat(self.unit)

    @cached_property
    def entropy(self) -> NDArray[np.float64]:
        """Entropy of each byte of the opening: (bytes,), NaN where nothing came before."""
        return self.found.opening.entropy * per_nat(self.unit)

    @property
    def threshold(self) -> float:
        """In the view's unit."""
        return self.found.threshold * per_nat(self.unit)

    @cached_property
    def levels(self) -> list[int]:
        """The ramp's level of each segment of the opening."""
        edges = _EDGES[self.unit]
        return np.searchsorted(np.asarray(edges), self.information, side="right").tolist()  # type: ignore[no-any-return]

    @property
    def labels(self) -> tuple[str, ...]:
        """What each level stands for."""
        return _ranges(_EDGES[self.unit])

    @cached_property
    def texts(self) -> list[str]:
        """Each segment of the opening as text that can do no harm; bytes that are no UTF-8 as chips."""
        data = self.found.opening.data
        return [shown(data[a:b]) for a, b in zip(self.found.opening.starts.tolist(), self.stops.tolist())]

    @property
    def more(self) -> int:
        """Bytes beyond the opening."""
        return self.found.size - len(self.found.opening.data)

    def rule(self) -> str:
        """The rule in words."""
        how, unit = self.found.rule, self.unit
        told = {
            "global": f"the entropy is above {self.threshold:.4g} {unit}",
            "monotonic": f"the entropy is more than {self.threshold:.4g} {unit} above that of the byte before",
            "both": f"the entropy is above {self.threshold:.4g} {unit} and its rise from the byte before above "
            f"{how.rise * per_nat(unit):.4g} {unit}",
        }[how.name]
        limit = (
            ""
            if how.max_size is None
            else f", or where the one before would be longer than {_counted(how.max_size, 'byte')}"
        )
        return told + self._mean() + limit

    def _mean(self) -> str:
        """Of which mean size the threshold is, and whether it is reached."""
        asked, reached = self.found.mean_size, self.found.statistics[0].mean_size
        if asked is None:
            return ""
        if reached < asked:
            return f" (no threshold gives a mean of {asked:g} bytes; at this one the rule never fires)"
        return f" (found for a mean of {asked:g} bytes)"

    def sentence(self) -> str:
        """What was found, for a reader who has seen nothing yet."""
        patches = self.found.statistics[0]
        share, fixed = patches.entropy_at_starts, self.found.statistics[1]
        number, size = _counted(patches.patches, "segment"), _counted(self.found.size, "byte")
        words = f"{number} in {size}, {patches.mean_size:.2f} bytes each."
        if share != share:
            return words
        return (
            f"{words} The bytes that start them hold {100 * share:.0f} % of the entropy, "
            f"those that start patches of {_counted(fixed.longest, 'byte')} {100 * fixed.entropy_at_starts:.0f} %."
        )

    def provenance(self) -> list[tuple[str, str]]:
        """(name, value) of everything the boundaries depend on."""
        model, windows = self.found.model, self.found.windows
        pairs = [
            ("model", f"{model.name} ({model.dtype}, {model.device})"),
            ("weights", model.fingerprint),
            ("windows", f"{windows.context}, stride {windows.stride}, {'BOS' if windows.bos else 'no BOS'}"),
            ("rule", self.found.rule.name),
            ("unit", self.unit),
            *(("entropist", version) for name, version in model.versions.items() if name == "entropist"),
        ]
        return [(name, one_line(value)) for name, value in pairs]


def _counted(number: int, what: str) -> str:
    return f"{grouped(number)} {what}{'' if number == 1 else 's'}"


def shown(data: bytes) -> str:
    r"""Bytes as text that can do no harm: what is no UTF-8 as chips.

    >>> shown(b"a\xff\x1b")
    'a⟨FF⟩␛'
    """
    decoded = data.decode("utf-8", "surrogateescape")
    return "".join(byte_chips(bytes([ord(c) - 0xDC00])) if "\udc80" <= c <= "\udcff" else safe(c) for c in decoded)


def comparison(view: SegmentView) -> list[tuple[str, ...]]:
    """Rows of a table, the first its head: entropy, fixed-size and whitespace patches."""
    per = f"{view.unit} a"
    head = ("patches", "number", "mean", "± sd", "longest", "entropy", "surprisal", per, "starts at", "words")
    unit = ("", "", "bytes", "bytes", "bytes", "at starts", "at starts", "patch", "a word", "started")
    return [head, unit, *(_row(each, per_nat(view.unit)) for each in view.found.statistics)]


def _row(each: "PatchStatistics", per: float) -> tuple[str, ...]:
    return (
        each.kind,
        grouped(each.patches),
        f"{each.mean_size:.2f}",
        f"{each.size_stdev:.2f}",
        grouped(each.longest),
        *(map(_share, (each.entropy_at_starts, each.surprisal_at_starts))),
        f"{each.surprisal_per_patch * per:.2f}",
        *(map(_share, (each.starts_at_words, each.words_at_starts))),
    )


def _share(share: float) -> str:
    return "-" if share != share else f"{100 * share:.1f} %"


def print_segments(
    found: "Segmentation", *, name: str, unit: str = "bits", top: int = 1500, console: Console | None = None
) -> None:
    """Show a segmentation in the terminal, information in `unit`: its first `top` segments and its figures."""
    console = console or Console()
    view = SegmentView(found, name, unit)
    coloured = console.is_terminal and console.color_system is not None and not console.no_color
    quiet = Style(dim=True) if coloured else Style()
    top = min(top, len(view.texts) - bool(view.more))  # the last segment of the opening may go on beyond it
    if coloured:
        _print(console, [_running(view, top), Text(), _legend(view)])
    else:
        _print(console, map(Text, _rows(view, top)))
    if more := found.statistics[0].patches - top:
        _print(console, [Text(f"… and {_counted(more, 'more segment')}: --json gives every start.")])
    _print(console, [Text(), Text(view.sentence()), Text(f"A segment starts where {view.rule()}."), Text()])
    _print(console, map(Text, _aligned(comparison(view))))
    line = " · ".join(f"{name} {value}" for name, value in view.provenance())
    _print(console, [Text(), Text(line, quiet)])


def _running(view: SegmentView, top: int) -> Text:
    text = Text()
    for k, (shown_, level) in enumerate(zip(view.texts[:top], view.levels)):
        if k:
            text.append("│", Style(dim=True))
        style = _style(level)
        for number, part in enumerate(shortened(shown_, _LONGEST).split("\n")):
            if number:
                text.append("↵", style).append("\n")
            text.append(part, style)
        if is_part(shown_):
            text.append("·", style)
    return text


def _legend(view: SegmentView) -> Text:
    legend = Text(f"{view.unit} a segment: ")
    for level, label in enumerate(view.labels):
        legend.append(f" {label} ", _style(level)).append(" ")
    return legend


def _rows(view: SegmentView, top: int) -> Iterator[str]:
    """One row a segment: start, size, entropy of its first byte, surprisal of the whole, the text."""
    yield f"{'start':>10} {'bytes':>6} {'entropy':>8} {view.unit:>8}  segment"
    opening = view.found.opening
    for start, stop, bits, text in zip(
        opening.starts.tolist(), view.stops.tolist(), view.information.tolist(), view.texts[:top]
    ):
        first = view.entropy[start]
        entropy = "-" if first != first else f"{first:.3f}"
        yield f"{start:>10} {stop - start:>6} {entropy:>8} {bits:>8.3f}  {shortened(visible(text), _LONGEST)}"


def _aligned(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    table = list(rows)
    widths = [max(cell_len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        first = row[0] + " " * (widths[0] - cell_len(row[0]))
        yield "  ".join([first, *(" " * (w - cell_len(cell)) + cell for cell, w in zip(row[1:], widths[1:]))])
