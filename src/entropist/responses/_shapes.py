"""The JSON of every server as types: fields that no dialect reads are skipped, wrong ones named with their path.

One shape serves all dialects, so that an answer is parsed once and not first to find out what it is. `Raw` is
JSON left as it stands: bytes of tokens, which repeat, are parsed once for each different one.
"""

from typing import Any

from msgspec import Raw, Struct

NULL = Raw(b"null")


class Alternative(Struct, gc=False):
    """A token of OpenAI's chat lists, of Ollama and of the Responses API; llama.cpp adds ids to the chat shape."""

    id: int | str | None = None
    token: str | None = None
    logprob: float | None = None
    bytes: Raw = NULL


class Element(Alternative, gc=False):
    """A position: the token and the most likely ones."""

    top_logprobs: list[Alternative] | None = None


class LlamaAlternative(Struct, gc=False):
    """A token of llama.cpp; `tok_str` and `prob` in builds before December 2024, `prob` after samplers."""

    id: int | None = None
    token: str | None = None
    bytes: Raw = NULL
    logprob: float | None = None
    prob: float | None = None
    tok_str: str | None = None


class LlamaElement(LlamaAlternative, gc=False):
    """A position of llama.cpp, in any of its three shapes."""

    content: str | None = None
    top_logprobs: list[LlamaAlternative] | None = None
    top_probs: list[LlamaAlternative] | None = None
    probs: list[LlamaAlternative] | None = None


class PromptLogprob(Struct, gc=False):
    """A value of vLLM's `prompt_logprobs`, keyed by the id as text."""

    logprob: float | None = None
    rank: int | None = None
    decoded_token: str | None = None


class ChoiceLogprobs(Struct, gc=False):
    """Of a choice: chat style (`content`) or legacy style (the rest)."""

    content: list[Element] | None = None
    refusal: list[Element] | None = None
    tokens: list[str | None] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[Raw] | None = None


class Message(Struct, gc=False):
    """Of a choice, whole or a piece of a stream, and of Ollama's chat."""

    content: Any = None
    refusal: Any = None


class Choice(Struct, gc=False):
    """One of n answers to the same prompt."""

    index: int | None = None
    text: Any = None
    message: Message | None = None
    delta: Message | None = None
    logprobs: ChoiceLogprobs | None = None
    finish_reason: Any = None
    prompt_logprobs: list[dict[str, PromptLogprob] | None] | None = None
    prompt_token_ids: list[int] | None = None


class OutputContent(Struct, gc=False):
    """A piece of an OpenAI Responses item."""

    text: Any = None
    refusal: Any = None
    logprobs: list[Element] | None = None


class OutputItem(Struct, gc=False):
    """An item of an OpenAI Responses answer; only messages have content with log-probabilities."""

    content: list[OutputContent] | str | None = None


SglangToken = tuple[float | None, int | None, str | None]


class MetaInfo(Struct, gc=False):
    """Of SGLang's /generate."""

    id: Any = None
    completion_tokens: int | None = None
    input_token_logprobs: list[SglangToken] | None = None
    output_token_logprobs: list[SglangToken] | None = None
    input_top_logprobs: list[list[SglangToken] | None] | None = None
    output_top_logprobs: list[list[SglangToken] | None] | None = None


class GeminiToken(Struct, gc=False, rename="camel"):
    """A candidate token; a log-probability of 0 is left out of Google's JSON, as every default is."""

    token: str | None = None
    token_id: int | None = None
    log_probability: float | None = None


class GeminiTop(Struct, gc=False):
    """The candidates of a position."""

    candidates: list[GeminiToken] | None = None


class GeminiLogprobs(Struct, gc=False, rename="camel"):
    """Of a candidate answer."""

    top_candidates: list[GeminiTop] | None = None
    chosen_candidates: list[GeminiToken] | None = None


class GeminiCandidate(Struct, gc=False, rename="camel"):
    """One of Gemini's answers."""

    content: Any = None
    index: int | None = None
    logprobs_result: GeminiLogprobs | None = None


class TgiToken(Struct, gc=False):
    """A token of text-generation-inference."""

    id: int | None = None
    text: str | None = None
    logprob: float | None = None


class TgiDetails(Struct, gc=False):
    """Of an answer asked for with `details`."""

    prefill: list[TgiToken] | None = None
    tokens: list[TgiToken] | None = None
    top_tokens: list[list[TgiToken] | None] | None = None


class Answer(Struct, gc=False, rename={"model_version": "modelVersion", "response_id": "responseId"}):
    """An answer, or one chunk of a streamed one."""

    object: Any = None
    type: Any = None
    id: Any = None
    model: Any = None
    model_version: Any = None
    response_id: Any = None
    system_fingerprint: Any = None
    error: Any = None
    temperature: Any = None
    choices: list[Choice] | None = None
    prompt_logprobs: list[dict[str, PromptLogprob] | None] | None = None
    prompt_token_ids: list[int] | None = None
    candidates: list[GeminiCandidate] | None = None
    meta_info: MetaInfo | None = None
    text: Any = None
    completion_probabilities: list[LlamaElement] | None = None
    content: Any = None
    stop: Any = None
    timings: Any = None
    generation_settings: Any = None
    logprobs: list[Element] | dict[str, Any] | None = None
    done: Any = None
    created_at: Any = None
    message: Any = None
    response: Raw = NULL
    delta: Any = None
    output: list[OutputItem] | str | dict[str, Any] | None = None
    details: TgiDetails | str | None = None
    token: TgiToken | str | None = None
    top_tokens: list[TgiToken] | None = None
    generated_text: Any = None
