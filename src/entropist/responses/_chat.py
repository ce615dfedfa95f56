"""OpenAI chat completions, and every server that answers in their shape (vLLM, SGLang, LM Studio, llama.cpp).

``choices[].logprobs.content[]``: {token, logprob, bytes, top_logprobs[]}; in a stream every chunk's choices
carry the next elements. llama.cpp answers so on /v1/completions as well.

Source: OpenAI API reference, chat completions; the answers in the shared data.
"""

from collections.abc import Sequence

from entropist.responses._choices import by_index, choice_text
from entropist.responses._rows import Rows
from entropist.responses._shapes import Answer

NAME = "openai-chat"


def matches(answer: Answer) -> bool:
    """Whether this is the dialect of an answer or chunk."""
    told = [choice.logprobs for choice in answer.choices or () if choice.logprobs is not None]
    if told:
        return any(each.content is not None or each.refusal is not None for each in told)
    return answer.object in ("chat.completion", "chat.completion.chunk")


def read(chunks: Sequence[Answer], rows: Rows) -> None:
    """The positions of an answer, given whole or in chunks; one part a choice."""
    for index, choices in by_index(chunks):
        for choice in choices:
            if choice.logprobs is not None:
                rows.add_elements(choice.logprobs.content or choice.logprobs.refusal or ())
        rows.end_part(f"choice {index}", choice_text(choices))
