"""Gradients of the statistics with respect to logits (torch). The second pass reads the logits again.

With ℓ = z/T, p = softmax ℓ, a = ln p + H and V the varentropy, per entry:

    ∂ log_normalizer = p        ∂ entropy    = −p·a             ∂ surprisal   = p − 1[target]
    ∂ max_logprob = 1[max] − p  ∂ varentropy = p·(a² − V + 2a)  ∂ top_logprobs = 1[id] − p

and for a pair, with c the term named below and every ∂ of the form p·(c − Σ p c):

    KL(p‖q): c = ln p/q by p, and q − p by q           cross-entropy: c = −ln q by p, and q − p by q
    JS: c = ½ ln(2p/(p+q)) by p, ½ ln(2q/(p+q)) by q   total variation: c = ±½ sign(p − q)

A masked entry gets 0, except that of a target, or of q where p is not 0, which gets the 0 − 1 or 0 − p of the
formula, as F.cross_entropy gives it. Where KL(p‖q) is infinite, its gradient by p does not exist and is 0.
Where entries tie for the largest they share its gradient. Work is in chunks of rows, in float32 or
float64; nothing of the logits' size is kept but the logits, and one gradient is made.
"""

# mypy: disable-error-code="no-untyped-call,untyped-decorator"
# torch.autograd.Function carries no types.

import math
from dataclasses import fields
from typing import Any

import numpy as np
import torch

from entropist.errors import InputError
from entropist.logits._compare import PairStatistics, compare
from entropist.logits._statistics import LogitStatistics
from entropist.logits._statistics import statistics as plain_statistics

_CHUNK_ENTRIES = 1 << 22  # logits a chunk: 16 MB an array in float32

STATISTICS = tuple(field.name for field in fields(LogitStatistics))
PAIR = tuple(field.name for field in fields(PairStatistics))
Gradients = dict[str, torch.Tensor | None]


def wanted(*arrays: Any) -> bool:
    """Whether the results of these tensors are to carry a gradient."""
    return torch.is_grad_enabled() and any(isinstance(each, torch.Tensor) and each.requires_grad for each in arrays)


def statistics(logits: torch.Tensor, targets: Any, temperature: float, top_k: int) -> LogitStatistics:
    """`entropist.logits.statistics` of logits that require a gradient."""
    return LogitStatistics(*_Statistics.apply(logits, targets, temperature, top_k))


def pair(p_logits: torch.Tensor, q_logits: torch.Tensor, targets: Any) -> PairStatistics:
    """`entropist.logits.compare` of logits of which one or both require a gradient."""
    return PairStatistics(*_Pair.apply(p_logits, q_logits, targets))


def token_ids(targets: Any, like: torch.Tensor) -> torch.Tensor | None:
    """Targets in one row of int64 on the device of `like`."""
    if targets is None:
        return None
    given = targets if isinstance(targets, torch.Tensor) else torch.from_numpy(np.array(targets))
    return given.to(like.device, torch.int64).reshape(-1)


def statistics_gradient(
    z: torch.Tensor, targets: torch.Tensor | None, top_ids: torch.Tensor | None, temperature: float, given: Gradients
) -> torch.Tensor:
    """∂ by logits z (rows, vocabulary), in float32 or float64, where `given` holds what arrives at each result."""
    logp = torch.log_softmax(z / temperature, -1)
    p = logp.exp()
    logp = logp.masked_fill_(p == 0, 0)
    off = logp - (p * logp).sum(-1, keepdim=True)
    of = {name: _column(value, z.dtype) for name, value in given.items()}
    top = given.get("top_logprobs")
    constant = of["log_normalizer"] + of["surprisal"] - of["max_logprob"]
    if top is not None:
        constant = constant - top.sum(-1, keepdim=True).to(z.dtype)
    variance = (p * off * off).sum(-1, keepdim=True)
    constant = constant - of["varentropy"] * variance
    linear = 2 * of["varentropy"] - of["entropy"]
    result = p.mul_(constant + off * (linear + of["varentropy"] * off))
    if targets is not None and given["surprisal"] is not None:
        result.scatter_add_(-1, targets[:, None], -of["surprisal"].expand(len(z), 1))
    if given["max_logprob"] is not None:
        largest = (z == z.amax(-1, keepdim=True)).to(z.dtype)
        result += largest * (of["max_logprob"] / largest.sum(-1, keepdim=True))
    if top is not None and top_ids is not None:
        result.scatter_add_(-1, top_ids, top.to(z.dtype))
    return result.div_(temperature)


