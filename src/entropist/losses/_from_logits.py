"""A loss of every token from logits, differentiable by the student's.

Both passes go over the logits a chunk of rows at a time and keep nothing of their size but the gradient itself:
backward reads the logits again. Rows that the mask leaves out are not read and get a gradient of 0.
"""

# mypy: disable-error-code="no-untyped-call,untyped-decorator"
# torch.autograd.Function carries no types.

from typing import Any

import torch

from entropist.logits._gradients import refuse_twice
from entropist.losses._softmax import chunks, wide
from entropist.losses._terms import Term


def token_losses(
    student: torch.Tensor, teacher: torch.Tensor | None, term: Term, keep: torch.Tensor | None
) -> torch.Tensor:
    """`term` of every kept token (...), float64, 0 elsewhere, of logits (..., vocabulary)."""
    shape = student.shape[:-1]
    rows = None if keep is None else keep.reshape(-1).nonzero()[:, 0]
    z = student.reshape(-1, student.shape[-1])
    t = None if teacher is None else teacher.detach().reshape(-1, teacher.shape[-1])
    values: torch.Tensor = _TokenLosses.apply(z, t, rows, term)
    if rows is None:
        return values.reshape(shape)
    return values.new_zeros(z.shape[0]).index_copy(0, rows, values).reshape(shape)


def _chunk(z: torch.Tensor, rows: torch.Tensor | None, at: slice) -> torch.Tensor:
    return wide(z[at] if rows is None else z[rows[at]])


class _TokenLosses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: torch.Tensor, teacher: Any, rows: Any, term: Term) -> torch.Tensor:
        ctx.save_for_backward(z, teacher, rows)
        ctx.term = term
        n = z.shape[0] if rows is None else len(rows)
        values = z.new_empty(n, dtype=torch.float64)
        for at in chunks(n, z.shape[1], z.device):
            of = None if teacher is None else _chunk(teacher, rows, at)
            values[at], _ = term(_chunk(z, rows, at), of, at, rows, False)
        return values

    @staticmethod
    def backward(ctx: Any, arriving: torch.Tensor) -> tuple[Any, ...]:
        refuse_twice()
        z, teacher, rows = ctx.saved_tensors
        result = torch.empty_like(z) if rows is None else torch.zeros_like(z)
        n = z.shape[0] if rows is None else len(rows)
        for at in chunks(n, z.shape[1], z.device):
            of = None if teacher is None else _chunk(teacher, rows, at)
            _, by = ctx.term(_chunk(z, rows, at), of, at, rows, True)
            by.mul_(arriving[at, None].to(by.dtype))
            result[at if rows is None else rows[at]] = by.to(z.dtype)
        return result, None, None, None
