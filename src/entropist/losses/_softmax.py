"""One chunk of rows as distributions: p, ln p and the log-normaliser, and a refusal of rows that are none.

With m the largest logit and T the temperature: ln p = (z − m)/T − ln s, s = Σ e^{(z − m)/T} summed in float64.
z: (rows, vocabulary), float32 or float64. A masked entry is −inf, or so far below m that it can only be meant so:
the lowest number of its type is a usual mask. It has p = 0, and its ln p is not to be read.
"""

from dataclasses import dataclass

import torch

from entropist.errors import InputError

_CPU_ENTRIES = 1 << 18  # logits a chunk: four arrays of it stay in the cache of one core
_GPU_ENTRIES = 1 << 25
_MASK = -1e30  # (z − m)/T below this is a mask: no sum or difference of two finite ln p above it can overflow


@dataclass(frozen=True)
class Rows:
    """p, ln p (rows, vocabulary) and ln Σ e^{z/T} (rows,), float64; `masked` where an entry is, or None for nowhere."""

    p: torch.Tensor
    log_p: torch.Tensor
    log_normalizer: torch.Tensor
    masked: torch.Tensor | None


def softmax(z: torch.Tensor, temperature: float, name: str, numbers: torch.Tensor | None, first: int) -> Rows:
    """The rows of `z` as distributions; `InputError` names a bad row by `numbers[first + its place]`."""
    m = z.amax(-1, keepdim=True)
    if not bool(m.isfinite().all()):
        _refuse(m[:, 0], name, numbers, first)
    below = z - m
    if temperature != 1.0:
        below.div_(temperature)
    p = below.exp()
    s = p.sum(-1, keepdim=True, dtype=torch.float64)
    log_s = s.log()
    masked = below < _MASK if bool(below.amin() < _MASK) else None
    log_p = below.sub_(log_s.to(z.dtype))
    return Rows(p.div_(s.to(z.dtype)), log_p, (m.double() / temperature + log_s)[:, 0], masked)


def chunks(rows: int, vocabulary: int, device: torch.device) -> list[slice]:
    """Slices of rows that are worked at a time."""
    step = max(1, (_GPU_ENTRIES if device.type == "cuda" else _CPU_ENTRIES) // vocabulary)
    return [slice(i, min(i + step, rows)) for i in range(0, rows, step)]


def wide(z: torch.Tensor) -> torch.Tensor:
    """The rows in float64 if they are, else in float32, where the lowest number of float16 would be no mask."""
    if z.dtype == torch.float16:
        return z.float().masked_fill_(z == torch.finfo(torch.float16).min, -torch.inf)
    return z if z.dtype == torch.float64 else z.float()


def _refuse(highest: torch.Tensor, name: str, numbers: torch.Tensor | None, first: int) -> None:
    at = int((~highest.isfinite()).int().argmax())
    value = float(highest[at])
    what = "NaN" if value != value else "+inf" if value > 0 else "nothing but -inf"
    row = first + at if numbers is None else int(numbers[first + at])
    raise InputError(
        f"{name} row {row} contains {what}; a distribution needs one finite logit at least and otherwise finite "
        "values or -inf."
    )
