"""`segment` from 10 KB to 500 KB: peak memory with a threshold and with a mean size, and speed against the model.

The bare forward is the model's logits of the same windows, and nothing done with them. Boundaries of the file and of
the same bytes fed to a `Segmenter` in odd pieces are compared first. Peaks are those of a process of
its own, as Linux keeps them for it (getrusage would tell the parent's where that is higher).
Run: python benchmarks/segments.py [largest size in bytes]
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from trace_memory import prose

import entropist as en
from entropist.segmentation import Segmenter, segment
from entropist.segmentation._entropies import ByteStream

SIZES = (10_000, 100_000, 500_000)
SPEED = 20_000  # bytes, a part of a file
ROUNDS = 3

ONE = """
import json, re, sys, time
import entropist as en
from entropist.segmentation import segment
model = en.load_model("builtin:bytes")
segment(open(sys.argv[1], "rb").read(3000), model, each=lambda new: None)
began = time.perf_counter()
found = segment(sys.argv[1], model, each=lambda new: None, **json.loads(sys.argv[2]))
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(json.dumps({"bytes": found.size, "seconds": time.perf_counter() - began, "peak": peak}))
"""


def equal(data: bytes) -> None:
    """The file's segments are those of the same bytes in pieces."""
    segmenter = Segmenter()
    stream = [part for begin in range(0, len(data), 777) for part in segmenter.feed(data[begin : begin + 777])]
    assert [*stream, *segmenter.finish()] == segment(data).pieces(data)


def forwards(model: en.LanguageModel, size: int) -> float:
    """Seconds of the bare forwards that `size` bytes take."""
    cut = ByteStream(model).windows
    ids = np.full(cut.context - 1, 101, np.int32)
    began = time.perf_counter()
    for window in cut.windows(size):
        for _ in model.logits(ids, start=0 if window.start == 0 else cut.stride):
            pass
    return time.perf_counter() - began


def main() -> None:
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]
    data = prose(SPEED).encode()[:SPEED]
    equal(data[:5000])
    model = en.load_model("builtin:bytes")
    best = {"bare": float("inf"), "ours": float("inf")}
    forwards(model, 3000)
    for _ in range(ROUNDS):
        best["bare"] = min(best["bare"], forwards(model, SPEED))
        began = time.perf_counter()
        segment(data, model)
        best["ours"] = min(best["ours"], time.perf_counter() - began)
    ratio = best["ours"] / best["bare"]
    print(f"time over the bare forwards of the same windows: {ratio:.2f} ({SPEED / best['ours']:.0f} bytes a second)")
    file, rows = Path("build/benchmark.bin"), []
    file.parent.mkdir(exist_ok=True)
    print("    bytes  asked       peak over the first")
    for size in (s for s in SIZES if s <= largest):
        file.write_bytes(prose(size).encode()[:size])
        for options in ({"threshold": 1.3}, {"mean_size": 4.5}):
            command = [sys.executable, "-c", ONE, str(file), json.dumps(options)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append({**options, **json.loads(done.stdout)})
            extra = (rows[-1]["peak"] - rows[0]["peak"]) / 1e6
            print(f"{size:9d}  {next(iter(options)):<10} {extra:9.1f} MB", flush=True)
    file.unlink()
    print(json.dumps({"benchmark": "segments", "ratio": ratio, "rows": rows}))


if __name__ == "__main__":
    main()
