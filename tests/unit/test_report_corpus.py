"""The page, the picture and the lines of a scored corpus say what the score says, and hostile names stay text."""

import math
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest

from entropist.provenance import Identity
from entropist.record import Protocol
from entropist.report import score_fragment, score_lines, score_page, score_svg
from entropist.report._corpus import CorpusView, shown
from entropist.report._corpus_charts import HEIGHT, WIDTH, expected_and_found, histogram, ranks
from entropist.results import Estimate
from entropist.scoring import DOCUMENTS, SPANS, Score
from score_rows import row

HARM = "</style><script>window.harmed=1</script><img src=x onerror=1>\"'&\x1b[31m\u202e{unit}"
MODEL = Identity("a model", "ab" * 32, "cd" * 32, "float32", versions={"entropist": "1"})


def score(count, seed=0, harm=False, **options):
    g = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        n = int(g.integers(80, 120))
        entropy = n * float(g.normal(3, 0.3))
        name = f"{HARM} {i}" if harm else f"d{i}"
        group = (HARM if harm else "a", "b")[i % 2]
        rows.append(row(i, n, entropy * float(g.normal(1.05, 0.03)), entropy, group=group, top1=n // 4, name=name))
    text = f"{HARM} text\r\n of a span"
    spans = [
        {"index": 0, "id": rows[0]["id"] if rows else "", "start_byte": 9, "end_byte": 137, "tokens": 9,
         "surprisal": 300.0, "text": text},
        {"index": 0, "id": "d0", "start_byte": 200, "end_byte": 328, "tokens": 9, "surprisal": 30.0, "text": "calm"},
    ]  # fmt: skip
    given = {"model": MODEL, "protocol": Protocol("sliding", 512, 255, 0)} | options
    return Score(
        documents=pa.Table.from_pylist(rows, schema=DOCUMENTS),
        extremes=pa.Table.from_pylist(spans, schema=SPANS),
        **given,
    )


class Reader(HTMLParser):
    """Tags, attributes and text of a page, as a browser takes them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text += data


def test_the_page_says_what_the_score_says():
    found = score(40)
    text = Reader(score_page(found, name="c.jsonl")).text
    bits = found.bits_per_byte()
    low, high = bits.confidence_interval()
    assert f"{bits.value:.4g}" in text
    value, interval = shown(bits)
    assert float(value) == pytest.approx(bits.value, abs=0.05 * bits.stderr)
    assert [float(end) for end in interval.split(" to ")] == pytest.approx([low, high], abs=0.05 * bits.stderr)
    for name in ("bits per byte", "perplexity a token", "surprisal − entropy", "bits per byte, macro"):
        assert name in text
    assert f"95 %: {interval}" in text
    assert "40 documents, " in text
    sizes = found.bytes()
    assert f"{sizes['']:,} of input".replace(",", "\u00a0") in text
    assert "^####" in text
    assert "leave one document out" in text
    assert f"{300 / math.log(2) / 128:.2f}" in text
    assert "bytes 9 to 137" in text
    own = CorpusView(found, "").documents
    assert own[0].bits_per_byte == max(document.bits_per_byte for document in own)
    assert own[0].id in text
    assert own[-1].id in text


def test_hostile_names_and_texts_are_text():
    found = score(40, harm=True, skipped=1, skip_reasons=(HARM,))
    for page in (score_page(found, name=HARM), score_fragment(found)):
        read = Reader(page)
        assert not {"img"} & set(read.tags)
        assert not [name for name, _ in read.attributes if name.startswith("on") or name == "style"]
        assert "\x1b" not in page
        assert "\u202e" not in page
    page = score_page(found, name=HARM)
    assert "script" not in Reader(page).tags
    assert "<script>window.harmed=1</script>" in Reader(page).text
    assert Reader(score_fragment(found)).tags.count("script") == 1, "the constant one that builds the shadow root"
    lines = "\n".join(score_lines(found, spans=2))
    assert "\x1b" not in lines
    assert "\u202e" not in lines
    ElementTree.fromstring(score_svg(found, name=HARM))


def elements(drawn, tag):
    return list(ElementTree.fromstring(drawn).iter(tag))


@pytest.mark.parametrize("count", [2, 3, 40, 700])
def test_charts_hold_every_document_and_stay_inside(count):
    view = CorpusView(score(count, seed=count), "")
    drawn = histogram(view)
    titles = [title.text for title in elements(drawn, "title") if "document" in title.text]
    assert sum(int(re.search(r": ([\d\u00a0]+) doc", title)[1].replace("\u00a0", "")) for title in titles) == count
    for rect in elements(drawn, "rect"):
        x, wide = float(rect.get("x")), float(rect.get("width"))
        assert wide >= 0
        assert 0 <= x <= x + wide <= WIDTH
        assert 0 <= float(rect.get("y")) <= HEIGHT
    points = elements(expected_and_found(view.documents), "circle")
    assert len(points) == count if count <= 600 else 300 <= len(points) <= 600
    assert all(0 <= float(point.get("cx")) <= WIDTH and 0 <= float(point.get("cy")) <= HEIGHT for point in points)


def test_one_far_document_does_not_flatten_the_rest():
    found = score(40)
    rows = found.documents.to_pylist()
    rows[7]["surprisal"] *= 100
    far = Score(documents=pa.Table.from_pylist(rows, schema=DOCUMENTS))
    filled = [rect for rect in elements(histogram(CorpusView(far, "")), "rect") if float(rect.get("height")) > 0]
    assert len(filled) > 5
    assert "1 beyond the ends" in histogram(CorpusView(far, ""))


def test_ranks_are_shares_of_all_tokens():
    counts = {"0": 50, "1": 25, "2-3": 25, "4-7": 0}
    drawn = ranks(counts)
    assert [text.text for text in elements(drawn, "text")] == ["0", "50 %", "1", "25 %", "2–3", "25 %", "4–7", "0"]
    wide = [float(rect.get("width")) for rect in elements(drawn, "rect")]
    assert wide[1] == pytest.approx(wide[0] / 2, abs=0.06)
    assert wide[3] == 0


@pytest.mark.parametrize("count", [1, 2, 7, 8, 16, 17])
def test_few_documents_have_a_page_too(count):
    found = score(count)
    page = score_page(found, name="few")
    assert ("Bits per byte of the documents" in page) == (count > 1)
    assert ("Most surprising documents" in page) == (count > 16)
    assert ("fewer than the 8" in Reader(page).text.partition("Groups")[0]) == (count < 8)
    groups = Reader(page).text.partition("Groups")[2]
    assert ("No error:" in groups) == (count < 16), "of eight documents each group has four"
    assert f"The mean of {min(count, 2)} group" in groups
    assert not re.search(r"\bnan\b", page)
    ElementTree.fromstring(score_svg(found, name="few"))
    assert list(score_lines(found))


def test_equal_documents_and_no_spans():
    rows = [row(i, 100, 300.0, 300.0) for i in range(12)]
    found = Score(documents=pa.Table.from_pylist(rows, schema=DOCUMENTS))
    page = score_page(found, name="equal")
    assert "spans" not in page.lower().split("<body>")[1]
    assert "Protocol" in page
    assert "none: no document has 64 bytes" in "\n".join(score_lines(found, spans=1))


def test_an_error_within_documents_is_marked_in_the_table_of_groups():
    blocks = {"tokens": [10.0] * 32, "bytes": [40.0] * 32, "entropy": [25.0] * 32, "top1": [3.0] * 32}
    g = np.random.default_rng(0)
    rows = [row(0, 320, 960.0, 960.0, group="alone", blocks=blocks | {"surprisal": g.normal(30, 4, 32).tolist()})]
    rows += [row(i, 100, float(g.normal(300, 20)), 300.0, group="many") for i in range(1, 12)]
    found = Score(documents=pa.Table.from_pylist(rows, schema=DOCUMENTS))
    lines = [line for line in score_lines(found) if line.startswith(("alone", "many"))]
    assert [line.endswith(", within") for line in lines] == [True, False]
    assert "An error marked “within” is one within" in score_page(found, name="x")


def test_of_very_many_groups_the_terminal_shows_the_first():
    rows = [row(i, 100, 300.0, 300.0, group=f"g{i:03}") for i in range(100)]
    printed = list(score_lines(Score(documents=pa.Table.from_pylist(rows, schema=DOCUMENTS))))
    assert [line[:4] for line in printed if re.match(r"g\d", line)] == [f"g{i:03}" for i in range(60)]
    assert "the first 60 of 100 groups" in printed
    assert printed[-1].startswith("mean of 100 groups")


def test_few_spans_are_listed_once():
    page = Reader(score_page(score(40), name="x")).text
    assert ("Most surprising spans" in page) == ("Spans, the most surprising first" not in page)


@pytest.mark.parametrize(("goal", "said"), [(10.0, "was 10 or less"), (1e-9, "did not come down to 1e-09")])
def test_a_sample_says_why_it_ended(goal, said):
    printed = "\n".join(score_lines(score(40), until_stderr=goal))
    assert said in printed
    assert "sample " not in "\n".join(score_lines(score(40)))


def test_an_error_that_does_not_exist_names_no_method():
    rows = [row(i, 10, 30.0, 30.0) for i in range(3)]
    found = Score(documents=pa.Table.from_pylist(rows, schema=DOCUMENTS))
    for average in ("micro", "macro"):
        estimate = found.bits_per_byte(average)
        assert estimate.stderr is None
        assert "leave one" not in estimate.estimator
    assert "leave one" not in "\n".join(score_lines(found))
    assert "leave one" not in score_page(found, name="x")


def test_as_many_decimals_as_the_error_calls_for():
    assert shown(Estimate(1.23456, 0.0123, "bits", 9, "x"))[0] == "1.235"
    assert shown(Estimate(1234.5, 40.0, "", 9, "x"))[0] == "1234"
    assert shown(Estimate(1.23456, None, "bits", 9, "x")) == ("1.235", "")
    assert shown(Estimate(0.3, 0.01, "", 9, "x"), 100)[0] == "30.0"
    assert shown(Estimate(3.0, 0.0, "bits", 9, "x")) == ("3", "3 to 3")


def test_a_notebook_asks_for_its_picture():
    found = score(12)
    assert found._repr_html_() == score_fragment(found)
    assert "perplexity a token" in Reader(found._repr_html_()).text
