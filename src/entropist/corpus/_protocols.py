"""The protocols: how a document is cut into windows, each a small frozen object with a name and a card.

`context` is the positions a window has; `bos` whether the model's BOS token leads the windows that the protocol gives
one. A window scores the tokens from `first_scored` to its end; what no window scores is context (seen) or dropped (not
seen). W is `context`, S `stride`.

    sliding      every window led by BOS, half-window steps, every token scored once           (ours)
    disjoint     windows of W tokens; one token of context from the second on                  (lm-evaluation-harness)
    strided      S-token steps over the text with one BOS in front                             (the Hugging Face recipe)
    half-window  the second half of each block of W, BOS over the block's first token          (llama.cpp)
    whole        one window a document

Sources: lm_eval/utils.py (`get_rolling_token_windows`, `make_disjoint_window`); "Perplexity of fixed-length models" in
the documentation of Transformers; llama.cpp, tools/perplexity/perplexity.cpp.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from entropist.corpus._windows import Sliding, Window
from entropist.errors import InputError


class WindowProtocol(Protocol):
    """What every protocol has."""

    @property
    def name(self) -> str:
        """Its name, as `protocol(name, ...)` takes it."""
        ...

    @property
    def context(self) -> int:
        """Positions of a window."""
        ...

    @property
    def stride(self) -> int:
        """Tokens between the beginnings of two windows."""
        ...

    @property
    def bos(self) -> bool:
        """Whether BOS leads the windows that the protocol gives one."""
        ...

    def windows(self, tokens: int) -> Iterator[Window]:
        """The windows of a text of `tokens`, in order; no token is scored twice."""
        ...


@dataclass(frozen=True)
class Disjoint:
    """lm-evaluation-harness's `loglikelihood_rolling`: `context` tokens a window, all of them scored.

    Only the first window has BOS; every later one has the token before it as its whole context, and the last is
    extended to the left until it is full.
    """

    context: int
    bos: bool

    name = "disjoint"

    def __post_init__(self) -> None:
        _check_context(self.context)

    @property
    def stride(self) -> int:
        """Tokens a window scores."""
        return self.context

    def windows(self, tokens: int) -> Iterator[Window]:
        """The windows of a text of `tokens`, in order.

        >>> [(w.start, w.stop, w.first_scored) for w in Disjoint(context=4, bos=True).windows(10)]
        [(0, 4, 0), (3, 8, 4), (5, 10, 8)]
        """
        if not tokens:
            return
        reached = min(self.context + (not self.bos), tokens)
        yield Window(0, reached, 0 if self.bos else 1, self.bos)
        while reached < tokens:
            stop = min(reached + self.context, tokens)
            yield Window(stop - self.context - 1, stop, reached)
            reached = stop


@dataclass(frozen=True)
class Strided:
    """The Hugging Face recipe: a window every `stride` tokens, each scoring what the one before did not reach.

    BOS stands once, before the text. Every scored token counts once (the recipe as printed weights a window by one
    token too few from the second on; `protocol_report` shows that number as well). At a stride of the whole context
    windows do not overlap, and the first token of each but the first is context. `step` None is half the context.
    """

    context: int
    bos: bool
    step: int | None = None

    name = "strided"

    def __post_init__(self) -> None:
        _check_context(self.context)
        if not 1 <= self.stride <= self.context:
            raise InputError(f"stride must lie between 1 and the window of {self.context}; given {self.stride}.")

    @property
    def stride(self) -> int:
        """Tokens between the beginnings of two windows."""
        return self.context // 2 if self.step is None else self.step

    def windows(self, tokens: int) -> Iterator[Window]:
        """The windows of a text of `tokens`, in order.

        >>> [(w.start, w.stop, w.first_scored) for w in Strided(context=4, bos=True).windows(8)]
        [(0, 3, 0), (1, 5, 3), (3, 7, 5), (5, 8, 7)]
        """
        lead, reached = int(self.bos), 0  # places count BOS; `reached` is one past the last token scored
        for begin in range(0, tokens + lead, self.stride):
            stop = min(begin + self.context, tokens + lead) - lead
            led = self.bos and begin == 0
            start = max(0, begin - lead)
            yield Window(start, stop, max(reached, start + (not led)), led)
            reached = stop
            if stop == tokens:
                return


@dataclass(frozen=True)
class HalfWindow:
    """llama.cpp's perplexity: blocks of `context`, the second half of each scored; the rest of the text is dropped.

    BOS is written over the first token of every block, which is then never seen. llama.cpp asks for two blocks at
    least; here one is enough, and a document without any is dropped and counted.
    """

    context: int
    bos: bool

    name = "half-window"

    def __post_init__(self) -> None:
        _check_context(self.context)

    @property
    def stride(self) -> int:
        """Tokens of a block."""
        return self.context

    def windows(self, tokens: int) -> Iterator[Window]:
        """The windows of a text of `tokens`, in order.

        >>> [(w.start, w.stop, w.first_scored) for w in HalfWindow(context=4, bos=True).windows(9)]
        [(0, 3, 2), (4, 7, 6)]
        """
        lead = int(self.bos)
        for begin in range(0, tokens + lead - self.context + 1, self.context):
            stop = begin + self.context - lead
            yield Window(begin, stop, begin + self.context // 2 + 1 - lead, self.bos)


@dataclass(frozen=True)
class Whole:
    """Every document in one window; one that is longer than the model's context is refused."""

    context: int
    bos: bool

    name = "whole"

    def __post_init__(self) -> None:
        _check_context(self.context)

    @property
    def stride(self) -> int:
        """Tokens a window may hold."""
        return self.context

    def windows(self, tokens: int) -> Iterator[Window]:
        """The one window of a text of `tokens`.

        >>> [(w.start, w.stop, w.first_scored) for w in Whole(context=8, bos=False).windows(5)]
        [(0, 5, 1)]
        """
        if tokens + self.bos > self.context:
            raise InputError(
                f"a document of {tokens} tokens does not fit the window of {self.context}: "
                "protocol 'sliding' takes any length."
            )
        if tokens:
            yield Window(0, tokens, 0 if self.bos else 1, self.bos)


