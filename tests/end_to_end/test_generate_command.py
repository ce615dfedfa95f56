"""`entropist generate` as people use it, in processes of its own: text, files, JSON, Ctrl-C, colours."""

import json
import math
import os
import pty
import re
import signal
import subprocess
import sys

import pytest

import entropist as en
from entropist import report
from entropist.decoding import Adaptive, Generation, generate, rollouts

COMMAND = [sys.executable, "-m", "entropist", "generate"]
PROMPT = "It was the best of"


def command(*arguments, **options):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, check=True, **options)
    return done.stdout.decode(), done.stderr.decode()


def test_text_files_and_json(tmp_path):
    chain = "min_p=0.05,temperature=0.8"
    out, err = command(
        PROMPT, "--max-tokens", "12", "--seed", "3", "--sampler", chain, "--explain", "--save", "a.jsonl",
        "--html", "a.html", cwd=tmp_path,
    )  # fmt: skip
    expected = generate(PROMPT, sampler=chain, max_tokens=12, seed=3)
    assert out.startswith(PROMPT + expected.text.replace("\r\n", "\n"))
    assert "\x1b" not in out
    assert "12 tokens · ended by the length asked for" in out
    rows = [line.split() for line in out.splitlines() if line.strip()[:2].strip().isdigit()]
    steps = expected.steps.to_pylist()
    assert [int(row[3]) for row in rows[:12]] == [step["rank"] for step in steps]
    assert [int(row[6]) for row in rows[:12]] == [step["kept"] for step in steps]
    assert err.splitlines() == ["wrote a.jsonl", "wrote a.html"]
    assert Generation.load(tmp_path / "a.jsonl").trace == expected.trace
    assert (tmp_path / "a.html").read_text() == report.generation_page(expected)
    found, _ = command(PROMPT, "--max-tokens", "12", "--seed", "3", "--sampler", chain, "--json")
    values = json.loads(found)
    assert values["texts"] == list(expected.texts)
    assert values["sampler"] == "min_p=0.05, temperature=0.8"
    assert len(values["chain"]["kept_mass"]) == len(values["trace"]["columns"]["token_id"])


def test_a_turn_is_asked_and_the_reply_stands_below_it():
    out, _ = command(PROMPT, "--model", "builtin:tuned", "--chat", "--sampler", "greedy", "--max-tokens", "30")
    reply = generate(PROMPT, model="builtin:tuned", chat=True, sampler="greedy", max_tokens=30)
    assert out.startswith(f"{PROMPT}\n{reply.text}")
    assert "ended by the model's end token" in out


def test_samples_rules_and_standard_input(tmp_path):
    out, err = command(
        "--samples", "2", "--adaptive", "entropix-v2", "--max-tokens", "6", "--html", "a.html", "--svg", "b.svg",
        cwd=tmp_path, input=PROMPT.encode(),
    )  # fmt: skip
    assert "sample 1 of 2" in out
    assert "sample 2 of 2" in out
    assert "rule high entropy, high varentropy:" in out
    assert "entropy of a continuation" not in out, "its tokens are no draws"
    assert "samples differ (by words)" in out or "modes (by words)" in out
    assert err.splitlines() == ["wrote a.html", "wrote a-2.html", "wrote b.svg", "wrote b-2.svg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2.html", "a.html", "b-2.svg", "b.svg"]
    found = generate(PROMPT, sampler=Adaptive("entropix-v2"), samples=2, max_tokens=6)
    assert (tmp_path / "b-2.svg").read_text() == report.svg(found.sample(1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--sampler", "greedy", "--adaptive", "entropix-v1"], "takes no --sampler: leave one of them out"),
        (["x", "--profile", "llama.cpp", "--adaptive", "entropix-v1"], "takes no --profile: leave one of them out"),
        (["x", "--adaptive", "v7"], "there are no thresholds 'v7'"),
        (["x", "--sampler", "hot=1"], "there is no sampler 'hot'"),
        (["x", "--sampler", ""], "'' is no step of a chain"),
        (["x", "--save", "a.txt"], "must end in one of them"),
    ],
)
def test_what_is_wrong_is_one_line(arguments, message, tmp_path):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_what_had_come(tmp_path):
    process = subprocess.Popen(
        [*COMMAND, PROMPT, "--max-tokens", "100000", "--save", "a.parquet", "--html", "a.html"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    try:
        seen = process.stdout.read(200)  # that much has been generated
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "stopped; the tokens that had come were kept." in err.decode()
    assert "ended by an interruption" in (seen + rest).decode()
    read = Generation.load(tmp_path / "a.parquet")
    assert read.settings.stopped == ("interrupted",)
    tokens = len(read.token_ids[0])
    assert tokens > 30
    assert read.token_ids == generate(PROMPT, max_tokens=tokens).token_ids
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.parquet"]
    assert en.Trace.from_arrow(read.trace.to_arrow()) == read.trace


def test_a_reader_who_leaves_costs_no_record(tmp_path):
    arguments = [PROMPT, "--max-tokens", "100000", "--save", "a.parquet"]
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.read(60)
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 0
    assert err == b""
    read = Generation.load(tmp_path / "a.parquet")
    assert read.settings.stopped == ("interrupted",)
    assert len(read.token_ids[0]) > 5


@pytest.mark.skipif(not hasattr(pty, "openpty"), reason="needs a pseudo-terminal")
def test_a_terminal_sees_colours_and_whole_characters():
    reader, terminal = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    prompt = "日本 said"
    process = subprocess.Popen(
        [*COMMAND, prompt, "--model", "builtin:bytes", "--max-tokens", "30", "--sampler", "temperature=2"],
        stdout=terminal, stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    os.close(terminal)
    seen = b""
    while True:
        try:
            part = os.read(reader, 4096)
        except OSError:  # Linux ends a pseudo-terminal with an error
            break
        if not part:
            break
        seen += part
    assert process.wait() == 0
    assert b"\x1b[" in seen
    assert prompt in seen.decode()
    assert "\ufffd" not in seen.decode()


def test_what_samples_say_together():
    out, err = command(
        PROMPT, "--samples", "9", "--max-tokens", "1", "--sampler", "top_k=2", "--seed", "1", "--explain"
    )
    assert re.findall(r"^ {5}(\d) {5}0  ", out, re.MULTILINE) == list("123456789"), "numbered as in the headings"
    found = rollouts(generate(PROMPT, sampler="top_k=2", samples=9, max_tokens=1, seed=1))
    assert f"entropy of a continuation {found.entropy.rao_blackwell.to('bits')}" in out
    assert f"2 modes (by words), the largest of {max(found.modes.counts)} samples" in out
    surprisal = -found.mean_logprobs[found.best] / math.log(2)
    assert f"the likeliest is sample {found.best + 1}, {surprisal:.2f} bits a token" in out
    assert "ended by the length asked for (all samples)" in out
    assert err == ""
