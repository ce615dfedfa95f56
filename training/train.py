"""The training loop: Muon for the matrices inside the layers, AdamW for the rest, bf16 autocast, one checkpoint.

Everything random follows from the recipe's seed and the step, so that a run that was stopped goes on
where its checkpoint stands and sees the windows it would have seen.
"""

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from training.books import windows
from training.recipes import Recipe

CHECKPOINT_EVERY = 250  # steps
HELD_OUT_WINDOWS = 64


def train(recipe: Recipe, config: LlamaConfig, ids: np.ndarray, held_out: np.ndarray, folder: Path) -> LlamaForCausalLM:
    """Train `recipe` on the stream `ids`; the curve goes to `folder`/curve.jsonl, the state to checkpoint.pt."""
    torch.manual_seed(recipe.seed)
    model = LlamaForCausalLM(config)
    optimizers = _optimizers(model, recipe)
    base_rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    first = _resume(folder / "checkpoint.pt", model, optimizers)
    step_loss = torch.compile(_loss)
    quiz = _quiz(held_out, recipe, config.bos_token_id)
    began, running = time.monotonic(), 0.0
    with (folder / "curve.jsonl").open("a") as curve:
        for step, batch in zip(range(first, recipe.steps), _batches(ids, recipe, config.bos_token_id, first)):
            for optimizer, rates in zip(optimizers, base_rates):
                for group, rate in zip(optimizer.param_groups, rates):
                    group["lr"] = rate * recipe.rate(step)
            loss = step_loss(model, batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            running = 0.98 * running + 0.02 * loss.item()
            done = step + 1
            if done % CHECKPOINT_EVERY == 0 or done == recipe.steps:
                with torch.no_grad():
                    quiz_loss = sum(step_loss(model, part).item() for part in quiz) / len(quiz)
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


def _batches(ids: np.ndarray, recipe: Recipe, bos: int, first: int) -> Iterator[torch.Tensor]:
    """Batches (batch, context + 1) from step `first` on."""
    skip = first
    for epoch in range(math.ceil(recipe.tokens / len(ids)) + 1):
        rows = windows(ids, recipe.context, bos, recipe.seed, epoch)
        whole = len(rows) // recipe.batch
        for index in range(min(skip, whole), whole):
            yield torch.from_numpy(rows[index * recipe.batch : (index + 1) * recipe.batch].astype(np.int64))
        skip -= min(skip, whole)


def _quiz(held_out: np.ndarray, recipe: Recipe, bos: int) -> list[torch.Tensor]:
    """The same few held-out windows at every look."""
    rows = windows(held_out, recipe.context, bos, recipe.seed, 0)[:HELD_OUT_WINDOWS].astype(np.int64)
    return list(torch.from_numpy(rows).split(recipe.batch))


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
