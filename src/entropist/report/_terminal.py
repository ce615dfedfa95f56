"""The terminal view: the running text in colours, the totals, the most surprising tokens.

In a terminal with colours each token stands on a background of the ramp below; in a pipe, or where
colours are refused, there is one aligned row a token instead and not a single escape sequence. Every
text shown has been made safe before, so a token can never command the terminal.
"""

import textwrap
from collections.abc import Iterable, Iterator

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from entropist.record import Trace
from entropist.report._diagnosis import Diagnosis, diagnosis_lines
from entropist.report._provenance import provenance
from entropist.report._ramp import readable_ink
from entropist.report._summary import counts, figures, grouped, percent
from entropist.report._view import View
from entropist.report._visible import is_part, one_line, shortened
from entropist.units import per_nat

LONGEST_TEXT = 1500  # tokens shown; a page holds all
_LONGEST_TOKEN = 200  # characters
_ALTERNATIVES = 3
_NAMES = 17  # cells before what is said in a row of a diagnosis

# From calm to loud on dark and on light terminals alike: colourfulness rises with the level, and so does
# lightness, for those who see no hue. The lowest levels keep the terminal's own colours.
_BACKGROUNDS = (None, None, None, "#454a63", "#5a4d80", "#7f5092", "#b0558c", "#e8705a", "#ffb02e")


def print_trace(trace: Trace, *, console: Console | None = None, unit: str = "bits", top: int = 10) -> None:
    """Show a trace in the terminal, information in `unit`, with its `top` most surprising tokens."""
    console = console or Console()
    view = View(trace, unit)
    coloured = console.is_terminal and console.color_system is not None and not console.no_color
    if coloured:
        _print(console, [_running_text(view), Text(), _legend(view)])
    else:
        _print(console, map(Text, _rows(view)))
    if len(view) > LONGEST_TEXT:
        rest = grouped(len(view) - LONGEST_TEXT)
        _print(console, [Text(f"… and {rest} more tokens: --html FILE shows them all, --save FILE keeps them.")])
    quiet = Style(dim=True) if coloured else Style()
    _print(console, [Text(), Text(_totals(view))])
    _print(console, (Text(note, quiet) for note in _notes(view)))
    if top > 0:
        _print(console, [Text(), *map(Text, _surprises(view, top))])
    _print(console, [Text(), Text(_provenance_line(view), quiet)])


def print_diagnosis(
    diagnosis: Diagnosis, *, console: Console | None = None, top: int = 5, with_text: bool = True
) -> None:
    """Show a server's answer in the terminal: its text in colours where there are any, then what it says of itself."""
    console = console or Console()
    view = diagnosis.view
    if with_text and console.is_terminal and console.color_system is not None and not console.no_color:
        _print(console, [_running_text(view), Text(), _legend(view), Text()])
    lines = diagnosis_lines(diagnosis, top)
    if console.is_terminal:
        lines = (part for line in lines for part in _hanging(line, console.width))
    _print(console, map(Text, lines))


def print_piece(trace: Trace, *, console: Console | None = None, unit: str = "bits") -> None:
    """Show a piece of a text that is still on its way, in colours where there are any, without a line's end."""
    console = console or Console()
    console.print(_running_text(View(trace, unit)), end="", highlight=False, soft_wrap=True)


def _hanging(line: str, width: int) -> list[str]:
    """A line that is too long, cut between words, what follows under its text; one of wide characters as it is."""
    if not len(line) > width > 2 * _NAMES or cell_len(line) != len(line):
        return [line]
    return textwrap.wrap(line, width, subsequent_indent=" " * _NAMES)


def _print(console: Console, lines: Iterable[Text]) -> None:
    for line in lines:
        if console.is_terminal:  # whole words
            console.print(line, overflow="fold", highlight=False)
        else:  # whole lines
            console.print(line, soft_wrap=True, highlight=False)


