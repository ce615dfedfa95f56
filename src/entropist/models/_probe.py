"""What a model is, found by running it on a few tokens instead of by a list of names.

A causal model's logits at a position do not change with later tokens; an encoder's do, and its
"surprisals" would be those of a reader who has seen the answer.

The head is the output embedding, for some families with a scale or a soft cap that stands in the
configuration; which one is right is the one that gives the model's own logits.
"""

from typing import Any

import torch

from entropist.errors import ModelError
from entropist.models._protocol import Head

_TOKENS = 12
_RELATIVE = {torch.float64: 1e-9, torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 1e-1}


def refuse_if_it_sees_the_future(module: Any, vocabulary: int) -> None:
    """Raise `ModelError` where logits at the first positions change with the tokens after them."""
    ids = _ids(module, vocabulary)
    other = ids.clone()
    half = _TOKENS // 2
    other[:, half:] = (other[:, half:] + vocabulary // 2) % vocabulary
    first, second = (module(input_ids=each, use_cache=False).logits[0, :half] for each in (ids, other))
    if not _close(first, second):
        raise ModelError(
            f"{type(module).__name__} is no causal language model: its logits at a token change with the tokens after "
            "it, as an encoder's do, so surprisal and entropy of a next token do not exist for it."
        )


def find_head(module: Any, vocabulary: int) -> Head | None:
    """The head that turns the last hidden states into the model's logits, None where no known form does."""
    ids = _ids(module, vocabulary)
    logits = module(input_ids=ids, use_cache=False).logits[0]
    hidden = module.base_model(input_ids=ids, use_cache=False)[0][0]
    embedding = module.get_output_embeddings()
    if hidden.shape[-1] != embedding.weight.shape[-1]:
        return None
    config = module.config.get_text_config()
    softcap = getattr(config, "final_logit_softcapping", None)
    divisor = getattr(config, "logits_scaling", None)
    scales = [1.0, getattr(config, "logit_scale", None), 1 / divisor if divisor else None]
    for scale in scales:
        if scale is not None:
            head = Head(embedding.weight, getattr(embedding, "bias", None), softcap, float(scale))
            if _close(head(hidden), logits):
                return head
    return None


def _ids(module: Any, vocabulary: int) -> torch.Tensor:
    return (torch.arange(_TOKENS, device=module.device) * 7919 % vocabulary)[None]


def _close(a: torch.Tensor, b: torch.Tensor) -> bool:
    finite = torch.isfinite(a) & torch.isfinite(b)
    if not bool(finite.any()):
        return False
    spread = float((b[finite] - b[finite].mean()).abs().max())
    return float((a[finite] - b[finite]).abs().max()) <= _RELATIVE[b.dtype] * max(spread, 1e-12)
