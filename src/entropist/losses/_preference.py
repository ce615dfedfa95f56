"""Preference losses over pairs: chosen y_w against rejected y_l, by their log-probabilities.

With a = ln π(y_w)/ref(y_w), b = ln π(y_l)/ref(y_l), f their f-divergence scores, h = β(f(a) − f(b)), σ the logistic
function:

    sigmoid  −(1−ε) ln σ(h) − ε ln σ(−h)              DPO, Rafailov et al. 2023 (arXiv:2305.18290); ε > 0 is its
                                                      conservative form, for a share ε of flipped labels
    robust   [−(1−ε) ln σ(h) + ε ln σ(−h)]/(1−2ε)     unbiased under flips: Chowdhury et al. 2024 (arXiv:2403.00409)
    hinge    max(0, 1 − h)                            SLiC: Zhao et al. 2023 (arXiv:2305.10425)
    ipo      (f(a)/|y_w| − f(b)/|y_l| − 1/(2β))²      Azar et al. 2023 (arXiv:2310.12036); |y| = 1 without lengths
    simpo    −ln σ(β(ln π(y_w)/|y_w| − ln π(y_l)/|y_l|) − γ)      Meng et al. 2024 (arXiv:2405.14734); no reference
    orpo     −β ln σ(ln odds(y_w) − ln odds(y_l)) − ln π(y_w)/|y_w|,  odds = p/(1−p), p = e^{ln π(y)/|y|}
             Hong et al. 2024 (arXiv:2403.07691); no reference

There is no KL term to add: β and the reference hold the policy, because π(y) ∝ ref(y)·e^{reward/β} was solved for the
reward. That reward, β·a and β·b up to one constant a prompt, is reported, and so are both KLs where the logits were
seen.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch.nn.functional import logsigmoid

from entropist.errors import InputError
from entropist.losses._f_scores import FDivergence, check, score
from entropist.losses._reduce import number, same_shape, tensor
from entropist.losses._sequences import SequenceLogprobs

PreferenceLoss = Literal["sigmoid", "robust", "hinge", "ipo", "simpo", "orpo"]
"""The losses of `preference`, as in the table above."""
_WITHOUT_REFERENCE = ("simpo", "orpo")
_NEEDS_LENGTH = ("simpo", "orpo")


@dataclass(frozen=True)
class Preference:
    """`loss`, to go backward from, and what to watch beside it, without gradient, in nats.

    `losses`, `chosen_reward`, `rejected_reward`, `margin` are (pairs,); `accuracy` is the share of pairs whose margin
    is above 0, a tie counting half. `kl_policy_reference` and `kl_reference_policy` are means a chosen or rejected
    sequence over both sides; None unless the sides carried them (`sequence_logprobs` with reference logits): the
    log-probabilities of given pairs do not determine a KL.
    """

    loss: torch.Tensor
    losses: torch.Tensor
    chosen_reward: torch.Tensor
    rejected_reward: torch.Tensor
    margin: torch.Tensor
    accuracy: float
    kl_policy_reference: float | None = None
    kl_reference_policy: float | None = None


def preference(
    chosen: torch.Tensor | SequenceLogprobs,
    rejected: torch.Tensor | SequenceLogprobs,
    reference_chosen: torch.Tensor | SequenceLogprobs | None = None,
    reference_rejected: torch.Tensor | SequenceLogprobs | None = None,
    *,
    loss: PreferenceLoss = "sigmoid",
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    margin: float = 0.0,
    f_divergence: FDivergence = "reverse_kl",
    alpha: float = 0.5,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> Preference:
    """A preference loss of pairs, its implicit rewards, and both KLs to the reference.

    Each of the four is ln π(y) of sequences, (pairs,), or what `sequence_logprobs` gave, which also carries lengths
    and KLs. simpo and orpo take no reference and need lengths; every other loss needs both references. β is the
    strength of the hold to the reference (of the contrast in simpo and orpo); `label_smoothing` ε is for sigmoid and
    robust (ε < ½); `margin` γ for simpo; `f_divergence` (with `alpha`) for sigmoid, robust, hinge and ipo: reverse_kl
    is DPO itself. No gradient goes to the reference. Losses are float64.

    Raises `InputError` for shapes, values that are no log-probability, and options that a loss does not have.

    >>> lp = lambda *values: torch.tensor(values, dtype=torch.float64)
    >>> found = preference(lp(-10.0), lp(-12.0), lp(-11.0), lp(-11.0), beta=0.5)
    >>> print(f"{found.loss:.4f} {found.margin.item():.2f} {found.accuracy}")
    0.3133 1.00 1.0
    """
    _check_options(loss, label_smoothing, margin, f_divergence, alpha, reduction)
    number("beta", beta, above=0)
    sides = [_logprobs(name, side) for name, side in (("chosen", chosen), ("rejected", rejected))]
    free = loss in _WITHOUT_REFERENCE
    references = _references(loss, reference_chosen, reference_rejected, sides[0].shape)
    same_shape(chosen=sides[0], rejected=sides[1])
    lengths = [_length(name, side, loss) for name, side in (("chosen", chosen), ("rejected", rejected))]
    if free:
        means = [side / length for side, length in zip(sides, lengths)]
        rewards = [beta * mean for mean in means]
        losses = -logsigmoid(rewards[0] - rewards[1] - margin) if loss == "simpo" else _orpo(means[0], means[1], beta)
    else:
        ratios = [side - reference for side, reference in zip(sides, references)]
        scores = [score(f_divergence, ratio, alpha) for ratio in ratios]
        rewards = [beta * each for each in scores]
        losses = _contrast(loss, rewards, scores, lengths, beta, label_smoothing)
    total = losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()
    won, lost = (each.detach() for each in rewards)
    gap = won - lost
    accuracy = float(((gap > 0).double() + (gap == 0).double() / 2).mean())
    return Preference(total, losses.detach(), won, lost, gap, accuracy, *_kls(chosen, rejected))


def _contrast(
    loss: str,
    rewards: list[torch.Tensor],
    scores: list[torch.Tensor],
    lengths: list[torch.Tensor | float],
    beta: float,
    flipped: float,
) -> torch.Tensor:
    h = rewards[0] - rewards[1]
    if loss == "hinge":
        return torch.relu(1 - h)
    if loss == "ipo":
        return (scores[0] / lengths[0] - scores[1] / lengths[1] - 1 / (2 * beta)).square()
    as_given, other = -logsigmoid(h), -logsigmoid(-h)
    if loss == "robust":
        return ((1 - flipped) * as_given - flipped * other) / (1 - 2 * flipped)
    return (1 - flipped) * as_given + flipped * other if flipped else as_given


def _orpo(chosen: torch.Tensor, rejected: torch.Tensor, beta: float) -> torch.Tensor:
    log_odds = (chosen - _log_complement(chosen)) - (rejected - _log_complement(rejected))
    return -beta * logsigmoid(log_odds) - chosen


def _log_complement(log_p: torch.Tensor) -> torch.Tensor:
    """ln(1 − p) from ln p, exact at both ends; p = 1 counts as the largest p below it."""
    return torch.where(
        log_p > -math.log(2),
        torch.log(-torch.expm1(log_p.clamp(min=-1, max=-1e-300))),
        torch.log1p(-torch.exp(log_p.clamp(max=-math.log(2)))),
    )


def _logprobs(name: str, side: Any) -> torch.Tensor:
    """(pairs,) in float64; `InputError` for what is no log-probability of a sequence."""
    given = tensor(name, side.logprob if isinstance(side, SequenceLogprobs) else side)
    if given.ndim != 1 or len(given) == 0:
        raise InputError(
            f"{name} must hold one log-probability a sequence, (pairs,); given shape {tuple(given.shape)}."
        )
    values = given.double()
    bad = ~values.isfinite() | (values > 1e-6)
    if bool(bad.any()):
        at = int(bad.int().argmax())
        raise InputError(
            f"{name} {at} is {float(values[at].detach())}; a log-probability of a sequence is finite and at most 0."
        )
    return values


def _references(loss: str, chosen: Any, rejected: Any, shape: torch.Size) -> list[torch.Tensor]:
    if loss in _WITHOUT_REFERENCE:
        if chosen is not None or rejected is not None:
            raise InputError(f"{loss} has no reference: leave reference_chosen and reference_rejected out.")
        return []
    if chosen is None or rejected is None:
        raise InputError(
            f"{loss} needs reference_chosen and reference_rejected: the reference model's log-probabilities."
        )
    found = [_logprobs("reference_chosen", chosen).detach(), _logprobs("reference_rejected", rejected).detach()]
    same_shape(chosen=found[0].new_empty(shape), reference_chosen=found[0], reference_rejected=found[1])
    return found


def _length(name: str, side: Any, loss: str) -> torch.Tensor | float:
    if loss not in (*_NEEDS_LENGTH, "ipo"):
        return 1.0
    if not isinstance(side, SequenceLogprobs):
        if loss == "ipo":
            return 1.0
        raise InputError(f"{loss} needs the lengths of sequences: give {name} as sequence_logprobs returns it.")
    if bool((side.length < 1).any()):
        raise InputError(f"{name} {int((side.length < 1).int().argmax())} has no token: leave the pair out.")
    return side.length.to(side.logprob.device, torch.float64)


def _check_options(loss: str, smoothing: float, margin: float, f_divergence: str, alpha: float, reduction: str) -> None:
    if loss not in get_args(PreferenceLoss):
        known = ", ".join(get_args(PreferenceLoss))
        raise InputError(f"loss {loss!r} is not known: use one of {known}; for single answers there is kto.")
    if reduction not in ("mean", "sum", "none"):
        raise InputError(f"reduction {reduction!r} is not known: use one of mean, sum, none.")
    number("label_smoothing", smoothing, low=0, high=1)
    if smoothing and loss not in ("sigmoid", "robust"):
        raise InputError(f"{loss} has no label_smoothing: it belongs to sigmoid and robust.")
    if smoothing >= 0.5:
        raise InputError(f"{loss} needs label_smoothing below 0.5, the share of flipped labels; given {smoothing!r}.")
    number("margin", margin)
    if margin and loss != "simpo":
        raise InputError(f"{loss} has no margin: it belongs to simpo.")
    check(f_divergence, alpha)
    if f_divergence != "reverse_kl" and loss in _WITHOUT_REFERENCE:
        raise InputError(f"{loss} has no reference, hence no f_divergence to it.")


def _kls(*sides: Any) -> tuple[float | None, float | None]:
    """Both KLs, means over the sequences of all sides, None where a side does not carry them."""
    if any(getattr(side, "kl_policy_reference", None) is None for side in sides):
        return None, None
    policy = torch.cat([side.kl_policy_reference for side in sides])
    reference = torch.cat([side.kl_reference_policy for side in sides])
    return float(policy.mean()), float(reference.mean())
