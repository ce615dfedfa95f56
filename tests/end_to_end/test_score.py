"""A corpus scored whole: whatever the batches, the same bytes; what cannot be resumed; the command."""

import errno
import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

import entropist as en
from entropist.corpus import Documents
from entropist.errors import FileError, InputError
from entropist.scoring import _score, _store

WORDS = re.findall(
    r"\S+", "the tide went out and with it went boats gulls rope brine a lamp burnt low over cold stone naïve 🙂"
)
SHARD = 400  # bytes of text a shard, so that a small corpus has many


def corpus(count, seed=0, most=120):
    g = np.random.default_rng(seed)
    return [
        {
            "id": f"d{i}",
            "text": " ".join(WORDS[j] for j in g.integers(0, len(WORDS), g.integers(0, most))),
            "kind": "ab"[i % 2],
        }
        for i in range(count)
    ]


def contents(directory):
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def model():
    return en.load_model("builtin:base")


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(_score, "_SHARD_BYTES", SHARD)


@pytest.mark.parametrize("protocol", ["sliding", "disjoint", "strided", "half-window"])
def test_batches_change_nothing(model, protocol):
    documents = corpus(25)
    tables = [
        en.score(documents, model=model, protocol=protocol, window=32, batch_tokens=size).documents
        for size in (1, 64, 500, 1 << 16)
    ]
    for table in tables[1:]:
        assert table.equals(tables[0])


def test_neighbours_change_nothing(model, monkeypatch):
    documents = corpus(20)
    together = en.score(documents, model=model).documents.to_pylist()
    for row, document in zip(together, documents):
        if row["scored_tokens"]:
            alone = en.score([document], model=model).documents.to_pylist()[0]
            for name in ("surprisal", "entropy", "varentropy", "rank_histogram", "scored_bytes"):
                assert row[name] == alone[name]
    monkeypatch.setattr(_score, "_SHARD_BYTES", SHARD)
    assert en.score(documents, model=model).documents.to_pylist() == together


def test_accounts(model):
    found = en.score(corpus(12), model=model, protocol="half-window", window=16)
    sizes = found.bytes()
    assert sizes["scored_"] + sizes["context_"] + sizes["dropped_"] == sizes[""]
    assert sizes[""] == sum(len(d["text"].encode()) for d in corpus(12))
    assert sizes["dropped_"] > 0
    assert sum(found.rank_histogram().values()) == sum(found.documents["scored_tokens"].to_pylist())
    assert found.documents["top1"].to_pylist() == [h[0] for h in found.documents["rank_histogram"].to_pylist()]


def test_saved_and_loaded(model, tmp_path, small_shards):
    found = en.score(corpus(20), model=model, save=tmp_path / "s", tokens=True, words=True, group_column="kind")
    again = en.Score.load(tmp_path / "s")
    assert again.documents.equals(found.documents)
    assert again.model == found.model
    assert again.protocol == found.protocol
    manifest = json.loads((tmp_path / "s/manifest.json").read_text())
    assert manifest["complete"]
    assert manifest["totals"] == json.loads(json.dumps(found.totals()))
    assert len(manifest["shards"]) > 3
    tokens = pq.read_table(tmp_path / "s/tokens")
    assert tokens.num_rows == sum(found.documents["tokens"].to_pylist())
    assert math.fsum(x for x in tokens["surprisal"].to_pylist() if x is not None) == pytest.approx(
        math.fsum(found.documents["surprisal"].to_pylist()), rel=1e-14
    )
    assert pq.read_table(tmp_path / "s/words").num_rows == sum(found.documents["words"].to_pylist())
    assert found.documents["id"].to_pylist() == [d["id"] for d in corpus(20)]
    with pytest.raises(FileError, match="holds a score already"):
        en.score(corpus(20), model=model, save=tmp_path / "s")


def test_texts_without_spaces_and_without_words_are_saved(model, tmp_path):
    found = en.score(["日本語の文章には空白がありません。" * 20, " \n\n"], model=model, save=tmp_path / "s")
    again = en.Score.load(tmp_path / "s")
    assert again.bits_per_byte().value == found.bits_per_byte().value > 0
    assert json.loads((tmp_path / "s/manifest.json").read_text())["totals"]["word_perplexity_micro"]["value"] is None


def test_a_full_disk_leaves_what_can_be_resumed(model, tmp_path, small_shards, monkeypatch):
    en.score(corpus(20), model=model, save=tmp_path / "whole")
    write, calls = pq.write_table, []

    def full(table, path, **options):
        calls.append(path)
        if len(calls) == 5:  # two files a shard
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(table, path, **options)

    monkeypatch.setattr(_store.pq, "write_table", full)
    with pytest.raises(FileError, match="No space left on device"):
        en.score(corpus(20), model=model, save=tmp_path / "full")
    monkeypatch.setattr(_store.pq, "write_table", write)
    assert not list((tmp_path / "full").rglob("*.part"))
    with pytest.raises(FileError, match="not finished"):
        en.Score.load(tmp_path / "full")
    found = en.score(corpus(20), model=model, save=tmp_path / "full", resume=True)
    assert found.shards_reused == 2
    assert contents(tmp_path / "full") == contents(tmp_path / "whole")


