"""Nothing in a text can act: on the page, in the picture, in a notebook; and without scripts all is still there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from entropist.record import Trace
from entropist.report import html_fragment, html_page, svg
from entropist.report._view import View
from report_browser import chromium, complaints, css, opened, token
from report_fixtures import HOSTILE, answer, hostile, prose, trace_of


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


def test_the_verdict_needs_no_script_and_survives_print_and_a_narrow_window(tmp_path: Path) -> None:
    trace = answer(trace_of([b"start", *HOSTILE] * 4))
    shown = "const s = getComputedStyle(arguments[0]); return [s.stroke, s.strokeDasharray]"
    with chromium(scripts=False) as driver:
        opened(driver, html_page(trace), tmp_path)
        for media, width in (("screen", 1200), ("screen", 400), ("print", 700)):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media})
            (verdict,) = css(driver, ".verdict")
            assert verdict.is_displayed()
            assert "findings" in verdict.text
            assert "drift" in verdict.text
            assert "the alarm is at 100" in verdict.text or "ALARM at token" in verdict.text
            picture, curve, line = (css(driver, each)[0] for each in (".drift", ".drift .curve", ".drift .threshold"))
            assert 200 < picture.rect["width"] <= width
            assert driver.execute_script(shown, curve)[0] != driver.execute_script(shown, line)[0]
            assert driver.execute_script(shown, line)[1] != "none"
            assert driver.execute_script("return document.querySelector('.verdict').scrollWidth") <= width
        assert driver.get_log("browser") == []


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
    path = tmp_path / "picture.svg"
    path.write_text(svg(hostile()), encoding="utf-8")
    browser.get(path.as_uri())
    assert browser.execute_script("return window.harmed") is None
    assert browser.execute_script("return document.documentElement.localName") == "svg"
    assert browser.execute_script("return document.querySelectorAll('script, image, foreignObject, a').length") == 0
    assert complaints(browser) == []