_PROTOCOLS: dict[str, Callable[[int, bool], WindowProtocol]] = {
    "sliding": Sliding,
    "disjoint": Disjoint,
    "strided": Strided,
    "half-window": HalfWindow,
    "whole": Whole,
}
PROTOCOLS = tuple(_PROTOCOLS)
"""The names of the protocols."""


def protocol(name: str, context: int, bos: bool, stride: int | None = None) -> WindowProtocol:
    """The protocol of that name with windows of `context` positions; `stride` is for "strided" alone.

    >>> protocol("disjoint", 512, bos=True)
    Disjoint(context=512, bos=True)
    """
    if name not in _PROTOCOLS:
        raise InputError(f"protocol {name!r} is not known: use one of {', '.join(PROTOCOLS)}.")
    if name == "strided":
        return Strided(context, bos, stride)
    if stride is not None:
        raise InputError(f"protocol {name!r} has a stride of its own: stride goes with 'strided'.")
    return _PROTOCOLS[name](context, bos)


_SENTENCES = {
    "sliding": "Half-window steps; BOS, where the model has one, leads every window; every token is scored once.",
    "disjoint": "lm-evaluation-harness: windows side by side; after the first, a window's first token sees one token.",
    "strided": "The Hugging Face recipe: overlapping windows, one BOS in front of the text, every token scored once.",
    "half-window": "llama.cpp: of each block the second half is scored; first halves and the tail are not.",
    "whole": "Every document in one window, every token with all that came before it.",
}
_MARKS = {"context": "·", "scored": "#"}


def card(cut: WindowProtocol) -> str:
    """A sentence about the protocol, and a picture of its windows over 16 tokens at a window of 8, its stride in scale.

    ``#`` is scored, ``·`` seen only, ``^`` BOS in front.

    >>> print(card(Whole(512, True)))
    whole: Every document in one window, every token with all that came before it.
    window 512, stride 512, with BOS
      ^################
    """
    if isinstance(cut, Strided):
        small: WindowProtocol = Strided(8, cut.bos, max(1, round(8 * cut.stride / cut.context)))
    else:
        small = _PROTOCOLS[cut.name](17 if cut.name == "whole" else 8, cut.bos)
    lines = []
    for window in small.windows(16):
        marks = "".join(
            _MARKS["scored" if t >= window.first_scored else "context"] for t in range(window.start, window.stop)
        )
        lines.append("  " + " " * (window.start + (not window.bos)) + "^" * window.bos + marks)
    bos = "with BOS" if cut.bos else "without BOS"
    head = f"{cut.name}: {_SENTENCES[cut.name]}\nwindow {cut.context}, stride {cut.stride}, {bos}\n"
    return head + "\n".join(lines)


def _check_context(context: int) -> None:
    if context < 4:
        raise InputError(f"a window needs at least 4 tokens; given {context}.")
