"""Hugging Face text-generation-inference: `details.tokens`, asked with ``details`` and ``top_n_tokens``.

``details``: prefill[] (the prompt, with decoder_input_details), tokens[], top_tokens[][]: {id, text, logprob}.
A stream sends ``token`` and its ``top_tokens``, the last with ``generated_text``.

Source: text-generation-inference, its OpenAPI description.
"""

from collections.abc import Sequence

from entropist.errors import InputError
from entropist.responses._rows import Entry, Rows, text_of
from entropist.responses._shapes import Answer, TgiDetails, TgiToken

NAME = "tgi"


def matches(answer: Answer) -> bool:
    """Whether this is the dialect of an answer or chunk."""
    return isinstance(answer.token, TgiToken) or (
        isinstance(answer.details, TgiDetails)
        and (answer.generated_text is not None or answer.details.tokens is not None)
    )


def read(chunks: Sequence[Answer], rows: Rows) -> None:
    """The positions of the prompt, where they were asked for, then those of the answer."""
    details = [chunk.details for chunk in chunks if isinstance(chunk.details, TgiDetails)]
    for token in (token for each in details for token in each.prefill or ()):
        rows.add(_entry(token), [])
    rows.end_part("prompt", None)
    for chunk in chunks:
        if isinstance(chunk.token, TgiToken):
            rows.add(_entry(chunk.token), [_entry(each) for each in chunk.top_tokens or ()])
    for each in details:
        _read_details(each, rows)
    rows.end_part("answer", text_of(*(chunk.generated_text for chunk in chunks)))


def _read_details(details: TgiDetails, rows: Rows) -> None:
    tokens, top = details.tokens or [], details.top_tokens
    if top and len(top) != len(tokens):
        raise InputError(f"{len(tokens)} tokens and {len(top)} top_tokens: they must be paired.")
    for place, token in enumerate(tokens):
        rows.add(_entry(token), [_entry(each) for each in (top[place] or ())] if top else [])


def _entry(token: TgiToken) -> Entry:
    return Entry(token.text, token.logprob, token.id)
