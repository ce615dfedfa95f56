"""What OpenAI's two shapes of `choices` share: their order over the chunks of a stream, their text."""

from collections.abc import Iterator, Sequence

from entropist.responses._rows import text_of
from entropist.responses._shapes import Answer, Choice


def by_index(chunks: Sequence[Answer]) -> Iterator[tuple[int, list[Choice]]]:
    """(index, the choices of that index in their order) for each answer among n."""
    found: dict[int, list[Choice]] = {}
    for chunk in chunks:
        for place, choice in enumerate(chunk.choices or ()):
            found.setdefault(place if choice.index is None else choice.index, []).append(choice)
    yield from sorted(found.items())


def choice_text(choices: Sequence[Choice]) -> str | None:
    """The text of a choice, put together from its chunks; None where the server gave none."""
    pieces: list[object] = []
    for choice in choices:
        for message in (choice.message, choice.delta):
            if message is not None:
                pieces.append(message.content if message.content is not None else message.refusal)
        pieces.append(choice.text)
    return text_of(*pieces)
