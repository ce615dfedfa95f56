"""What the documentation adds to its engine: docstrings as plain text, examples that may not fail."""

import doctest
import importlib
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the documentation engine is not installed")

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return lambda name: importlib.import_module(f"_engine.{name}")


@pytest.fixture
def output_of(engine, tmp_path):
    (tmp_path / "run").mkdir()

    def run(name, source):
        (tmp_path / name).write_text(source, encoding="utf-8")
        return engine("_running").output_of(tmp_path / name, tmp_path / "run")

    return run


def test_examples_in_its_docstrings(engine):
    found = doctest.testmod(engine("_docstrings"))
    assert found.failed == 0
    assert found.attempted > 1


def test_a_docstring_is_plain_text(engine):
    lines = ["A|b| c_ *d* `no_name_`.", "", "    x_ = |y|", "", "Again e_.", "", ">>> f_ * g", "1"]
    assert engine("_docstrings").restructured(lines) == [
        "A\\|b\\| c\\_ \\*d\\* ``no_name_``.", "", "::", "", "    x_ = |y|", "", "Again e\\_.", "", ">>> f_ * g", "1",
    ]  # fmt: skip


def test_names_become_links_to_their_own_address(engine):
    code = engine("_docstrings").restructured
    assert code(["`Trace.load`"]) == [":py:obj:`Trace.load <entropist.record.Trace.load>`"]
    assert code(["`entropist.record.COLUMNS`"]) == [":py:obj:`entropist.record.COLUMNS <entropist.record.COLUMNS>`"]
    assert code(["`nothing_of_it`, `Trace._private`"]) == ["``nothing_of_it``, ``Trace._private``"]


def test_what_a_dataclass_writes_by_itself_is_no_docstring(engine):
    names = engine("_names")
    assert names.PublicName("entropist.results", "Estimate", "entropist.results").docstring.startswith("A number")
    lines = ["Pair(a: int, b: int)"]
    engine("_docstrings").process_docstring(None, "class", "room.Pair", None, None, lines)
    assert lines == []


def test_examples_see_their_text_and_are_heard(output_of):
    assert output_of("a.py", "import os\nprint(os.listdir())") == "['lighthouse.txt']\n"
    assert output_of("a.sh", "# a comment\nentropist \\\n  --version\n").startswith("entropist ")


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("raises.py", "1 / 0", "division by zero"),
        ("warns.py", "import warnings\nwarnings.warn('beware')", "beware"),
        ("fails.sh", "entropist trace absent.txt", "exit code 2"),
        ("other.sh", "rm -r nothing", "entropist command"),
    ],
)
def test_an_example_that_fails_stops_the_build(output_of, name, source, says):
    with pytest.raises(Exception, match=says):
        output_of(name, source)
