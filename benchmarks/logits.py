"""One pass over the logits on the CPU against reading them, against eager torch and against torch.compile.

In turn, in one process, two threads: every round runs each way once, the ratio is of the best of each. Equality is
asserted first. The first call is timed in a process of its own, after another has filled the cache; what an import of
torch and NumPy takes is not counted.

    python benchmarks/logits.py [--quick] [rounds]

`--quick` takes an eighth of the rows and leaves out torch.compile, which needs a C++ compiler and half a minute.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.distributions import Categorical

from entropist.logits import compare, compile_kernels, statistics

ROWS, VOCABULARY, SMALL = 512, 131_072, 4096
PEERS = {"small": "eager small", "compare": "eager pair", "statistics": "Categorical"}
NAMES = ("log_normalizer", "entropy", "varentropy", "max_logprob", "surprisal")

FIRST = """
import time
import numpy, torch
logits = torch.zeros(2, 4096)
began = time.perf_counter()
from entropist.logits import _compiling, statistics
statistics(logits, [0, 1], top_k=20)
print(time.perf_counter() - began)
assert _compiling.is_ready("float32")
"""


def eager_statistics(z: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
    logp = z.log_softmax(-1)
    p = logp.exp()
    entropy = -(p * logp).sum(-1)
    varentropy = (p * (logp + entropy[:, None]) ** 2).sum(-1)
    at_target = z.gather(-1, targets[:, None])
    surprisal = -logp.gather(-1, targets[:, None])[:, 0]
    return z.logsumexp(-1), entropy, varentropy, logp.amax(-1), surprisal, (z > at_target).sum(-1)


def eager_pair(p_z: torch.Tensor, q_z: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
    logp, logq = p_z.log_softmax(-1), q_z.log_softmax(-1)
    p, q = logp.exp(), logq.exp()
    middle = ((p + q) / 2).log()
    return {
        "kl_pq": (p * (logp - logq)).sum(-1),
        "kl_qp": (q * (logq - logp)).sum(-1),
        "js": (p * (logp - middle) + q * (logq - middle)).sum(-1) / 2,
        "cross_entropy_pq": -(p * logq).sum(-1),
        "same_top": logp.argmax(-1) == logq.argmax(-1),
        "total_variation": (p - q).abs().sum(-1) / 2,
        "surprisal_p": -logp.gather(-1, targets[:, None])[:, 0],
        "surprisal_q": -logq.gather(-1, targets[:, None])[:, 0],
    }


def assert_equal(z: torch.Tensor, other: torch.Tensor, targets: torch.Tensor) -> None:
    """On the same logits, in float64: 1e-6·max(1, |value|)."""
    for logits in (z, z.bfloat16()):
        found, expected = statistics(logits, targets, top_k=20), eager_statistics(logits.double(), targets)
        for name, value in zip(NAMES, expected):
            torch.testing.assert_close(getattr(found, name), value, rtol=1e-6, atol=1e-6, msg=name)
        assert torch.equal(found.rank, expected[-1])
        assert torch.equal(logits.gather(-1, found.top_ids), logits.topk(20).values)
    found = compare(z, other, targets)
    for name, value in eager_pair(z.double(), other.double(), targets).items():
        torch.testing.assert_close(getattr(found, name), value, rtol=1e-6, atol=1e-6, msg=name)


def best_of(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    return seconds


def compiled_statistics(z: torch.Tensor, targets: torch.Tensor) -> Callable[[], Any] | None:
    if "--quick" in sys.argv or not (shutil.which("g++") or shutil.which("clang++")):
        print("torch.compile: left out (--quick, or no C++ compiler)")
        return None
    compiled = torch.compile(eager_statistics)
    began = time.perf_counter()
    compiled(z, targets)
    print(f"torch.compile: {time.perf_counter() - began:.0f} s to compile")
    return lambda: compiled(z, targets)


def first_call() -> float:
    seconds = []
    for _ in range(4):
        done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True)
        seconds.append(float(done.stdout))
    return min(seconds)


def main() -> None:
    quick = "--quick" in sys.argv
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    rounds, rows = (numbers or [7])[0], ROWS // 8 if quick else ROWS
    torch.set_num_threads(2)
    torch.manual_seed(0)
    compile_kernels()
    z = torch.randn(rows, VOCABULARY).mul_(3)
    half, targets = z.bfloat16(), torch.randint(0, VOCABULARY, (rows,))
    other = torch.randn(rows, VOCABULARY).mul_(0.3).add_(z)
    small, small_targets = torch.randn(SMALL, SMALL) * 3, torch.randint(0, SMALL, (SMALL,))
    assert_equal(z[:8], other[:8], targets[:8])
    assert_equal(small[:8], small[8:16], small_targets[:8])
    ways: dict[str, Callable[[], Any]] = {
        "read": lambda: torch.sum(z),
        "statistics": lambda: statistics(z, targets),
        "bfloat16": lambda: statistics(half, targets),
        "top 20": lambda: statistics(z, targets, top_k=20),
        "compare": lambda: compare(z, other, targets),
        "small": lambda: statistics(small, small_targets),
    }
    compiled = compiled_statistics(z, targets)
    fast = ways if compiled is None else ways | {"compiled": compiled}
    seconds = best_of(fast, rounds)
    slow = best_of(
        {
            "eager small": lambda: eager_statistics(small, small_targets),
            "eager pair": lambda: eager_pair(z, other, targets),
            "Categorical": lambda: Categorical(logits=z, validate_args=False).entropy(),
        }
        | {name: ways[name] for name in PEERS},
        max(1, rounds // 3),
    )
    s = seconds
    beside = {ours: slow[eager] / slow[ours] for ours, eager in PEERS.items()}
    ratios = {
        "statistics float32, of the read rate of torch.sum": (s["read"] / s["statistics"], 0.30),
        "statistics bfloat16 / float32, rows a second": (s["statistics"] / s["bfloat16"], 1.2),
        "time with top_k=20 / without": (s["top 20"] / s["statistics"], 1.4),
        "compare / eager torch": (beside["compare"], 20),
        "statistics of 4096 × 4096 / eager torch": (beside["small"], 5),
        "statistics / Categorical(logits=…).entropy()": (beside["statistics"], 30),
        "first call in a process, seconds": (first_call(), 1.0),
    }
    if compiled is not None:
        ratios["statistics / torch.compile of the same"] = (s["compiled"] / s["statistics"], None)
    for name, (ratio, aim) in ratios.items():
        print(f"{name:52s} {ratio:7.2f}" + ("" if aim is None else f"   (aim {aim})"))
    times = s | {"Categorical": slow["Categorical"]}
    rates = {name: z.nbytes / times[name] / 1e9 for name in ("read", "statistics", "Categorical")}
    print("  ".join(f"{name}: {rate:.1f} GB/s" for name, rate in rates.items()))
    figures = {"seconds": slow | seconds, "ratios": {name: ratio for name, (ratio, _) in ratios.items()}, "GB/s": rates}
    print(json.dumps({"benchmark": "logits", "rows": rows, "rounds": rounds, "threads": 2, **figures}))


if __name__ == "__main__":
    main()
