"""The system's Chromium, and what a reader does with a page in it."""

import importlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def chromium(*, scripts: bool = True, dark: bool = False, size: str = "1280,900") -> Iterator[Any]:
    """A headless Chromium that keeps its console and its network log; skips the test where there is none."""
    browser, chauffeur = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not chauffeur:
        pytest.skip("no Chromium: install the packages chromium and chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium: pip install 'entropist[dev]'")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        quiet = ("background-networking", "component-update", "default-apps", "extensions", "gpu", "quic", "sync")
        flags = ["headless=new", "no-sandbox", "no-first-run", f"user-data-dir={profile}", f"window-size={size}"]
        for flag in [*flags, *(f"disable-{what}" for what in quiet)]:
            options.add_argument(f"--{flag}")
        if not scripts:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chauffeur))
        try:
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            yield driver
        finally:
            driver.quit()


def opened(driver: Any, html: str, folder: Path, name: str = "page.html") -> Any:
    """Load `html` from a file and wait until its script, if it may run, has finished."""
    path = folder / name
    path.write_text(html, encoding="utf-8")
    driver.get(path.as_uri())
    return driver


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
    action_chains = importlib.import_module("selenium.webdriver.common.action_chains")
    key = importlib.import_module("selenium.webdriver.common.keys").Keys
    for name in names:
        action_chains.ActionChains(driver).send_keys(getattr(key, name, name)).perform()


def point_at(driver: Any, element: Any) -> None:
    action_chains = importlib.import_module("selenium.webdriver.common.action_chains")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    settle(driver)
    action_chains.ActionChains(driver).move_to_element(element).perform()


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
