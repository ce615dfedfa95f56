"""The documentation as a stranger gets it: built once, strictly, then read page by page.

What must be in it is asked of the package here a second time, without the code that generates the pages.
"""

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import typer.main

import entropist as en
from entropist.cli import app
from entropist.record import BOUNDS, COLUMNS

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
EXAMPLES = sorted(path.name for path in (DOCS / "examples").iterdir() if path.is_file())
PAGES = sorted(path.relative_to(DOCS).with_suffix(".html").as_posix() for path in DOCS.rglob("*.md"))
ENGINE = ("sphinx", "myst_parser", "furo")
INNER = {"cli", "files", "progress"}  # the command line has its own page, the other two serve the rooms
ROOMS = sorted(f"entropist.{m.name}" for m in pkgutil.iter_modules(en.__path__) if m.name not in INNER)
ROOMS = [room for room in ROOMS if not room.rpartition(".")[2].startswith("_")]
_LOADING = {"src", "srcset", "poster", "data", "action", "formaction", "background"}


class Page(HTMLParser):
    """A built page: the ids in it, what it loads, what it links to, its words."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: list[str] = []
        self._text: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    @cached_property
    def words(self) -> str:
        return " ".join("".join(self._text).split())

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.add(value)
            elif name == "href" and tag in ("a", "area"):
                self.anchors.append(value)
            elif name in _LOADING or name == "href":
                self.loads.append(value)

    def handle_data(self, data):
        self._text.append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    absent = [package for package in ENGINE if importlib.util.find_spec(package) is None]
    if absent:
        pytest.skip(f"the documentation engine is not installed: {', '.join(absent)}")
    out = tmp_path_factory.mktemp("site")
    # One thread: the models in the examples are so small that threads only wait for each other.
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", str(DOCS), str(out)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert built.stderr == ""
    return {path.relative_to(out).as_posix(): Page(path) for path in out.rglob("*.html")}


def test_every_page_is_built(site):
    assert len(PAGES) > 10
    assert not set(PAGES) - set(site)


def test_nothing_is_loaded_from_the_network(site):
    for page in site.values():
        assert not [url for url in page.loads if _leaves(url)], page.path
    root = site["index.html"].path.parent
    files = [path for path in root.rglob("*") if path.suffix in (".js", ".css", ".svg")]
    assert files
    for path in files:
        assert not network_references(path.read_text(encoding="utf-8")), path
    assert "Content-Security-Policy" in site["_generated/lighthouse.html"].path.read_text(encoding="utf-8")


def test_a_reference_to_the_network_would_be_found(tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text('<link rel=stylesheet href="//fonts.example/a.css"><script src="https://cdn.example/a.js"></script>')
    assert [_leaves(url) for url in Page(bad).loads] == [True, True]
    assert network_references("@import url(https://fonts.example/a.css);")
    assert network_references("/* a */ const s = 'http://cdn.example/a.js';")
    assert not network_references(
        " * see https://example.org/\n// http://example.org\nxmlns='http://www.w3.org/2000/svg'"
    )


def test_internal_links_resolve(site):
    broken = []
    for name, page in site.items():
        for url in [*page.anchors, *page.loads]:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            known = site[name] if target == page.path else _page(site, target)
            if not target.exists() or (parts.fragment and known and unquote(parts.fragment) not in known.ids):
                broken.append(f"{name} -> {url}")
    assert not broken


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_in_the_reference(site, room):
    names = public_names(room)
    assert names
    assert not undocumented({f"{room}.{name}": value for name, value in names.items()}, _ids(site))


def test_every_name_of_the_door_is_in_the_reference(site):
    index = site["reference/index.html"]
    missing = [name for name in en.__all__ if f"en.{name}" not in index.words]
    assert not missing


def test_a_name_without_words_would_be_found():
    def explained():
        """Has a docstring."""

    def silent():
        pass

    @dataclasses.dataclass
    class Made:
        a: int

    class Half:
        """Has one, its method has none."""

        def method(self):
            pass

    found = {"a.explained": explained, "a.silent": silent, "a.Made": Made, "a.Half": Half}
    assert undocumented(found, {"a.silent", "a.Made", "a.Half"}) == [
        "a.explained is on no page",
        "a.silent has no docstring",
        "a.Made has no docstring",
        "a.Half.method is on no page",
        "a.Half.method has no docstring",
    ]


def test_every_column_is_explained(site):
    words = site["reference/record.html"].words
    for column in (*COLUMNS, *BOUNDS):
        assert column.meaning
        assert f"{column.name} {column.type} {'for context' if column.nullable else 'never'} {column.meaning}" in words


def test_every_field_of_the_json_is_listed(site):
    schema = json.loads((Path(en.__file__).parent / "record" / "trace.schema.json").read_text(encoding="utf-8"))
    words = site["reference/record.html"].words
    assert {column.name for column in (*COLUMNS, *BOUNDS)} < set(schema["properties"]["columns"]["properties"])
    paths = list(_fields(schema))
    assert "metadata.protocol.bos_id" in paths
    assert not [path for path in paths if f" {path} " not in words]


def test_help_is_current(site):
    group = typer.main.get_group(app)
    words = site["reference/command-line.html"].words
    for command in ["", *group.commands]:
        printed = subprocess.run(
            [sys.executable, "-m", "entropist", *command.split(), "--help"],
            env=os.environ | {"COLUMNS": "80", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        usage, rest = printed.split("\n", 1)
        assert " ".join(usage.split()).replace("python -m entropist", "entropist") in words
        assert " ".join(rest.split()) in words


@pytest.mark.parametrize("command", [None, *typer.main.get_group(app).commands])
def test_every_flag_is_explained(site, command):
    group = typer.main.get_group(app)
    asked = group if command is None else group.commands[command]
    assert asked.help
    words = site["reference/command-line.html"].words
    for parameter in asked.params:
        assert parameter.help, f"{command} {parameter.name} has no help"
        assert all(option in words for option in parameter.opts if option.startswith("-"))


@pytest.mark.parametrize("command", list(typer.main.get_group(app).commands))
def test_every_command_has_an_example(command):
    shown = [(DOCS / "examples" / name).read_text(encoding="utf-8") for name in EXAMPLES if name.endswith(".sh")]
    assert any(f"entropist {command} " in text for text in shown)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_shown(site, example):
    source = " ".join((DOCS / "examples" / example).read_text(encoding="utf-8").split())
    assert any(source in page.words for page in site.values())


def test_examples_print_what_they_compute(site):
    tutorial, comparison = site["tutorial.html"].words, site["how-to/compare-tokenizers.html"].words
    assert "fair coin entropy 1.000 bits" in tutorial
    assert "surprisal [0.152 3.322] bits" in tutorial
    assert "untrained 1334 257.0 8.006" in comparison
    assert "trace.parquet True trace.arrow True trace.jsonl True" in site["how-to/keep-and-reload.html"].words


def test_every_term_says_formula_unit_and_what_it_is_not():
    entries = (DOCS / "glossary.md").read_text(encoding="utf-8").split("```{glossary}\n")[1].split("```")[0]
    terms = re.split(r"^(?=\S)", entries, flags=re.MULTILINE)[1:]
    assert len(terms) > 10
    for term in terms:
        assert all(part in term for part in ("\n  Formula: ", "\n  Unit: ", "\n  Not to be confused with ")), term


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: path.stem)
def test_no_page_holds_a_program_of_its_own(page):
    blocks = re.findall(r"^```(\S*)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not [block for block in blocks if block and not block.startswith("{")], "a program belongs in docs/examples"


def public_names(room):
    """Name to value of what a room lets out: its `__all__`, or what a single file defines without underscore."""
    module = importlib.import_module(room)
    names = getattr(module, "__all__", None) or [
        name
        for statement in ast.parse(inspect.getsource(module)).body
        for name in _defined(statement)
        if not name.startswith("_")
    ]
    return {name: getattr(module, name) for name in names}


def undocumented(names, ids):
    """What is wrong with names (address to value), given the ids of all pages."""
    faults = []
    for address, value in names.items():
        members = {}
        if inspect.isclass(value):
            members = {
                f"{address}.{name}": getattr(member, "__func__", member)
                for name, member in vars(value).items()
                if not name.startswith("_") and (inspect.isroutine(member) or isinstance(member, property))
            }
        for place, item in {address: value, **members}.items():
            if not {place, f"module-{place}"} & ids:
                faults.append(f"{place} is on no page")
            if (inspect.isclass(item) or inspect.isroutine(item) or isinstance(item, property)) and not _own(item):
                faults.append(f"{place} has no docstring")
    return faults


def network_references(text):
    """URLs of a script, a style or a picture that are neither in a comment nor the name of a dialect of XML."""
    found = []
    for line in text.splitlines():
        for match in re.finditer(r"https?://[^\s\"')]+", line):
            before = line[: match.start()].lstrip()
            comment = before.startswith(("//", "*", "<!--")) or (before.startswith("/*") and "*/" not in before)
            if not comment and not match[0].startswith("http://www.w3.org/"):
                found.append(match[0])
    return found


def _own(item):
    """Its docstring, unless it is inherited or made by `dataclass` or `NamedTuple`."""
    written = vars(item).get("__doc__") if inspect.isclass(item) else item.__doc__
    return bool(written) and not (inspect.isclass(item) and written.startswith(f"{item.__name__}("))


def _defined(statement):
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _fields(node, path=""):
    for name, field in node.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here
        yield from _fields(field, here)


def _ids(site):
    return set().union(*(page.ids for page in site.values()))


def _leaves(url):
    return bool(url) and (urlsplit(url).netloc != "" or urlsplit(url).scheme in ("http", "https", "ftp", "ws", "wss"))


def _page(site, target):
    return next((page for page in site.values() if page.path == target), None)
