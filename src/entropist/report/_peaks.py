"""The most surprising tokens, each in its sentence, with what the model expected instead."""

from html import escape

from entropist.report._summary import percent
from entropist.report._view import View
from entropist.report._visible import shortened, visible

_NO_BREAK = "\u00a0"
_BEFORE, _AFTER = 42, 24  # characters of the text around the token


def peaks(view: View, tokens: list[int]) -> str:
    """HTML: an ordered list whose entries link to their tokens in the strip."""
    return "".join(_peak(view, token) for token in tokens)


def _peak(view: View, token: int) -> str:
    name = escape(shortened(view.name(token), 40))
    before, after = escape(_before(view, token)), escape(_after(view, token))
    return (
        f'<li><a href="#t{token}" data-token="{token}">'
        f'<span class="amount">{view.amount("surprisal", token, 1)}</span>'
        f'<span class="where"><bdi>{before}</bdi><mark><bdi>{name}</bdi></mark><bdi>{after}</bdi></span>'
        f'<span class="instead">{_expected(view, token)}</span></a></li>'
    )


def _expected(view: View, token: int) -> str:
    chances = [
        f"<bdi>{escape(shortened(other.text, 24))}</bdi> {percent(other.probability).replace(' ', _NO_BREAK)} "
        for other in view.alternatives(token, 2)
    ]
    return f"expected {''.join(chances)}" if chances else ""


def _before(view: View, token: int) -> str:
    text = "".join(view.texts[max(0, token - _BEFORE) : token])
    return _flat(text if len(text) <= _BEFORE else "…" + text[-_BEFORE:].partition(" ")[2])


def _after(view: View, token: int) -> str:
    text = "".join(view.texts[token + 1 : token + 1 + _AFTER])
    return _flat(text if len(text) <= _AFTER else text[:_AFTER].rpartition(" ")[0] + "\u00a0…")


def _flat(text: str) -> str:
    return text.replace("\n", visible("\n")).replace("\t", " ")
