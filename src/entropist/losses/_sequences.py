"""Log-probabilities of whole sequences, with what preference losses and reports need beside them.

    logprob = Σ_t ln π(y_t | y_<t) over kept tokens,   length = number of kept tokens
    kl_policy_reference = Σ_t KL(π(·|y_<t) ‖ ref(·|y_<t)),   kl_reference_policy = Σ_t KL(ref ‖ π), full vocabulary

logits: (sequences, tokens, vocabulary); `logits[:, t]` predicts `targets[:, t]`. The KLs are exact in every context
that the sequences pass through. They are the KL of whole sequences only on average over sequences drawn from the
first of the two distributions.
"""

from dataclasses import dataclass
from typing import Any

import torch

from entropist.losses._cross_entropy import IGNORE, _only, _targets
from entropist.losses._distillation import _vocabularies
from entropist.losses._from_logits import token_losses
from entropist.losses._reduce import tensor
from entropist.losses._terms import Hard, Soft


@dataclass(frozen=True)
class SequenceLogprobs:
    """One value a sequence (sequences,): `logprob` in nats, float64, differentiable; `length` in tokens.

    The two KLs are sums along the sequence, not differentiable, None where no reference logits were given.
    """

    logprob: torch.Tensor
    length: torch.Tensor
    kl_policy_reference: torch.Tensor | None = None
    kl_reference_policy: torch.Tensor | None = None


def sequence_logprobs(
    logits: torch.Tensor,
    targets: torch.Tensor,
    *,
    reference_logits: torch.Tensor | None = None,
    ignore_index: int = IGNORE,
    mask: Any = None,
) -> SequenceLogprobs:
    """`SequenceLogprobs` of `targets` (sequences, tokens) under logits (sequences, tokens, vocabulary).

    Prompt and padding are left out by `ignore_index` in targets or by `mask`. With `reference_logits` of the same shape
    come both KLs. Raises `InputError` as `cross_entropy` does.

    >>> logits = torch.tensor([[[0.5, 0.5], [0.2, 0.8]]]).log()
    >>> found = sequence_logprobs(logits, torch.tensor([[0, 1]]), reference_logits=torch.zeros(1, 2, 2))
    >>> print(f"{found.logprob.exp().item():.4f} {found.kl_policy_reference.item():.4f}")
    0.4000 0.1927
    """
    tensor("logits", logits, last="vocabulary")
    keep, ids = _targets(targets, logits.shape[:-1], logits.shape[-1], ignore_index, mask, logits.device)
    logprob = -token_losses(logits, None, Hard(_only(ids, keep)), keep).sum(-1)
    length = torch.ones_like(ids).sum(-1) if keep is None else keep.sum(-1)
    if reference_logits is None:
        return SequenceLogprobs(logprob, length)
    _vocabularies(logits, reference_logits)
    with torch.no_grad():
        both = (
            token_losses(logits, reference_logits, Soft(name, 0.5, 1.0, 1.0), keep).sum(-1)
            for name in ("reverse_kl", "forward_kl")
        )
        return SequenceLogprobs(logprob, length, *both)
