"""A directive whose content is Markdown made from the code."""

from abc import ABC, abstractmethod
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import entropist

PACKAGE = Path(entropist.__file__).parent
REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "docs" / "examples"


class Generated(SphinxDirective, ABC):
    """A page that has one is written anew whenever anything in the package changes."""

    def run(self) -> list[nodes.Node]:
        """Called by Sphinx."""
        for path in PACKAGE.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                self.env.note_dependency(str(path))
        return self.parse_text_to_nodes(self.markdown(), allow_section_headings=True)

    @abstractmethod
    def markdown(self) -> str:
        """What stands in the directive's place."""


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; a bar in a cell is escaped."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
