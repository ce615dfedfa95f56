"""What changes the view of a page: modes, legend, search, the list of surprises, light and dark, print."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from entropist.record import Trace
from entropist.report._ramp import DARK, LIGHT, READABLE, contrast
from entropist.report._view import View
from report_browser import colours, css, current, keys, settle, token
from report_fixtures import prose, trace_of, truncated


@pytest.mark.parametrize("trace", [prose(300), truncated(300)], ids=["whole", "truncated"])
def test_modes_colour_by_their_own_values(page: Callable[[Trace], Any], trace: Trace) -> None:
    driver = page(trace)
    for scale, label in zip(View(trace, "bits").scales, css(driver, "#modes label")):
        label.click()
        shown = driver.execute_script("return [...document.querySelectorAll('#strip .t')].map(t => t.className)")
        levels = [names.split()[1].removeprefix("b") for names in shown]
        assert [-1 if level == "none" else int(level) for level in levels] == scale.token_levels().tolist()
        told = [button.get_attribute("title") for button in css(driver, "#legend button")]
        counted = [(scale.token_levels() == level).sum() for level in scale.levels]
        assert [text.split()[0] for text in told] == [str(count) for count in counted]
        assert len(told) == len(scale.labels)


def test_a_bin_of_the_legend_fades_the_others(page: Callable[[Trace], Any]) -> None:
    driver = page(prose(300))
    button = css(driver, "#legend button")[3]
    button.click()
    opacity = "return [...document.querySelectorAll(arguments[0])].map(t => getComputedStyle(t).opacity)"
    assert set(driver.execute_script(opacity, "#strip .t.b3")) == {"1"}
    assert set(driver.execute_script(opacity, "#strip .t:not(.b3)")) == {"0.22"}
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert set(driver.execute_script(opacity, "#strip .t")) == {"1"}


def test_search_finds_across_tokens_and_steps(page: Callable[[Trace], Any]) -> None:
    driver = page(trace_of([b"Wh", b"ale", b" and", b" (wh", b"ale)", b"\n", b"w.ale"]))
    keys(driver, "/", "whale")
    found = css(driver, "#found")[0]
    assert found.text == "1 of 2"
    assert len(css(driver, "#strip .hit")) == 4
    keys(driver, "ENTER")
    assert found.text == "2 of 2"
    assert css(driver, "#strip .current")[0].text == "(wh"
    keys(driver, "ENTER")
    assert found.text == "1 of 2"
    css(driver, "#query")[0].clear()
    css(driver, "#query")[0].send_keys("w.ale)")
    assert found.text == "not found"


def test_search_takes_every_character_as_itself(page: Callable[[Trace], Any]) -> None:
    signs = "^$\\.*+?()[]{}|/-&<>#~'\""
    driver = page(trace_of([b"a", signs.encode(), b"b"]))
    for wanted in [*signs, signs]:
        css(driver, "#query")[0].clear()
        css(driver, "#query")[0].send_keys(wanted)
        assert css(driver, "#found")[0].text == "1 of 1"


def test_the_list_of_surprises_leads_to_its_tokens(page: Callable[[Trace], Any]) -> None:
    trace = prose(3000)
    driver = page(trace)
    (chosen,) = View(trace, "bits").most_surprising(1)
    css(driver, "#peaks a")[0].click()
    settle(driver)
    assert current(driver) == chosen
    assert f"{trace.column('surprisal', unit='bits')[chosen]:.3f} bits" in css(driver, "#pinned")[0].text
    top, bottom, height = driver.execute_script(
        "const r = document.activeElement.getBoundingClientRect(); return [r.top, r.bottom, innerHeight]"
    )
    assert 0 < top < bottom < height


def test_the_map_leads_along_the_text(page: Callable[[Trace], Any]) -> None:
    driver = page(prose(3000))
    css(driver, "#map span")[90].click()
    settle(driver)
    top = driver.execute_script("return arguments[0].getBoundingClientRect().top", token(driver, 2250))
    assert 0 < top < driver.execute_script("return innerHeight")


@pytest.mark.parametrize(("scheme", "ramp"), [("light", LIGHT), ("dark", DARK)])
def test_every_token_is_readable_in_light_and_dark(page: Callable[[Trace], Any], scheme: str, ramp: Any) -> None:
    driver = page(prose(600))
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    painted = set(colours(driver, "#strip .t, #legend .swatch"))
    assert {back for back, _ in painted} == set(ramp.colours)
    assert all(contrast(back, ink) >= READABLE for back, ink in painted)
    assert colours(driver, "html")[0] == (ramp.paper, ramp.ink)


def test_small_print_is_readable_too(page: Callable[[Trace], Any]) -> None:
    driver = page(prose(300))
    for _ in range(2):
        paper = colours(driver, "html")[0][0]
        soft = driver.execute_script(
            "const c = document.createElement('canvas').getContext('2d');"
            "c.fillStyle = getComputedStyle(document.querySelector('.help')).color; c.fillRect(0, 0, 1, 1);"
            "return [...c.getImageData(0, 0, 1, 1).data].slice(0, 3)"
        )
        assert contrast("#" + "".join(f"{part:02x}" for part in soft), paper) >= READABLE
        css(driver, "#theme")[0].click()


def test_the_toggle_turns_light_into_dark_and_back(page: Callable[[Trace], Any]) -> None:
    driver = page(prose(50))
    button = css(driver, "#theme")[0]
    for ramp, pressed in ((LIGHT, "false"), (DARK, "true"), (LIGHT, "false")):
        assert colours(driver, "html")[0][0] == ramp.paper
        assert button.get_attribute("aria-pressed") == pressed
        button.click()


def test_print_has_the_text_in_light_colours_and_no_controls(page: Callable[[Trace], Any]) -> None:
    driver = page(prose(300))
    css(driver, "#theme")[0].click()
    token(driver, 5).click()
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert {back for back, _ in colours(driver, "#strip .t")} <= set(LIGHT.colours)
    for hidden in ("#controls", "#hover", "#pinned", "#overview"):
        assert not css(driver, hidden)[0].is_displayed()
    for printed in ("#strip", "#legend", ".figures", ".provenance", "#peaks"):
        assert css(driver, printed)[0].is_displayed()
    pdf = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert pdf.startswith(b"%PDF")


def test_every_token_counts_where_the_window_is_narrow(page: Callable[[Trace], Any]) -> None:
    driver = page(prose(400))
    try:
        driver.set_window_size(420, 800)
        wide = driver.execute_script("return document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
        css(driver, "#peaks a")[3].click()
        settle(driver)
        covered = css(driver, "#pinned")[0].rect["y"]
        assert (
            driver.execute_script("return document.activeElement.getBoundingClientRect().bottom + scrollY") <= covered
        )
    finally:
        driver.set_window_size(1280, 900)
