"""vLLM's `prompt_logprobs`: the tokens of the prompt, scored; at the top level (chat) or in a choice (completions).

``[null, {"791": {logprob, rank, decoded_token}, ...}, ...]``: ids as text. The prompt's own token is always in
its object, with a rank beyond k if need be, but nothing marks it (vllm#10607). It is known from
``prompt_token_ids``, or by a rank beyond the size of its object; else it is the first key, the order in which
vLLM writes them, if an object of the answer shows that order. Where nothing shows it, its surprisal is a bound.
Further log-probabilities in the answer follow as parts of their own.
"""

import math
from collections.abc import Sequence

from entropist.errors import InputError
from entropist.record import Finding
from entropist.responses import _chat, _legacy
from entropist.responses._rows import Entry, Rows
from entropist.responses._shapes import Answer, PromptLogprob

NAME = "vllm-prompt"
_MOST_TOKENS = 1 << 31

Position = dict[str, PromptLogprob] | None


def matches(answer: Answer) -> bool:
    """Whether this is the dialect of an answer."""
    return answer.prompt_logprobs is not None or any(c.prompt_logprobs is not None for c in answer.choices or ())


def read(chunks: Sequence[Answer], rows: Rows) -> None:
    """The positions of the prompt, then those of the answer."""
    for chunk in chunks:
        told = [(chunk.prompt_logprobs, chunk.prompt_token_ids)]
        told += [(choice.prompt_logprobs, choice.prompt_token_ids) for choice in chunk.choices or ()]
        for number, (positions, ids) in enumerate(each for each in told if each[0] is not None):
            _read_prompt(positions or [], ids, rows)
            rows.end_part(f"prompt {number}", None)
    if any(_chat.matches(chunk) for chunk in chunks):
        _chat.read(chunks, rows)
    elif any(_legacy.matches(chunk) for chunk in chunks):
        _legacy.read(chunks, rows)


def _read_prompt(positions: list[Position], ids: list[int] | None, rows: Rows) -> None:
    if ids is not None and len(ids) != len(positions):
        raise InputError(f"{len(ids)} prompt_token_ids and {len(positions)} prompt_logprobs: they must be paired.")
    first_is_own = any(_first_stands_out(position) for position in positions if position)
    unmarked = []
    for place, position in enumerate(positions):
        if not position:
            rows.add(Entry(None, None, None if ids is None else ids[place]), [])
            continue
        beyond = [key for key, value in position.items() if (value.rank or 0) > len(position)]
        own = str(ids[place]) if ids is not None else (beyond or list(position))[0]
        if own not in position:
            raise InputError(f"prompt token {own} is not in its own prompt_logprobs, at position {place}.")
        if ids is None and not beyond and not first_is_own and len(position) > 1:
            unmarked.append(len(rows))
        elif (rank := position[own].rank) is not None and 0 < rank < _MOST_TOKENS:
            rows.ranks[len(rows)] = rank
        listed = [_entry(key, value) for key, value in position.items() if key != own or own not in beyond]
        listed.sort(key=_descending)  # the keys of an object have no order
        rows.add(_entry(own, position[own]), listed)
    if unmarked:
        rows.unmarked += unmarked
        message = (
            "prompt_logprobs do not tell which token is the prompt's; the first was taken, its surprisal bounded. "
            "Ask with return_token_ids, so that prompt_token_ids come along."
        )
        rows.findings.append(Finding("emitted token not marked", unmarked[0], len(unmarked), message))


def _first_stands_out(position: dict[str, PromptLogprob]) -> bool:
    """Whether the first of an object is not its likeliest, so that the objects are not simply sorted."""
    ranks = [value.rank for value in position.values() if value.rank is not None]
    return len(ranks) > 1 and ranks[0] > min(ranks)


def _descending(entry: Entry) -> float:
    return math.inf if entry.logprob is None else -entry.logprob


def _entry(key: str, value: PromptLogprob) -> Entry:
    if not key.isascii() or not key.isdigit():
        raise InputError(f"prompt_logprobs are keyed by the token's id; given {key[:40]!r}.")
    return Entry(value.decoded_token, value.logprob, int(key[:12]))
