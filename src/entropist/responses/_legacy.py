"""Legacy completions of OpenAI, vLLM, SGLang, LM Studio: lists side by side, alternatives keyed by their text.

``choices[].logprobs``: tokens[], token_logprobs[], top_logprobs[] of {text: logprob}. A list has the k most
likely tokens and the emitted one where it is not among them. Ids that read alike collapse into one key, so an
object may hold fewer tokens than were sent and hide the larger value. With echo the first token has no values.

Source: OpenAI API reference, completions (legacy); vllm and sglang, sglang#32290.
"""

import re
from collections.abc import Sequence

from entropist.errors import InputError
from entropist.record import Finding
from entropist.responses._choices import by_index, choice_text
from entropist.responses._json import decode, pairs_of
from entropist.responses._rows import Entry, Rows
from entropist.responses._shapes import Answer, ChoiceLogprobs

NAME = "openai-completions"
_ID = re.compile(r"token_id:(\d{1,9})")  # vLLM's return_tokens_as_token_ids


def matches(answer: Answer) -> bool:
    """Whether this is the dialect of an answer or chunk."""
    told = [choice.logprobs for choice in answer.choices or () if choice.logprobs is not None]
    if told:
        return any(each.token_logprobs is not None or each.tokens is not None for each in told)
    return bool(answer.object == "text_completion")


def read(chunks: Sequence[Answer], rows: Rows) -> None:
    """The positions of an answer, given whole or in chunks; one part a choice."""
    begin = len(rows)
    for index, choices in by_index(chunks):
        for choice in choices:
            if choice.logprobs is not None:
                _read_lists(choice.logprobs, rows)
        rows.end_part(f"choice {index}", choice_text(choices))
    rows.keyed_by_text.append(range(begin, len(rows)))


def _read_lists(lists: ChoiceLogprobs, rows: Rows) -> None:
    tokens, logprobs, top = lists.tokens or [], lists.token_logprobs or [], lists.top_logprobs
    lengths = {"tokens": len(tokens), "token_logprobs": len(logprobs)}
    if top is not None:
        lengths["top_logprobs"] = len(top)
    if len(set(lengths.values())) > 1:
        given = ", ".join(f"{count} {name}" for name, count in lengths.items())
        raise InputError(f"the lists of an answer must have one entry a token; given {given}.")
    for place, (token, logprob) in enumerate(zip(tokens, logprobs)):
        pairs = _pairs(bytes(top[place]), rows) if top is not None else []
        rows.add(_entry(token, logprob), [_entry(text, value) for text, value in pairs])


def _pairs(raw: bytes, rows: Rows) -> list[tuple[str, float | None]]:
    """(text, logprob) in the order given; a key that stands twice in the JSON is kept twice."""
    values, pairs = decode(raw, dict[str, float | None] | None) or {}, []
    if raw.count(b":") > len(values):  # a colon in a token, or a key given twice
        pairs = pairs_of(raw)
    if len(pairs) <= len(values):
        return list(values.items())
    message = f"{len(pairs) - len(values)} keys stand twice in an object keyed by the token's text; both were kept."
    rows.findings.append(Finding("collapsed duplicates", len(rows), 1, message))
    return [(text, None if value is None else float(value)) for text, value in pairs]


def _entry(text: str | None, logprob: float | None) -> Entry:
    number = _ID.fullmatch(text) if text is not None and text.startswith("token_id:") else None
    return Entry(text, logprob) if number is None else Entry(None, logprob, int(number[1]))
