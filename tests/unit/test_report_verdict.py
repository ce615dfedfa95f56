"""The verdict on a server's answer: the same words in the terminal and on the page, and a picture that is the chart."""

import io
import itertools
import math
import re
from html import unescape
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from entropist.record import Finding, Trace
from entropist.report import Diagnosis, comparison_lines, html_page, print_diagnosis, svg, table_lines
from entropist.report._drift import HEIGHT, WIDTH, drift_picture
from entropist.report._verdict import drift_words, factor, verdict_rows
from entropist.results import Bounds
from entropist.uncertainty import Drift, sampling_consistency
from report_fixtures import HOSTILE, WORDS, answer, prose, trace_of


def chart(log_e: list[float], *, rate: float = 0.01, tokens: int | None = None) -> Drift:
    values = np.array(log_e)
    rows = np.arange(len(values)) if tokens is None else np.arange(tokens - len(values), tokens)
    beyond = np.flatnonzero(values >= -math.log(rate))
    return Drift(rows, values, np.ones(len(values)), values, rate, int(rows[beyond[0]]) if len(beyond) else None)


def plain(trace: Trace) -> str:
    file = io.StringIO()
    print_diagnosis(Diagnosis("a", trace, "bits"), console=Console(file=file, width=100))
    return file.getvalue()


def words(html: str) -> str:
    return " ".join(unescape(re.sub("<[^>]*>", "", html)).split())


def section(page: str) -> str:
    return page.partition('<section class="verdict"')[2].partition("</section>")[0]


def numbers(pattern: str, drawn: str) -> list[tuple[float, ...]]:
    return [tuple(map(float, found)) for found in re.findall(pattern, drawn)]


def test_the_page_says_what_the_terminal_says() -> None:
    trace = answer(prose(300))
    page, terminal = words(section(html_page(trace))), plain(trace)
    found = sampling_consistency(trace)
    rows = list(verdict_rows(trace, found))
    assert [name for name, _ in rows if name != "cut"] == ["findings", "numbers", "sampling", "drift"]
    for name, text in rows:
        assert f"{name:<16} {text}\n" in terminal
        assert f"{name}{' '.join(text.split())}" in page
    low, high = found.temperature.confidence_interval()
    assert f"temperature {found.temperature.value:.2f} [{low:.2f}, {high:.2f}]" in page
    assert f"{found.verdict}: " in page


def test_the_picture_says_it_under_the_text() -> None:
    trace = answer(trace_of([b"start", *HOSTILE]))
    foot = [each.text or "" for each in ElementTree.fromstring(svg(trace)).iter() if each.get("class") == "foot"]
    for name, text in verdict_rows(trace, sampling_consistency(trace)):
        assert f"{name}: {' '.join(text.split())}" in " ".join(" ".join(foot).split())


def test_only_a_servers_answer_has_a_verdict() -> None:
    assert "drift:" not in svg(prose(50))
    assert 'class="verdict"' not in html_page(prose(50))
    assert html_page(answer(prose(50))).count('class="verdict"') == 1


def test_an_answer_without_lists_has_findings_and_no_picture() -> None:
    bare = section(html_page(answer(prose(50, top_k=0))))
    assert "cannot tell: no token has a list of alternatives" in bare
    assert "<svg" not in bare
    assert "missing mass" not in bare
    assert "missing mass" in section(html_page(answer(prose(50))))


def test_no_text_of_an_answer_becomes_markup() -> None:
    evil = [piece.decode("utf-8", "backslashreplace") for piece in HOSTILE if len(piece) < 100]
    findings = tuple(Finding(text, 0, 1, text) for text in evil)
    page = html_page(answer(trace_of([b"start", *HOSTILE]), model=evil[0], findings=findings))
    drawn = section(page)
    assert set(re.findall(r"</?([a-zA-Z0-9]+)", drawn)) == {
        "div", "h2", "dl", "dt", "dd", "bdi", "figure", "svg", "path", "text", "circle", "figcaption",
    } - (set() if "<circle" in drawn else {"circle"})  # fmt: skip
    assert drawn.count("<dt>found</dt>") == len(evil)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", drawn)
    assert page.count("<script") == page.count("</script>") == 2


@pytest.mark.parametrize(
    "log_e",
    [[0.1, -0.2, 0.3], [1.0, 4.7, 2.0], [0.0, -40.0, 900.0], [4.7], np.linspace(-3, 30, 5000).tolist()],
    ids=["quiet", "alarm", "far", "one", "long"],
)
def test_the_path_crosses_the_line_where_the_alarm_goes_off(log_e: list[float]) -> None:
    drift = chart(log_e)
    drawn = drift_picture(drift, len(log_e))
    ((_, line, _),) = numbers(r'class="threshold" d="M([\d.]+) ([\d.]+)H([\d.]+)"', drawn)
    (path,) = re.findall(r'class="curve" d="M([^"]+)"', drawn)
    points = [tuple(map(float, point.split())) for point in path.split("L")]
    xs, ys = zip(*points)
    assert len(points) <= 401
    assert all(0 <= x <= WIDTH for x in xs)
    assert list(xs) == sorted(xs)
    assert all(0 <= y <= HEIGHT for y in ys)
    assert (min(ys) <= line) == (drift.alarm is not None)
    assert ("<circle" in drawn) == (drift.alarm is not None)
    if drift.alarm is not None:
        ((x, y),) = numbers(r'cx="([\d.]+)" cy="([\d.]+)"', drawn)
        assert y == line
        assert x == pytest.approx(xs[0] + (332 - xs[0]) * (drift.alarm + 1) / len(log_e), abs=0.06)


