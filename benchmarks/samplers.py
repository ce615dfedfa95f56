"""Our samplers on tensors beside the warpers of Transformers, and on NumPy rows under "llama.cpp": time as a ratio.

One row and eight rows of 131 072 logits, float32. Equality comes first: the results must be the same to the last bit.
In turn, in one process, the best of each; the ratio is theirs over ours, 1 and more where we are no slower.

    python benchmarks/samplers.py [rounds]
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from transformers.generation import logits_process as warpers

from entropist import decoding

VOCABULARY = 131_072
CASES = {
    "temperature": (warpers.TemperatureLogitsWarper, 0.7),
    "top_k": (warpers.TopKLogitsWarper, 40),
    "top_p": (warpers.TopPLogitsWarper, 0.9),
    "min_p": (warpers.MinPLogitsWarper, 0.05),
    "typical": (warpers.TypicalLogitsWarper, 0.9),
    "epsilon": (warpers.EpsilonLogitsWarper, 3e-4),
    "eta": (warpers.EtaLogitsWarper, 3e-4),
    "top_h": (warpers.TopHLogitsWarper, 0.5),
}


def seconds(call: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main(rounds: int = 15) -> None:
    """Print the table and one line of JSON."""
    torch.manual_seed(0)
    ratios: dict[str, float] = {}
    print(f"{'sampler':14s} rows   theirs     ours    ratio")
    for name, (warper, value) in CASES.items():
        for rows in (1, 8):
            logits = torch.randn(rows, VOCABULARY) * 3
            theirs, sampler = warper(value), getattr(decoding, name)
            assert torch.equal(theirs(None, logits), sampler(logits, value)), name
            best = [float("inf")] * 2
            for _ in range(rounds):
                best[0] = min(best[0], seconds(partial(theirs, None, logits)))
                best[1] = min(best[1], seconds(partial(sampler, logits, value)))
            ratios[f"{name}, {rows}"] = round(best[0] / best[1], 2)
            print(f"{name:14s} {rows:4d} {best[0] * 1e3:8.2f} {best[1] * 1e3:8.2f} ms {best[0] / best[1]:5.2f}")
    row = (torch.randn(VOCABULARY) * 3).numpy()
    for name, (_, value) in CASES.items():
        if name in ("top_k", "top_p", "min_p", "typical"):
            sampler = getattr(decoding, name)
            best_of = min(seconds(partial(sampler, row, value, profile="llama.cpp")) for _ in range(rounds))
            print(f'{name:14s}    1 {"":8s} {best_of * 1e3:8.2f} ms  NumPy, "llama.cpp"')
    print(json.dumps({"benchmark": "samplers", "theirs_over_ours": ratios}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
