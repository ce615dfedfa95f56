"""Bounds of many truncated lists against the formula written out row by row, and varentropy beside entropy.

    python benchmarks/truncated.py

Checks equality first, then times both in turn and prints the ratios, then one JSON line.
"""

import json
import math
import time

import numpy as np

from entropist.measures import truncated

ROWS, K, VOCABULARY, ROUNDS = 100_000, 20, 128_256, 5


def lists(rows):
    """(rows, K) in float32's values: peaked, middling and flat tokens, those that a vocabulary of this size allows."""
    generator = np.random.default_rng(0)
    scale = np.exp(generator.uniform(-1, 2, (rows, 1)))
    logits = -np.sort(-generator.normal(size=(rows, K)) * scale, axis=1)
    p = np.exp(logits - logits[:, :1])
    p *= generator.beta(4, 0.6, (rows, 1)) / p.sum(axis=1, keepdims=True)
    possible = 1 - p.sum(axis=1) < 0.9 * (VOCABULARY - K) * p[:, -1]
    return np.log(p[possible]).astype(np.float32).astype(np.float64)


def row_by_row(top):
    """Low and high of the entropy, one list after the other."""
    found = np.empty((2, len(top)))
    for i, logs in enumerate(top):
        p = np.exp(logs)
        known, r, cap = -(p * logs).sum(), 1 - p.sum(), p[-1]
        n = math.floor(r / cap)
        q = r - n * cap
        found[0, i] = known - n * cap * logs[-1] - (q * math.log(q) if q > 0 else 0.0)
        found[1, i] = known - r * math.log(r / (VOCABULARY - K))
    return found


def seconds(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main():
    top = lists(ROWS)
    sample = top[:2000]
    exact = truncated.entropy_bounds(truncated.rows(sample, VOCABULARY, rounding=0.0))
    np.testing.assert_allclose(exact, row_by_row(sample), atol=1e-9)

    def both():
        read = truncated.rows(top, VOCABULARY)
        return truncated.entropy_bounds(read), truncated.varentropy_bounds(read)

    works = {
        "row by row, entropy": lambda: row_by_row(sample),
        "rows": lambda: truncated.rows(top, VOCABULARY),
        "rows, entropy": lambda: truncated.entropy_bounds(truncated.rows(top, VOCABULARY)),
        "rows, entropy, varentropy": both,
    }
    best = dict.fromkeys(works, math.inf)
    for _ in range(ROUNDS):
        for name, work in works.items():
            count = len(sample) if name.startswith("row by row") else len(top)
            best[name] = min(best[name], seconds(work) / count)
    rate = {name: 1 / value for name, value in best.items()}
    for name, value in rate.items():
        print(f"{name:27} {value:12,.0f} rows/s {value / rate['row by row, entropy']:8.1f} ×")
    print(json.dumps({"k": K, "rows": len(top), "rows_per_second": {name: round(v) for name, v in rate.items()}}))


if __name__ == "__main__":
    main()
