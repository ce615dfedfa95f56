"""Distillation: a student's next-token distribution against a teacher's, from logits or from both heads.

For logits z_S, z_T (vocabulary,) of one token, T the temperature, s = softmax(z_S/T), t = softmax(z_T/T), in nats:

    loss = (1 − w)·T²·D(t, s) + w·(−ln softmax(z_S)_y)

D is one of `Divergence` (formulas and gradients: `_divergences`). forward_kl is KL(teacher‖student). The gradient of
D by z_S shrinks as 1/T², so T² keeps soft and hard parts in proportion when T changes (Hinton et al. 2015,
arXiv:1503.02531); most trainers leave it out, which `scale_by_temperature_squared=False` does too. The teacher gets
no gradient.
"""

from typing import Any, get_args

import torch

from entropist.errors import InputError
from entropist.losses._cross_entropy import IGNORE, _only, _targets, only_rows, unembedding
from entropist.losses._divergences import Divergence
from entropist.losses._from_hidden import Weighted, hidden_loss
from entropist.losses._from_logits import token_losses
from entropist.losses._reduce import Reduction, check_reduction, kept, number, reduce, row_weights, same_shape, tensor
from entropist.losses._terms import Hard, Soft

_LEAST_BETA = 1e-30  # below it β is no float32; β = 0 is its limit


def distillation(
    *,
    student: torch.Tensor,
    teacher: torch.Tensor,
    divergence: Divergence = "forward_kl",
    beta: float = 0.5,
    temperature: float = 1.0,
    scale_by_temperature_squared: bool = True,
    targets: torch.Tensor | None = None,
    hard_weight: float = 0.0,
    ignore_index: int = IGNORE,
    mask: Any = None,
    reduction: Reduction = "token_mean",
) -> torch.Tensor:
    """How far the student's next-token distributions are from the teacher's, in nats, as a loss.

    student, teacher: logits (..., vocabulary) of one shape, masked by −inf; mask: (...), True where a token counts.
    `divergence` is forward_kl, KL(teacher‖student); reverse_kl, KL(student‖teacher); jeffreys, their sum; js;
    total_variation; or generalized_js, [β KL(t‖m) + (1−β) KL(s‖m)]/(β(1−β)) with m = (1−β)s + βt, which is forward_kl
    at β = 0, reverse_kl at β = 1 and continuous in between (without the divisor, as GKD writes it, it is 0 at both
    ends). `targets` (...) with `hard_weight` w mix in (1 − w)·soft + w·cross-entropy at temperature 1; tokens with
    `ignore_index` have no hard part, and each part is reduced over its own tokens.

    The result is float64, in nats. It is 0 exactly for equal logits, never negative, and infinite where a KL is: where
    the one that is averaged over gives a token the other has masked. forward_kl's gradient s − t exists there too;
    where reverse_kl is infinite its gradient by that row is 0.
    Raises `InputError` for shapes, unknown names, T ≤ 0 and, naming the row, logits that are no distribution.

    >>> student, teacher = torch.tensor([[0.25, 0.75]]).log(), torch.tensor([[0.5, 0.5]]).log()
    >>> print(f"{distillation(student=student, teacher=teacher):.4f}")
    0.1438
    """
    _vocabularies(student, teacher)
    shape = student.shape[:-1]
    soft, w = _options(divergence, beta, temperature, scale_by_temperature_squared, targets, hard_weight)
    check_reduction(reduction)
    keep = kept(mask, shape, student.device, reduction)
    loss = reduce(token_losses(student, teacher, soft, keep), keep, reduction)
    if targets is None:
        return loss
    spoken, ids = _targets(targets, shape, student.shape[-1], ignore_index, mask, student.device, reduction)
    hard = reduce(token_losses(student, None, Hard(_only(ids, spoken), name="student"), spoken), spoken, reduction)
    return (1 - w) * loss + w * hard


