"""A loss from hidden states and the head, with the gradient made in the forward pass.

For logits z = softcap·tanh(y/softcap), y = scale·(hidden · weightᵀ + bias) and token weights w that are known
before the first logit, loss = Σ w·term(z). While the logits of a chunk are there, so is ∂z; it is written over
them and multiplied out into ∂hidden, ∂weight and ∂bias. Each product is done once: as many as bare
forward and backward passes need, and nothing of the size (tokens, vocabulary) exists.
"""

# mypy: disable-error-code="no-untyped-call,untyped-decorator"
# torch.autograd.Function carries no types.

from typing import Any

import torch

from entropist.errors import InputError
from entropist.logits._gradients import refuse_twice
from entropist.logits._head_gradients import _Sums, _through_cap
from entropist.logits._unembedding import Unembedding
from entropist.losses._softmax import chunks
from entropist.losses._terms import Term

_BUFFER_BYTES = 1 << 27  # of logits, for each of student and teacher
Weighted = list[tuple[Term, torch.Tensor]]


def hidden_loss(
    hidden: torch.Tensor,
    head: Unembedding,
    terms: Weighted,
    numbers: torch.Tensor | None,
    teacher: tuple[torch.Tensor, Unembedding] | None = None,
    chunk_rows: int | None = None,
) -> torch.Tensor:
    """Σ over terms and rows of weight·term, float64, of hidden states (rows, d); `numbers` names rows in errors."""
    if chunk_rows is not None and chunk_rows < 1:
        raise InputError(f"chunk_rows must be 1 or more, or None to fill 128 MB; given {chunk_rows!r}.")
    options = (head.softcap, head.scale, terms, numbers, teacher, chunk_rows, torch.is_grad_enabled())
    return _HiddenLoss.apply(hidden, head.weight, head.bias, options)  # type: ignore[no-any-return]


class _HiddenLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: Any, options: Any) -> torch.Tensor:
        softcap, scale, terms, numbers, teacher, asked, differentiable = options
        head = Unembedding(weight, bias, softcap, scale)
        needed = ctx.needs_input_grad[:3]
        rows = hidden.float() if hidden.dtype == torch.float16 else hidden
        sums = _Sums(rows, head, needed) if differentiable and any(needed) else None
        itemsize = head.dtype(hidden).itemsize
        chunk = asked or max(1, _BUFFER_BYTES // (itemsize * head.vocabulary))
        buffer = head.buffer(hidden, min(chunk, len(hidden)))
        other = None if teacher is None else teacher[1].buffer(teacher[0], min(chunk, len(hidden)))
        loss = torch.zeros((), dtype=torch.float64, device=hidden.device)
        for i in range(0, len(hidden), chunk):
            z = buffer[: len(hidden[i : i + chunk])]
            head.fill(hidden[i : i + chunk], z)
            t = None
            if teacher is not None and other is not None:
                t = other[: len(z)]
                teacher[1].fill(teacher[0][i : i + chunk], t)
            for some in chunks(len(z), head.vocabulary, z.device):
                at = slice(i + some.start, i + some.stop)
                loss += _write(z[some], None if t is None else t[some], terms, at, numbers, sums is not None, head)
            if sums is not None:
                sums.add(i, z)
        ctx.dtypes = [None if each is None else each.dtype for each in (hidden, weight, bias)]
        found = (None, None, None) if sums is None else (sums.hidden, sums.weight, sums.bias)
        ctx.gradients = [None if each is None else _stored(each, dtype) for each, dtype in zip(found, ctx.dtypes)]
        return loss

    @staticmethod
    def backward(ctx: Any, arriving: torch.Tensor) -> tuple[Any, ...]:
        refuse_twice()
        found, ctx.gradients = ctx.gradients, None
        if found is None:
            raise InputError(
                "the gradient of a loss from hidden states is made once and given away: a second backward pass needs "
                "a second forward pass, or the loss from logits."
            )
        scaled = (None if each is None else each.mul_(arriving.to(each.dtype)) for each in found)
        return (*(None if each is None else each.to(dtype) for each, dtype in zip(scaled, ctx.dtypes)), None)


def _stored(gradient: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """In the dtype that backward gives, but for float16: the factor that lifts it over its smallest is yet to come."""
    return gradient if dtype == torch.float16 else gradient.to(dtype)


def _write(
    z: torch.Tensor,
    teacher: torch.Tensor | None,
    terms: Weighted,
    at: slice,
    numbers: torch.Tensor | None,
    gradient: bool,
    head: Unembedding,
) -> torch.Tensor:
    """The loss of some rows; where a gradient is wanted, scale·∂y is written over `z`."""
    loss = torch.zeros((), dtype=torch.float64, device=z.device)
    total: torch.Tensor | None = None
    for term, weights in terms:
        value, by = term(z, teacher, at, numbers, gradient)
        weight = weights[at]
        loss += torch.where(weight != 0, weight * value, 0.0).sum()
        if by is not None:
            by.mul_(weight[:, None].to(by.dtype))
            total = by if total is None else total.add_(by)
    if total is not None:
        z.copy_(_through_cap(total, z, head))
    return loss
