"""What statistics cost beside the matrix product that makes the logits, in time and in memory.

2048 hidden states of width 1024, a vocabulary of 131 072, float32. In turn, in one process: the bare product in
the chunks that `head_statistics` takes, into one buffer, and `head_statistics` with targets. Their logits are
first compared. The ratio is of the best of each; beside it the same with softcap and scale, with half-precision
weights (against their bare product in float32), and `head_compare` against two bare products. Peak memory beyond
the inputs comes from a process of its own, beside the size of the logits.

    python benchmarks/logits_head.py [rounds]
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from entropist.logits import head_compare, head_statistics, statistics

ROWS, WIDTH, VOCABULARY = 2048, 1024, 131_072
CHUNK = (1 << 27) // (4 * VOCABULARY)

MEMORY = """
import re, sys
from pathlib import Path
import torch
from entropist.logits import head_compare, head_statistics
rows, width, vocabulary, work = *map(int, sys.argv[1:4]), sys.argv[4]
hidden, weight = torch.randn(rows, width), torch.randn(vocabulary, width)
other = torch.randn(vocabulary, width) if work == "compare" else None
def run(hidden):
    if work == "compare":
        return head_compare(hidden, weight, hidden, other)
    return head_statistics(hidden, weight, targets=torch.zeros(len(hidden), dtype=torch.int64))
run(hidden[:2])
def told(name):
    return 1024 * int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew: the first call may have had one of its own
before = told("VmRSS")
run(hidden)
print(told("VmHWM") - before)
"""


def bare(hidden: torch.Tensor, weight: torch.Tensor, chunk: int) -> None:
    buffer = torch.empty(chunk, VOCABULARY)
    for i in range(0, ROWS, chunk):
        some = hidden[i : i + chunk]
        torch.mm(some, weight.T, out=buffer[: len(some)])


def assert_equal(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> None:
    """The two ways agree within the rounding of a float32 product."""
    found, expected = head_statistics(hidden, weight, targets=targets), statistics(hidden @ weight.T, targets)
    for name in ("log_normalizer", "entropy", "varentropy", "max_logprob", "surprisal"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=2e-5, atol=2e-5, msg=name)


def best_of(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    return seconds


def extra_memory(work: str) -> int:
    sizes = [str(size) for size in (ROWS, WIDTH, VOCABULARY)]
    done = subprocess.run([sys.executable, "-c", MEMORY, *sizes, work], capture_output=True, text=True, check=True)
    return int(done.stdout)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    torch.manual_seed(0)
    hidden, weight = torch.randn(ROWS, WIDTH), torch.randn(VOCABULARY, WIDTH) / WIDTH**0.5 * 3
    targets = torch.randint(0, VOCABULARY, (ROWS,))
    assert_equal(hidden[:CHUNK], weight, targets[:CHUNK])
    half, half_weight = hidden.bfloat16(), weight.bfloat16()
    seconds = best_of(
        {
            "bare": lambda: bare(hidden, weight, CHUNK),
            "statistics": lambda: head_statistics(hidden, weight, targets=targets),
            "capped": lambda: head_statistics(hidden, weight, targets=targets, softcap=30.0, scale=0.5),
            "bfloat16": lambda: head_statistics(half, half_weight, targets=targets),
            "bare in half chunks": lambda: bare(hidden, weight, CHUNK // 2),
            "compare": lambda: head_compare(hidden, weight, hidden, weight, targets=targets),
        },
        rounds,
    )
    memory = {work: extra_memory(work) for work in ("statistics", "compare")}
    ratios = {
        "head_statistics / product": seconds["statistics"] / seconds["bare"],
        "with softcap and scale": seconds["capped"] / seconds["bare"],
        "bfloat16 weights / float32 product": seconds["bfloat16"] / seconds["bare"],
        "head_compare / two products": seconds["compare"] / (2 * seconds["bare in half chunks"]),
    }
    logits = ROWS * VOCABULARY * 4
    for name, ratio in ratios.items():
        print(f"{name:36s} {ratio:6.3f}")
    for name, size in memory.items():
        print(f"{name:36s} {size / 1e6:6.0f} MB beyond inputs and results; one model's logits: {logits / 1e6:.0f} MB")
    figures = {"seconds": seconds, "ratios": ratios, "extra_bytes": memory, "logits_bytes": logits}
    print(json.dumps({"benchmark": "logits_head", "rounds": rounds, "threads": torch.get_num_threads(), **figures}))


if __name__ == "__main__":
    main()
