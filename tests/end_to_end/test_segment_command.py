"""`entropist segment` as people use it: a book, noise, a pipe, the page in a browser; starts give the input again."""

import json
import os
import re
import subprocess
import sys
import tarfile
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

import entropist as en
from entropist import report
from entropist.cli import app
from entropist.errors import EntropistError
from entropist.segmentation import segment
from report_browser import chromium

COMMAND = [sys.executable, "-m", "entropist", "segment"]
HOSTILE = b"<script>alert(1)</script>&amp;\"'\x1b[31m\xff\xe2\x80\xae\x00 caf\xc3\xa9 \xe6\x97\xa5\r\n" * 3


def command(*arguments, **options):
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, **options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def inside(*arguments, **options):
    """The same without a process of its own."""
    done = CliRunner().invoke(app, ["segment", *arguments], catch_exceptions=False, **options)
    assert done.exit_code == 0
    return done.stdout


def put_together(raw, starts):
    return b"".join(raw[a:b] for a, b in zip(starts, [*starts[1:], len(raw)]))


@pytest.fixture(scope="module")
def book():
    shared = os.environ.get("ENTROPIST_SHARED")
    if not shared:
        pytest.skip("ENTROPIST_SHARED names no place with data/books/books.tar.xz")
    with tarfile.open(Path(shared) / "data/books/books.tar.xz") as tar:
        member = next(each for each in tar if "lost-stradivarius" in each.name)
        return tar.extractfile(member).read()[40_000:43_000]


@pytest.fixture(scope="module")
def model():
    return en.load_model("builtin:bytes")


def test_a_real_book(book, model, tmp_path):
    (tmp_path / "book.txt").write_bytes(book)
    code, out, err = command(
        "book.txt", "--mean-size", "4.5", "--json", "--html", "b.html", "--svg", "b.svg", cwd=tmp_path
    )
    assert (code, err.splitlines()) == (0, ["wrote b.html", "wrote b.svg"])
    told = json.loads(out)
    assert put_together(book, told["starts"]) == book
    assert told["segments"] == len(told["starts"])
    assert 4.5 <= told["bytes"] / told["segments"] < 4.6
    entropy, fixed, _ = told["statistics"]
    assert entropy["entropy_at_starts"] > 0.4 > 0.25 > fixed["entropy_at_starts"]
    assert entropy["words_at_starts"] > 0.8
    # The threshold that was found gives the same boundaries in one reading.
    again = segment(book, model, threshold=told["threshold"] * np.log(2))
    assert again.starts.tolist() == told["starts"]
    ElementTree.parse(tmp_path / "b.svg")
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", (tmp_path / "b.html").read_text())


def test_noise_from_a_pipe():
    raw = np.random.default_rng(0).bytes(1500)
    told = json.loads(inside("--json", "--unit", "nats", "--max-size", "5", input=raw))
    assert put_together(raw, told["starts"]) == raw
    assert np.diff([*told["starts"], len(raw)]).max() <= 5
    assert told["threshold"] == pytest.approx(1.335442066192627)


def test_rows_in_a_pipe_are_readable():
    raw = "It was the best of times.\n日本".encode()
    out = inside(input=raw)
    rows = [re.fullmatch(r" *(\d+) +(\d+) +[\d.]+ +[\d.]+  (.*)", line) for line in out.splitlines()]
    shown = [match.groups() for match in rows if match]
    assert "\x1b" not in out
    assert sum(int(size) for _, size, _ in shown) == len(raw)
    text = "".join(piece for *_, piece in shown)
    assert text.startswith("It␣was␣the␣best␣of␣times.↵")
    assert "A segment starts where the entropy is above 1.927 bits." in out
    assert "more segments" not in out
    assert f"… and {len(shown) - 2} more segments:" in inside("--top", "2", input=raw)
    assert "… and 1 more segment:" in inside("--top", str(len(shown) - 1), input=raw)


