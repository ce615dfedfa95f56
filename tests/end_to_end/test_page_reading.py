"""The text of a page as a reader meets it: pointing, pinning, the keyboard, long texts."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from entropist.record import Trace
from entropist.report._view import View
from entropist.report._visible import is_part
from report_browser import css, current, keys, point_at, settle, token
from report_fixtures import prose, trace_of


def test_the_strip_is_the_text(page: Callable[[Trace], Any]) -> None:
    trace = prose(500)
    driver = page(trace)
    assert driver.execute_script("return document.getElementById('strip').textContent").encode() == trace.text_bytes()
    assert len(css(driver, "#strip .t")) == 500


def test_hover_shows_everything_known_of_a_token(page: Callable[[Trace], Any]) -> None:
    trace = prose(300)
    driver = page(trace)
    assert not css(driver, "#hover")[0].is_displayed()
    point_at(driver, token(driver, 40))
    card = css(driver, "#hover")[0]
    assert card.is_displayed()
    text = card.text
    row = {name: trace.table[name][40].as_py() for name in trace.table.schema.names}
    assert text.splitlines()[0] == row["token_bytes"].decode().replace(" ", "␣").replace("\n", "↵")
    for part in (
        f"{trace.column('surprisal', unit='bits')[40]:.3f} bits",
        f"{trace.column('entropy', unit='bits')[40]:.3f} bits",
        str(row["rank"]),
        str(row["token_id"]),
        row["token_bytes"].hex(" "),
    ):
        assert part in text
    assert len(css(driver, "#hover .bars li")) in (10, 11)
    assert len(css(driver, "#hover .bars .own")) == 1
    box, seen = card.rect, driver.execute_script("return [innerWidth, innerHeight, scrollY]")
    assert box["x"] >= 0 <= box["y"] - seen[2]
    assert box["x"] + box["width"] <= seen[0]


def test_bars_are_as_long_as_their_probabilities(page: Callable[[Trace], Any]) -> None:
    trace = prose(100)
    driver = page(trace)
    token(driver, 50).click()
    widths = driver.execute_script(
        "return [...document.querySelectorAll('#pinned .bar')].map(b => b.offsetWidth / b.parentElement.clientWidth)"
    )
    expected = [2.718281828459045**value for value in trace.table["top_logprobs"][50].as_py()]
    assert widths[:10] == pytest.approx(expected, abs=0.01)


def test_click_pins_and_escape_lets_go(page: Callable[[Trace], Any]) -> None:
    driver = page(prose(300))
    token(driver, 10).click()
    pinned = css(driver, "#pinned")[0]
    assert pinned.is_displayed()
    assert "token 10 of" in pinned.text
    point_at(driver, token(driver, 20))
    assert "token 20 of" in css(driver, "#hover")[0].text
    assert "token 10 of" in pinned.text
    css(driver, "#pinned button[aria-label='next token']")[0].click()
    assert "token 11 of" in pinned.text
    keys(driver, "ESCAPE")
    assert not pinned.is_displayed()
    assert not css(driver, "#strip .pinned")


def test_the_keyboard_reaches_every_token(page: Callable[[Trace], Any]) -> None:
    driver = page(prose(400))
    assert len(css(driver, "#strip [tabindex='0']")) == 1
    token(driver, 0).click()
    keys(driver, "ESCAPE", "ARROW_RIGHT", "ARROW_RIGHT")
    assert current(driver) == 2
    label = driver.execute_script("return document.activeElement.getAttribute('aria-label')")
    assert "surprisal" in label
    assert "rank" in label
    keys(driver, "ARROW_DOWN")
    below = current(driver)
    where = "return [0, 1].map(k => arguments[k].getClientRects()[0].top)"
    upper, lower = driver.execute_script(where, token(driver, 2), token(driver, below))
    assert lower > upper
    keys(driver, "ARROW_UP")
    assert abs(current(driver) - 2) <= 1
    keys(driver, "END")
    assert current(driver) == 399
    keys(driver, "ARROW_RIGHT", "HOME", "ARROW_LEFT")
    assert current(driver) == 0
    keys(driver, "ENTER")
    assert css(driver, "#pinned")[0].is_displayed()
    keys(driver, "ARROW_RIGHT")
    assert "token 1 of" in css(driver, "#pinned")[0].text
    keys(driver, "SPACE")
    assert not css(driver, "#pinned")[0].is_displayed()
    assert len(css(driver, "#strip [tabindex='0']")) == len(css(driver, "#strip [role=button]")) == 1


def test_tab_order_reaches_controls_legend_text_and_list(page: Callable[[Trace], Any]) -> None:
    driver = page(prose(100))
    reached = []
    for _ in range(20):
        keys(driver, "TAB")
        where = (
            "const e = document.activeElement; return e.closest('#modes, #search, #theme, #legend, #strip, #peaks')?.id"
        )
        reached.append(driver.execute_script(where))
    assert list(dict.fromkeys(reached))[:6] == ["modes", "search", "theme", "legend", "strip", "peaks"]
    assert reached.count("strip") == 1


def test_context_looks_different_and_says_why(page: Callable[[Trace], Any]) -> None:
    driver = page(prose(60, context=1))
    assert "context" in token(driver, 0).get_attribute("class")
    assert "context" not in token(driver, 1).get_attribute("class")
    token(driver, 0).click()
    assert "nothing predicted it" in css(driver, "#pinned")[0].text


def test_a_character_in_pieces_is_shown_once_and_each_piece_can_be_asked(page: Callable[[Trace], Any]) -> None:
    raw = "日".encode()
    driver = page(trace_of([b"a", raw[:1], raw[1:2], raw[2:], b"b", b"\xff"]))
    assert driver.execute_script("return document.getElementById('strip').textContent") == "a日b⟨FF⟩"
    assert token(driver, 2).rect["width"] >= 4
    token(driver, 2).click()
    assert "⟨97⟩" in css(driver, "#pinned .token")[0].text


def test_the_script_and_the_picture_agree_on_what_has_no_width_of_its_own(page: Callable[[Trace], Any]) -> None:
    trace = trace_of([each.encode() for each in ("a", "\u0941", "\ufe0f", "\u093e", "\u0301", "\u200d", "\u20e3", "é")])
    driver = page(trace)
    parts = [token(driver, k).get_attribute("class").split().count("part") for k in range(len(trace))]
    assert parts == [is_part(text) for text in View(trace, "bits").texts] == [0, 1, 1, 0, 1, 1, 1, 0]


def test_beyond_twenty_thousand_tokens_only_what_is_near_is_built(page: Callable[[Trace], Any]) -> None:
    trace = prose(25_000)
    driver = page(trace)
    settle(driver)
    assert 0 < len(css(driver, "#strip .t")) < 5000
    assert driver.execute_script("return document.getElementById('strip').textContent").encode() == trace.text_bytes()
    driver.execute_script("scrollTo(0, document.body.scrollHeight)")
    deadline = time.monotonic() + 20
    while not token(driver, 24_999) and time.monotonic() < deadline:
        settle(driver)
    assert token(driver, 24_999)
    assert len(css(driver, "#strip .t")) < 5000
    css(driver, "#peaks a")[0].click()
    settle(driver)
    (chosen,) = View(trace, "bits").most_surprising(1)
    assert current(driver) == chosen
    assert 0 < driver.execute_script("return document.activeElement.getBoundingClientRect().top") < 900
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert len(css(driver, "#strip .t")) >= 25_000


def test_a_line_break_with_indentation_may_end_a_block(page: Callable[[Trace], Any]) -> None:
    trace = trace_of([b"x = 1", b"\n    "] * 400)
    driver = page(trace)
    assert len(css(driver, "#strip .block")) > 4
    assert driver.execute_script("return document.getElementById('strip').textContent").encode() == trace.text_bytes()
    assert len(css(driver, "#strip .torn")) == 0
