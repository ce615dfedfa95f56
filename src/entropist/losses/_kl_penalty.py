"""KL to a reference from log-probabilities of sampled tokens: four estimators, and the exact one.

Tokens y ~ π, x = ln ref(y) − ln π(y), ρ = π(y)/μ(y) with μ the policy that sampled (μ = π held constant by default):

    estimator      value          its mean                     the mean of its gradient, used as a loss
    k1             −x             KL(π‖ref)                    0: as a loss it does nothing
    k2             x²/2           KL(π‖ref) + O(third order)   ∇KL(π‖ref)
    k3             e^x − 1 − x    KL(π‖ref)                    ∇KL(ref‖π): the other direction, π − ref by the logits
    k3_corrected   ρ·k3           KL(π‖ref), also for y ~ μ    ∇KL(π‖ref)
    exact          Σ_v π ln π/ref KL(π‖ref)                    ∇KL(π‖ref), without sampling noise

k1 to k3: Schulman 2020 (joschu.net/blog/kl-approx.html). In a *reward*, which gives no gradient of its own, k1 is the
one whose policy gradient is that of KL(π‖ref). Over sequences each is a sum over tokens, and the gradient in the
table is that at given contexts; only k1 in the reward also counts how a token changes the contexts after it.
"""

from typing import Any, Literal, get_args

import torch

from entropist.errors import InputError
from entropist.losses._distillation import distillation
from entropist.losses._reduce import Reduction, check_reduction, kept, number, reduce, same_shape, tensor

KLEstimator = Literal["k1", "k2", "k3", "k3_corrected", "exact"]
"""How `kl_penalty` estimates KL(policy‖reference), as in the table above."""
_NEAR = 1e-3  # |x| below which a series gives k3: there e^x − 1 − x cancels


def kl_penalty(
    logprobs: torch.Tensor,
    reference_logprobs: torch.Tensor,
    *,
    estimator: KLEstimator = "k3_corrected",
    behaviour_logprobs: torch.Tensor | None = None,
    mask: Any = None,
    reduction: Reduction = "none",
) -> torch.Tensor:
    """KL(policy‖reference) at every token, in nats, differentiable by the policy.

    logprobs, reference_logprobs: (..., tokens), of the tokens that were sampled; for "exact", the logits or
    log-probabilities of all tokens, (..., tokens, vocabulary). behaviour_logprobs: (..., tokens) of the policy that
    sampled, for k3_corrected alone, where it was not this one. mask: (..., tokens). No value is clamped: a clamp at
    ±c biases every estimator. No gradient goes to the reference. float64.

    Raises `InputError` for shapes, unknown names and log-probabilities above 0, NaN or −inf at kept tokens.

    >>> kl_penalty(torch.tensor([-1.0]), torch.tensor([-1.5]), estimator="k1")
    tensor([0.5000], dtype=torch.float64)
    >>> kl_penalty(torch.tensor([-1.0]), torch.tensor([-1.5]), estimator="k3")
    tensor([0.1065], dtype=torch.float64)
    """
    if estimator not in get_args(KLEstimator):
        raise InputError(f"estimator {estimator!r} is not known: use one of {', '.join(get_args(KLEstimator))}.")
    if behaviour_logprobs is not None and estimator != "k3_corrected":
        raise InputError(f"{estimator} has no behaviour_logprobs: only k3_corrected weighs by them.")
    if estimator == "exact":
        return distillation(
            student=logprobs, teacher=reference_logprobs, divergence="reverse_kl", mask=mask, reduction=reduction
        )
    check_reduction(reduction)
    tensor("logprobs", logprobs, last="tokens")
    tensor("reference_logprobs", reference_logprobs)
    shape = same_shape(logprobs=logprobs, reference_logprobs=reference_logprobs)
    keep = kept(mask, shape, logprobs.device, reduction)
    policy = token_logprobs("logprobs", logprobs, keep)
    reference = token_logprobs("reference_logprobs", reference_logprobs, keep).detach()
    behaviour = policy.detach()
    if behaviour_logprobs is not None:
        tensor("behaviour_logprobs", behaviour_logprobs)
        same_shape(logprobs=logprobs, behaviour_logprobs=behaviour_logprobs)
        behaviour = token_logprobs("behaviour_logprobs", behaviour_logprobs, keep).detach()
    return reduce(_estimate(estimator, policy, reference, behaviour), keep, reduction)


