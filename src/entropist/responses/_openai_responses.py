"""OpenAI's Responses API, asked with ``include: ["message.output_text.logprobs"]``.

``output[].content[].logprobs[]`` holds the elements of the chat shape. A stream is a row of events: the deltas
carry ``logprobs`` (without bytes), and the last event repeats the whole answer, which is then read instead.

Source: OpenAI API reference, responses and their streaming events.
"""

from collections.abc import Sequence

from entropist.errors import InputError
from entropist.responses._json import decode
from entropist.responses._rows import Rows, text_of
from entropist.responses._shapes import Answer, OutputContent

NAME = "openai-responses"
LAST_EVENTS = ("response.completed", "response.incomplete", "response.failed")


def matches(answer: Answer) -> bool:
    """Whether this is the dialect of an answer or an event."""
    return answer.object == "response" or (isinstance(answer.type, str) and answer.type.startswith("response."))


def read(chunks: Sequence[Answer], rows: Rows) -> None:
    """The positions of an answer or of its events; one part a text."""
    for chunk in chunks:
        whole = decode(bytes(chunk.response), Answer) if chunk.type in LAST_EVENTS else chunk
        if any(content.logprobs for content in _contents(whole)):
            for number, content in enumerate(_contents(whole)):
                rows.add_elements(content.logprobs or ())
                rows.end_part(f"text {number}", text_of(content.text, content.refusal))
            return
    deltas = [chunk for chunk in chunks if chunk.type in ("response.output_text.delta", "response.refusal.delta")]
    for delta in deltas:
        if isinstance(delta.logprobs, dict):
            raise InputError("the logprobs of a response event are a list of tokens; given an object.")
        rows.add_elements(delta.logprobs or ())
    rows.end_part("text 0", text_of(*(delta.delta for delta in deltas)))


def envelope(chunks: Sequence[Answer]) -> Answer:
    """The answer that names model and temperature: the whole one inside of an event, where there is one."""
    for chunk in reversed(chunks):
        if isinstance(chunk.type, str) and bytes(chunk.response)[:1] == b"{":
            whole: Answer = decode(bytes(chunk.response), Answer)
            return whole
    return chunks[0]


def _contents(answer: Answer) -> list[OutputContent]:
    items = answer.output if isinstance(answer.output, list) else []
    return [content for item in items if isinstance(item.content, list) for content in item.content]
