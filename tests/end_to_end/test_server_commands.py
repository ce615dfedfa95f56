"""The commands for servers, in processes of their own: diagnose, ask, watch; on real answers and a real server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import entropist as en
from fault_server import KEY, WORDS, chunk, fault_server
from llama import gguf_of, needs_tools, server

SHARED = os.environ.get("ENTROPIST_SHARED")
needs_answers = pytest.mark.skipif(not SHARED, reason="ENTROPIST_SHARED is not set: no real answers here")


def command(*arguments, expect=0, **options):
    done = subprocess.run([sys.executable, "-m", "entropist", *map(str, arguments)], capture_output=True, **options)
    assert done.returncode == expect, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return done.stdout.decode(), done.stderr.decode()


def answer(path, words=WORDS):
    """An answer as a server streams it, in a file."""
    lines = [f"data: {json.dumps(chunk(word))}\n\n" for word in words]
    path.write_text("".join([*lines, "data: [DONE]\n\n"]))
    return path


def test_one_answer_is_told_in_words(tmp_path):
    files = ("--html", tmp_path / "a.html", "--svg", tmp_path / "a.svg")
    out, err = command("diagnose", answer(tmp_path / "a.sse"), *files)
    assert err.splitlines() == [f"wrote {tmp_path / 'a.html'}", f"wrote {tmp_path / 'a.svg'}"]
    for told in ("gpt-4o-mini", "openai-chat", "11 tokens", "missing mass     10 % a token", "findings         none"):
        assert told in out
    assert "to" in next(line for line in out.splitlines() if line.startswith("mean entropy"))
    page = (tmp_path / "a.html").read_text()
    assert "gpt-4o-mini" in page
    drift = re.search(r"^drift +(.*)$", out, re.MULTILINE)[1]
    assert f"<dt>drift</dt><dd><bdi>{drift}</bdi>" in page
    assert "drift: no alarm" in (tmp_path / "a.svg").read_text()


def test_the_json_holds_the_totals_of_the_record(tmp_path):
    path = answer(tmp_path / "a.sse")
    told = json.loads(command("diagnose", path, "--json", "--unit", "nats")[0])
    trace = en.read_response(path)
    assert told["tokens"] == len(trace) == 11
    assert told["mean_entropy"] == [trace.mean_entropy_bounds().low, trace.mean_entropy_bounds().high]
    assert told["missing_mass"] == pytest.approx(0.1, abs=1e-6)
    assert told["sampling"]["verdict"] in ("raw", "processed", "cannot tell")


def test_two_answers_are_compared_and_more_make_a_table(tmp_path):
    first, second = answer(tmp_path / "a.sse"), answer(tmp_path / "b.sse", [*WORDS[:6], " days"])
    out, _ = command("diagnose", first, second)
    assert "second − first" in out
    assert "the first 6 tokens are the same" in out
    assert "the same text, token by token" in command("diagnose", first, first)[0]
    err = command("diagnose", first, second, "--html", tmp_path / "a.html", expect=2)[1]
    assert "--html and --svg show one answer; given 2. Give one of them" in err
    assert not (tmp_path / "a.html").exists()
    answer(tmp_path / "c.json").rename(tmp_path / "c.jsonl")
    out, _ = command("diagnose", tmp_path)
    assert [line.split()[0] for line in out.splitlines()] == ["answer", "a.sse", "b.sse", "c.jsonl"]


def test_what_cannot_be_diagnosed_is_said_and_the_rest_is_shown(tmp_path):
    answer(tmp_path / "a.sse")
    (tmp_path / "b.json").write_text('{"choices": [{"message": {"content": "no numbers"}}]}')
    out, err = command("diagnose", tmp_path, expect=2)
    assert "gpt" not in err
    assert "a.sse" not in err
    assert "tokens" in out or "11" in out
    assert "b.json" in err
    assert "1 of 2 files could not be read" in err
    (tmp_path / "empty").mkdir()
    assert "holds no file named" in command("diagnose", tmp_path / "empty", expect=2)[1]
    assert "cannot read" in command("diagnose", tmp_path / "no.json", expect=2)[1]


@needs_answers
def test_real_answers(tmp_path):
    folder = Path(SHARED) / "data/api"
    out, _ = command("diagnose", folder / "domain_creative.json")
    assert "perplexity       ≥ 1.8" in out
    assert "censored         1 token" in out
    assert "Gene" in out
    _, err = command("diagnose", folder / "gpt2_logits_openai.json", expect=2)
    assert "raw logits" in err
    out, err = command("diagnose", folder, expect=2)
    assert len(out.splitlines()) == 12
    assert "raw logits" in err


def test_an_answer_is_traced_as_it_streams(tmp_path):
    environment = {**os.environ, "ENTROPIST_API_KEY": KEY}
    with fault_server(("whole",)) as (address, seen):
        files = ("--save", tmp_path / "a.parquet", "--html", tmp_path / "a.html", "--svg", tmp_path / "a.svg")
        out, err = command("ask", address, "say it", *files, env=environment)
        assert all((tmp_path / name).stat().st_size for name in ("a.parquet", "a.html", "a.svg"))
        assert seen.requests[0][0]["Authorization"] == f"Bearer {KEY}"
        asked = len(seen.requests)
        assert "the prompt is empty" in command("ask", address, input=b"", expect=2)[1]
        assert len(seen.requests) == asked
    assert "".join(WORDS) in out
    assert "mean entropy" in out
    assert KEY not in out + err + (tmp_path / "a.html").read_text()
    assert KEY.encode() not in (tmp_path / "a.parquet").read_bytes()
    assert en.Trace.load(tmp_path / "a.parquet").text_bytes().decode() == "".join(WORDS)


def test_a_server_that_breaks_off_leaves_what_came(tmp_path):
    with fault_server(("unfinished", 5)) as (address, _):
        out, err = command("ask", address, "say it", "--save", tmp_path / "a.jsonl", expect=2)
    assert "".join(WORDS[:5]) in out
    assert "The 5 tokens that had come were kept" in err
    assert len(en.Trace.load(tmp_path / "a.jsonl")) == 5


def test_watch_keeps_rounds_and_sees_no_change(tmp_path):
    with fault_server(("whole",)) as (address, seen):
        store = tmp_path / "w.jsonl"
        arguments = ("watch", address, "--store", store, "--prompt", "one", "--prompt", "two", "--every", "0")
        out, _ = command(*arguments, "--rounds", "3")
        assert "3 rounds of 2 canaries" in out
        assert "no change seen" in out
        command(*arguments, "--rounds", "1")
        told = json.loads(command(*arguments, "--rounds", "0", "--json")[0])
        assert (told["rounds"], told["alarm"], told["distance"]) == (4, None, [0.0] * 4)
        _, err = command("watch", address, "--store", tmp_path / "none.jsonl", "--rounds", "0", expect=2)
        assert "there is no store" in err
        _, err = command("watch", address, "--store", store, "--rounds", "0", expect=2)
        assert "other canaries" in err
        asked = len(seen.requests)
        for wrong in (("--false-alarms", "2"), ("--store", tmp_path / "no" / "w.jsonl")):
            err = command("watch", address, "--prompt", "one", *wrong, expect=2)[1]
            assert "between 0 and 1" in err or "Make its directory first" in err
        assert len(seen.requests) == asked, "refused before anything is asked"
    store.write_text("not json\n")
    assert "is no store of rounds" in command(*arguments, "--rounds", "0", expect=2)[1]


@needs_tools
def test_watch_finds_the_other_model_behind_the_name(tmp_path):
    store = tmp_path / "w.jsonl"
    for kind, rounds in (("base", 30), ("bytes", 12)):
        with server(gguf_of(kind, tmp_path), "-c", "512") as address:
            out, _ = command("watch", address, "--store", store, "--rounds", rounds, "--every", "0")
            assert ("CHANGED" in out) == (kind == "bytes")
