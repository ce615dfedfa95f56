"""The page as a reader meets it, in the system's Chromium."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from entropist.record import Trace
from entropist.report import html_fragment, html_page
from entropist.report._ramp import DARK, LIGHT, READABLE, contrast
from entropist.report._view import View
from report_fixtures import chromium, hostile, opened, prose, trace_of


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as driver:
        yield driver


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Callable[[Trace], Any]]:
    """Opens the page of a trace; afterwards the console must be empty and no request have left the page."""
    browser.get_log("performance")

    def show(trace: Trace) -> Any:
        opened(browser, html_page(trace), tmp_path)
        assert browser.execute_script("return document.documentElement.dataset.ready")
        return browser

    yield show
    assert browser.get_log("browser") == []
    assert requests(browser) <= {(tmp_path / "page.html").as_uri(), "data:,"}
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def requests(driver: Any) -> set[str]:
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}


def complaints(driver: Any) -> list[Any]:
    """The console without Chromium's remark that innerHTML does not build a shadow root by itself."""
    return [entry for entry in driver.get_log("browser") if "setHTMLUnsafe" not in entry["message"]]


def css(driver: Any, selector: str) -> list[Any]:
    return list(driver.find_elements("css selector", selector))


def token(driver: Any, number: int) -> Any:
    return driver.execute_script(
        "return [...document.querySelectorAll('#strip .t')].find(span => span.token === arguments[0])", number
    )


def keys(driver: Any, *names: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    for name in names:
        ActionChains(driver).send_keys(getattr(Keys, name, name)).perform()


def point_at(driver: Any, element: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    settle(driver)
    ActionChains(driver).move_to_element(element).perform()


def settle(driver: Any) -> None:
    """Wait for two frames: what the script was about to do is done."""
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()))")


def current(driver: Any) -> int:
    return int(driver.execute_script("return document.activeElement.token"))


