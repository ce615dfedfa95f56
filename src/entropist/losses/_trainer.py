"""Losses in the form that Transformers' `Trainer`, and every trainer built on it, TRL's among them, takes.

    Trainer(..., compute_loss_func=trainer_loss(z_loss=1e-4))          a loss of outputs and labels

    class Distil(Trainer):                                             a loss that needs the inputs again, for a teacher
        compute_loss = trainer_distillation(teacher, temperature=2.0)
        loss_is_scaled_for_ga = True

`labels` (batch, tokens) are the inputs themselves with −100 where nothing is learned; they are shifted here. The
Trainer gives the number of labels of a whole accumulated batch, and the sum is divided by it, so that the loss does
not depend on how the batch was cut; a part of it without any label adds 0. Where it gives none, the mean over this
batch's labels is taken.
"""

from collections.abc import Callable
from typing import Any

import torch

from entropist.errors import InputError
from entropist.logits import statistics
from entropist.losses._cross_entropy import IGNORE, cross_entropy
from entropist.losses._distillation import distillation
from entropist.losses._entropy import confidence_penalty
from entropist.losses._reduce import kept


def trainer_loss(
    *,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    confidence_coefficient: float = 0.0,
    threshold: float | None = None,
) -> Callable[..., torch.Tensor]:
    """A `compute_loss_func`: `cross_entropy` of shifted labels, and a `confidence_penalty` where asked for.

    The function takes (outputs with `.logits` (batch, tokens, vocabulary), labels (batch, tokens),
    num_items_in_batch=None) and returns a float32 scalar. Without the number, a batch without any label raises
    `InputError`.

    >>> from types import SimpleNamespace
    >>> found = trainer_loss()(SimpleNamespace(logits=torch.zeros(1, 3, 4)), torch.tensor([[0, 1, 2]]))
    >>> print(f"{found:.4f}")
    1.3863
    """

    def compute_loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        logits, targets = _shifted(outputs, labels)
        loss = cross_entropy(logits, targets, label_smoothing=label_smoothing, z_loss=z_loss, reduction="sum")
        if confidence_coefficient and bool((targets != IGNORE).any()):
            entropies = statistics(logits[targets != IGNORE]).entropy
            loss = loss + confidence_penalty(
                entropies, coefficient=confidence_coefficient, threshold=threshold, reduction="sum"
            )
        return _divided(loss, targets, num_items_in_batch)

    return compute_loss


def trainer_distillation(teacher: torch.nn.Module, **options: Any) -> Callable[..., Any]:
    """A `compute_loss` method for a subclass of `Trainer`: `distillation` from `teacher` at every label.

    teacher: a causal model over the same vocabulary, called without gradient on the same inputs, on its own device.
    options: those of `distillation` but mask, reduction and targets; with `hard_weight` the labels are the targets.
    Set `loss_is_scaled_for_ga = True` on the subclass: the loss is divided by the labels of the whole accumulated
    batch.
    """
    given = sorted({"student", "teacher", "mask", "reduction", "targets"} & set(options))
    if given:
        raise InputError(f"{', '.join(given)} cannot be given: the trainer's batch says it.")
    teacher.eval()

    def compute_loss(
        trainer: Any, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        fed = {name: value for name, value in inputs.items() if name != "labels"}
        outputs = model(**fed)
        logits, targets = _shifted(outputs, inputs.get("labels"))
        with torch.no_grad():
            told = teacher(**_beside(teacher, fed)).logits.to(logits.device)
        hard = targets if options.get("hard_weight") else None
        mask = targets != IGNORE
        loss = distillation(student=logits, teacher=told, targets=hard, mask=mask, reduction="sum", **options)
        loss = _divided(loss, targets, num_items_in_batch)
        return (loss, outputs) if return_outputs else loss

    return compute_loss


def _shifted(outputs: Any, labels: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (batch, tokens, vocabulary) and the labels that they predict, none for the last.

    Labels are shifted and not logits: those without their last row would be copied.
    """
    if labels is None:
        raise InputError("the trainer gave no labels: let the collator make them, −100 where nothing is learned.")
    logits = outputs["logits"] if isinstance(outputs, dict) else outputs.logits
    return logits, torch.nn.functional.pad(labels[..., 1:], (0, 1), value=IGNORE).to(logits.device)


def _beside(model: torch.nn.Module, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs on the device of the model."""
    device = next(model.parameters()).device
    return {name: each.to(device) if isinstance(each, torch.Tensor) else each for name, each in inputs.items()}


def _divided(loss: torch.Tensor, targets: torch.Tensor, items: Any) -> torch.Tensor:
    if items is None:
        keep = kept(targets != IGNORE, targets.shape, targets.device)
        items = targets.numel() if keep is None else int(keep.sum())
    elif isinstance(items, torch.Tensor):
        items = items.to(loss.device)
    divided: torch.Tensor = loss / items
    return divided.float()
