"""Tables made from the code: columns of the record, fields of its JSON, floors of the house."""

import importlib
import inspect
import json
import tomllib
from collections.abc import Iterator
from typing import Any

from _engine._base import PACKAGE, REPOSITORY, Generated, table
from entropist.record import BOUNDS, COLUMNS

SCHEMA_FILE = PACKAGE / "record" / "trace.schema.json"


class Columns(Generated):
    """`{columns}`: the columns of a trace."""

    def markdown(self) -> str:
        """A table: name, Arrow type, whether null occurs, meaning."""
        rows = [
            (f"`{column.name}`", f"`{column.type}`", "for context" if column.nullable else "never", column.meaning)
            for column in (*COLUMNS, *BOUNDS)
        ]
        return table(("column", "Arrow type", "null", "what it says"), rows)


class TraceSchema(Generated):
    """`{trace-schema}`: the fields of what `Trace.to_json` writes."""

    def markdown(self) -> str:
        """A table: the field's path, its type, its description."""
        schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
        return table(("field", "type", "what it says"), list(schema_rows(schema, schema["$defs"])))


class Floors(Generated):
    """`{floors}`: the layers of the import-linter contract, the highest first, with each room's docstring."""

    def markdown(self) -> str:
        """A table: the floor, the room, what lives there."""
        contract = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
        rows = []
        for floor, layer in zip(range(len(contract["layers"]) - 1, -1, -1), contract["layers"]):
            for room in layer.replace("|", ":").split(":"):
                name = room.strip()
                if not name.startswith("_"):
                    rows.append((str(floor), f"`{name}`", summary(f"entropist.{name}")))
        return table(("floor", "room", "what lives there"), rows)


def summary(module: str) -> str:
    """The first paragraph of a module's docstring on one line."""
    docstring = inspect.cleandoc(importlib.import_module(module).__doc__ or "")
    return " ".join(docstring.split("\n\n")[0].split())


def schema_rows(node: dict[str, Any], shapes: dict[str, Any], path: str = "") -> Iterator[tuple[str, str, str]]:
    """(path, type, description) of every field under a node of a JSON schema, references resolved."""
    for name, field in node.get("properties", {}).items():
        shape = shapes[field["$ref"].rpartition("/")[2]] if "$ref" in field else field
        here = f"{path}.{name}" if path else name
        description = field.get("description") or shape.get("description", "")
        yield f"`{here}`", f"`{_kind(shape, shapes)}`", description
        yield from schema_rows(shape if "$ref" not in field else {}, shapes, here)


def _kind(shape: dict[str, Any], shapes: dict[str, Any]) -> str:
    if "$ref" in shape:
        return _kind(shapes[shape["$ref"].rpartition("/")[2]], shapes)
    if "const" in shape:
        return json.dumps(shape["const"])
    if "enum" in shape:
        return " or ".join(map(json.dumps, shape["enum"]))
    if "oneOf" in shape:
        return " or ".join(_kind(choice, shapes) for choice in shape["oneOf"])
    if shape.get("type") == "array":
        return f"array of {_kind(shape['items'], shapes)}"
    kind = shape["type"]
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
