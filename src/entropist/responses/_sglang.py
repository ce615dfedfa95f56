"""SGLang's /generate, asked with ``return_logprob``: tuples [logprob, id, text or null] in ``meta_info``.

``input_token_logprobs`` are the prompt's, from ``logprob_start_len`` on, ``output_token_logprobs`` the answer's;
``input_top_logprobs`` and ``output_top_logprobs`` the k most likely. Texts come with return_text_in_logprobs
only. Every chunk of a stream repeats all tokens so far, unless the server streams increments.

Source: sglang, native API; sglang#12418, vime#64 (values follow the sampling temperature).
"""

from collections.abc import Sequence
from itertools import pairwise

from entropist.errors import InputError
from entropist.responses._rows import Entry, Rows, text_of
from entropist.responses._shapes import Answer, MetaInfo, SglangToken

NAME = "sglang"


def matches(answer: Answer) -> bool:
    """Whether this is the dialect of an answer or chunk."""
    return answer.meta_info is not None


def read(chunks: Sequence[Answer], rows: Rows) -> None:
    """The positions of the prompt, where they were asked for, then those of the answer."""
    infos = [chunk.meta_info for chunk in chunks if chunk.meta_info is not None]
    whole = _repeats(infos)
    used = infos[-1:] if whole else infos
    prompt = next((info for info in reversed(infos) if info.input_token_logprobs), None)
    if prompt is not None:
        _read_lists(prompt.input_token_logprobs, prompt.input_top_logprobs, rows)
        rows.end_part("prompt", None)
    for info in used:
        _read_lists(info.output_token_logprobs, info.output_top_logprobs, rows)
    texts = [chunk.text for chunk in chunks]
    rows.end_part("answer", text_of(*(texts[-1:] if whole else texts)))


def _repeats(infos: Sequence[MetaInfo]) -> bool:
    """Whether each chunk holds all tokens so far, rather than the new ones."""
    counts = [len(info.output_token_logprobs or ()) for info in infos]
    told = infos[-1].completion_tokens
    if told is not None and len(infos) > 1:
        return counts[-1] == told and sum(counts) != told
    lists = [info.output_token_logprobs or [] for info in infos]
    return all(later[: len(earlier)] == earlier for earlier, later in pairwise(lists))


def _read_lists(tokens: list[SglangToken] | None, top: list[list[SglangToken] | None] | None, rows: Rows) -> None:
    tokens = tokens or []
    if top and len(top) != len(tokens):
        raise InputError(f"{len(tokens)} token_logprobs and {len(top)} top_logprobs of SGLang: they must be paired.")
    for place, token in enumerate(tokens):
        rows.add(_entry(token), [_entry(each) for each in (top[place] or ())] if top else [])


def _entry(token: SglangToken) -> Entry:
    logprob, number, text = token
    return Entry(text, logprob, number)
