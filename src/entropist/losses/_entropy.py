"""Entropy as a training signal: a bonus for the mean entropy, a penalty on confident tokens, a mask of uncertain ones.

With H_t the entropy of the prediction at token t in nats, mean over kept tokens, every loss is to be *added*:

    entropy_bonus                    −c·mean H
    entropy_bonus with a target      c·max(0, target − mean H)      same gradient below the target, none above
    confidence_penalty               c·mean max(0, threshold − H_t)     −c·mean H without a threshold

The entropies come from `entropist.logits.statistics(logits).entropy` or `head_statistics(hidden, weight).entropy`;
both are differentiable, finite beside −inf logits, and keep nothing of the size of the logits.
"""

from typing import Any

import torch

from entropist.errors import InputError
from entropist.losses._reduce import Reduction, kept, number, reduce, tensor


def entropy_bonus(
    entropies: torch.Tensor,
    *,
    coefficient: float = 0.01,
    target: float | None = None,
    mask: Any = None,
    reduction: Reduction = "token_mean",
) -> torch.Tensor:
    """A loss that falls as the mean entropy rises, up to `target` (nats) where one is given.

    entropies: (..., tokens) in nats, differentiable; mask: (..., tokens). The target is of the reduced entropy, the
    batch as a whole; `confidence_penalty` judges each token. `reduction` cannot be "none".

    >>> entropy_bonus(torch.tensor([1.0, 3.0]), coefficient=0.1)
    tensor(-0.2000, dtype=torch.float64)
    >>> entropy_bonus(torch.tensor([1.0, 3.0]), coefficient=0.1, target=1.5)
    tensor(0., dtype=torch.float64)
    """
    values, keep = _entropies(entropies, mask)
    number("coefficient", coefficient)
    if reduction == "none":
        raise InputError("a bonus is of the entropy of a batch: reduction 'none' has no such number.")
    mean = reduce(values, keep, reduction)
    if target is None:
        return -coefficient * mean
    return coefficient * torch.relu(number("target", target, low=0) - mean)


def confidence_penalty(
    entropies: torch.Tensor,
    *,
    coefficient: float = 0.1,
    threshold: float | None = None,
    mask: Any = None,
    reduction: Reduction = "token_mean",
) -> torch.Tensor:
    """A loss on tokens that are predicted with an entropy below `threshold` (nats), or on all without one.

    Up to the constant ln V it is c·KL(prediction‖uniform); Pereyra et al. 2017 (arXiv:1701.06548), with their
    threshold.

    >>> confidence_penalty(torch.tensor([1.0, 3.0]), coefficient=0.1, threshold=2.0)
    tensor(0.0500, dtype=torch.float64)
    """
    values, keep = _entropies(entropies, mask)
    number("coefficient", coefficient)
    each = -values if threshold is None else torch.relu(number("threshold", threshold, low=0) - values)
    return coefficient * reduce(each, keep, reduction)


def high_entropy_mask(entropies: torch.Tensor, fraction: float, *, mask: Any = None) -> torch.Tensor:
    """True at the share `fraction` of kept tokens with the highest entropy (Wang et al. 2025, arXiv:2506.01939).

    The threshold is the quantile 1 − fraction of the kept entropies, interpolated linearly; a token at it counts, so
    ties can make the share larger. Over several processes, gather the entropies first: the quantile is of what is
    given.

    >>> high_entropy_mask(torch.tensor([0.1, 2.0, 0.3, 1.0]), 0.5)
    tensor([False,  True, False,  True])
    """
    with torch.no_grad():
        values, keep = _entropies(entropies, mask)
        number("fraction", fraction, above=0, high=1)
        of = values.reshape(-1) if keep is None else values[keep]
        # Sorted here: torch.quantile refuses more than 2^24 values.
        ordered = of.sort().values
        place = (1 - fraction) * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        threshold = torch.lerp(ordered[below], ordered[above], place - below)
        chosen = values >= threshold
        return chosen if keep is None else chosen & keep


def _entropies(entropies: Any, mask: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
    values = tensor("entropies", entropies, last="tokens").double()
    keep = kept(mask, values.shape, values.device)
    of = values if keep is None else values[keep]
    if not bool((of >= -1e-6).all()):
        raise InputError("entropies must be at least 0 and not NaN: one number a token, as logits.statistics gives it.")
    return values, keep
