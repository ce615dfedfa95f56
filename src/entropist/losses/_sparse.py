"""Distillation from a teacher that was stored sparsely: its k most likely tokens, and m tokens sampled from the rest.

The rows of a base file (`entropist.basefile`) in, the estimate of `basefile.sparse_kl_rows` out, as a loss:
KL(teacher‖student) on average over what was drawn, and so is its gradient. Keeping the top k alone is biased, and can
be negative.
"""

from typing import Any

import torch

from entropist.basefile import sparse_kl_rows
from entropist.errors import InputError
from entropist.losses._reduce import Reduction, check_reduction, kept, reduce, tensor

_ROUNDING = 1e-6  # a mass outside of the top that may be the rounding of those inside


def sparse_distillation(
    *,
    student: torch.Tensor,
    top_ids: torch.Tensor,
    top_logprobs: torch.Tensor,
    tail_ids: torch.Tensor,
    tail_logprobs: torch.Tensor,
    tail_mass: torch.Tensor | None = None,
    mask: Any = None,
    reduction: Reduction = "token_mean",
) -> torch.Tensor:
    """An unbiased estimate of forward_kl, KL(teacher‖student), from a sparse teacher, in nats, as a loss.

    student: logits (..., vocabulary). top_ids, top_logprobs: (..., k), the teacher's tokens that are known, all
    different. tail_ids, tail_logprobs: (..., m), drawn with replacement from the teacher's other tokens in proportion
    to their probability, with their true log-probabilities. tail_mass: (...) the teacher's mass outside of the top,
    by default 1 − Σ e^{top_logprobs}. Where it is 0, samples are not read. There is no temperature: the normaliser of
    p^{1/T} is not among what was stored.

    One row's estimate can be below 0; their mean estimates the KL. It is infinite where the student masks a token the
    teacher gave. Raises `InputError` for shapes, ids outside of the vocabulary or in both parts, masses outside of 0
    to 1.

    >>> teacher = torch.tensor([[0.5, 0.25, 0.25]]).log()
    >>> found = sparse_distillation(student=torch.tensor([[0.25, 0.375, 0.375]]).log(), top_ids=torch.tensor([[0]]),
    ...     top_logprobs=teacher[:, :1], tail_ids=torch.tensor([[2]]), tail_logprobs=teacher[:, 2:])
    >>> print(f"{found:.4f}")
    0.1438
    """
    tensor("student", student, last="vocabulary")
    check_reduction(reduction)
    shape = student.shape[:-1]
    keep = kept(mask, shape, student.device, reduction)
    top = _part("top", top_ids, top_logprobs, student, keep)
    tail = _part("tail", tail_ids, tail_logprobs, student, keep)
    z = student.reshape(-1, student.shape[-1]) if keep is None else student[keep]
    z = z if z.dtype == torch.float64 else z.float()
    logq_all = z.logsumexp(-1, keepdim=True).double()
    if not bool(logq_all.isfinite().all()):
        at = int((~logq_all.isfinite()).int().argmax())
        row = at if keep is None else int(keep.reshape(-1).nonzero()[at])
        raise InputError(f"student row {row} is no distribution: it contains NaN or +inf, or nothing but -inf.")
    top_q, tail_q = (z.gather(-1, ids).double() - logq_all for ids, _ in (top, tail))
    t = _tail_mass(tail_mass, top[1], shape, keep)
    drawn = t > _ROUNDING
    _disjoint(top[0], tail[0][drawn], top[0][drawn])
    if tail[0].shape[-1] == 0 and bool((t > 0).any()):
        raise InputError("the teacher has mass outside of its top tokens and no tail sample stands for it.")
    values, _ = sparse_kl_rows(top[1], top_q, tail[1], tail_q, t)
    if keep is not None:
        values = values.new_zeros(shape).masked_scatter(keep, values)
    return reduce(values.reshape(shape), keep, reduction)


def _part(
    name: str, ids: Any, logprobs: Any, student: torch.Tensor, keep: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """ids (rows, k) and ln p (rows, k), float64, of the kept rows."""
    if not isinstance(ids, torch.Tensor) or ids.is_floating_point() or ids.dtype == torch.bool:
        raise InputError(f"{name}_ids must be a tensor of token ids, that is integers.")
    tensor(f"{name}_logprobs", logprobs)
    if ids.ndim != student.ndim or ids.shape != logprobs.shape or ids.shape[:-1] != student.shape[:-1]:
        raise InputError(
            f"{name}_ids {tuple(ids.shape)} and {name}_logprobs {tuple(logprobs.shape)} must both be "
            f"{(*student.shape[:-1], 'k')}, one row for each of the student's."
        )
    rows = [each.flatten(0, -2) if keep is None else each[keep] for each in (ids, logprobs)]
    found, logp = rows[0].to(student.device, torch.int64), rows[1].detach().to(student.device, torch.float64)
    if bool(((found < 0) | (found >= student.shape[-1])).any()):
        raise InputError(f"{name}_ids hold an id outside of the student's vocabulary of {student.shape[-1]}.")
    if bool((logp.isnan() | (logp > 1e-4)).any()):
        raise InputError(f"{name}_logprobs must be at most 0 and not NaN.")
    return found, logp


def _disjoint(top: torch.Tensor, tail: torch.Tensor, above: torch.Tensor) -> None:
    """`InputError` where a token stands twice in the top (rows, k), or in the draws and in the top `above` them."""
    if bool((top.sort(-1).values.diff(dim=-1) == 0).any()):
        raise InputError("top_ids hold a token twice in one row: its share would count twice. Give each once.")
    if bool((tail[:, :, None] == above[:, None, :]).any()):
        raise InputError(
            "tail_ids hold a token of the same row's top_ids: draws must be from the tokens outside of it."
        )


def _tail_mass(given: Any, top: torch.Tensor, shape: torch.Size, keep: torch.Tensor | None) -> torch.Tensor:
    if given is None:
        return (1 - top.exp().sum(-1)).clamp(min=0)
    tensor("tail_mass", given)
    if given.shape != shape:
        raise InputError(f"tail_mass has shape {tuple(given.shape)}; the rows need {tuple(shape)}.")
    t: torch.Tensor = (given.reshape(-1) if keep is None else given[keep]).detach().to(top.device, torch.float64)
    if bool((t.isnan() | (t < 0) | (t > 1)).any()):
        raise InputError("tail_mass must lie between 0 and 1.")
    return t
