"""One measurement of a model on given tokens, for a history of many: means in nats and a histogram of surprisal."""

from dataclasses import dataclass
from typing import Any

import torch

from entropist.logits import compare, statistics

_LAST = 20  # the class of surprisals from here on is open


@dataclass(frozen=True)
class Probe:
    """Means over the probe's predicted tokens at one step, in nats; both KLs None without a reference.

    `histogram` counts tokens by surprisal: 0 to 1 nat, 1 to 2, and so on; the last of 21 classes is 20 nats and more.
    """

    step: int
    surprisal: float
    entropy: float
    kl_policy_reference: float | None
    kl_reference_policy: float | None
    histogram: tuple[int, ...]


@torch.no_grad()
def probed(model: Any, probe: torch.Tensor, reference: Any, step: int) -> Probe:
    """One measurement of `model` on `probe`."""
    device = next(model.parameters()).device
    ids = probe.to(device, torch.int64)
    logits, targets = model(input_ids=ids).logits[:, :-1], ids[:, 1:]
    found = statistics(logits, targets)
    kls: tuple[float | None, float | None] = (None, None)
    if reference is not None:
        of = next(reference.parameters()).device
        pair = compare(logits, reference(input_ids=ids.to(of)).logits[:, :-1].to(device))
        kls = float(pair.kl_pq.mean()), float(pair.kl_qp.mean())
    surprisal = found.surprisal.double().cpu().reshape(-1)
    counts = torch.bincount(surprisal.clamp(0, _LAST).long(), minlength=_LAST + 1)
    return Probe(step, float(surprisal.mean()), float(found.entropy.mean()), *kls, tuple(counts.tolist()))