def colours(driver: Any, selector: str) -> list[tuple[str, str]]:
    found = driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(e => {"
        "const s = getComputedStyle(e); return [s.backgroundColor, s.color]; })",
        selector,
    )
    return [(hexadecimal(back), hexadecimal(ink)) for back, ink in found]


def hexadecimal(rgb: str) -> str:
    numbers = rgb.partition("(")[2].rstrip(")").split(",")[:3]
    return "#" + "".join(f"{int(float(number)):02x}" for number in numbers)


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


def test_modes_colour_by_their_own_values(page: Callable[[Trace], Any]) -> None:
    trace = prose(300)
    driver = page(trace)
    for scale, label in zip(View(trace, "bits").scales, css(driver, "#modes label")):
        label.click()
        shown = driver.execute_script("return [...document.querySelectorAll('#strip .t')].map(t => t.className)")
        assert [int(names.split()[1].removeprefix("b")) for names in shown] == scale.token_levels().tolist()
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


def test_hostile_text_is_inert_on_the_page(page: Callable[[Trace], Any]) -> None:
    trace = hostile()
    driver = page(trace)
    for number in range(len(trace)):
        over = "arguments[0].dispatchEvent(new PointerEvent('pointerover', {bubbles: true})); arguments[0].click()"
        driver.execute_script(over, token(driver, number))
    assert driver.execute_script("return window.harmed") is None
    assert not css(driver, ".harm, #strip img, #strip script, #strip svg, #strip b, aside img, aside svg, #hover b")
    assert driver.execute_script("return document.scripts.length") == 2
    assert driver.execute_script("return document.getElementById('strip').textContent") == "".join(
        View(trace, "bits").texts
    )
    assert driver.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0
    css(driver, "#query")[0].send_keys("</script><script>")
    assert css(driver, "#found")[0].text == "1 of 1"


def test_the_policy_stops_what_might_get_in(browser: Any, tmp_path: Path) -> None:
    opened(browser, html_page(prose(20)), tmp_path)
    stopped = browser.execute_async_script("""
        const done = arguments[0];
        const seen = [];
        document.addEventListener("securitypolicyviolation", (event) => {
          seen.push(event.effectiveDirective);
          if (seen.length === 3) done(seen.sort());
        });
        const script = document.createElement("script");
        script.textContent = "window.harmed = 1";
        const image = document.createElement("img");
        image.src = "http://127.0.0.1:9/pixel";
        document.body.append(script, image);
        fetch("http://127.0.0.1:9/data").catch(() => {});
    """)
    assert stopped == ["connect-src", "img-src", "script-src-elem"]
    assert browser.execute_script("return window.harmed") is None
    assert len(browser.get_log("browser")) >= 3  # and these are off the books of the next test


def test_without_scripts_the_page_is_a_picture(tmp_path: Path) -> None:
    trace = prose(300, context=1)
    with chromium(scripts=False) as driver:
        opened(driver, html_page(trace), tmp_path)
        assert driver.find_element("css selector", "#strip").get_attribute("textContent").encode() == trace.text_bytes()
        assert len(css(driver, "#strip .t")) == 300
        assert not css(driver, "#controls")[0].is_displayed()
        assert css(driver, "#legend .b8")[0].is_displayed()
        assert css(driver, "#strip .t")[7].get_attribute("title").endswith("bits")
        css(driver, "#peaks a")[2].click()
        assert driver.current_url.endswith(f"#t{View(trace, 'bits').most_surprising(3)[2]}")
        opened(driver, html_fragment(trace), tmp_path)
        assert driver.get_log("browser") == []
        shadow = css(driver, ".entropist-trace")[0].shadow_root
        assert len(shadow.find_elements("css selector", ".t")) == 300


NOTEBOOK = """<!doctype html><style>* {{ color: red !important; font-size: 40px !important }}</style>
<main></main><script>
const range = document.createRange();
const output = document.createElement("div");
output.innerHTML = {html};
document.querySelector("main").append(output);
for (const old of output.querySelectorAll("script")) {{  // as notebooks do: what innerHTML made does not run
  const made = document.createElement("script");
  made.textContent = old.textContent;
  old.replaceWith(made);
}}
</script>"""


def test_a_notebook_shows_the_fragment_untouched_by_its_styles(browser: Any, tmp_path: Path) -> None:
    trace = hostile()
    escaped = json.dumps(html_fragment(trace)).replace("<", "\\u003c")
    opened(browser, NOTEBOOK.format(html=escaped), tmp_path, "notebook.html")
    shadow = css(browser, ".entropist-trace")[0].shadow_root
    spans = shadow.find_elements("css selector", ".t")
    assert len(spans) == len(trace)
    look = "const s = getComputedStyle(arguments[0]); return [s.color, s.fontSize]"
    colour, size = browser.execute_script(look, spans[0])
    assert colour != "rgb(255, 0, 0)"
    assert size != "40px"
    assert browser.execute_script("return window.harmed") is None
    assert not shadow.find_elements("css selector", "img, svg, script, .harm")
    assert complaints(browser) == []


def test_a_notebook_that_runs_no_script_shows_totals_and_text(browser: Any, tmp_path: Path) -> None:
    html = html_fragment(prose(300)).partition("<script>")[0]
    escaped = json.dumps(html).replace("<", "\\u003c")
    opened(browser, NOTEBOOK.format(html=escaped), tmp_path, "notebook.html")
    text = css(browser, ".entropist-trace")[0].text
    assert "The model needed" in text
    assert len(text) > 1000


def test_hostile_text_is_inert_in_the_picture(browser: Any, tmp_path: Path) -> None:
    from entropist.report import svg

    path = tmp_path / "picture.svg"
    path.write_text(svg(hostile()), encoding="utf-8")
    browser.get(path.as_uri())
    assert browser.execute_script("return window.harmed") is None
    assert browser.execute_script("return document.documentElement.localName") == "svg"
    assert browser.execute_script("return document.querySelectorAll('script, image, foreignObject, a').length") == 0
    assert complaints(browser) == []
