"""The examples in the docstrings say what happens."""

import doctest
import importlib
import pkgutil

import pytest

import entropist

MODULES = ["entropist", *(info.name for info in pkgutil.walk_packages(entropist.__path__, "entropist."))]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_examples(name):
    module = importlib.import_module(name)
    found = doctest.testmod(module)
    assert found.failed == 0
    with open(module.__file__, encoding="utf-8") as source:
        assert found.attempted == sum(line.lstrip().startswith(">>> ") for line in source)
