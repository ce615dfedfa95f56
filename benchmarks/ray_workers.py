"""Two workers of Ray Data beside one, and what of a run is the driver's own: reading, sending, writing.

One torch thread a worker, the same documents. Equal files first: the process itself, one worker, two workers. Then one
and two in turn, pools already running; the time is from the first shard back to the last, so that neither Ray's start
nor the loading of models counts. The driver's share is timed by itself, in this process: reading, numbering, packing,
unpacking, writing of the same shards without a model, over the time of one worker: s. Amdahl's bound is 1/s workers.

What 10¹² bytes then take on n workers, linear up to where the driver is busy, which is the best case:

    hours(n) = 10¹² / min(n · w, d) / 3600        w, d: bytes a second of one worker, and of the driver alone

    python benchmarks/ray_workers.py [megabytes] [rounds] [price of a machine-hour] [workers a machine]
"""

import json
import os
import pickle
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import ray
import torch

import entropist as en
from entropist.corpus import Documents
from entropist.logits import compile_kernels
from entropist.scoring import _score
from entropist.scoring._ray import by_ray
from entropist.scoring._shards import Recipe
from entropist.scoring._store import Store

WORDS = ["the", "tide", "went", "out", "and", "with", "it", "boats", "gulls", "rope", "brine", "a", "lamp", "burnt"]


def write_corpus(path: Path, megabytes: float) -> None:
    g = np.random.default_rng(0)
    written = 0
    with path.open("w") as file:
        while written < megabytes * 1e6:
            text = " ".join(WORDS[i] for i in g.integers(0, len(WORDS), int(np.exp(g.normal(5.0, 1.0))) + 1))
            file.write(json.dumps({"text": text}) + "\n")
            written += len(text)


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*.parquet"))}


def timed(corpus: Path, model: en.LanguageModel, recipe: Recipe, workers: int, directory: Path) -> tuple[float, int]:
    """(seconds, bytes) from the first shard that is back to the last, written as `score` writes them.

    Ray has a core a worker, so that each has one thread: other threads are other last bits, and files would differ.
    """
    start_ray(workers)
    store = Store(directory, {"options": {"tokens": False, "words": False}}, resume=False)
    began, size = 0.0, 0
    for each, made in by_ray(
        _score._work(iter(Documents(corpus)), 256, None), "builtin:base", model.identity, recipe,
        workers=workers, address=None,
    ):  # fmt: skip
        store.write(each.shard.number, each.shard.digest, made)
        if not began:
            began = time.perf_counter()
        else:
            size += sum(len(document.text.encode()) for document in each.shard.documents)
    taken = time.perf_counter() - began
    ray.shutdown()
    return taken, size


def start_ray(cores: int) -> None:
    ray.init("local", num_cpus=cores, include_dashboard=False, log_to_driver=False, logging_level="CRITICAL")


def driver_alone(corpus: Path, made: dict[str, pa.Table], directory: Path) -> float:
    """Seconds a byte of what the driver does, the model left out: every shard comes back as the tables `made`."""
    store = Store(directory, {"options": {"tokens": False, "words": False}}, resume=False)
    answer = pickle.dumps(made, 5)
    began, size = time.perf_counter(), 0
    for each in _score._work(iter(Documents(corpus)), 256, None):
        ray.get(ray.put(each.shard))
        block = ray.get(ray.put(pa.table({"made": pa.array([answer], pa.large_binary())})))
        store.write(each.shard.number, each.shard.digest, pickle.loads(block["made"][0].as_py()))
        size += sum(len(document.text.encode()) for document in each.shard.documents)
    return (time.perf_counter() - began) / size


def plan(worker: float, driver: float, price: float, workers_a_machine: int) -> None:
    """The table of a terabyte: hours, machine-hours and their price."""
    print(f"{'workers':>8} {'machines':>9} {'hours':>10} {'machine-hours':>14} {'price':>10}")
    for workers in (1, 2, 16, 128, 1024):
        machines = -(-workers // workers_a_machine)
        hours = 1e12 / min(workers * worker, driver) / 3600
        print(f"{workers:>8} {machines:>9} {hours:>10.0f} {hours * machines:>14.0f} {hours * machines * price:>10.0f}")


def main() -> None:
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    price = float(sys.argv[3]) if len(sys.argv) > 3 else 1.0
    workers_a_machine = int(sys.argv[4]) if len(sys.argv) > 4 else os.cpu_count() or 1
    _score._SHARD_BYTES = 1 << 16  # a quarter of the usual size, so that a short run has many shards
    torch.set_num_threads(1)
    compile_kernels()
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        write_corpus(here / "corpus.jsonl", megabytes)
        model = en.load_model("builtin:base")
        recipe = Recipe(_score.protocol_for(model, "sliding", None, None, None), None, False, 4096)
        first = next(_score._work(iter(Documents(here / "corpus.jsonl")), 256, None)).shard
        began = time.perf_counter()
        made = recipe.tables(model, first)
        alone = sum(len(d.text.encode()) for d in first.documents) / (time.perf_counter() - began)
        en.score(here / "corpus.jsonl", model=model, save=here / "process")
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for turn in range(rounds):
            for workers in seconds:
                directory = here / f"{workers}-{turn}"
                taken, size = timed(here / "corpus.jsonl", model, recipe, workers, directory)
                assert contents(directory) == contents(here / "process")
                seconds[workers].append(taken / size)
        start_ray(2)
        driver = min(driver_alone(here / "corpus.jsonl", made, here / f"driver-{turn}") for turn in range(rounds))
        one, two = min(seconds[1]), min(seconds[2])
        result = {
            "megabytes": megabytes,
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "one_worker_bytes_a_second": round(1 / one),
            "in_process_bytes_a_second": round(alone),
            "bytes_a_token": round(
                sum(made["documents"]["bytes"].to_pylist()) / sum(made["documents"]["tokens"].to_pylist()), 2
            ),
            "ratio": round(one / two, 3),
            "driver_bytes_a_second": round(1 / driver),
            "driver_share_of_one_worker": round(driver / one, 5),
        }
        print(
            f"equal files; 2 workers over 1: {result['ratio']}; one worker {1 / one:.0f} bytes/s, driver alone "
            f"{1 / driver:.0f}: {driver / one:.3%} of a worker's time, at most the speed of {one / driver:.0f} workers"
        )
        plan(1 / one, 1 / driver, price, workers_a_machine)
        print(json.dumps(result))
        ray.shutdown()


if __name__ == "__main__":
    main()
