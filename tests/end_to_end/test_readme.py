"""What the README shows in Python is what Python answers; its commands exist, its names too; its picture is today's."""

import doctest
import re
from pathlib import Path

import typer.main

import entropist as en
from entropist.cli import app
from entropist.report import svg

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"(?:^|`|\| )entropist (\w+)([^`\n]*)", README, flags=re.MULTILINE)


def test_python_blocks_run_as_they_read():
    examples = doctest.DocTestParser().get_doctest("\n".join(PYTHON), {}, "README.md", "README.md", 0)
    run = [example for example in examples.examples if not example.options.get(doctest.SKIP)]
    assert len(run) > 3
    report = []
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=report.append)
    assert results.failed == 0, "".join(report)
    assert results.attempted == len(run)


def test_commands_and_flags_exist():
    group = typer.main.get_group(app)
    assert {name for name, _ in COMMANDS} == set(group.commands), "every command has its place"
    for name, rest in COMMANDS:
        flags = {option for parameter in group.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= flags


def test_files_and_names_exist():
    named = [*re.findall(r"\]\(([^)#]+)\)", README), *re.findall(r"\bexamples/[\w./]*", README)]
    assert len(named) > 3
    assert not [name for name in named if not (REPOSITORY / name).exists()]
    for name in re.findall(r"`en\.([\w.]+)`", README):
        assert getattr(en, name.split(".")[0])


def test_the_picture_is_what_the_command_draws_today():
    """Numbers and colours may differ in the last digit between machines; words, places and fingerprints may not."""
    (name,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    paragraph = (REPOSITORY / "examples/lighthouse.txt").read_text(encoding="utf-8").splitlines(keepends=True)[4]
    made = "sed -n 5p examples/lighthouse.txt | entropist trace --svg"
    drawn, kept = svg(en.trace(paragraph)), (REPOSITORY / name).read_text(encoding="utf-8")
    assert skeleton(drawn) == skeleton(kept), f"draw it again: {made} {name}"


def skeleton(picture):
    picture = re.sub(r"(fill: ?|fill=\")#[0-9a-f]{6}", r"\1", picture)
    told = r"(?:class=\"lead\"[^>]*>|aria-label=\"|<title>)[^<\"]*"
    return re.sub(told, lambda found: re.sub(r"[\d.]+", "", found[0]), picture)