def test_one_byte_is_told_as_one():
    out = inside("--mean-size", "3", input=b"x")
    assert "1 segment in 1 byte, 1.00 bytes each." in out
    assert "those that start patches of 1 byte 100 %" in out
    assert "(no threshold gives a mean of 3 bytes; at this one the rule never fires)" in out
    limited = inside("--mean-size", "4", "--max-size", "4", "--rule", "both", "--rise", "1", input=b"abcde")
    assert "from the byte before above 1 bits (no threshold gives a mean of 4 bytes; " in limited
    assert ", or where the one before would be longer than 4 bytes" in limited


def test_a_segment_that_goes_on_beyond_the_opening_is_not_shown_as_a_shorter_one(monkeypatch):
    raw = b"It was the best of times, it was the worst of times."
    starts = segment(raw).starts
    monkeypatch.setattr("entropist.segmentation._segment.OPENING", int(starts[9]) + 1)
    out = inside(input=raw)
    rows = re.findall(r"^ *(\d+) +(\d+) +[\d.]+ +[\d.]+  .*$", out, re.MULTILINE)
    assert [(int(start), int(size)) for start, size in rows] == list(zip(starts[:9], np.diff(starts)[:9]))
    assert f"… and {len(starts) - 9} more segments:" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing.txt"], "cannot read nothing.txt: No such file or directory."),
        (["."], "is a directory"),
        (["-", "--model", "builtin:base"], "is no byte-level model"),
        (["-", "--threshold", "1", "--mean-size", "2"], "either threshold or mean_size"),
        (["-", "--rise", "1"], "rise belongs to rule"),
        (["-", "--html", "no/where.html"], "cannot write no/where.html"),
    ],
)
def test_what_is_wrong_is_told(arguments, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = CliRunner().invoke(app, ["segment", *arguments], input=b"abc").exception
    assert isinstance(error, EntropistError)
    assert told in str(error)
    assert "given as bytes" not in str(error), "that is for those who call it from Python"


def test_nothing_at_all_ends_in_one_line():
    code, out, err = command("--json", input=b"")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "empty" in err


class Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.styles = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.styles += [value for name, value in attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("rule", ["global", "monotonic", "both"])
def test_views_of_hostile_bytes_are_harmless(model, rule, tmp_path):
    found = segment(HOSTILE, model, rule=rule, threshold=0.5)
    page, picture = (draw(found, name="<b>&.bin\x1b") for draw in (report.segments_page, report.segments_svg))
    parser = Texts()
    parser.feed(page)
    assert "script" not in parser.tags
    assert "b" not in parser.tags[: parser.tags.index("main")]
    assert not parser.styles  # the page's policy would refuse them
    for text in (page, picture):
        assert not set(text) & {"\x1b", "\x00", "\u202e", "\xff"}
    drawn = ElementTree.fromstring(picture)
    boxes = [each for each in drawn.iter("{http://www.w3.org/2000/svg}path") if each.get("class") == "start"]
    assert len(boxes) == len(found.starts)
    for options in ({"force_terminal": True, "color_system": "truecolor"}, {"force_terminal": False}):
        with open(tmp_path / "out", "w", encoding="utf-8") as file:
            report.print_segments(found, name="a", console=Console(file=file, width=100, **options))
        shown = (tmp_path / "out").read_text(encoding="utf-8")
        assert "\x1b[31m" not in shown
        assert not set(shown) & {"\x00", "\u202e"}


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_in_a_browser(model, tmp_path, dark):
    found = segment(HOSTILE, model)
    with chromium(dark=dark) as driver:
        (tmp_path / "page.html").write_text(report.segments_page(found, name="hostile"), encoding="utf-8")
        driver.get((tmp_path / "page.html").as_uri())
        paper = driver.execute_script("return getComputedStyle(document.documentElement).backgroundColor")
        light = sum(map(int, re.findall(r"\d+", paper)[:3]))
        assert light < 100 if dark else light > 700
        box = driver.execute_script("return document.querySelector('.picture svg').getBoundingClientRect().toJSON()")
        table = driver.execute_script("return document.querySelector('table').getBoundingClientRect().toJSON()")
        assert box["height"] > 50
        assert box["bottom"] <= table["top"]  # nothing overlaps
        assert driver.get_log("browser") == []
