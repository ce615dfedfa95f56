"""`builtin:tuned`: `builtin:base` taught turns, then that plain replies are preferred to ornate ones.

1. Supervised: cross-entropy of the replies of turns (what follows the passage in the book), and of plain windows
   of the books beside them, so that it stays a model of text outside its turns.
2. Samples: four replies of that model to each of other passages; the plainest is chosen, the most ornate rejected
   (`turns.ornament`); prompts where all four are alike are left out.
3. Preference: DPO on those pairs with the supervised model as reference, the plain windows still beside them.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

import entropist as en
from training.books import windows
from training.export import export
from training.recipes import RECIPES
from training.sampling import replies
from training.turns import BOS, END_OF_TURN, REPLY_TOKENS, TURN_TOKENS, Turn, ornament, turns


@dataclass(frozen=True)
class Tuning:
    """The two stages; a step has `turns` turns (or pairs of them) and `windows` plain windows of 512."""

    turns: int = 16
    windows: int = 2
    supervised_steps: int = 240
    supervised_rate: float = 5e-4
    a_prompt: int = 4  # sampled replies
    preference_steps: int = 80
    preference_windows: int = 1
    preference_rate: float = 1e-4
    beta: float = 0.1
    warmup: int = 10
    seed: int = 20261121


RECIPE = Tuning()
_EVERY = 20  # steps a checkpoint
Step = Callable[[LlamaForCausalLM, int], tuple[torch.Tensor, dict[str, float]]]
Pair = tuple[Turn, list[int], list[int]]


def make(books: dict[str, str], ids: np.ndarray, tokenizer: Tokenizer, runs: Path, output: Path) -> None:
    """All three steps in `runs`/tuned, the tuned model into `output`."""
    folder = runs / "tuned"
    folder.mkdir(parents=True, exist_ok=True)
    pairs_needed = RECIPE.turns * RECIPE.preference_steps
    supervised_needed = RECIPE.turns * RECIPE.supervised_steps
    # Not every prompt gives a pair, so there are two prompts in five more.
    a_book = math.ceil((supervised_needed + 1.4 * pairs_needed) / len(books) * 1.2)
    shuffled = [turn for found in turns(books, tokenizer, a_book, RECIPE.seed).values() for turn in found]
    shuffled = [shuffled[i] for i in np.random.default_rng(RECIPE.seed).permutation(len(shuffled))]
    first, rest = shuffled[:supervised_needed], shuffled[supervised_needed:]

    text = _text(ids)
    supervised = _run(folder, "supervised", RECIPE.supervised_steps, RECIPE.supervised_rate, _supervised(first, text))
    export(supervised, tokenizer, RECIPES["base"], folder / "supervised", turns=True)
    pairs = _pairs(supervised, rest[: int(1.4 * pairs_needed)], tokenizer, folder / "pairs.json")[:pairs_needed]
    step = _preferred(supervised, pairs, text)
    tuned = _run(folder, "preference", len(pairs) // RECIPE.turns, RECIPE.preference_rate, step, supervised)
    export(tuned, tokenizer, RECIPES["base"], output / "tuned", turns=True)


def _supervised(some: list[Turn], text: Callable[[int, int], torch.Tensor]) -> Step:
    logits = torch.compile(_logits, dynamic=False)

    def step(model: LlamaForCausalLM, number: int) -> tuple[torch.Tensor, dict[str, float]]:
        part = some[number * RECIPE.turns : (number + 1) * RECIPE.turns]
        rows, targets = _batch([(turn, turn.reply) for turn in part])
        of_replies = en.losses.cross_entropy(logits(model, rows), targets)
        plain = text(number, RECIPE.windows)
        of_text = en.losses.cross_entropy(logits(model, plain[:, :-1]), plain[:, 1:])
        return of_replies + of_text, {"replies": of_replies.item(), "text": of_text.item()}

    return step


def _preferred(reference: LlamaForCausalLM, pairs: list[Pair], text: Callable[[int, int], torch.Tensor]) -> Step:
    logits = torch.compile(_logits, dynamic=False)
    of_reference = torch.compile(_logits, dynamic=False)

    def step(model: LlamaForCausalLM, number: int) -> tuple[torch.Tensor, dict[str, float]]:
        part = pairs[number * RECIPE.turns : (number + 1) * RECIPE.turns]
        sides = []
        for chosen in (1, 2):
            rows, targets = _batch([(pair[0], pair[chosen]) for pair in part])
            with torch.no_grad():
                held = of_reference(reference, rows)
            at = en.losses.sequence_logprobs(logits(model, rows), targets, reference_logits=held)
            sides.append((at, en.losses.sequence_logprobs(held, targets)))
        (chosen_at, chosen_held), (rejected_at, rejected_held) = sides
        found = en.losses.preference(chosen_at, rejected_at, chosen_held, rejected_held, beta=RECIPE.beta)
        plain = text(number, RECIPE.preference_windows)
        of_text = en.losses.cross_entropy(logits(model, plain[:, :-1]), plain[:, 1:])
        row = {
            "preference": found.loss.item(),
            "accuracy": found.accuracy,
            "margin": found.margin.mean().item(),
            "kl_policy_reference": found.kl_policy_reference or 0.0,
            "text": of_text.item(),
        }
        return found.loss + of_text, row

    return step


def _pairs(model: LlamaForCausalLM, some: list[Turn], tokenizer: Tokenizer, cache: Path) -> list[Pair]:
    """(prompt, the plainest reply, the most ornate) of the prompts whose replies differ in that; kept in `cache`."""
    if not cache.exists():
        openings = [turn.opening() for turn in some for _ in range(RECIPE.a_prompt)]
        sampled = replies(model.eval(), openings, REPLY_TOKENS + 1, END_OF_TURN, RECIPE.seed)
        rows = []
        for i, turn in enumerate(some):
            four = sampled[i * RECIPE.a_prompt : (i + 1) * RECIPE.a_prompt]
            whole = [reply for reply in four if 0 < len(reply) <= REPLY_TOKENS]
            ranked = sorted(whole, key=lambda reply: ornament(tokenizer.decode(reply)))
            if len(ranked) > 1 and ornament(tokenizer.decode(ranked[0])) < ornament(tokenizer.decode(ranked[-1])):
                rows.append([turn.prompt, ranked[0], ranked[-1]])
        cache.write_text(json.dumps(rows))
    return [(Turn(prompt, chosen), chosen, rejected) for prompt, chosen, rejected in json.loads(cache.read_text())]


def _run(
    folder: Path, stage: str, steps: int, rate: float, step: Step, start: LlamaForCausalLM | None = None
) -> LlamaForCausalLM:
    """AdamW with warm-up and linear decay from the base, or from `start`; goes on from its checkpoint."""
    model: LlamaForCausalLM = en.load_model("builtin:base").module
    if start is not None:
        model.load_state_dict(start.state_dict())
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.0)
    checkpoint, first = folder / f"{stage}.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = int(state["step"])
    rows: list[dict[str, float]] = []
    with (folder / f"{stage}.jsonl").open("a") as curve:
        for number in range(first, steps):
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, (number + 1) / RECIPE.warmup, (steps - number) / (0.5 * steps))
            loss, row = step(model, number)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            rows.append(row)
            done = number + 1
            if done % _EVERY == 0 or done == steps:
                means = {name: round(float(np.mean([row[name] for row in rows])), 4) for name in row}
                curve.write(json.dumps({"step": done, **means}) + "\n")
                curve.flush()
                print(stage, done, "of", steps, means, flush=True)
                rows = []
                state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": done}
                torch.save(state, checkpoint.with_suffix(".part"))
                checkpoint.with_suffix(".part").replace(checkpoint)
    return model


def _batch(some: list[tuple[Turn, list[int]]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Whole turns (turns, TURN_TOKENS), and targets that count the reply and the mark that ends it."""
    rows = torch.zeros(len(some), TURN_TOKENS + 1, dtype=torch.int64)
    targets = torch.full_like(rows, -100)
    for row, target, (turn, reply) in zip(rows, targets, some):
        opening, rest = turn.opening(), [*reply, END_OF_TURN]
        ids = torch.tensor([*opening, *rest])
        row[: len(ids)] = ids
        target[len(opening) : len(ids)] = ids[len(opening) :]
    return rows[:, :-1], targets[:, 1:]


def _text(ids: np.ndarray) -> Callable[[int, int], torch.Tensor]:
    """(step, windows) to plain windows (windows, 513) of the books, others at each step."""
    rows = windows(ids, RECIPES["base"].context, BOS, RECIPE.seed, 0)

    def at(number: int, count: int) -> torch.Tensor:
        return torch.from_numpy(rows[number * count : (number + 1) * count].astype(np.int64))

    return at


def _logits(model: LlamaForCausalLM, ids: torch.Tensor) -> torch.Tensor:
    """(sequences, tokens, vocabulary) in bf16."""
    with torch.autocast("cpu", torch.bfloat16):
        logits: torch.Tensor = model(input_ids=ids, use_cache=False).logits
    return logits
