"""The training loop: Muon for the matrices inside the layers, AdamW for the rest, bf16 autocast, one checkpoint.

Everything random follows from the recipe's seed and the step, so that a run that was stopped goes on
where its checkpoint stands and sees the windows it would have seen. A text is given as a function of the epoch.
"""

import json
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from training.recipes import Recipe

CHECKPOINT_EVERY = 250  # steps
HELD_OUT_WINDOWS = 64

Text = Callable[[int], np.ndarray]
"""Epoch to its windows in order: (windows, context + 1)."""
Loss = Callable[[LlamaForCausalLM, torch.Tensor], torch.Tensor]
"""(model, batch (windows, context + 1)) to the loss of one step."""


def train(
    recipe: Recipe,
    config: LlamaConfig,
    text: Text,
    held_out: Text,
    folder: Path,
    loss: Loss | None = None,
) -> LlamaForCausalLM:
    """Train `recipe` on `text`; the curve goes to `folder`/curve.jsonl, the state to checkpoint.pt.

    `loss` takes the place of the cross-entropy of the text; the held-out loss of the curve is always that.
    """
    torch.manual_seed(recipe.seed)
    model = LlamaForCausalLM(config)
    optimizers = _optimizers(model, recipe)
    base_rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    first = _resume(folder / "checkpoint.pt", model, optimizers)
    text_loss = torch.compile(_loss)
    step_loss = loss or text_loss
    quiz = list(torch.from_numpy(held_out(0)[:HELD_OUT_WINDOWS].astype(np.int64)).split(recipe.batch))
    began, running = time.monotonic(), 0.0
    with (folder / "curve.jsonl").open("a") as curve:
        for step, batch in zip(range(first, recipe.steps), _batches(text, recipe, first)):
            for optimizer, rates in zip(optimizers, base_rates):
                for group, rate in zip(optimizer.param_groups, rates):
                    group["lr"] = rate * recipe.rate(step)
            found = step_loss(model, batch)
            found.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            running = 0.98 * running + 0.02 * found.item()
            done = step + 1
            if done % CHECKPOINT_EVERY == 0 or done == recipe.steps:
                with torch.no_grad():
                    quiz_loss = sum(text_loss(model, part).item() for part in quiz) / len(quiz)
                row = {
                    "step": done,
                    "tokens": done * recipe.batch * recipe.context,
                    "loss": round(running / (1 - 0.98 ** (done - first)), 4),
                    "held_out_loss": round(quiz_loss, 4),
                    "seconds": round(time.monotonic() - began, 1),
                }
                curve.write(json.dumps(row) + "\n")
                curve.flush()
                print(row, f"of {recipe.steps} steps", flush=True)
                _save(folder / "checkpoint.pt", model, optimizers, done)
    return model


def _loss(model: LlamaForCausalLM, batch: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(input_ids=batch[:, :-1], use_cache=False).logits
    return functional.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten())


def _optimizers(model: LlamaForCausalLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon on the layers' matrices; AdamW on the (tied) embedding and the norms."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(matrices, lr=recipe.muon_rate, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def _batches(text: Text, recipe: Recipe, first: int) -> Iterator[torch.Tensor]:
    """Batches (batch, context + 1) from step `first` on, epoch after epoch."""
    skip = first
    for epoch in count():
        rows = text(epoch)
        whole = len(rows) // recipe.batch
        for index in range(min(skip, whole), whole):
            yield torch.from_numpy(rows[index * recipe.batch : (index + 1) * recipe.batch].astype(np.int64))
        skip -= min(skip, whole)


def _resume(checkpoint: Path, model: LlamaForCausalLM, optimizers: list[torch.optim.Optimizer]) -> int:
    if not checkpoint.exists():
        return 0
    state = torch.load(checkpoint, weights_only=True)
    model.load_state_dict(state["model"])
    for optimizer, saved in zip(optimizers, state["optimizers"]):
        optimizer.load_state_dict(saved)
    return int(state["step"])


def _save(checkpoint: Path, model: LlamaForCausalLM, optimizers: list[torch.optim.Optimizer], step: int) -> None:
    beside = checkpoint.with_suffix(".part")
    torch.save({"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "step": step}, beside)
    beside.replace(checkpoint)
