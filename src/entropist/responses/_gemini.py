"""Gemini and Vertex AI, asked with ``responseLogprobs`` and ``logprobs``: `candidates[].logprobsResult`.

``chosenCandidates[t]`` is the token emitted, ``topCandidates[t].candidates[]`` the most likely ones: {token,
tokenId, logProbability}. No bytes. Google's JSON leaves out what has its default value, so a chosen token
without a logProbability has 0. In a stream every chunk's candidates carry the next ones.

Source: Gemini API reference, LogprobsResult; protobuf's JSON mapping.
"""

from collections.abc import Sequence

from entropist.errors import InputError
from entropist.responses._rows import Entry, Rows, text_of
from entropist.responses._shapes import Answer, GeminiCandidate, GeminiToken

NAME = "gemini"


def matches(answer: Answer) -> bool:
    """Whether this is the dialect of an answer or chunk."""
    return answer.candidates is not None


def read(chunks: Sequence[Answer], rows: Rows) -> None:
    """The positions of an answer, given whole or in chunks; one part a candidate."""
    found: dict[int, list[GeminiCandidate]] = {}
    for chunk in chunks:
        for place, candidate in enumerate(chunk.candidates or ()):
            found.setdefault(place if candidate.index is None else candidate.index, []).append(candidate)
    for index, candidates in sorted(found.items()):
        for candidate in candidates:
            _read_candidate(candidate, rows)
        rows.end_part(f"candidate {index}", text_of(*(text for each in candidates for text in _texts(each.content))))


def _read_candidate(candidate: GeminiCandidate, rows: Rows) -> None:
    result = candidate.logprobs_result
    if result is None:
        return
    chosen, top = result.chosen_candidates or [], result.top_candidates or []
    if top and len(top) != len(chosen):
        raise InputError(f"{len(chosen)} chosenCandidates and {len(top)} topCandidates: they must be paired.")
    for place, token in enumerate(chosen):
        rows.add(_entry(token), [_entry(each) for each in (top[place].candidates or ())] if top else [])


def _entry(token: GeminiToken) -> Entry:
    return Entry(token.token, 0.0 if token.log_probability is None else token.log_probability, token.token_id)


def _texts(content: object) -> list[object]:
    parts = content.get("parts") if isinstance(content, dict) else None
    return [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
