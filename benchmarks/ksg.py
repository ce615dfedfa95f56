"""KSG-1 beside scikit-learn and ennemi: one pair after warm-up, all pairs, and how time grows with n.

Equality comes first: the same value on the same samples, before any clock. Then rounds in which each takes its turn;
of each the fastest round counts, because other work on the machine only ever adds. scikit-learn and ennemi run as a
user calls them. Run: OMP_NUM_THREADS=1 python benchmarks/ksg.py [rounds]
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import ennemi
import numpy as np
from sklearn.feature_selection import mutual_info_regression

from entropist.estimators import KSG, mutual_information, mutual_information_matrix
from entropist.estimators.neighbours._ksg_pairs import Pairs

K, N, COLUMNS = 3, 10_000, 32

COLD = """
import time; began = time.perf_counter()
import numpy as np, scipy.special
x, y = np.random.default_rng(0).normal(size=(2, 2000)); base = time.perf_counter() - began
import entropist.estimators as e
e.mutual_information(x, y)
print(time.perf_counter() - began - base)
"""


def correlated(n: int, columns: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    common = generator.normal(size=(n, 1))
    weight = np.linspace(0, 0.97, columns)
    return weight * common + np.sqrt(1 - weight**2) * generator.normal(size=(n, columns))


def turns(
    rounds: int, clock: Callable[[], float] = time.perf_counter, **contestants: Callable[[], Any]
) -> dict[str, float]:
    """Seconds of the fastest round of each, all taking turns."""
    best = dict.fromkeys(contestants, math.inf)
    for _ in range(rounds):
        for name, run in contestants.items():
            began = clock()
            run()
            best[name] = min(best[name], clock() - began)
    return best


def scikit_learn(table: np.ndarray) -> np.ndarray:
    """Every pair once: column i against the columns before it."""
    found = [
        mutual_info_regression(table[:, :i], table[:, i], n_neighbors=K, random_state=0) for i in range(1, len(table.T))
    ]
    return np.concatenate(found)


def search_of(x: np.ndarray, y: np.ndarray) -> Pairs:
    """One compiled search, the columns sorted anew."""
    return Pairs(x[:, None], y[:, None], np.ones(1), np.ones(1), K, 1, 10**9)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    table = correlated(N, COLUMNS)
    table /= table.std(axis=0)
    lower, pairs = np.tril_indices(COLUMNS, -1), COLUMNS * (COLUMNS - 1) // 2
    ours = mutual_information_matrix(table, estimator=KSG(k=K)).value[lower]
    theirs = scikit_learn(table)
    # It adds noise of 1e-10 and clips: a neighbour or two of 10 000 may turn.
    assert np.abs(np.maximum(ours, 0) - theirs).max() < 1e-5, np.abs(np.maximum(ours, 0) - theirs).max()
    exact = np.sum(np.abs(np.maximum(ours, 0) - theirs) < 1e-8) / pairs
    x, y = table[:, 3], table[:, -1]
    assert abs(mutual_information(x, y, KSG(k=K)).value - theirs[-COLUMNS + 4]) < 1e-5
    few = table[:2000, :6]
    ennemi_values = np.asarray(ennemi.pairwise_mi(few, k=K, preprocess=False))
    mine = mutual_information_matrix(few, estimator=KSG(k=K, scale="none")).value
    assert np.nanmax(np.abs(np.tril(mine, -1) - np.tril(np.nan_to_num(ennemi_values), -1))) < 1e-6

    jobs = {
        "entropist": lambda: mutual_information_matrix(table, estimator=KSG(k=K)),
        "scikit_learn": lambda: scikit_learn(table[:, :6]),
        "ennemi": lambda: ennemi.pairwise_mi(table[:, :6], k=K),
    }
    every, cores = turns(rounds, **jobs), turns(rounds, time.process_time, **jobs)
    of_six = pairs / 15
    one = turns(
        5 * rounds,
        entropist=lambda: mutual_information(x, y, KSG(k=K)),
        value_only=lambda: search_of(x, y).value(),
        scikit_learn=lambda: mutual_info_regression(x[:, None], y, n_neighbors=K, random_state=0),
        ennemi=lambda: ennemi.estimate_mi(y, x, k=K),
    )
    growth = {}
    for n in (1000, 10_000, 100_000, 1_000_000):
        u, v = correlated(n, 2).T
        growth[n] = turns(rounds, search=lambda u=u, v=v: search_of(u, v).value())["search"] / (n * math.log(n))
    cold = min(float(subprocess.run([sys.executable, "-c", COLD], capture_output=True, text=True, check=True).stdout)
               for _ in range(3))  # fmt: skip
    ratios = {
        "all pairs, over scikit-learn a pair": every["scikit_learn"] * of_six / every["entropist"],
        "all pairs, over ennemi.pairwise_mi a pair": every["ennemi"] * of_six / every["entropist"],
        "the same in time of cores, over scikit-learn": cores["scikit_learn"] * of_six / cores["entropist"],
        "the same in time of cores, over ennemi": cores["ennemi"] * of_six / cores["entropist"],
        "one call with its error, over scikit-learn": one["scikit_learn"] / one["entropist"],
        "one call with its error, over ennemi": one["ennemi"] / one["entropist"],
        "the value alone, over scikit-learn": one["scikit_learn"] / one["value_only"],
        **{f"time / (n log n) at n = {n} over n = 10000": value / growth[10_000] for n, value in growth.items()},
    }
    print(f"equal to scikit-learn within 1e-8: {exact:.0%} of {pairs} pairs; {os.cpu_count()} cores, n = {N}, k = {K}")
    for name, ratio in ratios.items():
        print(f"{name:52s} {ratio:7.2f}")
    print(f"first call of a cold process with cached kernels     {cold:7.2f} s beyond NumPy and SciPy")
    print(json.dumps({"benchmark": "ksg", "n": N, "k": K, "pairs": pairs, "ratios": ratios, "cold_seconds": cold}))


if __name__ == "__main__":
    main()