def penalized_rewards(
    rewards: torch.Tensor,
    logprobs: torch.Tensor,
    reference_logprobs: torch.Tensor,
    *,
    coefficient: float,
    mask: Any = None,
) -> torch.Tensor:
    """Rewards of tokens for RLHF: −coefficient·k1 at every token, and each sequence's reward at its last.

    rewards: (sequences,); logprobs, reference_logprobs, mask: (sequences, tokens). The result (sequences, tokens)
    carries no gradient, sums to reward − coefficient·ln π(y)/ref(y) and is 0 at masked tokens. It is k1 because in a
    reward that one alone has the policy gradient of KL(π‖ref); k3 there is biased by −∇KL(ref‖π).

    >>> policy, reference = torch.tensor([[-1.0, -2.0]]), torch.tensor([[-2.0, -2.0]])
    >>> penalized_rewards(torch.tensor([1.0]), policy, reference, coefficient=0.1)
    tensor([[-0.1000,  1.0000]], dtype=torch.float64)
    """
    number("coefficient", coefficient, low=0)
    tensor("rewards", rewards)
    tensor("logprobs", logprobs, last="tokens")
    if logprobs.ndim != 2 or rewards.shape != logprobs.shape[:1]:
        raise InputError(
            f"rewards must be (sequences,) and logprobs (sequences, tokens); given shapes {tuple(rewards.shape)} and "
            f"{tuple(logprobs.shape)}."
        )
    if not bool(rewards.isfinite().all()):
        raise InputError("rewards must be finite.")
    with torch.no_grad():
        penalty = kl_penalty(logprobs, reference_logprobs, estimator="k1", mask=mask)
        keep = kept(mask, logprobs.shape, logprobs.device)
        live = torch.ones_like(logprobs, dtype=torch.bool) if keep is None else keep
        if not bool(live.any(-1).all()):
            raise InputError(f"sequence {int((~live.any(-1)).int().argmax())} has no kept token to carry its reward.")
        places = torch.arange(live.shape[-1], device=live.device)
        last = torch.where(live, places, -1).amax(-1, keepdim=True)
        result = -coefficient * penalty
        return result.scatter_add_(-1, last, rewards.double()[:, None])


def token_logprobs(name: str, values: torch.Tensor, keep: torch.Tensor | None) -> torch.Tensor:
    """Float64, with 0 at masked tokens; `InputError` where a kept one is no log-probability of a sampled token."""
    known = values.double() if keep is None else torch.where(keep, values.double(), 0.0)
    bad = ~known.isfinite() | (known > 1e-4)
    if bool(bad.any()):
        at = int(bad.reshape(-1).int().argmax())
        value = float(known.detach().reshape(-1)[at])
        raise InputError(
            f"{name} has {value} at place {at} of the flattened tokens; a token that was sampled has a log-probability "
            "that is finite and at most 0. Mask padding."
        )
    return known


def _estimate(name: str, policy: torch.Tensor, reference: torch.Tensor, behaviour: torch.Tensor) -> torch.Tensor:
    x = reference - policy
    if name == "k1":
        return -x
    if name == "k2":
        return x.square() / 2
    near = x.abs() < _NEAR
    small = torch.where(near, x, 0.0)
    series = small.square() * (0.5 + small * (1 / 6 + small * (1 / 24 + small / 120)))
    k3 = torch.where(near, series, torch.expm1(x) - x)
    return k3 if name == "k3" else torch.exp(policy - behaviour) * k3