def pair_gradient(
    p_z: torch.Tensor, q_z: torch.Tensor, targets: torch.Tensor | None, given: Gradients, by: tuple[bool, bool]
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """∂ by p's and by q's logits (rows, vocabulary), each only where `by` says so, as in `statistics_gradient`."""
    logp, logq = torch.log_softmax(p_z, -1), torch.log_softmax(q_z, -1)
    p, q = logp.exp(), logq.exp()
    p_live, q_live = logp.isfinite(), logq.isfinite()
    ratio = torch.where(p_live & q_live, logp - logq, 0.0)
    sign = (p - q).sign()
    of = {name: _column(value, p_z.dtype) for name, value in given.items()}
    found: list[torch.Tensor | None] = [None, None]
    if by[0]:
        infinite = (p_live & ~q_live).any(-1, keepdim=True)
        term = torch.where(infinite, 0.0, of["kl_pq"] * ratio - of["cross_entropy_pq"] * logq.masked_fill(~q_live, 0))
        term += of["js"] / 2 * _log_share(ratio, q_live) + of["total_variation"] / 2 * sign
        found[0] = _centred(p, term) + of["kl_qp"] * (p - q) + of["surprisal_p"] * p
    if by[1]:
        infinite = (q_live & ~p_live).any(-1, keepdim=True)
        term = torch.where(infinite, 0.0, -of["kl_qp"] * ratio)
        term += of["js"] / 2 * _log_share(-ratio, p_live) - of["total_variation"] / 2 * sign
        pull = of["kl_pq"] + of["cross_entropy_pq"]
        found[1] = _centred(q, term) + pull * (q - p) + of["surprisal_q"] * q
    if targets is not None:
        for each, name in zip(found, ("surprisal_p", "surprisal_q")):
            if each is not None:
                each.scatter_add_(-1, targets[:, None], -of[name].expand(len(each), 1))
    return found[0], found[1]


def part_of(given: Gradients, rows: slice) -> Gradients:
    """The gradients that arrive at some of the rows."""
    return {name: None if value is None else value[rows] for name, value in given.items()}


def working_dtype(z: torch.Tensor) -> torch.dtype:
    """Float64 for float64, else float32."""
    return torch.float64 if z.dtype == torch.float64 else torch.float32


def _column(value: torch.Tensor | None, dtype: torch.dtype) -> Any:
    """What arrives at one result of each row (rows, 1); nothing arriving is 0."""
    return torch.zeros((), dtype=dtype) if value is None or value.ndim > 1 else value.to(dtype)[:, None]


def _centred(p: torch.Tensor, term: torch.Tensor) -> torch.Tensor:
    """p·(c − Σ p c), with no effect of c where p is 0."""
    term = torch.where(p > 0, term, 0.0)
    return p * (term - (p * term).sum(-1, keepdim=True))


def _log_share(ratio: torch.Tensor, other_live: torch.Tensor) -> torch.Tensor:
    """ln(2p/(p+q)) from ln(p/q), and ln 2 where q is masked."""
    return math.log(2) - torch.where(other_live, torch.nn.functional.softplus(-ratio), 0.0)


class _Statistics(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, targets: Any, temperature: float, top_k: int) -> tuple[Any, ...]:
        found = plain_statistics(logits.detach(), targets, temperature=temperature, top_k=top_k)
        ctx.save_for_backward(logits, token_ids(targets, logits), found.top_ids)
        ctx.temperature = temperature
        ctx.mark_non_differentiable(*(each for each in (found.rank, found.top_ids) if each is not None))
        ctx.set_materialize_grads(False)
        return tuple(getattr(found, name) for name in STATISTICS)

    @staticmethod
    def backward(ctx: Any, *arriving: torch.Tensor | None) -> tuple[Any, ...]:
        refuse_twice()
        logits, targets, top_ids = ctx.saved_tensors
        given = flat(STATISTICS, arriving)
        z = logits.reshape(-1, logits.shape[-1])
        ids = None if top_ids is None else top_ids.reshape(-1, top_ids.shape[-1])
        result = torch.empty_like(z)
        for rows in chunks(z):
            some, picked = (None if each is None else each[rows] for each in (targets, ids))
            wide = z[rows].to(working_dtype(z))
            result[rows] = statistics_gradient(wide, some, picked, ctx.temperature, part_of(given, rows))
        return result.reshape(logits.shape), None, None, None


class _Pair(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, p_logits: torch.Tensor, q_logits: torch.Tensor, targets: Any) -> tuple[Any, ...]:
        found = compare(p_logits.detach(), q_logits.detach(), targets)
        ctx.save_for_backward(p_logits, q_logits, token_ids(targets, p_logits))
        ctx.mark_non_differentiable(found.same_top)
        ctx.set_materialize_grads(False)
        return tuple(getattr(found, name) for name in PAIR)

    @staticmethod
    def backward(ctx: Any, *arriving: torch.Tensor | None) -> tuple[Any, ...]:
        refuse_twice()
        p_logits, q_logits, targets = ctx.saved_tensors
        given = flat(PAIR, arriving)
        p_z, q_z = (each.reshape(-1, each.shape[-1]) for each in (p_logits, q_logits))
        by = ctx.needs_input_grad[:2]
        results = [torch.empty_like(each) if needed else None for each, needed in zip((p_z, q_z), by)]
        dtype = torch.promote_types(working_dtype(p_z), working_dtype(q_z))
        for rows in chunks(p_z):
            some = None if targets is None else targets[rows]
            found = pair_gradient(p_z[rows].to(dtype), q_z[rows].to(dtype), some, part_of(given, rows), by)
            for result, part in zip(results, found):
                if result is not None and part is not None:
                    result[rows] = part
        shaped = (None if each is None else each.reshape(p_logits.shape) for each in results)
        return (*shaped, None)


def refuse_twice() -> None:
    """`InputError` in a backward pass that is itself to be differentiated.

    Torch's `once_differentiable` stays silent where the arriving gradient is a constant, as that of a loss is: what a
    gradient penalty adds would be left out unnoticed.
    """
    if torch.is_grad_enabled():
        raise InputError(
            "this gradient is written by hand and has none of its own: create_graph=True is refused. Leave it out, or "
            "write the formula with torch's log_softmax."
        )


def flat(names: tuple[str, ...], arriving: tuple[torch.Tensor | None, ...]) -> Gradients:
    """What arrives at each result by its name: (rows,), and (rows, k) for the k largest."""
    given: Gradients = {}
    for name, value in zip(names, arriving):
        keep = 1 if name.startswith("top_") else 0
        given[name] = None if value is None else value.reshape(-1, *value.shape[value.ndim - keep :])
    return given


def chunks(z: torch.Tensor) -> list[slice]:
    """Slices of rows of at most `_CHUNK_ENTRIES` logits."""
    step = max(1, _CHUNK_ENTRIES // z.shape[-1])
    return [slice(i, i + step) for i in range(0, z.shape[0], step)]
