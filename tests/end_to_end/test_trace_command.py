"""The command as people use it, in processes of its own: text, file, pipe, files out, Ctrl-C, progress."""

import json
import os
import pty
import re
import signal
import subprocess
import sys

import pytest

import entropist as en

TEXT = "It was the best of times, it was the worst of times.\r\nNaïve 日本 🙂\n"
COMMAND = [sys.executable, "-m", "entropist", "trace"]
needs_terminal = pytest.mark.skipif(not hasattr(pty, "openpty"), reason="needs a pseudo-terminal")


def command(*arguments, **options):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, check=True, **options)
    return done.stdout.decode(), done.stderr.decode()


def test_text_file_and_pipe_are_the_same_record(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(TEXT.encode())
    outputs = [
        command(TEXT, "--json")[0],
        command(str(file), "--json")[0],
        command("--json", input=TEXT.encode())[0],
        command("-", "--json", input=TEXT.encode())[0],
    ]
    assert len(set(outputs)) == 1
    assert json.loads(outputs[0])


def test_files_out_hold_what_the_library_gives(tmp_path):
    _, err = command(TEXT, "--save", "a.parquet", "--html", "a.html", "--svg", "a.svg", "--top", "3", cwd=tmp_path)
    assert err.splitlines() == ["wrote a.parquet", "wrote a.html", "wrote a.svg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.parquet", "a.svg"]
    saved, traced = en.Trace.load(tmp_path / "a.parquet"), en.trace(TEXT, top_k=3)
    assert saved == traced
    assert saved.text_bytes() == TEXT.encode()
    assert len(saved.table["top_ids"][0]) == 3
    page = (tmp_path / "a.html").read_text()
    assert "builtin:base" in page
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)


def test_totals_of_the_terminal_are_those_of_the_record():
    for unit in ("bits", "nats", "dits"):
        out, _ = command(TEXT * 8, "--unit", unit)
        record = en.trace(TEXT * 8)
        for name, estimate in (
            (f"{unit} per byte", record.bits_per_byte().to(unit)),
            ("mean entropy", record.mean_entropy(unit=unit)),
        ):
            value, stderr = map(float, re.search(rf"{name} ([\d.]+) ± ([\d.]+)", out).groups())
            assert value == pytest.approx(estimate.value, rel=0.03)
            assert stderr == pytest.approx(estimate.stderr, rel=0.1)
        assert "\x1b" not in out, "a pipe gets no escape sequences"


def watched(text, *arguments, cwd, stop_at=None):
    """The command with a terminal for its messages, interrupted once `stop_at` was written: exit code, messages."""
    reader, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, str(text), *arguments],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    os.close(terminal)
    seen = b""
    try:
        while part := os.read(reader, 4096):
            seen += part
            if stop_at and stop_at in seen:
                process.send_signal(signal.SIGINT)
                stop_at = None
    except OSError:  # Linux ends a pseudo-terminal with an error
        pass
    finally:
        os.close(reader)
    return process.wait(), seen


@needs_terminal
def test_interrupt_leaves_nothing_half_written(tmp_path):
    text = tmp_path / "long.txt"
    text.write_text("It was the best of times. " * 40_000)
    code, seen = watched(text, "--save", "a.parquet", "--html", "a.html", cwd=tmp_path, stop_at=b"tracing")
    assert code == 130
    assert b"entropist: interrupted; nothing was left half written." in seen
    assert b"Traceback" not in seen
    assert [path.name for path in tmp_path.iterdir()] == ["long.txt"]


@needs_terminal
def test_progress_is_drawn_for_who_watches(tmp_path):
    text = tmp_path / "long.txt"
    text.write_text("It was the best of times, it was the worst of times. " * 3000)
    code, seen = watched(text, cwd=tmp_path)
    assert code == 0
    assert b"tracing" in seen
    assert b"%" in seen
