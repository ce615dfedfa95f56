"""Screenshots of the main views, left in build/screens for people to look at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import entropist as en
from entropist.record import Trace
from report_browser import css
from report_fixtures import truncated

EXAMPLE = Path(__file__).parents[2] / "examples/lighthouse.txt"
SCREENS = Path(__file__).parents[2] / "build/screens"

VIEWS: dict[str, Callable[[Any], None]] = {
    "light": lambda driver: None,
    "entropy": lambda driver: css(driver, "#modes label")[1].click(),
    "rank": lambda driver: css(driver, "#modes label")[2].click(),
    "pinned": lambda driver: css(driver, "#strip .t")[30].click(),
    "dark": lambda driver: driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    ),
}


@pytest.mark.parametrize("view", VIEWS)
def test_view(page: Callable[[Trace], Any], view: str) -> None:
    driver = page(en.trace(EXAMPLE.read_text(encoding="utf-8")))
    VIEWS[view](driver)
    _keep(driver, view)


def test_bounds(page: Callable[[Trace], Any]) -> None:
    driver = page(truncated())
    css(driver, "#modes label")[3].click()
    _keep(driver, "bounds")


def _keep(driver: Any, name: str) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    assert driver.save_screenshot(str(SCREENS / f"{name}.png"))
    assert (SCREENS / f"{name}.png").stat().st_size > 20_000, "a blank page makes a smaller file"