def head_distillation(
    *,
    student: torch.Tensor,
    student_weight: torch.Tensor,
    teacher: torch.Tensor,
    teacher_weight: torch.Tensor,
    student_bias: torch.Tensor | None = None,
    teacher_bias: torch.Tensor | None = None,
    student_softcap: float | None = None,
    teacher_softcap: float | None = None,
    student_scale: float = 1.0,
    teacher_scale: float = 1.0,
    divergence: Divergence = "forward_kl",
    beta: float = 0.5,
    temperature: float = 1.0,
    scale_by_temperature_squared: bool = True,
    targets: torch.Tensor | None = None,
    hard_weight: float = 0.0,
    ignore_index: int = IGNORE,
    mask: Any = None,
    reduction: Reduction = "token_mean",
    chunk_rows: int | None = None,
) -> torch.Tensor:
    """`distillation` from hidden states and heads: no array of (tokens, vocabulary) exists in either pass.

    student: (..., d_s) with student_weight (vocabulary, d_s); teacher: (..., d_t) with teacher_weight (vocabulary,
    d_t); the widths may differ, tokens and vocabulary are common. Logits are softcap·tanh(scale·(hidden · weightᵀ +
    bias)/softcap). Gradients reach student, student_weight and student_bias; they are made in the forward pass, so
    that each matrix product is done once, and given away by backward, which therefore works once. `reduction="none"`
    is refused. Memory: 128 MB of logits each and one gradient of student_weight (none where it asks for none).

    >>> eye, weight = torch.eye(2), torch.tensor([[0.0, 2.0], [1.0, 1.0]])
    >>> print(f"{head_distillation(student=eye, student_weight=weight, teacher=2 * eye, teacher_weight=weight):.4f}")
    0.0671
    """
    head = unembedding(student, student_weight, student_bias, student_softcap, student_scale, "student_")
    other = unembedding(teacher, teacher_weight, teacher_bias, teacher_softcap, teacher_scale, "teacher_")
    shape = student.shape[:-1]
    if teacher.shape[:-1] != shape or head.vocabulary != other.vocabulary or teacher.device != student.device:
        raise InputError(
            f"student hidden states are {tuple(student.shape)} with {head.vocabulary} entries on {student.device}, "
            f"the teacher's {tuple(teacher.shape)} with {other.vocabulary} on {teacher.device}: tokens, vocabulary and "
            "device must be common."
        )
    soft, w = _options(divergence, beta, temperature, scale_by_temperature_squared, targets, hard_weight)
    keep = kept(mask, shape, student.device, reduction)
    terms: Weighted = [(soft, (1 - w) * _only(row_weights(keep, shape, reduction, student.device), keep))]
    if targets is not None:
        spoken, ids = _targets(targets, shape, head.vocabulary, ignore_index, mask, student.device, reduction)
        weights = w * row_weights(spoken, shape, reduction, student.device)
        safe = ids if spoken is None else ids.where(spoken, 0)
        terms.append((Hard(_only(safe, keep), name="student"), _only(weights, keep)))
    numbers = None if keep is None else keep.reshape(-1).nonzero()[:, 0]
    given = (only_rows(teacher.detach(), keep), _detached(other))
    return hidden_loss(only_rows(student, keep), head, terms, numbers, given, chunk_rows)


def _detached(head: Any) -> Any:
    return type(head)(head.weight.detach(), None if head.bias is None else head.bias.detach(), head.softcap, head.scale)


def _vocabularies(student: Any, teacher: Any) -> None:
    tensor("student", student, last="vocabulary")
    tensor("teacher", teacher, last="vocabulary")
    if student.shape[-1] != teacher.shape[-1]:
        raise InputError(
            f"student has a vocabulary of {student.shape[-1]} and teacher one of {teacher.shape[-1]}: only one "
            "vocabulary can be distilled. Where one is padded, give the padding the logit -inf, never 0."
        )
    same_shape(student=student, teacher=teacher)


def _options(
    divergence: str, beta: float, temperature: float, squared: bool, targets: Any, hard_weight: float
) -> tuple[Soft, float]:
    if divergence not in get_args(Divergence):
        raise InputError(f"divergence {divergence!r} is not known: use one of {', '.join(get_args(Divergence))}.")
    number("beta", beta, low=0, high=1)
    if 0 < beta < _LEAST_BETA:
        raise InputError(f"beta is {beta!r}, nearer to 0 than single precision can tell: give 0, its limit.")
    number("temperature", temperature, above=0)
    number("hard_weight", hard_weight, low=0, high=1)
    if (targets is None) != (hard_weight == 0):
        raise InputError("a hard part needs both targets and a hard_weight of more than 0; given one of the two.")
    return Soft(divergence, beta, temperature, temperature**2 if squared else 1.0), float(hard_weight)
