"""How fast a server's answer becomes a record with bounds: against `json.loads` of the same bytes, in one process.

The answer is a chat completion with 20 alternatives a token and the bytes of each, about 1.6 KB a token: a real one
where shared data is at hand (repeated to 6 000 tokens), else made up. Rounds alternate, the least time counts.
Equality first: the totals of the record are those of a plain loop over the JSON. Then 200 MB of JSON lines in
a process of its own, for its peak of memory. Run: python benchmarks/responses.py [megabytes of lines]
"""

import copy
import json
import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from entropist.responses import read_response, read_responses

TOKENS, K, ROUNDS = 6_000, 20, 9

LINES = """
import resource, sys, time
from entropist.responses import read_responses
began, tokens = time.process_time(), 0
for trace in read_responses(sys.argv[1]):
    tokens += len(trace)
print(tokens, time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def answer() -> dict:
    """A chat completion of TOKENS tokens with K alternatives each."""
    shared = os.environ.get("ENTROPIST_SHARED")
    if shared:
        real = json.loads((Path(shared) / "data/api/domain_creative.json").read_text(encoding="utf-8"))
    else:
        real = made_up()
    choice = real["choices"][0]
    content = choice["logprobs"]["content"]
    times = TOKENS // len(content)
    choice["logprobs"]["content"] = [copy.copy(element) for _ in range(times) for element in content]
    choice["message"]["content"] *= times
    return real


def made_up() -> dict:
    """150 tokens in the same shape, from words of three to eight letters."""
    draw = random.Random(0)
    words = [" " + "".join(draw.choices("abcdefghijklmnop", k=draw.randint(3, 8))) for _ in range(1500)]
    content = []
    for _ in range(150):
        weights = sorted((draw.expovariate(1) ** 3 + 1e-9 for _ in range(K + 30)), reverse=True)
        total = sum(weights)
        top = [
            {"token": word, "logprob": math.log(weight / total), "bytes": list(word.encode())}
            for word, weight in zip(draw.sample(words, K), weights)
        ]
        content.append({**top[0], "top_logprobs": top})
    text = "".join(element["token"] for element in content)
    choice = {"index": 0, "message": {"content": text}, "logprobs": {"content": content}, "finish_reason": "stop"}
    return {"object": "chat.completion", "model": "gpt-4o-mini", "choices": [choice]}


def check(value: dict, text: bytes) -> None:
    trace = read_response(text)
    content = value["choices"][0]["logprobs"]["content"]
    assert len(trace) == len(content)
    assert trace.table["token_bytes"].to_pylist() == [bytes(element["bytes"]) for element in content]
    told = math.fsum(-element["logprob"] for element in content if element["logprob"] > -9999)
    found = trace.column("surprisal")
    assert math.isclose(math.fsum(found[found == found]), told, rel_tol=1e-12)
    listed = [a["logprob"] for element in content for a in element["top_logprobs"]]
    assert (
        max(abs(a - b) for a, b in zip(trace.table["top_logprobs"].combine_chunks().flatten().to_pylist(), listed))
        < 1e-5
    )


def main() -> None:
    value = answer()
    text = json.dumps(value, separators=(",", ":")).encode()
    check(value, text)
    tokens = len(value["choices"][0]["logprobs"]["content"])
    lines = [json.dumps(one(value, part), separators=(",", ":")) for part in range(40)]
    many = "\n".join(lines).encode()
    ways = {
        "json.loads": lambda: json.loads(text),
        "one answer": lambda: read_response(text),
        "40 answers": lambda: [len(trace) for trace in read_responses(many)],
    }
    least = dict.fromkeys(ways, math.inf)
    for _ in range(ROUNDS):
        for name, act in ways.items():
            began = time.process_time()
            act()
            least[name] = min(least[name], time.process_time() - began)
    print(f"{tokens} tokens, {K} alternatives, {len(text) / tokens:.0f} bytes a token; processor time")
    for name, seconds in least.items():
        print(f"{name:12s} {tokens / seconds:10.0f} tokens/s   {least['json.loads'] / seconds:5.2f} x json.loads")
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    file = Path("build/benchmark.jsonl")
    file.parent.mkdir(exist_ok=True)
    with file.open("w") as out:
        while out.tell() < megabytes * 1_000_000:
            out.write(lines[0] + "\n")
    done = subprocess.run([sys.executable, "-c", LINES, str(file)], capture_output=True, text=True, check=True)
    seen, seconds, peak = (float(word) for word in done.stdout.split())
    size = file.stat().st_size
    file.unlink()
    print(f"{size / 1e6:.0f} MB of lines: {seen:.0f} tokens, {seen / seconds:.0f} tokens/s, peak {peak / 1e6:.0f} MB")
    row = {
        "tokens": tokens,
        "ratios": {n: least["json.loads"] / s for n, s in least.items()},
        "peak": peak,
        "file": size,
    }
    print(json.dumps(row))


def one(value: dict, part: int) -> dict:
    """The answer's tokens from 150·part on, as an answer of its own."""
    small = {**value, "choices": [dict(value["choices"][0])]}
    choice = small["choices"][0]
    content = choice["logprobs"]["content"][150 * part : 150 * (part + 1)]
    choice["logprobs"] = {"content": content}
    choice["message"] = {
        "content": bytes(b for element in content for b in element["bytes"]).decode("utf-8", "replace")
    }
    return small


if __name__ == "__main__":
    main()
