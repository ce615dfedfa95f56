"""Peak memory of `score` over that of the model alone, at a vocabulary of 131 072: it must not grow with the text.

Each row is a process of its own. The model alone is loaded and puts the largest batch that `score` makes through its
layers, without the unembedding. What is over that is ours: libraries, the buffer of logits, a shard of text and its
rows. One document from 1 KB to 90 000 tokens, and corpora of documents of 1 KB. Equality first: a document's totals
are the same alone and among others.

    python benchmarks/score_memory.py [largest document in tokens] [most documents]
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from random_llama import WORDS, random_llama

import entropist as en

# A child's ru_maxrss begins at what its parent held; VmHWM is its own.
PEAK = """
import re
from pathlib import Path
def peak():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""

ALONE = (
    PEAK
    + """
import json, sys
import numpy as np
import entropist as en
from entropist.scoring._engine import BATCH_TOKENS
model = en.load_model(sys.argv[1])
for length in (64, 511):
    model.hidden(np.ones((BATCH_TOKENS // length, length), np.int32))
print(json.dumps({"peak": peak()}))
"""
)

SCORE = (
    PEAK
    + """
import json, sys
import entropist as en
model = en.load_model(sys.argv[1])
found = en.score(sys.argv[2], model=model, save=sys.argv[3], tokens=sys.argv[4] == "tokens")
first = found.documents.slice(0, 1)["surprisal"][0].as_py()
tokens = sum(found.documents["tokens"].to_pylist())
print(json.dumps({"tokens": tokens, "first": first, "peak": peak()}))
"""
)


def child(code: str, *arguments: object) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def text(tokens: int) -> str:
    """So many tokens of words in turn with numbers between: no two stretches are the same."""
    long = " ".join(f"{WORDS[i % len(WORDS)]} {i}" for i in range(tokens))
    return long.encode()[: en.load_model("builtin:base").tokenize(long).end_bytes[tokens - 1]].decode()


def main() -> None:
    longest = int(sys.argv[1]) if len(sys.argv) > 1 else 90_000
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        model = random_llama("wide", here)
        alone = child(ALONE, model)["peak"]
        print(f"the model alone: {alone / 1e6:.0f} MB\n  documents     bytes    tokens  over it", flush=True)
        cases = [(1, tokens) for tokens in (300, 7_000, 60_000) if tokens < longest]
        cases += [(1, longest), (most // 10, 300), (most, 300)]
        for number, (count, tokens) in enumerate(cases):
            file, each = here / f"{number}.jsonl", text(tokens)
            file.write_text("".join(json.dumps({"id": str(i), "text": each}) + "\n" for i in range(count)))
            for kind in ("documents", "tokens"):
                found = child(SCORE, model, file, here / f"s{number}-{kind}", kind)
                over = (found["peak"] - alone) / 1e6
                rows.append({"documents": count, "bytes": count * len(each), "over": over, "rows": kind} | found)
                print(f"{count:11d} {count * len(each):9d} {found['tokens']:9.0f} {over:8.0f} MB, {kind}", flush=True)
        same = [row["first"] for row in rows if row["bytes"] == row["documents"] * len(text(300))]
        assert max(same) - min(same) <= 1e-6 * max(same), same
    over = [row["over"] for row in rows]
    print(f"from {min(over):.0f} to {max(over):.0f} MB (aim: 300 at most)")
    print(json.dumps({"benchmark": "score_memory", "alone": alone, "rows": rows}))


if __name__ == "__main__":
    main()
