"""Gradients by hidden states, weight and bias (torch), with the logits made again chunk by chunk.

For logits z = softcap·tanh(y/softcap) and y = scale·(hidden · weightᵀ + bias):

    ∂y = ∂z·(1 − (z/softcap)²),   ∂hidden = scale·∂y · weight,   ∂weight = scale·∂yᵀ · hidden,   ∂bias = scale·Σ ∂y

The derivative of the cap is known from its result, so ∂y is written over z in the one buffer of a chunk, and
nothing of the size (tokens, vocabulary) exists in either pass. Sums over tokens are carried in float32, or
float64 where the logits are.
"""

# mypy: disable-error-code="no-untyped-call,untyped-decorator"
# torch.autograd.Function carries no types.

from typing import Any

import torch

from entropist.logits._compare import PairStatistics
from entropist.logits._gradients import (
    PAIR,
    STATISTICS,
    Gradients,
    chunks,
    flat,
    pair_gradient,
    part_of,
    refuse_twice,
    statistics_gradient,
)
from entropist.logits._head import pair_in_chunks, statistics_in_chunks
from entropist.logits._statistics import LogitStatistics
from entropist.logits._unembedding import Unembedding


def statistics(
    rows: torch.Tensor, head: Unembedding, targets: torch.Tensor | None, temperature: float, top_k: int, chunk: int
) -> LogitStatistics:
    """`statistics_in_chunks` whose results carry gradients."""
    options = (head.softcap, head.scale, temperature, top_k, chunk)
    return LogitStatistics(*_HeadStatistics.apply(rows, head.weight, head.bias, targets, options))


def pair(
    p_rows: torch.Tensor,
    p: Unembedding,
    q_rows: torch.Tensor,
    q: Unembedding,
    targets: torch.Tensor | None,
    chunk: int,
) -> PairStatistics:
    """`pair_in_chunks` whose results carry gradients."""
    options = (p.softcap, p.scale, q.softcap, q.scale, chunk)
    return PairStatistics(*_HeadPair.apply(p_rows, p.weight, p.bias, q_rows, q.weight, q.bias, targets, options))


class _Sums:
    """The gradients of one head, added up over chunks of rows."""

    def __init__(self, rows: torch.Tensor, head: Unembedding, needed: tuple[bool, bool, bool]) -> None:
        self._rows, self._head, self._needed = rows, head, needed
        dtype = head.dtype(rows)
        self.hidden = torch.empty_like(rows) if needed[0] else None
        self.weight = torch.zeros_like(head.weight, dtype=dtype) if needed[1] else None
        self.bias = torch.zeros_like(head.bias, dtype=dtype) if needed[2] else None

    def add(self, i: int, z: torch.Tensor) -> None:
        """Take in ∂y, written over `z`, of the rows from `i` on."""
        rows = slice(i, i + len(z))
        if self.hidden is not None:
            total = z.new_zeros((len(z), self._rows.shape[1]))
            for first, weight in self._head.blocks(z):
                total.addmm_(z[:, first : first + len(weight)], weight)
            self.hidden[rows] = total
        if self.weight is not None:
            self.weight.addmm_(z.T, self._rows[rows].to(z.dtype))
        if self.bias is not None:
            self.bias += z.sum(0)

    def results(self) -> tuple[torch.Tensor | None, ...]:
        """∂ by hidden states, weight and bias, in their own dtypes."""
        given = (self._rows, self._head.weight, self._head.bias)
        sums = (self.hidden, self.weight, self.bias)
        return tuple(None if each is None else each.to(of.dtype) for each, of in zip(sums, given))


def _through_cap(gradient: torch.Tensor, z: torch.Tensor, head: Unembedding) -> torch.Tensor:
    """scale·∂y from ∂z at capped logits z."""
    if head.softcap is not None:
        gradient *= 1 - (z / head.softcap).square_()
    return gradient.mul_(head.scale)


