"""`builtin:student`: distilled from `builtin:base`, and beside it the same student trained on the text alone.

The loss of a step is the mean over tokens of KL(base‖student) at temperature 1 (forward KL: the student is to
cover what base finds possible), from the logits of both on the same windows. The sibling sees the same windows
in the same order for as many steps with the cross-entropy of the text. It is measured and not shipped.
"""

from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

import entropist as en
from training.books import stream
from training.export import export
from training.recipes import RECIPES
from training.train import Loss, train
from training.turns import BOS, END_OF_TEXT

RECIPE = RECIPES["student"]


def make(ids: np.ndarray, held_out: np.ndarray, tokenizer: Tokenizer, runs: Path, output: Path) -> None:
    """Both students into `runs`, the distilled one into `output`."""
    config = RECIPE.config(BOS, END_OF_TEXT)
    text, check = (stream(each, RECIPE.context, BOS, RECIPE.seed) for each in (ids, held_out))
    text_only = train(RECIPE, config, text, check, _folder(runs, "student-text"))
    export(text_only, tokenizer, RECIPE, runs / "student-text/model")
    base = en.load_model("builtin:base").module
    student = train(RECIPE, config, text, check, _folder(runs, "student"), distil_from(base))
    export(student, tokenizer, RECIPE, output / RECIPE.name)


def distil_from(teacher: LlamaForCausalLM) -> Loss:
    """KL(teacher‖student), mean over the tokens of a batch, in nats."""
    of_student, of_teacher = torch.compile(_logits), torch.compile(_logits)

    def loss(student: LlamaForCausalLM, batch: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            wanted = of_teacher(teacher, batch)
        return en.losses.distillation(student=of_student(student, batch), teacher=wanted, divergence="forward_kl")

    return loss


def _logits(model: LlamaForCausalLM, batch: torch.Tensor) -> torch.Tensor:
    """(windows, context, vocabulary) in bf16."""
    with torch.autocast("cpu", torch.bfloat16):
        logits: torch.Tensor = model(input_ids=batch[:, :-1], use_cache=False).logits
    return logits


def _folder(runs: Path, name: str) -> Path:
    folder = runs / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
