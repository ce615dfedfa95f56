"""What the README shows in Python is what Python answers; what it shows as a command exists."""

import doctest
import re
from pathlib import Path

import typer.main

from entropist.cli import app

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^(?:.*\| )?entropist (\w+)(.*)", README, flags=re.MULTILINE)


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
    assert COMMANDS
    for name, rest in COMMANDS:
        flags = {option for parameter in group.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= flags
