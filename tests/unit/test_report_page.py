import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from entropist.errors import FileError
from entropist.record import Trace
from entropist.report import html_fragment, html_page, write_html
from entropist.report._assets import script
from entropist.report._data import embedded
from entropist.report._view import View
from report_fixtures import HOSTILE, hostile, prose, trace_of

OURS = {
    "html", "head", "meta", "title", "link", "style", "body", "header", "p", "span", "h1", "h2", "bdi", "dl", "div",
    "dt", "dd", "main", "fieldset", "legend", "form", "label", "input", "output", "button", "section", "noscript", "i",
    "aside", "ol", "li", "a", "mark", "footer", "b", "script", "template", "pre",
}  # fmt: skip


class Tags(HTMLParser):
    """Every tag and every attribute of a document, and the text of its elements by id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def data_of(page: str) -> dict:
    return json.loads(page.partition('id="data">')[2].partition("</script>")[0])


def test_the_script_is_small_and_never_makes_markup_from_data() -> None:
    assert len(script().encode()) <= 60_000
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|</", script())


@pytest.mark.parametrize("trace", [prose(300), hostile()], ids=["prose", "hostile"])
def test_the_policy_admits_this_script_and_style_and_nothing_else(trace: Trace) -> None:
    page = html_page(trace)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    for name, tag in (("script-src", "script"), ("style-src", "style")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"


@pytest.mark.parametrize("make", [html_page, html_fragment])
def test_no_text_becomes_markup(make) -> None:  # type: ignore[no-untyped-def]
    trace = hostile()
    html = make(trace)
    found = Tags(html).tags
    assert {tag for tag, _ in found} <= OURS
    assert not any(name.startswith("on") for _, attributes in found for name in attributes)
    assert not any(
        (attributes.get("href") or "#").partition(":")[0] in ("javascript", "http") for _, attributes in found
    )
    assert html.count("<script") == html.count("</script>") == (2 if make is html_page else 1)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", html)


def test_nothing_on_the_page_names_another_place() -> None:
    for html in (html_page(prose(300)), html_fragment(prose(300))):
        assert not re.search(r"(src|href|action|url)\s*[=(]\s*[\"']?(https?:|//)", html)
        assert "@import" not in html


def test_embedded_json_is_the_value_and_has_no_markup() -> None:
    value = ["</script><!--", "a & b", "\u2028\u2029", {"<": ">"}]
    text = embedded(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


def test_the_page_carries_the_record() -> None:
    trace = prose(400, context=2)
    data = data_of(html_page(trace, unit="nats"))
    column = {scale["key"]: np.frombuffer(base64.b64decode(scale["values"]), "<f4") for scale in data["scales"]}
    for name in ("surprisal", "entropy", "rank"):
        np.testing.assert_allclose(column[name], trace.column(name), rtol=1e-6)
    kind = np.frombuffer(base64.b64decode(data["kind"]), "<u4")
    assert "".join(data["kinds"]["text"][k] for k in kind).encode() == trace.text_bytes()
    assert [data["kinds"]["id"][k] for k in kind] == trace.column("token_id").tolist()
    assert sum(np.frombuffer(base64.b64decode(data["alternatives"]["count"]), "<u4")) == 398 * 10


def test_bytes_are_told_where_the_text_does_not() -> None:
    kinds = data_of(html_page(trace_of([b"a", "é".encode(), b"\xe3", b"\x1b", b"\n"])))["kinds"]
    assert dict(zip(kinds["text"], kinds["hex"])) == {"a": None, "é": None, "⟨E3⟩": "e3", "␛": "1b", "\n": None}


def test_ten_thousand_tokens_stay_under_three_megabytes() -> None:
    assert len(html_page(prose(10_000)).encode()) <= 3_000_000


def test_the_same_trace_gives_the_same_page() -> None:
    assert html_page(prose(300)) == html_page(prose(300))


def test_a_page_is_called_by_its_text_or_its_title() -> None:
    assert "<title>“start" in html_page(trace_of([b"start", b" here"]))
    assert "<title>a &lt;b&gt; · Entropist" in html_page(prose(10), title="a\n<b>")


def test_code_is_set_in_a_fixed_width() -> None:
    lines = [b"def f():\n", b"    return 1\n", b"\n", b"def g():\n", b"    return 2\n"]
    assert 'id="strip" class="code"' in html_page(trace_of(lines))
    assert 'id="strip" class="prose"' in html_page(prose(200))


def test_every_surprising_token_can_be_jumped_to_without_a_script() -> None:
    trace = prose(300)
    page = html_page(trace)
    for token in View(trace, "bits").most_surprising(15):
        assert f'href="#t{token}"' in page
        assert f'id="t{token}"' in page


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_html(prose(20), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == html_page(prose(20))
    with pytest.raises(FileError, match="Make its directory first"):
        write_html(prose(20), tmp_path / "absent" / "page.html")


def test_a_notebook_gets_the_fragment() -> None:
    assert prose(20)._repr_html_() == html_fragment(prose(20))


def test_a_long_fragment_says_what_it_leaves_out() -> None:
    assert "and 500 more tokens" in html_fragment(prose(3500))
    assert "more tokens" not in html_fragment(prose(3000))


def test_pieces_of_the_hostile_corpus_survive_to_the_eye() -> None:
    shown = "".join(View(hostile(), "bits").texts)
    for piece in HOSTILE[:9]:
        assert piece.decode() in shown