def test_the_scale_is_logarithmic_and_named() -> None:
    drawn = drift_picture(chart([-4.0, 13.0]), 2)
    ticks = {name: float(y) for y, name in re.findall(r'class="end" x="34" y="([\d.]+)">([^<]+)<', drawn)}
    assert list(ticks) == ["1", "100", "10⁴"]
    assert ticks["1"] - ticks["100"] == pytest.approx(ticks["100"] - ticks["10⁴"], abs=0.11)
    assert "0.05" in re.findall(r'x="34" y="[\d.]+">([^<]+)<', drift_picture(chart([-9.0, 0.0], rate=0.05), 2))


def test_an_answer_of_which_some_tokens_have_no_list_is_drawn_in_its_place() -> None:
    drawn = drift_picture(chart([0.1, 0.2], tokens=10), 10)
    (path,) = re.findall(r'class="curve" d="M([^"]+)"', drawn)
    assert [float(point.split()[0]) for point in path.split("L")] == pytest.approx([40, 40 + 29.2 * 9, 332], abs=0.06)


@pytest.mark.parametrize(
    ("log_e", "expected"),
    [
        (
            [0.1, math.log(3.2), 0.0],
            "no alarm: the evidence that the text does not follow these numbers was 3.2 at most, the alarm is at 100",
        ),
        (
            [0.0, 4.61, 3.0],
            "ALARM at token 1: there the evidence that the text does not follow these numbers passed 100,",
        ),
        ([0.0, 5000.0], "the most it reached is 10²¹⁷¹ (a text that follows them sets it off in 1 % of cases at most)"),
    ],
)
def test_drift_in_words(log_e: list[float], expected: str) -> None:
    assert expected in drift_words(chart(log_e))


def test_a_factor_is_read_at_any_size() -> None:
    assert [factor(math.log(10) * power) for power in (-4, -2, 0, 2.99, 2.9999, 4, 300)] == [
        "10⁻⁴", "0.01", "1", "977", "10³", "10⁴", "10³⁰⁰",
    ]  # fmt: skip


def test_places_stand_under_each_other_whatever_the_script() -> None:
    pieces = [b" light", " 青い光".encode(), "。".encode(), b"\n", b" and", "👩".encode()] * 20
    lines = [line for line in plain(answer(trace_of(pieces))).splitlines() if re.match(r" +\d+\.\d+  token", line)]
    assert len(lines) == 5
    assert len({cell_len(line[: line.index("[")]) for line in lines}) == 1


def test_in_a_window_a_long_row_goes_on_under_its_text() -> None:
    file = io.StringIO()
    window = Console(file=file, width=70, force_terminal=True, no_color=True, _environ={})
    trace = answer(prose(60))
    print_diagnosis(Diagnosis("a", trace, "bits"), console=window)
    lines = file.getvalue().splitlines()
    assert all(cell_len(line) <= 70 for line in lines)
    for name, text in verdict_rows(trace, sampling_consistency(trace)):
        first = next(k for k, line in enumerate(lines) if line.startswith(f"{name:<16} "))
        rest = itertools.takewhile(lambda line: line.startswith(" " * 17) and line.strip(), lines[first + 1 :])
        assert " ".join([lines[first][17:], *(line.strip() for line in rest)]) == text


def test_the_blank_after_a_token_is_kept() -> None:
    pieces = [f" {word}".encode() for word in WORDS] * 5
    lines = [line for line in plain(answer(trace_of(pieces))).splitlines() if "  token " in line]
    assert len(lines) == 5
    assert all("] " in line or line.endswith("]") for line in lines)


def test_the_table_is_in_the_unit_asked_for_and_says_where_nothing_is_known() -> None:
    bare, listed = answer(prose(50, top_k=0)), answer(prose(50))
    head, *rows = table_lines(Diagnosis(name, trace, "nats") for name, trace in (("a", bare), ("b", listed)))
    assert "nats/byte" in head
    assert "entropy, nats" in head
    place = slice(head.index("missing"), head.index("censored"))
    assert rows[0][place].strip() == "-"
    assert rows[1][place].strip().endswith("%")
    per_byte = listed.bits_per_byte().to("nats").value
    assert rows[1].split()[2] == f"{per_byte:.3g}"
    assert list(table_lines([])) == []


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((1.0, 1.0), (2.0, 2.0), "+1"),
        ((1.0, 2.0), (4.0, 5.0), "+2 to +4"),
        ((1.0, 2.0), (4.0, math.inf), "≥ +2"),
        ((1.0, math.inf), (4.0, 5.0), "≤ +4"),
        ((1.0, math.inf), (4.0, math.inf), "anything"),
    ],
)
def test_what_a_difference_can_be(first: tuple[float, float], second: tuple[float, float], expected: str) -> None:
    from entropist.report._diagnosis import _difference

    assert _difference(Bounds(*first, "bits"), Bounds(*second, "bits")) == expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ([b"a", b"b"], "the same text, token by token"),
        ([b"a", b"c"], "the first token is the same"),
        ([b"c", b"b"], "they differ from the first token on"),
        ([b"a", b"b", b"c"], "the first 2 tokens are the same"),
    ],
)
def test_how_far_two_answers_agree(other: list[bytes], expected: str) -> None:
    pair = [Diagnosis(name, answer(trace_of(pieces)), "bits") for name, pieces in (("x", [b"a", b"b"]), ("y", other))]
    assert list(comparison_lines(*pair))[-1] == expected
