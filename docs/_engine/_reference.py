"""The reference: a room's names from their docstrings, file by file."""

import importlib
import inspect
from itertools import groupby
from typing import ClassVar

import entropist
from _engine._base import Generated, table
from _engine._docstrings import restructured
from _engine._names import PublicName, addresses, public_names

_SHORT_VALUE = 60  # characters of a constant shown


class Room(Generated):
    """`{room} entropist.record`: the door's docstring, then each file's with the names it gives."""

    required_arguments: ClassVar[int] = 1

    def markdown(self) -> str:
        """One block of reStructuredText, which autodoc speaks."""
        room = self.arguments[0]
        lines = [f".. automodule:: {room}", ""]
        for module, names in groupby(public_names(room), lambda name: name.module):
            # A file's own docstring holds the formulas; one that has the room to itself has spoken already.
            if module != room and "\n" in inspect.cleandoc(importlib.import_module(module).__doc__ or ""):
                lines += [f".. automodule:: {module}", "   :no-index:", ""]
            for name in names:
                lines += [*_entry(name), ""]
        return "\n".join(["````{eval-rst}", *lines, "````"])


class PublicNames(Generated):
    """`{public-names}`: what `import entropist as en` gives."""

    def markdown(self) -> str:
        """A table: the name, what it is in a line."""
        rows = []
        for name in entropist.__all__:
            value = getattr(entropist, name)
            if inspect.ismodule(value):
                rows.append((f"{{py:mod}}`en.{name} <{value.__name__}>`", _first_sentence(value.__doc__)))
            else:
                rows.append((f"{{py:obj}}`en.{name} <{addresses()[name]}>`", _first_sentence(value.__doc__)))
        return table(("name", "what it is"), rows)


def _entry(name: PublicName) -> list[str]:
    if name.kind == "function":
        return [f".. autofunction:: {name.path}"]
    if name.kind != "data":
        return [f".. auto{name.kind}:: {name.path}", "   :members:", "   :special-members: __call__"]
    value = repr(name.value)
    shown = [f"   :value: {value}"] if len(value) <= _SHORT_VALUE else []
    text = restructured(name.docstring.splitlines())
    return [f".. py:data:: {name.name}", f"   :module: {name.room}", *shown, "", *(f"   {line}" for line in text)]


def _first_sentence(docstring: str | None) -> str:
    paragraph = " ".join(inspect.cleandoc(docstring or "").split("\n\n")[0].split())
    return paragraph
