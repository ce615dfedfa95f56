"""The text as coloured spans that need no script: the page's fallback and the notebook's picture."""

from collections.abc import Collection, Iterator
from html import escape

from entropist.report._view import View
from entropist.report._visible import is_part


def static_strip(view: View, *, stop: int, anchors: Collection[int] = ()) -> str:
    """HTML of the first `stop` tokens, coloured by surprisal; `anchors` can be linked to as #t<number>."""
    return "".join(_spans(view, stop, frozenset(anchors)))


def _spans(view: View, stop: int, anchors: frozenset[int]) -> Iterator[str]:
    levels = view.scales[0].token_levels()[:stop].tolist()
    surprisal, censored = view.surprisal[:stop].tolist(), view.is_censored[:stop].tolist()
    for token, (text, level, value, open_) in enumerate(zip(view.texts, levels, surprisal, censored)):
        anchor = f' id="t{token}"' if token in anchors else ""
        # The blanks before a word stay unpainted, so that words stand apart and none hangs at a line's end.
        word = text.lstrip(" ")
        text, before = (word, " " * (len(text) - len(word))) if word[:1].strip() else (text, "")
        title = _title(value, view.unit, open_)
        yield f'{before}<span class="{_classes(text, level)}"{anchor}{title}>{_inner(text)}</span>'


def static_legend(view: View) -> str:
    """The colours and what they mean, without a script."""
    scale = view.scales[0]
    swatches = "".join(f'<span class="b{k}">{label}</span>' for k, label in zip(scale.levels, scale.labels))
    return f'<p class="key">{escape(view.unit)} a token {swatches}</p>'


def _classes(text: str, level: int) -> str:
    return f"t {'context' if level < 0 else f'b{level}'}{' part' if is_part(text) else ''}"


def _title(value: float, unit: str, at_least: bool) -> str:
    return "" if value != value else f' title="{"≥ " if at_least else ""}{value:.2f} {unit}"'


def _inner(text: str) -> str:
    return escape(text, quote=False).replace("\n", '<i class="nl"></i>\n')
