"""Cross-entropy of next tokens, from logits or from hidden states and the head.

For logits z (vocabulary,) of one token with target y, s = softmax z, label smoothing ε, z-loss ζ, in nats:

    loss = (1−ε)·(−ln s_y) + ε·mean_v(−ln s_v) + ζ·(ln Σ e^z)²

The mean is over entries that are not masked. The z-loss holds the normaliser near 1, which keeps logits of
half precision in range; it is no part of the information and is 0 unless asked for.
"""

from typing import Any

import torch

from entropist.errors import InputError
from entropist.logits._unembedding import Unembedding
from entropist.losses._from_hidden import hidden_loss
from entropist.losses._from_logits import token_losses
from entropist.losses._reduce import Reduction, check_reduction, kept, number, reduce, row_weights, tensor
from entropist.losses._terms import Hard

IGNORE = -100


def cross_entropy(
    logits: torch.Tensor,
    targets: torch.Tensor,
    *,
    ignore_index: int = IGNORE,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    mask: Any = None,
    reduction: Reduction = "token_mean",
) -> torch.Tensor:
    """Mean surprisal of `targets` in nats, as a loss.

    logits: (..., vocabulary), any float type, masked by −inf; targets: (...) token ids, `ignore_index` where there
    is none; mask: (...), True where a token counts. `logits[t]` predicts `targets[t]`: shift before, not here.
    The result is float64; gradients come in the type of the logits. Half precision is widened by chunks.

    Infinite where a target is masked; a sum of no token is 0. Raises `InputError` for shapes, ids outside of the
    vocabulary, a mean of no token, and, naming the row, for NaN, +inf or a row masked throughout. Label smoothing after
    Szegedy et al. 2016 (arXiv:1512.00567), the z-loss after Chowdhery et al. 2022 (arXiv:2204.02311).

    >>> logits = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]).log()
    >>> print(f"{cross_entropy(logits, torch.tensor([0, -100])):.4f}")
    0.6931
    """
    tensor("logits", logits, last="vocabulary")
    check_reduction(reduction)
    shape, vocabulary = logits.shape[:-1], logits.shape[-1]
    keep, ids = _targets(targets, shape, vocabulary, ignore_index, mask, logits.device, reduction)
    term = Hard(_only(ids, keep), *_options(label_smoothing, z_loss))
    return reduce(token_losses(logits, None, term, keep), keep, reduction)


def head_cross_entropy(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    targets: torch.Tensor,
    *,
    bias: torch.Tensor | None = None,
    softcap: float | None = None,
    scale: float = 1.0,
    ignore_index: int = IGNORE,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    mask: Any = None,
    reduction: Reduction = "token_mean",
    chunk_rows: int | None = None,
) -> torch.Tensor:
    """`cross_entropy` of softcap·tanh(scale·(hidden · weightᵀ + bias)/softcap) without those logits.

    hidden: (..., d); weight: (vocabulary, d); bias: (vocabulary,). Gradients reach hidden, weight and bias, and are
    made in the forward pass and given away by backward, which therefore works once. `reduction="none"` is refused:
    it would need the logits again. Memory: 128 MB of logits and one gradient of the weight. Everything else
    as in `cross_entropy`.

    >>> hidden, weight = torch.eye(2), torch.tensor([[0.0, 2.0], [1.0, 1.0]])
    >>> print(f"{head_cross_entropy(hidden, weight, torch.tensor([0, 1])):.4f}")
    1.3133
    """
    head = unembedding(hidden, weight, bias, softcap, scale)
    shape = hidden.shape[:-1]
    keep, ids = _targets(targets, shape, weight.shape[0], ignore_index, mask, hidden.device, reduction)
    weights = _only(row_weights(keep, shape, reduction, hidden.device), keep)
    term = Hard(_only(ids, keep), *_options(label_smoothing, z_loss), name="hidden")
    numbers = None if keep is None else keep.reshape(-1).nonzero()[:, 0]
    return hidden_loss(only_rows(hidden, keep), head, [(term, weights)], numbers, chunk_rows=chunk_rows)


def unembedding(hidden: Any, weight: Any, bias: Any, softcap: float | None, scale: float, of: str = "") -> Unembedding:
    """The head of hidden states, after its shapes and kinds have been tried; `of` names it in errors."""
    tensor(f"{of}hidden", hidden, last="d")
    tensor(f"{of}weight", weight, last="d")
    if weight.ndim != 2 or weight.shape[0] == 0 or weight.shape[1] != hidden.shape[-1]:
        raise InputError(f"{of}hidden must be (..., d) and {of}weight (vocabulary, d); given shapes "
                         f"{tuple(hidden.shape)} and {tuple(weight.shape)}.")  # fmt: skip
    if bias is not None and tensor(f"{of}bias", bias).shape != weight.shape[:1]:
        raise InputError(f"{of}bias must be {(weight.shape[0],)}; given shape {tuple(bias.shape)}.")
    if weight.device != hidden.device or (bias is not None and bias.device != hidden.device):
        raise InputError(f"{of}hidden is on {hidden.device} and its head is not: give both on one device.")
    if softcap is not None:
        number(f"{of}softcap", softcap, above=0)
    return Unembedding(weight, bias, softcap, number(f"{of}scale", scale, above=0))


def only_rows(hidden: torch.Tensor, keep: torch.Tensor | None) -> torch.Tensor:
    """Hidden states (rows, d) of the kept tokens."""
    return hidden.reshape(-1, hidden.shape[-1]) if keep is None else hidden[keep]


def _only(values: torch.Tensor, keep: torch.Tensor | None) -> torch.Tensor:
    return values.reshape(-1) if keep is None else values[keep]


def _options(label_smoothing: float, z_loss: float) -> tuple[float, float]:
    return number("label_smoothing", label_smoothing, low=0, high=1), number("z_loss", z_loss, low=0)


def _targets(
    targets: Any,
    shape: torch.Size,
    vocabulary: int,
    ignore_index: int,
    mask: Any,
    device: torch.device,
    reduction: str = "token_mean",
) -> tuple[torch.Tensor | None, torch.Tensor]:
    """Which tokens count, and their ids (...) in int64."""
    if not isinstance(targets, torch.Tensor) or targets.is_floating_point() or targets.dtype == torch.bool:
        kind = targets.dtype if isinstance(targets, torch.Tensor) else type(targets).__name__
        raise InputError(f"targets must be a tensor of token ids, that is integers; given {kind}.")
    if targets.shape != shape:
        raise InputError(f"targets have shape {tuple(targets.shape)}; the predictions need {tuple(shape)}.")
    ids = targets.to(device, torch.int64)
    keep = kept(mask, shape, device, reduction)
    there = ids != ignore_index
    keep = kept(there if keep is None else keep & there, shape, device, reduction)
    bad = (ids < 0) | (ids >= vocabulary)
    if keep is not None:
        bad = bad & keep
    if bool(bad.any()):
        row = int(bad.reshape(-1).int().argmax())
        raise InputError(
            f"row {row} has the target {int(ids.reshape(-1)[row])}, which is no token of a vocabulary of {vocabulary}; "
            f"mark tokens that do not count by ignore_index={ignore_index}."
        )
    return keep, ids
