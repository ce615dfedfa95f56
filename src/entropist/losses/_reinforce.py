"""REINFORCE with a KL to the reference and an account of entropy, for answers sampled from the policy itself.

For sequences i with tokens t, reward r_i, all means over sequences, sums over kept tokens:

    R_i = r_i − c·Σ_t ln π/ref      (c: kl_coefficient, "k1": the penalty is in the reward)
    A_i = R_i − baseline_i          (leave_one_out: the mean R of the others; mean; none)
    loss = −mean A_i Σ_t ln π(y_t) + c·mean Σ_t k(t) − b·(mean entropy of a token)

with k = k2 or k3_corrected instead of the penalty in R. With k1 and leave_one_out (or none) the expected gradient of
the loss is −∇[E r − c·KL(π‖ref)] over whole sequences, exactly. The other two leave out how a token changes the
contexts after it, with less noise. Subtracting the mean itself scales that gradient by 1 − 1/n.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch

from entropist.errors import InputError
from entropist.losses._entropy import entropy_bonus
from entropist.losses._kl_penalty import kl_penalty, token_logprobs
from entropist.losses._reduce import kept, number, reduce, tensor


@dataclass(frozen=True)
class Reinforce:
    """`loss`, to go backward from, and its parts as numbers, in nats.

    `kl` is the mean over sequences of ln π(y)/ref(y), an unbiased estimate of the sequence KL(π‖ref), `kl_per_token`
    the same over tokens; both None without a reference. `entropy` is the mean of a token's entropy, None without
    entropies. `advantages` is (sequences,).
    """

    loss: torch.Tensor
    reward: float
    kl: float | None
    kl_per_token: float | None
    entropy: float | None
    advantages: torch.Tensor


def reinforce(
    logprobs: torch.Tensor,
    rewards: torch.Tensor,
    *,
    reference_logprobs: torch.Tensor | None = None,
    kl_coefficient: float = 0.0,
    kl_estimator: Literal["k1", "k2", "k3_corrected"] = "k1",
    entropies: torch.Tensor | None = None,
    entropy_coefficient: float = 0.0,
    baseline: Literal["leave_one_out", "mean", "none"] = "leave_one_out",
    mask: Any = None,
) -> Reinforce:
    """The policy-gradient loss of sampled answers, with the KL and entropy they show.

    logprobs: (sequences, tokens) ln π of the sampled tokens, differentiable; rewards: (sequences,);
    reference_logprobs and entropies as logprobs (entropies differentiable if they shall be raised); mask: (sequences,
    tokens), True at tokens of the answer, its end token included. Answers must have been sampled from this very
    policy, at temperature 1, from its whole distribution.

    Raises `InputError` for shapes, missing parts, and one sequence with leave_one_out.

    >>> found = reinforce(torch.tensor([[-1.0], [-2.0]]), torch.tensor([1.0, 0.0]))
    >>> found.loss, found.advantages
    (tensor(-0.5000, dtype=torch.float64), tensor([ 1., -1.], dtype=torch.float64))
    """
    number("kl_coefficient", kl_coefficient, low=0)
    number("entropy_coefficient", entropy_coefficient)
    if kl_estimator not in ("k1", "k2", "k3_corrected"):
        raise InputError(
            f"kl_estimator {kl_estimator!r} cannot be used: k1 goes into the reward, k2 and k3_corrected into the "
            "loss; k3 there has the gradient of the other direction."
        )
    if baseline not in ("leave_one_out", "mean", "none"):
        raise InputError(f"baseline {baseline!r} is not known: use one of leave_one_out, mean, none.")
    tensor("logprobs", logprobs, last="tokens")
    tensor("rewards", rewards)
    if logprobs.ndim != 2 or rewards.shape != logprobs.shape[:1] or not bool(rewards.isfinite().all()):
        raise InputError(
            f"rewards must be finite numbers (sequences,) for logprobs (sequences, tokens); given shapes "
            f"{tuple(rewards.shape)} and {tuple(logprobs.shape)}."
        )
    if (kl_coefficient and reference_logprobs is None) or (entropy_coefficient and entropies is None):
        raise InputError(
            "a coefficient needs its part: kl_coefficient reference_logprobs, entropy_coefficient entropies."
        )
    keep = kept(mask, logprobs.shape, logprobs.device)
    total = token_logprobs("logprobs", logprobs, keep).sum(-1)
    returns = rewards.detach().double().to(total.device)
    added, kl, kl_per_token = torch.zeros_like(returns[0]), None, None
    if reference_logprobs is not None:
        with torch.no_grad():
            each = kl_penalty(logprobs, reference_logprobs, estimator="k1", mask=mask)
            kl, kl_per_token = float(each.sum(-1).mean()), float(reduce(each, keep, "token_mean"))
        if kl_estimator == "k1":
            returns = returns - kl_coefficient * each.sum(-1)
        elif kl_coefficient:
            penalty = kl_penalty(logprobs, reference_logprobs, estimator=kl_estimator, mask=mask)
            added = kl_coefficient * penalty.sum(-1).mean()
    advantages = _advantages(returns, baseline)
    loss = -(advantages * total).mean() + added
    entropy = None
    if entropies is not None:
        bonus = entropy_bonus(entropies, coefficient=1.0, mask=mask)
        entropy = -float(bonus.detach())
        loss = loss + entropy_coefficient * bonus
    return Reinforce(loss, float(rewards.double().mean()), kl, kl_per_token, entropy, advantages)


def _advantages(returns: torch.Tensor, baseline: str) -> torch.Tensor:
    n = len(returns)
    if baseline == "none":
        return returns
    if n < 2:
        raise InputError(f"baseline {baseline!r} needs 2 sequences or more; given {n}. Use baseline='none'.")
    off = returns - returns.mean()
    return off * n / (n - 1) if baseline == "leave_one_out" else off