class _HeadStatistics(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, rows: torch.Tensor, weight: torch.Tensor, bias: Any, targets: Any, options: Any
    ) -> tuple[Any, ...]:
        softcap, scale, temperature, top_k, chunk = options
        head = _detached(weight, bias, softcap, scale)
        found = statistics_in_chunks(rows.detach(), head, targets, temperature, top_k, chunk)
        ctx.save_for_backward(rows, weight, bias, targets, found.top_ids)
        ctx.options = options
        ctx.mark_non_differentiable(*(each for each in (found.rank, found.top_ids) if each is not None))
        ctx.set_materialize_grads(False)
        return tuple(getattr(found, name) for name in STATISTICS)

    @staticmethod
    def backward(ctx: Any, *arriving: torch.Tensor | None) -> tuple[Any, ...]:
        refuse_twice()
        rows, weight, bias, targets, top_ids = ctx.saved_tensors
        softcap, scale, temperature, _, chunk = ctx.options
        head = _detached(weight, bias, softcap, scale)
        given = flat(STATISTICS, arriving)
        sums = _Sums(rows, head, ctx.needs_input_grad[:3])
        buffer = head.buffer(rows, min(chunk, len(rows)))
        for i in range(0, len(rows), chunk):
            z = buffer[: len(rows[i : i + chunk])]
            head.fill(rows[i : i + chunk], z)
            for some in chunks(z):
                at = slice(i + some.start, i + min(some.stop, len(z)))
                chosen, picked = (None if each is None else each[at] for each in (targets, top_ids))
                gradient = statistics_gradient(z[some], chosen, picked, temperature, part_of(given, at))
                z[some] = _through_cap(gradient, z[some], head)
            sums.add(i, z)
        return (*sums.results(), None, None)


class _HeadPair(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        p_rows: torch.Tensor,
        p_weight: torch.Tensor,
        p_bias: Any,
        q_rows: torch.Tensor,
        q_weight: torch.Tensor,
        q_bias: Any,
        targets: Any,
        options: Any,
    ) -> tuple[Any, ...]:
        p_softcap, p_scale, q_softcap, q_scale, chunk = options
        p, q = _detached(p_weight, p_bias, p_softcap, p_scale), _detached(q_weight, q_bias, q_softcap, q_scale)
        found = pair_in_chunks(p_rows.detach(), p, q_rows.detach(), q, targets, chunk)
        ctx.save_for_backward(p_rows, p_weight, p_bias, q_rows, q_weight, q_bias, targets)
        ctx.options = options
        ctx.mark_non_differentiable(found.same_top)
        ctx.set_materialize_grads(False)
        return tuple(getattr(found, name) for name in PAIR)

    @staticmethod
    def backward(ctx: Any, *arriving: torch.Tensor | None) -> tuple[Any, ...]:
        refuse_twice()
        p_rows, p_weight, p_bias, q_rows, q_weight, q_bias, targets = ctx.saved_tensors
        p_softcap, p_scale, q_softcap, q_scale, chunk = ctx.options
        heads = (_detached(p_weight, p_bias, p_softcap, p_scale), _detached(q_weight, q_bias, q_softcap, q_scale))
        needed = (ctx.needs_input_grad[:3], ctx.needs_input_grad[3:6])
        sums = [_Sums(rows, head, each) for rows, head, each in zip((p_rows, q_rows), heads, needed)]
        buffers = [head.buffer(rows, min(chunk, len(rows))) for rows, head in zip((p_rows, q_rows), heads)]
        given = flat(PAIR, arriving)
        for i in range(0, len(p_rows), chunk):
            pair = []
            for rows, head, buffer in zip((p_rows, q_rows), heads, buffers):
                pair.append(buffer[: len(rows[i : i + chunk])])
                head.fill(rows[i : i + chunk], pair[-1])
            _write_gradients(pair, heads, targets, given, i, (any(needed[0]), any(needed[1])))
            for each, total in zip(pair, sums):
                total.add(i, each)
        return (*sums[0].results(), *sums[1].results(), None, None)


def _write_gradients(
    pair: list[torch.Tensor],
    heads: tuple[Unembedding, Unembedding],
    targets: torch.Tensor | None,
    given: Gradients,
    i: int,
    by: tuple[bool, bool],
) -> None:
    """Write scale·∂y over the logits of both models, of the rows from `i` on."""
    dtype = torch.promote_types(pair[0].dtype, pair[1].dtype)
    for some in chunks(pair[0]):
        at = slice(i + some.start, i + min(some.stop, len(pair[0])))
        chosen = None if targets is None else targets[at]
        p_z, q_z = pair[0][some].to(dtype), pair[1][some].to(dtype)
        found = pair_gradient(p_z, q_z, chosen, part_of(given, at), by)
        for z, gradient, head in zip(pair, found, heads):
            if gradient is not None:
                z[some] = _through_cap(gradient, z[some].to(dtype), head).to(z.dtype)


def _detached(weight: torch.Tensor, bias: Any, softcap: float | None, scale: float) -> Unembedding:
    return Unembedding(weight.detach(), None if bias is None else bias.detach(), softcap, scale)
