"""Which names are public: the rooms of the house and what their doors let out, read from the source."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any

import entropist

# The command line has a page of its own; the other two serve the rooms and promise nothing outside.
NOT_ROOMS = ("cli", "files", "progress")


@dataclass(frozen=True)
class PublicName:
    """A name that a room's door lets out, and the module that defines it."""

    room: str
    name: str
    module: str

    @property
    def path(self) -> str:
        """The address people import it by."""
        return f"{self.room}.{self.name}"

    @property
    def value(self) -> Any:
        """What it names."""
        return getattr(importlib.import_module(self.room), self.name)

    @property
    def kind(self) -> str:
        """Its autodoc directive: "exception", "class", "function" or "data"."""
        value = self.value
        if inspect.isclass(value):
            return "exception" if issubclass(value, BaseException) else "class"
        return "function" if inspect.isfunction(value) else "data"

    @property
    def docstring(self) -> str:
        """Its own docstring, or "": one inherited, or made by `dataclass` or `NamedTuple`, is none."""
        if self.kind == "data":
            return _data_docstrings(self.module).get(self.name, "")
        written = vars(self.value).get("__doc__") if inspect.isclass(self.value) else self.value.__doc__
        made = (written or "").startswith(f"{self.name}(")
        return "" if made else inspect.cleandoc(written or "")


@cache
def rooms() -> tuple[str, ...]:
    """The rooms, as modules: every public part of the package but those named above."""
    found = (module.name for module in pkgutil.iter_modules(entropist.__path__))
    return tuple(f"entropist.{name}" for name in sorted(found) if not name.startswith("_") and name not in NOT_ROOMS)


@cache
def public_names(room: str) -> tuple[PublicName, ...]:
    """The names that a room lets out, file by file; first the files whose names `entropist` itself repeats."""
    module = importlib.import_module(room)
    sources = _sources(module)
    names = [PublicName(room, name, sources.get(name, room)) for name in getattr(module, "__all__", sources)]
    chief = {name.module for name in names if name.name in entropist.__all__}
    files = sorted(dict.fromkeys(name.module for name in names), key=lambda file: file not in chief)
    return tuple(sorted(names, key=lambda name: (files.index(name.module), _line(name))))


def all_public_names() -> Iterator[PublicName]:
    """The names of every room."""
    for room in rooms():
        yield from public_names(room)


@cache
def addresses() -> dict[str, str]:
    """Short name to full one, for every public name; the rooms by their own."""
    short = {name.name: name.path for name in all_public_names()}
    return short | {room: room for room in rooms()} | {name.path: name.path for name in all_public_names()}


def _sources(module: ModuleType) -> dict[str, str]:
    """Name to the module that defines it: what a door imports from its own files, what a single file defines."""
    defined: dict[str, str] = {}
    for statement in _statements(module.__name__):
        match statement:
            case ast.ImportFrom(module=str(source)) if source.startswith(f"{module.__name__}."):
                defined |= {alias.asname or alias.name: source for alias in statement.names}
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                defined[name] = module.__name__
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                defined[name] = module.__name__
    return {name: source for name, source in defined.items() if not name.startswith("_")}


@cache
def _statements(module: str) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(importlib.import_module(module))).body


def _data_docstrings(module: str) -> dict[str, str]:
    """The text under each assignment of a module."""
    found = {}
    statements = _statements(module)
    for statement, following in pairwise(statements):
        match statement, following:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text)
    return found


def _line(name: PublicName) -> int:
    for statement in _statements(name.module):
        match statement:
            case ast.FunctionDef(name=name.name) | ast.ClassDef(name=name.name):
                return statement.lineno
            case ast.Assign(targets=[ast.Name(id=name.name)]):
                return statement.lineno
    return 0
