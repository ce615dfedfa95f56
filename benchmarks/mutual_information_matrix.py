"""All pairs of columns: how much faster than one pair at a time, and how much memory.

Binned: against a loop of `np.histogram2d` and the plug-in of its counts (timed on some pairs). Copula: against one
`np.argsort` of the matrix plus one product of matrices. Equality is asserted first, each pair of timings is taken in
turn and the least of several kept. Memory: the peak of a process of its own beyond what it held before the call,
over input plus output. Run: python benchmarks/mutual_information_matrix.py
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from entropist.estimators import Binned, GaussianCopula, mutual_information, mutual_information_matrix

ROUNDS = 5
BINNED = (10_000, 768)
COPULA = (2000, 4096)

ONE = """
import json, sys
import numpy as np
from entropist.estimators import mutual_information_matrix
kind, n, columns, dtype = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
def status(name):
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(name))
mutual_information_matrix(np.random.default_rng(0).normal(size=(500, 40)).astype(dtype), None, kind)
x = np.empty((n, columns), dtype)
for column in range(columns):
    x[:, column] = np.random.default_rng(column).normal(size=n)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak starts anew
before = status("VmRSS")
value = mutual_information_matrix(x, None, kind).value
print(json.dumps((x.nbytes + status("VmHWM") - before) / (x.nbytes + value.nbytes)))
"""

COLD = """
import time
began = time.perf_counter()
import numpy as np
from entropist.estimators import mutual_information_matrix
ready = time.perf_counter()
mutual_information_matrix(np.random.default_rng(0).normal(size=(100, 4)), None, "{kind}")
print(time.perf_counter() - ready, ready - began)
"""


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def plug_in(counts: np.ndarray) -> float:
    p = counts / counts.sum()
    expected = p.sum(axis=1)[:, None] * p.sum(axis=0)
    return float((p[p > 0] * np.log(p[p > 0] / expected[p > 0])).sum())


def binned(some: int = 200) -> dict[str, float]:
    n, columns = BINNED
    x = np.random.default_rng(0).normal(size=(n, columns))
    x[:, 1::2] += x[:, ::2]
    generator = np.random.default_rng(1)
    chosen = [tuple(generator.choice(columns, 2, replace=False)) for _ in range(some)]

    def loop() -> list[float]:
        return [plug_in(np.histogram2d(x[:, i], x[:, j], 15)[0]) for i, j in chosen]

    found = mutual_information_matrix(x, None, Binned(15, correction=None)).value
    worst = max(abs(found[i, j] - value) for (i, j), value in zip(chosen, loop()))
    assert worst < 1e-11, worst
    ours, theirs, counted = [], [], []
    for _ in range(ROUNDS):
        ours.append(timed(lambda: mutual_information_matrix(x, None, Binned(15))))
        theirs.append(timed(loop) / some)
        counted.append(timed(lambda: [np.histogram2d(x[:, i], x[:, j], 15) for i, j in chosen]) / some)
    pairs = columns * (columns - 1) / 2
    return {
        "over histogram2d alone": min(counted) * pairs / min(ours),
        "over histogram2d and plug-in": min(theirs) * pairs / min(ours),
        "microseconds a pair": 1e6 * min(ours) / pairs,
        "largest difference": worst,
    }


def copula() -> dict[str, float]:
    n, columns = COPULA
    x = np.random.default_rng(0).normal(size=(n, columns))
    x[:, 1::2] += x[:, ::2]
    other = x + 1.0  # so that the peer's product is a general one: of a matrix with itself NumPy computes half
    found = mutual_information_matrix(x).value
    for i, j in ((0, 1), (7, 4000), (4095, 4094)):
        assert abs(found[i, j] - mutual_information(x[:, i], x[:, j], GaussianCopula()).value) < 1e-11
    ours, sort, product, half = [], [], [], []
    for _ in range(ROUNDS):
        ours.append(timed(lambda: mutual_information_matrix(x)))
        sort.append(timed(lambda: np.argsort(x, axis=0)))
        product.append(timed(lambda: x.T @ other))
        half.append(timed(lambda: x.T @ x))
    return {
        "time over argsort and product": min(ours) / (min(sort) + min(product)),
        "time over argsort and symmetric product": min(ours) / (min(sort) + min(half)),
        "argsort's share of ours": min(sort) / min(ours),
    }


def memory() -> dict[str, float]:
    found = {}
    for kind, (n, columns) in (("binned", BINNED), ("copula", COPULA), ("copula", (30_000, 400))):
        for dtype in ("float64", "float32"):
            done = subprocess.run(
                [sys.executable, "-c", ONE, kind, str(n), str(columns), dtype],
                capture_output=True,
                text=True,
                check=True,
            )
            found[f"{kind}, {columns} columns of {n} {dtype}"] = json.loads(done.stdout)
    return found


def cold() -> dict[str, float]:
    """Seconds of the first call in a new process, kernels on disk, beside those of the imports."""
    found = {}
    for kind in ("binned", "ksg"):
        script = COLD.format(kind=kind)
        subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, capture_output=True)
        runs = [
            subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
            for _ in range(3)
        ]
        found[f"first {kind} call"] = min(float(run.stdout.split()[0]) for run in runs)
    return found


def main() -> None:
    results = {"cores": len(os.sched_getaffinity(0)), "binned": binned(), "copula": copula()}
    results |= {"memory over input + output": memory(), "seconds in a cold process": cold()}
    for group, figures in results.items():
        if isinstance(figures, dict):
            print(group)
            for name, figure in figures.items():
                print(f"  {name:45s} {figure:10.3g}")
    print(json.dumps({"benchmark": "mutual_information_matrix", **results}))


if __name__ == "__main__":
    main()
