"""KTO: single answers called desirable or not, against a reference point (Ethayarajh et al. 2024, arXiv:2402.01306).

With u = ln π(y)/ref(y) and z₀ = max(0, KL(π‖ref) as estimated), not differentiated:

    desirable    w_D·(1 − σ(β(u − z₀)))          undesirable   w_U·(1 − σ(β(z₀ − u)))

z₀ is the mean log-ratio of answers drawn to *other* prompts of the batch, as the paper takes it: cheap, noisy and
negative at times, hence the max. It moves the point where gain turns into loss and gives no gradient.
"""

from typing import Any, Literal

import torch

from entropist.errors import InputError
from entropist.losses._preference import Preference, _kls, _logprobs
from entropist.losses._reduce import number, same_shape
from entropist.losses._sequences import SequenceLogprobs


def kto(
    answers: torch.Tensor | SequenceLogprobs,
    reference_answers: torch.Tensor | SequenceLogprobs,
    desirable: torch.Tensor,
    *,
    mismatched: torch.Tensor | SequenceLogprobs | None = None,
    reference_mismatched: torch.Tensor | SequenceLogprobs | None = None,
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> Preference:
    """The KTO loss of single answers, with implicit rewards β·u.

    answers, reference_answers: ln π(y) and ln ref(y), (answers,), as in `preference`; desirable: (answers,) bool.
    `mismatched` and `reference_mismatched` (any number,) are log-probabilities of answers to prompts they do not belong
    to, for z₀; without them z₀ = 0. Of the result, `chosen_reward` holds the desirable answers', `rejected_reward` the
    others', `margin` the difference of their means (1,), `accuracy` the share of answers on their side of z₀.

    Raises `InputError` as `preference` does.

    >>> lp = lambda *values: torch.tensor(values, dtype=torch.float64)
    >>> found = kto(lp(-10.0, -9.0), lp(-11.0, -8.0), torch.tensor([True, False]))
    >>> print(f"{found.loss:.4f} {found.accuracy}")
    0.4750 1.0
    """
    policy, reference = _logprobs("answers", answers), _logprobs("reference_answers", reference_answers).detach()
    same_shape(answers=policy, reference_answers=reference)
    liked = _labels(desirable, policy)
    for name, value in (("beta", beta), ("desirable_weight", desirable_weight)):
        number(name, value, above=0)
    number("undesirable_weight", undesirable_weight, above=0)
    if reduction not in ("mean", "sum", "none"):
        raise InputError(f"reduction {reduction!r} is not known: use one of mean, sum, none.")
    point = _reference_point(mismatched, reference_mismatched).to(policy.device)
    ratio = policy - reference
    gain = torch.where(liked, 1.0, -1.0) * (ratio - point)
    weights = torch.where(liked, policy.new_tensor(desirable_weight), policy.new_tensor(undesirable_weight))
    losses = weights * torch.sigmoid(-beta * gain)
    total = losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()
    rewards = beta * ratio.detach()
    sides = rewards[liked], rewards[~liked]
    margin = (sides[0].mean() - sides[1].mean()).reshape(1)
    accuracy = float(((gain > 0).double() + (gain == 0).double() / 2).mean())
    return Preference(total, losses.detach(), *sides, margin, accuracy, *_kls(answers))


def _labels(desirable: Any, like: torch.Tensor) -> torch.Tensor:
    if not isinstance(desirable, torch.Tensor) or desirable.dtype != torch.bool or desirable.shape != like.shape:
        raise InputError(f"desirable must be a bool tensor of shape {tuple(like.shape)}; given {desirable!r:.60}.")
    return desirable.to(like.device)


def _reference_point(mismatched: Any, reference: Any) -> torch.Tensor:
    """z₀, a scalar of float64."""
    if (mismatched is None) != (reference is None):
        raise InputError("z0 needs both mismatched and reference_mismatched; given one of the two.")
    if mismatched is None:
        return torch.zeros((), dtype=torch.float64)
    policy, other = _logprobs("mismatched", mismatched), _logprobs("reference_mismatched", reference)
    same_shape(mismatched=policy, reference_mismatched=other)
    return (policy.detach() - other.detach()).mean().clamp(min=0)
