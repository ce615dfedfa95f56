"""Ray Data as the engine: the same bytes as in the process, also when workers are killed, and nothing left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import entropist as en
from entropist.errors import InputError, MissingExtraError, ModelError
from entropist.scoring import _score
from entropist.scoring._ray_session import cores_for

ray = pytest.importorskip("ray")

TEXT = re.findall(r"\S+", "the tide went out and with it went boats gulls rope brine a lamp <s> naïve 🙂 cold stone")
SHARD = 400  # bytes of text a shard


def corpus(count: int) -> list[dict[str, str]]:
    g = np.random.default_rng(5)
    return [
        {"id": f"d{i}", "text": " ".join(TEXT[j] for j in g.integers(0, len(TEXT), g.integers(0, 60)))}
        for i in range(count)
    ]


def contents(directory: Path) -> dict[str, bytes]:
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


class Watched:
    """The built-in model, in a wrapper of the test's own: it leaves the process's number, and may not survive."""

    def __init__(self, inner, folder, deadly=""):
        self.__dict__.update(inner.__dict__)
        self.inner, self.folder, self.deadly = inner, folder, deadly

    def tokenize(self, text):
        (self.folder / f"worker-{os.getpid()}").touch()
        if self.deadly and self.deadly in text:
            os.kill(os.getpid(), signal.SIGKILL)
        if "no token for this" in text:
            raise ModelError("the tokenizer gave up")
        return self.inner.tokenize(text)

    def piece(self, token_id):
        return self.inner.piece(token_id)

    def hidden(self, ids):
        time.sleep(0.02)
        return self.inner.hidden(ids)


@pytest.fixture(scope="module")
def model():
    return en.load_model("builtin:base")


@pytest.fixture(scope="module")
def two_workers():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="CRITICAL")
    yield
    ray.shutdown()
    ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    torch.set_num_threads(threads)


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(_score, "_SHARD_BYTES", SHARD)


def workers_of(folder: Path) -> list[int]:
    return [int(path.name.removeprefix("worker-")) for path in folder.glob("worker-*")]


def test_the_same_bytes_and_a_killed_worker_costs_nothing(model, two_workers, small_shards, tmp_path):
    documents = corpus(60)
    en.score(documents, model=model, save=tmp_path / "here", tokens=True, words=True)
    seen = tmp_path / "seen"
    seen.mkdir()
    killed = []

    def kill_one():
        first = tmp_path / "there/documents/shard-00000.parquet"
        while not first.exists():
            time.sleep(0.01)
        victim = workers_of(seen)[0]
        os.kill(victim, signal.SIGKILL)
        killed.append(victim)

    thread = threading.Thread(target=kill_one, daemon=True)
    thread.start()
    found = en.score(
        documents, model=Watched(model, seen), save=tmp_path / "there", tokens=True, words=True, engine="ray", workers=2
    )
    thread.join()
    assert found.documents["id"].to_pylist() == [document["id"] for document in documents]
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert len(contents(tmp_path / "there")) > 30
    assert killed
    assert os.getpid() not in workers_of(seen)
    assert len(workers_of(seen)) >= 2


def test_what_was_begun_in_the_process_is_finished_by_ray(model, two_workers, small_shards, tmp_path):
    documents = corpus(40)
    en.score(documents, model=model, save=tmp_path / "whole")
    kept = 5

    class StopError(Exception):
        pass

    def broken_off():
        for number, document in enumerate(documents):
            if number == 25:
                raise StopError
            yield document

    with pytest.raises(StopError):
        en.score(broken_off(), model=model, save=tmp_path / "half", engine="ray", workers=2)
    done = sorted((tmp_path / "half/documents").iterdir())
    assert len(done) >= kept  # what was read before the error is done and in place
    done[1].unlink()
    found = en.score(documents, model=model, save=tmp_path / "half", resume=True, engine="ray", workers=2)
    assert found.shards_reused == len(done) - 1
    assert contents(tmp_path / "half") == contents(tmp_path / "whole")


def test_a_name_stopping_early_and_errors_of_workers(model, two_workers, small_shards, tmp_path):
    documents = corpus(90)
    options = {"until_stderr": 0.4, "seed": 3}
    here = en.score(documents, model="builtin:base", **options)
    there = en.score(documents, model="builtin:base", engine="ray", workers=2, **options)
    assert 30 <= here.documents.num_rows < 90
    assert there.documents.equals(here.documents)
    with pytest.raises(ModelError, match="the tokenizer gave up") as caught:
        en.score(["a", "no token for this"], model=Watched(model, tmp_path), engine="ray", workers=1)
    assert "on a worker" in "".join(caught.value.__notes__)
    until = time.monotonic() + 30
    while ray.available_resources().get("CPU") != 2:  # the workers are gone
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_document_that_kills_every_worker_ends_the_run(model, two_workers, tmp_path):
    deadly = Watched(model, tmp_path, deadly="poison")
    with pytest.raises(ModelError, match="3 workers in a row died of the shard that begins with 'document:1'"):
        en.score(["some poison"], model=deadly, engine="ray", workers=1)
    assert len(workers_of(tmp_path)) == 3


def test_what_is_refused(model, two_workers, tmp_path):
    for options, message in (
        ({"engine": "spark"}, "engine is 'in-process' or 'ray'"),
        ({"workers": 2}, "they go with the engine ray"),
        ({"ray_address": "auto"}, "they go with the engine ray"),
        ({"engine": "ray", "workers": 0}, "1 or more"),
        ({"engine": "ray", "workers": 3}, "too few for 3 workers"),
        ({"engine": "ray", "ray_address": "10.0.0.1:6379"}, "already part of the Ray at"),
        ({"engine": "ray", "ray_address": "ray://10.0.0.1:10001"}, "Ray Client"),
    ):
        with pytest.raises(InputError, match=message):
            en.score(["some text"], model=model, **options)
    cannot = Watched(model, tmp_path)
    cannot.lock = threading.Lock()
    with pytest.raises(InputError, match="cannot be sent to other processes"):
        en.score(["some text"], model=cannot, engine="ray")


def test_the_extra_that_is_missing(model, monkeypatch):
    monkeypatch.delitem(sys.modules, "entropist.scoring._ray")
    monkeypatch.delattr("entropist.scoring._ray")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"needs the extra 'scale': pip install 'entropist\[scale\]'"):
        en.score(["some text"], model=model, engine="ray")


@pytest.mark.parametrize(
    ("machines", "workers", "expected"),
    [
        ([8], None, (1, 8)),
        ([8], 2, (2, 4)),
        ([8], 3, (3, 2)),
        ([4, 4], 3, (3, 2)),
        ([4, 2], None, (2, 2)),
        ([16, 0], None, (1, 16)),
        ([5, 3], 8, (8, 1)),
    ],
)
def test_cores_are_shared_out_so_that_all_workers_fit(monkeypatch, machines, workers, expected):
    nodes = [{"Alive": True, "Resources": {"CPU": float(cores)}} for cores in machines]
    nodes.append({"Alive": False, "Resources": {"CPU": 64.0}})
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    assert cores_for(workers) == expected


def test_the_command_is_quiet_and_stops_what_it_started(tmp_path):
    file = tmp_path / "c.jsonl"
    file.write_text("".join(json.dumps(document) + "\n" for document in corpus(12)))
    command = [sys.executable, "-W", "error", "-m", "entropist", "score", file, "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("RAY_ADDRESS", None)
    here = subprocess.run(command, capture_output=True, text=True, env=environment)
    before = ray_processes()
    there = subprocess.run(
        [*command, "--engine", "ray", "--workers", "2"], capture_output=True, text=True, env=environment
    )
    assert (there.returncode, there.stderr) == (0, "")
    assert there.stdout == here.stdout
    until = time.monotonic() + 30
    while ray_processes() - before:
        assert time.monotonic() < until
        time.sleep(0.1)


def ray_processes() -> set[int]:
    """Servers of Ray on this machine."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if b"gcs_server" in line or b"/raylet/raylet" in line:
            found.add(int(path.parent.name))
    return found
