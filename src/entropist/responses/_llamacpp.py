r"""llama.cpp's own /completion, asked with ``n_probs``, in the three shapes it has had.

``completion_probabilities[]``: {id, token, bytes, logprob, top_logprobs[]}; with post_sampling_probs ``prob``
and ``top_probs`` in their place (probabilities after all samplers); before December 2024 {content, probs:
[{tok_str, prob}]}, where a token that is no UTF-8 reads "byte: \xNN" and the emitted token's own value stands in
the list alone. A probability of 0 is written as the lowest float32. In a stream every line has the next ones.

Source: llama.cpp, tools/server (the README calls the field "probs").
"""

import math
from collections.abc import Sequence

from entropist.errors import InputError
from entropist.responses._json import MINUS_INFINITY
from entropist.responses._rows import Entry, Rows, text_of
from entropist.responses._shapes import Answer, LlamaAlternative, LlamaElement

NAME = "llama.cpp"


def matches(answer: Answer) -> bool:
    """Whether this is the dialect of an answer or chunk."""
    return answer.completion_probabilities is not None or (
        isinstance(answer.content, str) and isinstance(answer.stop, bool)
    )


def read(chunks: Sequence[Answer], rows: Rows) -> None:
    """The positions of an answer, given whole or in chunks."""
    for chunk in chunks:
        for element in chunk.completion_probabilities or ():
            _read_element(element, rows)
    rows.end_part("completion", text_of(*(chunk.content for chunk in chunks)))


def processed(chunks: Sequence[Answer]) -> bool:
    """Whether the values are probabilities after the samplers, which the shape itself tells."""
    told = (element for chunk in chunks for element in chunk.completion_probabilities or ())
    return any(each.top_probs is not None or each.prob is not None or each.probs is not None for each in told)


def _read_element(element: LlamaElement, rows: Rows) -> None:
    if element.probs is not None:
        listed = [_entry(each) for each in element.probs]
        own = next((each.logprob for each in listed if each.text == element.content), None)
        rows.add(Entry(element.content, own), listed)
        return
    listed = [_entry(each) for each in element.top_logprobs or element.top_probs or ()]
    rows.add(_entry(element), listed)


def _entry(told: LlamaAlternative) -> Entry:
    text = told.token if told.tok_str is None else told.tok_str
    logprob = told.logprob if told.prob is None else _logarithm(told.prob)
    return Entry(text, logprob, told.id, told.bytes)


def _logarithm(probability: float) -> float:
    if not 0 <= probability <= 1 + 1e-4:
        raise InputError(f"a probability lies between 0 and 1; given {probability!r} in the field prob.")
    return min(0.0, math.log(probability)) if probability > 0 else MINUS_INFINITY
