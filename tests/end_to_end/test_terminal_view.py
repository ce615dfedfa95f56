import io
import re

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from entropist.record import Trace
from entropist.report import print_trace
from report_fixtures import hostile, prose, trace_of

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]")


def shown(trace: Trace, *, colours: str | None = None, width: int = 100, **options: object) -> str:
    file = io.StringIO()
    system = {"force_terminal": True, "color_system": colours} if colours else {}
    print_trace(trace, console=Console(file=file, width=width, _environ={}, **system), **options)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("trace", [prose(300), hostile()], ids=["prose", "hostile"])
def test_a_pipe_gets_no_escape_sequence(trace: Trace) -> None:
    assert not COMMANDS.search(shown(trace))


@pytest.mark.parametrize("colours", ["standard", "256", "truecolor"])
def test_a_terminal_gets_colours_and_nothing_else(colours: str) -> None:
    written = shown(hostile(), colours=colours)
    assert COLOUR.search(written)
    assert not COMMANDS.search(COLOUR.sub("", written))


def test_refused_colours_give_the_plain_view() -> None:
    file = io.StringIO()
    print_trace(prose(30), console=Console(file=file, force_terminal=True, no_color=True))
    assert "\x1b" not in file.getvalue()


def test_the_plain_view_is_aligned_and_complete() -> None:
    trace = prose(300, context=1)
    lines = shown(trace, unit="nats").splitlines()
    place = lines[0].index("token")
    rows = lines[1:301]
    assert lines[0].split() == ["position", "nats", "entropy", "rank", "p", "token"]
    assert all(row[place - 2 : place] == "  " and row[place] != " " for row in rows)
    told = [row.split() for row in rows]
    assert [row[0] for row in told] == [str(k) for k in range(300)]
    assert told[0][1:5] == ["-"] * 4
    assert [float(row[1]) for row in told[1:]] == pytest.approx(trace.column("surprisal")[1:], abs=6e-4)
    assert [float(row[4]) for row in told[1:]] == pytest.approx(np.exp(-trace.column("surprisal")[1:]), rel=6e-3)
    text = "".join(row[5] for row in told).replace("␣", " ").replace("↵", "\n")
    assert text.encode() == trace.text_bytes()


def test_the_coloured_view_keeps_the_text_and_its_lines() -> None:
    trace = trace_of([b"first", b" line", b"\n", b"  second", b"\n\n", b"last"])
    text = COLOUR.sub("", shown(trace, colours="truecolor", top=0))
    assert text.startswith("first line↵\n  second↵\n↵\nlast\n\nbits a token:")


def test_a_pipe_gets_whole_lines_and_a_window_whole_words() -> None:
    trace = prose(60)
    plain = shown(trace, width=40)
    assert any(len(line) > 100 for line in plain.splitlines())
    assert plain == shown(trace, width=400)
    window = COLOUR.sub("", shown(trace, colours="truecolor", width=40))
    assert all(cell_len(line) <= 40 for line in window.splitlines())
    words = trace.text_bytes().decode().split()
    assert window.replace("↵", " ").split()[: len(words)] == words


def test_totals_and_surprises_are_told() -> None:
    written = shown(prose(400, context=1), width=500).replace("\u00a0", " ")
    assert re.search(
        r"^bits per byte \d+\.\d+ ± \d+\.\d+ · perplexity .* ± .* · mean entropy .*bits", written, re.MULTILINE
    )
    assert "399 tokens scored + 1 context" in written
    table = written.partition("most surprising\n")[2].splitlines()[1:11]
    values = [float(line.split()[0]) for line in table]
    assert values == sorted(values, reverse=True)
    assert all(line.count("%") == 3 for line in table)
    assert "protocol sliding, window 512, stride 256, no BOS" in written


def test_columns_stay_aligned_under_wide_characters() -> None:
    trace = trace_of([b"a", "日本".encode(), "é".encode(), "👩".encode()] * 5)
    table = shown(trace, width=300).partition("most surprising\n")[2].splitlines()
    header = table[0].index("the model expected")
    for line in table[1:11]:
        name = line[: line.index("%")].rsplit("  ", 1)[0]
        assert cell_len(line[: len(name)]) <= header
        assert cell_len(line[: len(name) + 2]) <= header


def test_a_missing_error_is_explained_once() -> None:
    assert shown(prose(20)).count("fewer than the 200") == 1


@pytest.mark.parametrize("colours", [None, "truecolor"])
def test_a_long_text_shows_its_beginning_and_says_so(colours: str | None) -> None:
    written = shown(prose(1700), colours=colours).replace("\u00a0", " ")
    assert "… and 200 more tokens: --html FILE shows them all, --save FILE keeps them." in written


def test_a_context_only_text_has_no_surprises() -> None:
    written = shown(trace_of([b"a"], context=1))
    assert "most surprising" not in written
    assert "none of the 1 tokens was scored" in " ".join(written.split())


def test_a_long_token_is_cut() -> None:
    assert "(+9800)" in shown(trace_of([b"a", b"x" * 10_000]))
