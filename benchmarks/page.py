"""How large a page is, how soon it can be used, and whether 100 000 tokens still scroll.

    python benchmarks/page.py [tokens ...]

For each number of tokens, a made-up trace with ten alternatives a token: seconds to make the page, its
size, and, in headless Chromium (median of five openings), milliseconds from the start of the navigation
to the end of the page's own script and to the first frame after it; then 60 steps of a screen height
down the text, each waited for until it is painted, and the slowest of them; and the time of a jump to
the end. The text of the page is first compared with the text of the trace.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from entropist.report import html_page
from report_browser import chromium
from report_fixtures import prose

OPENINGS = 5

PAINTED = """
const done = arguments[arguments.length - 1];
requestAnimationFrame(() => setTimeout(() => done(performance.now()), 0));
"""

SCROLL = """
const done = arguments[arguments.length - 1];
const steps = [];
function step() {
  if (steps.length === 60) return done(steps);
  const begin = performance.now();
  scrollBy(0, innerHeight);
  requestAnimationFrame(() => setTimeout(() => { steps.push(performance.now() - begin); step(); }, 0));
}
step();
"""

JUMP = """
const done = arguments[arguments.length - 1];
const begin = performance.now();
scrollTo(0, document.body.scrollHeight);
requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin), 0));
"""


def measure(driver: Any, tokens: int, folder: Path) -> dict[str, float]:
    trace = prose(tokens)
    begin = time.perf_counter()
    page = html_page(trace)
    made = time.perf_counter() - begin
    path = folder / f"{tokens}.html"
    path.write_text(page, encoding="utf-8")
    ready, painted = [], []
    for _ in range(OPENINGS):
        driver.get(path.as_uri())
        painted.append(driver.execute_async_script(PAINTED))
        ready.append(float(driver.execute_script("return document.documentElement.dataset.ready")))
    text = driver.execute_script("return document.getElementById('strip').textContent")
    assert text.encode() == trace.text_bytes(), "the page does not show the text of the trace"
    steps = driver.execute_async_script(SCROLL)
    return {
        "tokens": tokens,
        "megabytes": len(page.encode()) / 1e6,
        "make_s": made,
        "ready_ms": statistics.median(ready),
        "painted_ms": statistics.median(painted),
        "scroll_median_ms": statistics.median(steps),
        "scroll_slowest_ms": max(steps),
        "jump_to_end_ms": driver.execute_async_script(JUMP),
        "spans": driver.execute_script("return document.querySelectorAll('#strip .t').length"),
    }


def main() -> None:
    sizes = [int(argument) for argument in sys.argv[1:]] or [1_000, 10_000, 100_000]
    with tempfile.TemporaryDirectory() as folder, chromium() as driver:
        driver.set_script_timeout(120)
        rows = [measure(driver, tokens, Path(folder)) for tokens in sizes]
    print("".join(f"{name:>19}" for name in rows[0]))
    for row in rows:
        print("".join(f"{value:>19.6g}" for value in row.values()))
    print(json.dumps({"benchmark": "page", "rows": rows}))


if __name__ == "__main__":
    main()
