"""One browser for all tests of pages; each page must leave the console empty and the network alone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from entropist.record import Trace
from entropist.report import html_page
from report_browser import chromium, opened, requests


@pytest.fixture(scope="session")
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
