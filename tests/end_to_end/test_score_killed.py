"""kill -9 at any moment after the first shard, then resume: the same directory to the byte, made of what was there.

The moments are spread over most of what an undisturbed run takes, one drawn in each equal part of it. What is killed is
a process of its own; what resumes is one as well for the first of them.
"""

import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq

import entropist as en
from campaigns import campaign
from certificates import certifies
from entropist.scoring import _score

pytestmark = certifies("scoring")

SHARD = 400  # bytes of text a shard, so that a small corpus has many
WORDS = re.findall(
    r"\S+", "the tide went out and with it went boats gulls rope brine a lamp burnt low over cold stone naïve 🙂"
)
CHILD = """
import sys
import entropist.scoring._score as module
from entropist.scoring import score
module._SHARD_BYTES = int(sys.argv[3])
score(sys.argv[1], save=sys.argv[2], tokens=True, words=True, window=64, resume="resume" in sys.argv)
"""


def corpus(count):
    g = np.random.default_rng(0)
    return [
        {"id": f"d{i}", "text": " ".join(WORDS[j] for j in g.integers(0, len(WORDS), g.integers(0, 120)))}
        for i in range(count)
    ]


def contents(directory):
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def begin(file, directory):
    """A run in a process of its own, whose first shard is in place."""
    process = subprocess.Popen([sys.executable, "-c", CHILD, str(file), str(directory), str(SHARD)])
    while not (directory / "documents/shard-00000.parquet").exists():
        assert process.poll() is None
        time.sleep(0.002)
    return process


def complete(directory):
    return json.loads((directory / "manifest.json").read_text())["complete"]


def test_killed_at_any_moment_and_resumed(tmp_path, monkeypatch, record_property):
    monkeypatch.setattr(_score, "_SHARD_BYTES", SHARD)
    file, documents = tmp_path / "corpus.jsonl", corpus(40)
    file.write_text("".join(json.dumps(d) + "\n" for d in documents))
    model, began = en.load_model("builtin:base"), time.monotonic()
    en.score(file, model=model, window=64, save=tmp_path / "whole", tokens=True, words=True)
    # From the first shard on; the last tenths are left out, or the run would often be over before it is killed.
    span, whole = 0.6 * (time.monotonic() - began), contents(tmp_path / "whole")
    g, kills = np.random.default_rng(7), campaign(20, least=2)
    reused, unfinished = [], 0
    for number in range(kills):
        directory = tmp_path / f"killed-{number}"
        process = begin(file, directory)
        time.sleep(span * (number + g.random()) / kills)
        process.send_signal(signal.SIGKILL)
        process.wait()
        unfinished += not complete(directory)
        there = len(list((directory / "documents").glob("shard-*.parquet")))
        if number == 0:
            command = [sys.executable, "-c", CHILD, str(file), str(directory), str(SHARD), "resume"]
            subprocess.run(command, check=True)
        else:
            resumed = en.score(file, model=model, window=64, save=directory, resume=True, tokens=True, words=True)
            assert resumed.shards_reused == there
            reused.append(resumed.shards_reused)
        assert contents(directory) == whole
        for kind in ("documents", "tokens", "words"):
            ids = pq.read_table(directory / kind, columns=["id"])["id"].to_pylist()
            once = list(dict.fromkeys(ids))
            expected = [d["id"] for d in documents if kind == "documents" or d["text"]]
            assert once == expected, "lost, or out of order"
            assert kind != "documents" or ids == expected, "twice"
        assert there >= 1
    shards = len([name for name in whole if name.startswith("documents")])
    record_property("kills", kills)
    record_property("killed_before_the_end", unfinished)
    record_property("shards", shards)
    record_property("shards_reused", reused)
    assert unfinished >= kills / 2, "the moments must lie within the run"
    assert min(reused) >= 1
    assert shards > 10


def test_whatever_part_of_a_shard_is_missing_is_made_again(tmp_path, monkeypatch):
    """What a kill between two renames leaves: a shard is there only with all its tables."""
    monkeypatch.setattr(_score, "_SHARD_BYTES", SHARD)
    model, options = en.load_model("builtin:base"), {"window": 64, "tokens": True, "words": True}
    en.score(corpus(12), model=model, save=tmp_path / "s", **options)
    whole = contents(tmp_path / "s")
    shards = len([name for name in whole if name.startswith("documents")])
    kinds = {name.partition("/")[0] for name in whole if "/" in name}
    assert kinds >= {"documents", "tokens", "words"}
    for kind in sorted(kinds):
        (tmp_path / "s" / kind / "shard-00002.parquet").unlink()
        (tmp_path / "s" / kind / ".entropist-left.part").write_bytes(b"half a shard")
        found = en.score(corpus(12), model=model, save=tmp_path / "s", resume=True, **options)
        assert contents(tmp_path / "s") == whole
        assert found.shards_reused == shards - 1
