"""The one door: its names, that they work twice, and what walking through it loads."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import entropist

HEAVY = ["torch", "pyarrow", "numba", "transformers", "tokenizers", "scipy", "numpy", "rich", "typer"]


def submodules():
    return [
        info.name
        for info in pkgutil.walk_packages(entropist.__path__, "entropist.")
        if not info.name.endswith("__main__")
    ]


def test_every_public_name_works_twice_after_every_submodule_was_imported():
    names = submodules()
    assert len(names) > 30
    for name in names:
        importlib.import_module(name)
    for name in entropist.__all__:
        first, second = getattr(entropist, name), getattr(entropist, name)
        assert first is second
        home = entropist._DOOR[name]
        expected = (
            importlib.import_module(f"entropist.{name}")
            if home is None
            else getattr(importlib.import_module(home), name)
        )
        assert first is expected, name
        assert inspect.ismodule(first) == (home is None or name == "truncated"), f"a submodule took the place of {name}"


def test_the_three_lists_of_names_are_one():
    tree = ast.parse(inspect.getsource(entropist))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imported = {alias.asname: f"{node.module}" for node in block.body for alias in node.names}
    assert all(alias.name == alias.asname for node in block.body for alias in node.names)
    homes = {name: home or "entropist" for name, home in entropist._DOOR.items()}
    assert imported == homes
    assert entropist.__all__ == sorted(entropist._DOOR)
    assert dir(entropist) == entropist.__all__


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match=r"entropist has no 'entrpy'; it has Bounds, Estimate"):
        entropist.entrpy  # noqa: B018


def test_import_loads_nothing_heavy():
    script = f"import sys, entropist; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
    assert found.stderr == ""


@pytest.mark.parametrize(
    ("use", "absent"),
    [
        ("entropist.Estimate(1.0, 0.1, 'nats', 5, 'x')", ["torch", "pyarrow", "numba", "transformers", "scipy"]),
        ("entropist.estimators.mean([1.0] * 300)", ["torch", "pyarrow", "numba", "transformers", "scipy"]),
        ("entropist.logits.statistics", ["torch", "pyarrow", "numba", "transformers", "scipy"]),
        ("entropist.Trace.load", ["torch", "numba", "transformers", "scipy"]),
    ],
)
def test_a_name_loads_only_what_it_needs(use, absent):
    script = f"import sys, entropist; {use}; print([name for name in {absent} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