def _running_text(view: View) -> Text:
    levels = view.scales[0].token_levels()
    text = Text()
    for token, shown in enumerate(view.texts[:LONGEST_TEXT]):
        style = _style(int(levels[token]))
        # A line break carries no colour: a background would run to the edge of the window.
        for k, part in enumerate(shortened(shown, _LONGEST_TOKEN).split("\n")):
            if k:
                text.append("↵", style).append("\n")
            word = part.lstrip(" ")  # the blanks before a word stay unpainted, so that words stand apart
            text.append(" " * (len(part) - len(word)) if word else "").append(word or part, style)
        if is_part(shown):
            text.append("·", style)
    return text


def _legend(view: View) -> Text:
    scale = view.scales[0]
    legend = Text(f"{view.unit} a token: ")
    for label, level in zip(scale.labels, scale.levels):
        legend.append(f" {label} ", _style(level)).append(" ")
    return legend.append(" context ", _style(-1)) if not view.trace.scored.all() else legend


def _style(level: int) -> Style:
    if level < 0:
        return Style(dim=True, italic=True)
    background = _BACKGROUNDS[level]
    if background is None:
        return Style()
    return Style(color=readable_ink(background, "#ffffff"), bgcolor=background, bold=level >= 7)


def _rows(view: View) -> Iterator[str]:
    """One row a token: position, surprisal, entropy, rank, p and the token with visible blanks."""
    rank = view.trace.column("rank")
    probability = np.exp(-view.surprisal / per_nat(view.unit))
    width = 13 if "entropy_low" in view.trace.table.schema.names else 8
    yield f"{'position':>8} {view.unit:>8} {'entropy':>{width}} {'rank':>7} {'p':>9}  token"
    for token in range(min(len(view), LONGEST_TEXT)):
        amounts = f"{view.amount('surprisal', token):>8} {view.amount('entropy', token):>{width}}"
        place = "-" if np.isnan(rank[token]) else f"{rank[token]:.0f}"
        at_most = "≤" if view.is_censored[token] else ""
        p = "-" if np.isnan(probability[token]) else f"{at_most}{probability[token]:.3g}"
        yield f"{token:>8} {amounts} {place:>7} {p:>9}  {shortened(view.name(token), _LONGEST_TOKEN)}"


def _totals(view: View) -> str:
    parts = [f"{figure.name} {figure.value}" for figure in figures(view)]
    scored, size = counts(view)
    context = len(view) - int(view.trace.scored.sum())
    tokens = f"{scored.value} tokens scored" + (f" + {grouped(context)} context" if context else "")
    return " · ".join([*parts, tokens, f"{size.value} bytes"])


def _notes(view: View) -> list[str]:
    """Why a total has no value or no error; said once where it is the same for all."""
    return list(dict.fromkeys(figure.reason for figure in figures(view) if figure.reason))


def _surprises(view: View, top: int) -> list[str]:
    tokens = view.most_surprising(top)
    if not tokens:
        return []
    rank = view.trace.column("rank")
    names = [shortened(view.name(token), 24) for token in tokens]
    width = max(map(cell_len, ["token", *names]))
    lines = [f"{view.unit:>8} {'rank':>8} {'position':>9}  token{' ' * (width - 5)}  the model expected"]
    for token, name in zip(tokens, names):
        expected = "  ".join(
            f"{percent(other.probability)} {shortened(other.text, 16)}"
            for other in view.alternatives(token, _ALTERNATIVES)
        )
        place = "-" if np.isnan(rank[token]) else f"{rank[token]:.0f}"
        figures_of_it = f"{view.amount('surprisal', token):>8} {place:>8} {token:>9}"
        lines.append(f"{figures_of_it}  {name}{' ' * (width - cell_len(name))}  {expected}".rstrip())
    return ["most surprising", *lines]


def _provenance_line(view: View) -> str:
    return one_line(" · ".join(f"{name} {value}" for name, value in provenance(view)))
