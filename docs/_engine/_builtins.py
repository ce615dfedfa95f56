"""The built-in models: their cards, and the figures of the generations that were fed on models."""

import json
from typing import Any

from docutils import nodes

from _engine._base import PACKAGE, REPOSITORY, Generated, table

GENERATIONS = REPOSITORY / "training" / "results" / "generations.json"


class Card(Generated):
    """`{card} base`: the card of a built-in model, as a part of a section."""

    required_arguments = 1

    def markdown(self) -> str:
        """The card as it lies beside the weights."""
        return lowered((PACKAGE / "models" / "builtin" / self.arguments[0] / "README.md").read_text(encoding="utf-8"))


class Generations(Generated):
    """`{generations}`: entropy and diversity by generation, each with its 95 % interval."""

    def run(self) -> list[nodes.Node]:
        """Called by Sphinx."""
        self.env.note_dependency(str(GENERATIONS))
        return super().run()

    def markdown(self) -> str:
        """A table: whose text, the writer's entropy, the text under `builtin:bytes`, its words, what it forgot."""
        rows = json.loads(GENERATIONS.read_text(encoding="utf-8"))["rows"]
        names = ("entropy", "under_bytes", "distinct_words", "held_out")
        header = ("text", "entropy of its writer", "under `builtin:bytes`", "distinct words", "books under its writer")
        return table(header, [(row["text"], *(_cell(row.get(name)) for name in names)) for row in rows])


def lowered(markdown: str) -> str:
    """The headings two levels further down."""
    return "\n".join("##" + line if line.startswith("#") else line for line in markdown.splitlines())


def _cell(row: dict[str, Any] | None) -> str:
    return "" if row is None else f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
