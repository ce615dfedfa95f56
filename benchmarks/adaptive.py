"""Does adaptive decoding beat plain temperature sampling at equal quality?

The built-in base model continues prompts. Quality is how a second model, builtin:bytes, finds the continuations: bits
per byte, lower for the more expected text. Diversity is the share of distinct word bigrams among the samples of a
prompt. Temperature buys the one with the other, so temperatures draw a curve, and the question is how far above it an
adaptive set lies at its own bits per byte. A second curve has entropix's fixed truncation (top-k 27, top-p 0.9) at each
temperature: what lies above the first curve and not above the second is truncation's doing. Intervals: bootstrap over
prompts, 95 %, curve and set resampled together. Fixed seeds; the same machine gives the same figures.

Run: OMP_NUM_THREADS=1 python benchmarks/adaptive.py [prompts] [samples] [tokens]
"""

import json
import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

import entropist as en
from entropist.decoding import Adaptive, chain, generate

PROMPTS = (
    "It was a dark and stormy night, and", "The old man looked at the sea and", "When I was a boy my father",
    "She opened the letter slowly, for", "There is no greater pleasure than", "The captain ordered the men to",
    "In the spring of that year we", "He had never before seen a city", "My dear friend, I write to you",
    "The king called his three sons and", "Upon the table there lay a", "It is a truth seldom acknowledged that",
    "The road led through the forest to", "Nobody in the village believed that", "The doctor shook his head and said",
    "At the end of the street stood", "We sailed for many days until", "The child asked her mother why",
    "On the following morning the whole", "He who would understand men must",
)  # fmt: skip
TEMPERATURES = {"temperature": (0.4, 0.5, 0.55, 0.6, 0.7, 0.8, 1.0), "truncated": (0.6, 0.7, 0.8, 0.9, 1.1, 1.4, 2.0)}
SETS = ("entropix-v1", "entropix-v2", "entropix-v3")
ROUNDS = 2000

Pairs = NDArray[np.float64]  # (prompts, 4): bits, bytes, distinct bigrams, bigrams


def measured(sampler: Any, base: Any, judge: Any, prompts: int, samples: int, tokens: int) -> Pairs:
    """What each prompt's samples cost the judge, and how many word bigrams they share."""
    rows = []
    for number, prompt in enumerate(PROMPTS[:prompts]):
        found = generate(prompt, model=base, sampler=sampler, samples=samples, max_tokens=tokens, seed=number)
        bits = size = total = 0.0
        distinct = set()
        for text in found.texts:
            trace = en.trace(prompt + text, model=judge, top_k=0)
            of_text = trace.column("start_byte") >= len(prompt.encode())
            bits += float(trace.column("surprisal", unit="bits")[of_text].sum())
            size += len(text.encode())
            words = text.split()
            pairs = list(pairwise(words))
            distinct.update(pairs)
            total += len(pairs)
        rows.append((bits, size, len(distinct), total))
    return np.array(rows)


def place(pairs: Pairs, chosen: NDArray[np.int64]) -> tuple[float, float]:
    """Bits per byte and distinct bigrams over the chosen prompts."""
    bits, size, distinct, total = pairs[chosen].sum(axis=0)
    return bits / size, distinct / total


def above(curve: list[Pairs], pairs: Pairs, chosen: NDArray[np.int64]) -> float:
    """How far a method lies above a curve, at its own bits per byte; NaN beyond the ends of the curve."""
    x, y = place(pairs, chosen)
    points = np.array(sorted(place(each, chosen) for each in curve))
    return y - float(np.interp(x, points[:, 0], points[:, 1], left=np.nan, right=np.nan))


def main() -> None:
    prompts, samples, tokens = (int(sys.argv[i]) if len(sys.argv) > i else d for i, d in ((1, 12), (2, 8), (3, 48)))
    began = time.process_time()
    base, judge = en.load_model("builtin:base"), en.load_model("builtin:bytes")
    size = (prompts, samples, tokens)
    found: dict[str, Pairs] = {}
    for name, temperatures in TEMPERATURES.items():
        cut = [("top_k", 27), ("top_p", 0.9)] if name == "truncated" else []
        for t in temperatures:
            found[f"{name} {t}"] = measured(chain([("temperature", t), *cut]), base, judge, *size)
    for name in SETS:
        found[name] = measured(Adaptive(name), base, judge, *size)
    everyone = np.arange(prompts)
    print(
        f"{prompts} prompts × {samples} samples × {tokens} tokens; bits per byte under builtin:bytes, distinct bigrams"
    )
    for name, pairs in found.items():
        x, y = place(pairs, everyone)
        print(f"{name:16} {x:.3f} {y:.3f}")
    rng = np.random.default_rng(0)
    draws = rng.integers(0, prompts, (ROUNDS, prompts))
    result: dict[str, Any] = {"prompts": prompts, "samples": samples, "tokens": tokens}
    for name in SETS:
        for curve_name in TEMPERATURES:
            curve = [pairs for other, pairs in found.items() if other.startswith(curve_name)]
            value = above(curve, found[name], everyone)
            resampled = np.array([above(curve, found[name], draw) for draw in draws])
            inside = resampled[~np.isnan(resampled)]
            low, high = np.quantile(inside, [0.025, 0.975]) if len(inside) > 0.9 * ROUNDS else (np.nan, np.nan)
            print(f"{name} above the curve of {curve_name}: {value:+.4f} [{low:+.4f}, {high:+.4f}]")
            result[f"{name} above {curve_name}"] = [round(v, 4) if v == v else None for v in (value, low, high)]
    result["cpu_seconds"] = round(time.process_time() - began)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
