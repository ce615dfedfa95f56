import sys
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entropist.errors import MissingExtraError
from entropist.report import png, svg
from entropist.report._grid import laid_out
from report_fixtures import hostile, prose, trace_of

NAMESPACE = "{http://www.w3.org/2000/svg}"


def test_the_picture_is_xml_whatever_the_text() -> None:
    root = ElementTree.fromstring(svg(hostile()))
    tags = {element.tag.removeprefix(NAMESPACE) for element in root.iter()}
    assert tags == {"svg", "style", "rect", "text", "g", "title"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not any(name.startswith("on") or "href" in name for name in attributes)


def test_the_picture_holds_totals_legend_text_and_provenance() -> None:
    texts = [
        element.text or "" for element in ElementTree.fromstring(svg(prose(300), unit="nats")).iter(f"{NAMESPACE}text")
    ]
    together = " ".join(texts)
    said = ElementTree.fromstring(svg(prose(300))).get("aria-label")
    assert said is not None
    assert said.endswith("equally likely tokens each time.")
    for part in ("The model needed", "nats a token", "10 +", "weights abababababab", "estimator batch means"):
        assert part in together


def test_a_long_text_says_what_the_picture_leaves_out() -> None:
    assert "and 100 more tokens" in svg(prose(1600)).replace("\u00a0", " ")


def test_png_is_made_without_a_browser() -> None:
    pytest.importorskip("vl_convert", reason="needs the extra 'report'")
    picture = png(prose(60))
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(picture[16:20]) > 1000  # width, at two pixels a unit


def test_png_without_the_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(MissingExtraError, match=r"entropist\[report\]"):
        png(trace_of([b"a"]))


def test_right_to_left_words_stand_from_right_to_left() -> None:
    pieces = laid_out(["a ", "של", "", " ", "ום", " b"], 40)
    assert [(piece.text, piece.column) for piece in pieces] == [
        ("a ", 0), ("של", 6), ("", 5), (" ", 4), ("ום", 2), (" b", 8),
    ]  # fmt: skip


@given(st.lists(st.text(st.sampled_from("ab 日\n\u0301"), max_size=12), min_size=1, max_size=30), st.integers(4, 12))
def test_the_grid_keeps_every_character_in_order_and_in_its_row(texts: list[str], columns: int) -> None:
    pieces = laid_out(texts, columns)
    wanted = "".join(text for text in texts if text.strip("\u0301")).replace("\n", "↵")
    assert "".join(piece.text for piece in pieces).replace(" ", "") == wanted.replace(" ", "")
    for piece in pieces:
        assert piece.column + piece.cells <= columns + 1
    assert [piece.token for piece in pieces] == sorted(piece.token for piece in pieces)
    assert [(piece.row, piece.column) for piece in pieces] == sorted((piece.row, piece.column) for piece in pieces)