def test_an_unreadable_shard_is_made_again(model, tmp_path, small_shards):
    en.score(corpus(20), model=model, save=tmp_path / "s")
    whole = contents(tmp_path / "s")
    (tmp_path / "s/documents/shard-00001.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(FileError, match="resume makes it again"):
        en.Score.load(tmp_path / "s")
    en.score(corpus(20), model=model, save=tmp_path / "s", resume=True)
    assert contents(tmp_path / "s") == whole


def test_an_input_that_has_become_shorter_is_refused(model, tmp_path, monkeypatch):
    """Cut between two shards, all that is left is as it was: the shards behind it would be counted all the same."""
    monkeypatch.setattr(_score, "_SHARD_BYTES", 1)  # a shard a document
    documents = [document for document in corpus(9, most=20) if document["text"]]
    en.score(documents, model=model, save=tmp_path / "s")
    before = contents(tmp_path / "s")
    with pytest.raises(InputError, match=r"the input has changed since .* it ended before shard 5"):
        en.score(documents[:5], model=model, save=tmp_path / "s", resume=True)
    assert contents(tmp_path / "s") == before
    longer = en.score([*documents, {"id": "z", "text": "more"}], model=model, save=tmp_path / "s", resume=True)
    assert longer.shards_reused == len(documents) == longer.documents.num_rows - 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"documents": corpus(20, seed=1)}, "input has changed"),
        ({"model": "builtin:bytes"}, "another model"),
        ({"window": 32}, "another protocol"),
        ({"tokens": True}, "another options"),
    ],
)
def test_what_cannot_be_resumed(model, tmp_path, small_shards, change, message):
    given = {"documents": corpus(20), "model": model}
    en.score(**given, save=tmp_path / "s")
    before = contents(tmp_path / "s")
    with pytest.raises(InputError, match=message):
        en.score(**given | change, save=tmp_path / "s", resume=True)
    assert contents(tmp_path / "s") == before


def test_what_is_refused(model, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/a").touch()
    for options, message in (
        ({"resume": True}, "give save"),
        ({"tokens": True}, "give save"),
        ({"until_stderr": 0.0}, "must be positive"),
        ({"batch_tokens": 0}, "1 or more"),
        ({"window": 513}, "longer than the 512"),
        ({"protocol": "half"}, "not known"),
        ({"protocol": "whole", "window": 4}, "^document:1: a document of .* 'sliding' takes any length"),
        ({"protocol": "half-window"}, "no token was scored"),
        ({"save": tmp_path / "full"}, "holds no score"),
    ):
        with pytest.raises((InputError, FileError), match=message):
            en.score(["some text of a few words"], model=model, **options)
    with pytest.raises(InputError, match=r"^document:2: a document of "):
        en.protocol_report(["a", "some text of a few words"], model=model, protocols=["sliding", "whole"], window=4)
    with pytest.raises(InputError, match="no token was scored in 0 documents"):
        en.score([], model=model)
    with pytest.raises(InputError, match="readable twice"):
        en.score(iter(["a"]), model=model, until_stderr=1.0)
    with pytest.raises(InputError, match="no token was scored"):
        en.score(["", "a"], model=model, bos=False)


def test_stopping_when_the_error_is_small(model):
    documents = corpus(150, most=30)
    found = en.score(documents, model=model, until_stderr=0.2, seed=3)
    assert 30 <= found.documents.num_rows < 150
    assert found.bits_per_byte().stderr <= 0.2
    again = en.score(documents, model=model, until_stderr=0.2, seed=3)
    assert again.documents.equals(found.documents)
    other = en.score(documents, model=model, until_stderr=0.2, seed=4)
    assert other.documents["id"].to_pylist() != found.documents["id"].to_pylist()
    every = en.score(documents, model=model, until_stderr=1e-9, seed=3)
    assert sorted(every.documents["id"].to_pylist()) == sorted(d["id"] for d in documents)


def command(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "entropist", "score", *arguments], capture_output=True, text=True, **options
    )


def test_the_command(tmp_path):
    file = tmp_path / "c.jsonl"
    file.write_text("".join(json.dumps(d) + "\n" for d in corpus(12)) + "{\n")
    arguments = [file, "--on-error", "skip", "--group-column", "kind"]
    shown = command(*arguments, "--words", tmp_path / "w.csv")
    assert shown.returncode == 0, shown.stderr
    assert "bits per byte" in shown.stdout
    assert "1 document could not be read, skipped, the first:" in shown.stdout
    assert (tmp_path / "w.csv").read_text().startswith('"index","id","word","text"')
    values = json.loads(command(*arguments, "--json", "--save", tmp_path / "s").stdout)
    found = en.score(Documents(file, on_error="skip", group_column="kind"))
    assert values["bits_per_byte_micro"]["value"] == found.bits_per_byte().value
    assert values["skipped"] == 1
    compared = json.loads(command(*arguments, "--protocol", "sliding,disjoint", "--window", "32", "--json").stdout)
    assert [line["protocol"] for line in compared] == ["sliding", "disjoint"]
    kept = command(*arguments, "--keep", "0-0.5").stdout.split()
    assert kept == found.between(0, 0.5)


def test_the_command_reads_standard_input_and_names_a_bad_line():
    piped = command("--format", "jsonl", input=json.dumps(corpus(2)[1]) + "\n{\n")
    assert piped.returncode == 2
    assert "standard input:2 is not JSON" in piped.stderr
