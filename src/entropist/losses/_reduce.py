"""From one loss a token to one number: masks, and reductions by name.

    token_mean     Σ kept / number of kept tokens
    sequence_mean  the mean over sequences of each one's mean over its kept tokens (short ones weigh as much as long)
    sequence_sum   the mean over sequences of each one's sum over its kept tokens
    sum            Σ kept
    none           (...) as it came, 0 where the mask is 0

Values are (..., tokens): a sequence is a row of the last axis. Masked tokens are not read, so whatever stands
there (NaN of a padded row) has no effect, in value and in gradient.
"""

import math
from numbers import Real
from typing import Any, Literal, get_args

import torch

from entropist.errors import InputError

Reduction = Literal["token_mean", "sequence_mean", "sequence_sum", "sum", "none"]
"""How losses of tokens become one number, as in the table above."""


def tensor(name: str, value: Any, *, last: str = "") -> torch.Tensor:
    """`value`, if it is a floating-point tensor with an axis for `last` where there is one; else `InputError`."""
    if not isinstance(value, torch.Tensor):
        raise InputError(f"{name} must be a torch tensor; given {type(value).__name__}: torch.as_tensor makes one.")
    if not value.is_floating_point():
        raise InputError(f"{name} must hold floating-point numbers; given {value.dtype}.")
    if last and (value.ndim == 0 or value.shape[-1] == 0):
        raise InputError(f"{name} must be (..., {last}) with at least one of it; given shape {tuple(value.shape)}.")
    return value


def same_shape(**tensors: torch.Tensor) -> torch.Size:
    """The shape the tensors have in common; `InputError` where they have none."""
    (first, a), *rest = tensors.items()
    for name, b in rest:
        if a.shape != b.shape:
            raise InputError(f"{first} has shape {tuple(a.shape)} and {name} {tuple(b.shape)}: give both the same.")
        if a.device != b.device:
            raise InputError(f"{first} is on {a.device} and {name} on {b.device}: give both on one.")
    return a.shape


def kept(mask: Any, shape: torch.Size, device: torch.device, reduction: str = "token_mean") -> torch.Tensor | None:
    """The mask as bool of `shape`, or None where every token counts.

    `InputError` for one that keeps nothing, where `reduction` is a mean: a sum of nothing is 0.
    """
    needed = reduction not in ("sum", "none")
    if mask is None:
        if needed and math.prod(shape) == 0:
            raise InputError("there are no tokens: a mean of nothing has no value.")
        return None
    given = torch.as_tensor(mask, device=device)
    if given.shape != shape:
        raise InputError(f"mask has shape {tuple(given.shape)}; the tokens need {tuple(shape)}.")
    keep = given.bool()
    if given.dtype != torch.bool and bool((given != keep).any()):
        raise InputError("mask must hold True and False, or 1 and 0; for weights, use reduction='none' and weigh.")
    if needed and not bool(keep.any()):
        raise InputError("the mask keeps no token: a mean of nothing has no value. Leave such a batch out.")
    return None if bool(keep.all()) else keep


def row_weights(keep: torch.Tensor | None, shape: torch.Size, reduction: str, device: torch.device) -> torch.Tensor:
    """The weight of every token (...) in the reduced loss, float64; `InputError` for "none", which has no weights."""
    check_reduction(reduction)
    live = torch.ones(shape, dtype=torch.float64, device=device) if keep is None else keep.double()
    if reduction == "none":
        raise InputError("reduction='none' needs the logits; from hidden states the loss is one number.")
    if reduction == "token_mean":
        return live / live.sum()
    if reduction == "sum":
        return live
    counts = live.sum(-1, keepdim=True)
    if bool((counts == 0).any()):
        empty = int((counts.reshape(-1) == 0).nonzero()[0])
        raise InputError(f"sequence {empty} has no kept token, so it has no {reduction}: leave it out of the batch.")
    sequences = math.prod(shape[:-1])
    return live / sequences if reduction == "sequence_sum" else live / counts / sequences


def reduce(values: torch.Tensor, keep: torch.Tensor | None, reduction: str) -> torch.Tensor:
    """`values` (..., tokens) in one number, or as they are, with 0 where `keep` is False, for "none"."""
    check_reduction(reduction)
    if keep is not None:
        values = torch.where(keep, values, 0.0)
    if reduction == "none":
        return values
    return (values * row_weights(keep, values.shape, reduction, values.device)).sum()


def check_reduction(reduction: str) -> None:
    """`InputError` for an unknown reduction."""
    if reduction not in get_args(Reduction):
        raise InputError(f"reduction {reduction!r} is not known: use one of {', '.join(get_args(Reduction))}.")


def number(
    name: str, value: float, *, low: float = -math.inf, high: float = math.inf, above: float | None = None
) -> float:
    """`value`, if it is a number within the limits (strictly over `above`); else `InputError`."""
    fits = isinstance(value, Real) and math.isfinite(value) and low <= value <= high
    if not fits or (above is not None and not value > above):
        lower = f"more than {above:g}" if above is not None else f"at least {low:g}" if low > -math.inf else ""
        upper = f"at most {high:g}" if high < math.inf else ""
        limits = " and ".join(each for each in (lower, upper) if each) or "finite"
        raise InputError(f"{name} must be a number, {limits}; given {value!r}.")
    return float(value)
