"""The `sliding` protocol: windows that overlap by half, every token scored once.

A window holds W tokens of the text, one fewer than the model's context where BOS leads every window.
Windows begin every ⌊W/2⌋ tokens; each scores the tokens that the one before did not reach. So every
token but those of the first window has at least half a context before it.

    tokens    0 ............ W                         scored by window 0: 0 .. W-1 (from 1 without BOS)
                    S ............ S+W                 scored by window 1: W .. S+W-1,     S = ⌊W/2⌋
                          2S ............ 2S+W         ...
"""

from collections.abc import Iterator
from dataclasses import dataclass

from entropist.errors import InputError


@dataclass(frozen=True)
class Window:
    """Tokens start to stop go through the model, led by BOS or not; those from `first_scored` on are scored."""

    start: int
    stop: int
    first_scored: int
    bos: bool = False


@dataclass(frozen=True)
class Sliding:
    """The protocol for a model of `context` positions; `bos` says whether one of them holds BOS."""

    context: int
    bos: bool

    name = "sliding"

    def __post_init__(self) -> None:
        if self.context < 4:
            raise InputError(f"a window needs at least 4 tokens; given {self.context}.")

    @property
    def capacity(self) -> int:
        """Tokens of the text in a window."""
        return self.context - self.bos

    @property
    def stride(self) -> int:
        """Tokens between the beginnings of two windows."""
        return self.capacity // 2

    def count(self, tokens: int) -> int:
        """How many windows a text of `tokens` takes."""
        return 1 + max(0, -(-(tokens - self.capacity) // self.stride)) if tokens else 0

    def windows(self, tokens: int) -> Iterator[Window]:
        """The windows of a text of `tokens`, in order.

        >>> [(w.start, w.stop, w.first_scored) for w in Sliding(context=5, bos=True).windows(9)]
        [(0, 4, 0), (2, 6, 4), (4, 8, 6), (6, 9, 8)]
        """
        reached = 0
        for number in range(self.count(tokens)):
            start = number * self.stride
            stop = min(start + self.capacity, tokens)
            yield Window(start, stop, max(reached, 0 if self.bos else 1), self.bos)
            reached = stop
