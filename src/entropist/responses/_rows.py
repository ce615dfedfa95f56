"""`Rows`: what every dialect is read into, position by position, before anything is believed.

A position has the token emitted and a list of the most likely ones. All are kept flat, one Python list a
field, because answers have twenty alternatives a token and an object for each would be most of the time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from msgspec import Raw

from entropist.record import Finding
from entropist.responses._shapes import NULL, Alternative, Element


class Entry(NamedTuple):
    """A token with its log-probability as a server told them; `text` is None where it told an id alone."""

    text: str | None
    logprob: float | None
    id: int | None = None
    raw: Raw = NULL


class Part(NamedTuple):
    """A document of the record: its name, the text that the server gave for it (None: none), where it ends."""

    name: str
    text: str | None
    stop: int


@dataclass
class Tokens:
    """Tokens one after the other: text, JSON of the bytes, id, log-probability."""

    texts: list[str | None] = field(default_factory=list)
    raws: list[Raw] = field(default_factory=list)
    ids: list[int | str | None] = field(default_factory=list)
    logprobs: list[float | None] = field(default_factory=list)

    def extend(self, entries: Iterable[Entry]) -> None:
        """Further tokens."""
        for entry in entries:
            self.texts.append(entry.text)
            self.raws.append(entry.raw)
            self.ids.append(entry.id)
            self.logprobs.append(entry.logprob)

    def extend_alternatives(self, alternatives: Sequence[Alternative]) -> None:
        """Further tokens of the chat shape: the way that must be fast."""
        self.texts += [each.token for each in alternatives]
        self.raws += [each.bytes for each in alternatives]
        self.ids += [each.id for each in alternatives]
        self.logprobs += [each.logprob for each in alternatives]


@dataclass
class Rows:
    """The positions of an answer. `counts` says how many of `listed` belong to each of `emitted`.

    `ranks` are told by some servers, from 1. `keyed_by_text` marks rows whose lists are JSON objects keyed
    by the token's text, in which tokens that read alike collapse; `unmarked` the rows whose emitted token is a guess.
    """

    emitted: Tokens = field(default_factory=Tokens)
    listed: Tokens = field(default_factory=Tokens)
    counts: list[int] = field(default_factory=list)
    ranks: dict[int, int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    unmarked: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    keyed_by_text: list[range] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.counts)

    def add(self, emitted: Entry, listed: Sequence[Entry]) -> None:
        """One more position."""
        self.emitted.extend((emitted,))
        self.listed.extend(listed)
        self.counts.append(len(listed))

    def add_elements(self, elements: Sequence[Element]) -> None:
        """Further positions of the chat shape."""
        lists = [element.top_logprobs or () for element in elements]
        self.emitted.extend_alternatives(elements)
        self.listed.extend_alternatives(list(chain.from_iterable(lists)))
        self.counts += map(len, lists)

    def end_part(self, name: str, text: str | None) -> None:
        """The positions since the last part are a document of this name; none of them: no document."""
        if len(self) > (self.parts[-1].stop if self.parts else 0):
            self.parts.append(Part(name, text, len(self)))


def text_of(*values: object) -> str | None:
    """The texts among `values` put together; None where there is none."""
    texts = [value for value in values if isinstance(value, str)]
    return "".join(texts) if texts else None
