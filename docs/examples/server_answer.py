"""One answer with twenty log-probabilities a token, cut to four here: what is known, what is not, what is odd."""

import entropist as en
from entropist.responses import read_response


def alternatives(*pairs: tuple[str, float]) -> list[dict]:
    """The tokens of a list as OpenAI writes them."""
    return [{"token": token, "logprob": logprob, "bytes": list(token.encode())} for token, logprob in pairs]


def token(text: str, logprob: float, *others: tuple[str, float]) -> dict:
    """A position: the token emitted, and the most likely ones."""
    return {**alternatives((text, logprob))[0], "top_logprobs": alternatives(*others)}


CONTENT = [
    token("The", -0.105, ("The", -0.105), ("A", -2.813), ("In", -4.188), ("It", -4.563)),
    token(" lamp", -1.219, (" keeper", -0.694), (" lamp", -1.219), (" light", -2.094), (" sea", -3.469)),
    token(" Gene", -9999.0, (" burned", -0.719), (" went", -1.469), (" was", -2.031), (" had", -3.344)),
]
answer = {
    "object": "chat.completion",
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "message": {"content": "The lamp Gene"}, "logprobs": {"content": CONTENT}}],
}

record = read_response(answer)
print(record.mean_entropy_bounds(unit="bits"), "mean entropy")
print(record.perplexity_bounds(), "perplexity; tokens not told:", record.censored)

said = record.metadata.declaration
print(f"{said.server}, {said.probabilities}, k = {said.k}")
print(f"{said.vocabulary_size} tokens in the vocabulary, by the {said.vocabulary_source}")

logits = {"choices": [{"logprobs": {"content": [token("a", 7.5, ("a", 7.5), ("b", 6.9))]}}]}
try:
    read_response(logits)
except en.errors.InputError as error:
    print(error)
