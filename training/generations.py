"""A model fed on models: each generation learns from what the one before it wrote, and is measured.

    books → M₀ → sample of M₀ → M₁ → sample of M₁ → M₂ → sample of M₂ → M₃

Every corpus is `STRETCHES` stretches of 128 bytes, each after BOS; the stretches of the books come from random
places. A sample is drawn at temperature 1 from bytes only, so nothing but learning from a finite corpus changes it.
Nothing of the books reaches M₁ or later but through the samples.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaForCausalLM

import entropist as en
from entropist.estimators import clustered_mean, clustered_ratio
from training.figures import Row, as_row
from training.recipes import Recipe
from training.train import Text, train

RECIPE = Recipe(
    name="generation", vocabulary=266, context=128, hidden=128, layers=2, heads=2, intermediate=384,
    batch=32, tokens=240 * 32 * 128, warmup=30,
)  # fmt: skip
GENERATIONS = 3
STRETCHES = 2048
MEASURED = 512  # stretches of each sample, and of the held-out books
BYTES, BOS, END_OF_TEXT = 256, 256, 257  # of the byte vocabulary; marks are neither drawn nor counted
_TOGETHER = 16  # stretches whose words are counted together
_WORDS = 240  # of them, so that every share is of the same number
_BATCH = 256


@dataclass(frozen=True)
class _Measured:
    """Bits a byte that `model` gives stretches, and the entropy of its predictions: (stretches,), sums in bits."""

    surprisal: np.ndarray
    entropy: np.ndarray


def make(books: dict[str, str], held_out: dict[str, str], runs: Path) -> None:
    """Train, sample and measure every generation; the figures go to `runs`/generations/results.json."""
    folder = runs / "generations"
    corpus, check = _stretches(books, STRETCHES, RECIPE.seed), _stretches(held_out, MEASURED, RECIPE.seed)
    judge = en.load_model("builtin:bytes").module
    rows = [{"text": "books", **_of_text(check, judge)}]
    for generation in range(GENERATIONS + 1):
        here = folder / str(generation)
        here.mkdir(parents=True, exist_ok=True)
        model = train(RECIPE, RECIPE.config(BOS, END_OF_TEXT), _epochs(corpus), _epochs(check), here).eval()
        kept = here / "sample.npy"
        if not kept.exists():
            np.save(kept, _sample(model, STRETCHES, RECIPE.seed + generation))
        corpus = np.load(kept)
        own, real = _measure(model, corpus[:MEASURED]), _measure(model, check)
        rows.append(
            {
                "text": f"generation {generation}",
                **_of_text(corpus[:MEASURED], judge),
                "entropy": _rate(own.entropy, corpus[:MEASURED]),
                "held_out": _rate(real.surprisal, check),
            }
        )
        print(rows[-1], flush=True)
    example = [bytes(corpus[i]).decode(errors="replace") for i in range(3)]
    written = {"seed": RECIPE.seed, "stretches": STRETCHES, "steps": RECIPE.steps, "rows": rows, "last": example}
    (folder / "results.json").write_text(json.dumps(written, indent=1) + "\n")


def _of_text(stretches: np.ndarray, judge: LlamaForCausalLM) -> dict[str, object]:
    """What is known of a text without the model that wrote it."""
    words = [b" ".join(map(bytes, stretches[i : i + _TOGETHER])).split() for i in range(0, len(stretches), _TOGETHER)]
    enough = [some[:_WORDS] for some in words if len(some) >= _WORDS]
    distinct = np.array([len(set(some)) / len(some) for some in enough])
    return {
        "under_bytes": _rate(_measure(judge, stretches).surprisal, stretches),
        "distinct_words": as_row(clustered_mean(distinct, np.arange(len(distinct)), unit="")),
    }


def _rate(bits: np.ndarray, stretches: np.ndarray) -> Row:
    sizes = np.full(len(bits), float(stretches.shape[1]))
    return as_row(clustered_ratio(bits, sizes, np.arange(len(bits)), unit="bits/byte"))


def _stretches(books: dict[str, str], count: int, seed: int) -> np.ndarray:
    """`count` stretches of `context` bytes from random places of the books together: (count, context) uint16."""
    everything = np.frombuffer("\n".join(books.values()).encode(), np.uint8)
    starts = np.random.default_rng(seed).integers(len(everything) - RECIPE.context, size=count)
    return everything[starts[:, None] + np.arange(RECIPE.context)].astype(np.uint16)


def _epochs(corpus: np.ndarray) -> Text:
    """The stretches after BOS, in another order every epoch, as `train` takes a text."""
    rows = np.concatenate([np.full((len(corpus), 1), BOS, np.uint16), corpus], axis=1)
    return lambda epoch: rows[np.random.default_rng((RECIPE.seed, epoch)).permutation(len(rows))]


@torch.inference_mode()
def _sample(model: LlamaForCausalLM, count: int, seed: int) -> np.ndarray:
    """(count, context) bytes, each stretch from BOS on."""
    draw, parts = torch.Generator().manual_seed(seed), []
    for first in range(0, count, _BATCH):
        ids, cache, drawn = torch.full((min(_BATCH, count - first), 1), BOS), None, []
        for _ in range(RECIPE.context):
            out = model(input_ids=ids, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            ids = torch.multinomial(out.logits[:, -1, :BYTES].softmax(-1), 1, generator=draw)
            drawn.append(ids)
        parts.append(torch.cat(drawn, 1).numpy().astype(np.uint16))
    return np.concatenate(parts)


@torch.inference_mode()
def _measure(model: LlamaForCausalLM, stretches: np.ndarray) -> _Measured:
    surprisal, entropy = [], []
    for first in range(0, len(stretches), 64):
        targets = torch.from_numpy(stretches[first : first + 64].astype(np.int64))
        ids = torch.cat([torch.full((len(targets), 1), BOS), targets[:, :-1]], 1)
        found = en.logits.statistics(model(input_ids=ids, use_cache=False).logits[..., :BYTES], targets)
        surprisal.append(found.surprisal.sum(-1))
        entropy.append(found.entropy.sum(-1))
    bits = np.log2(np.e)
    return _Measured(torch.cat(surprisal).numpy() * bits, torch.cat(entropy).numpy() * bits)
