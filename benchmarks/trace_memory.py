"""Time and peak memory of `trace` from 10 KB to 5 MB of prose: linear in the text, and no memory but the rows.

Each size runs in a process of its own. Run: python benchmarks/trace_memory.py [largest size in bytes]
"""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

SIZES = (10_000, 100_000, 1_000_000, 5_000_000)

ONE = """
import json, resource, sys, time
import entropist as en
text = open(sys.argv[1], encoding="utf-8", newline="").read()
model = en.load_model("builtin:base")
en.trace(text[:3000], model=model)
began = time.perf_counter()
record = en.trace(text, model=model)
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
assert record.text_bytes() == text.encode()
print(json.dumps({"tokens": len(record), "seconds": seconds, "peak": peak, "rows": record.table.nbytes}))
"""


def prose(size: int) -> str:
    """`size` bytes of books where shared data is at hand, else the shipped example over and over."""
    shared = os.environ.get("ENTROPIST_SHARED")
    if shared:
        text = ""
        with tarfile.open(Path(shared) / "data/books/books.tar.xz") as tar:
            for member in tar:
                if member.isfile() and len(text) < size:
                    text += tar.extractfile(member).read().decode()
        return text.encode()[:size].decode("utf-8", "ignore")
    example = (Path(__file__).parent.parent / "examples/lighthouse.txt").read_text()
    return (example * (size // len(example) + 1)).encode()[:size].decode("utf-8", "ignore")


def main() -> None:
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]
    file = Path("build/benchmark.txt")
    file.parent.mkdir(exist_ok=True)
    rows = []
    print("    bytes    tokens  time/token  peak over first  rows  (time/token and peak against 10 KB)")
    for size in (s for s in SIZES if s <= largest):
        file.write_text(prose(size), newline="")
        done = subprocess.run([sys.executable, "-c", ONE, str(file)], capture_output=True, text=True, check=True)
        rows.append({"bytes": size, **json.loads(done.stdout)})
        first, row = rows[0], rows[-1]
        ratio = row["seconds"] / row["tokens"] / (first["seconds"] / first["tokens"])
        extra = (row["peak"] - first["peak"]) / 1e6
        print(f"{size:9d} {row['tokens']:9d} {ratio:11.2f} {extra:13.1f} MB {row['rows'] / 1e6:6.1f} MB", flush=True)
    file.unlink()
    print(json.dumps({"benchmark": "trace_memory", "rows": rows}))


if __name__ == "__main__":
    main()
