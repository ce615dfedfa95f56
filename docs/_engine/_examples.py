"""`{example}`: a file of docs/examples with what it printed in this very build, and what it drew."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.errors import ExtensionError

from _engine._base import EXAMPLES, Generated
from _engine._running import output_of

_FILES = "_generated"  # where the site keeps what examples wrote


class Example(Generated):
    """`{example} coin.py`.

    :last: shows only so many of the last lines printed. :picture: and :page: name a file that the example
    wrote, to be shown or linked. :source-only: is for a file that others import.
    """

    required_arguments: ClassVar[int] = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "last": directives.positive_int,
        "picture": directives.unchanged,
        "page": directives.unchanged,
        "source-only": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Called by Sphinx."""
        super().run()
        example = EXAMPLES / self.arguments[0]
        for path in EXAMPLES.iterdir():
            self.env.note_dependency(str(path))
        source = example.read_text(encoding="utf-8").strip()
        parts: list[nodes.Node] = [_block(source, "python" if example.suffix == ".py" else "shell", "example")]
        if "source-only" in self.options:
            return parts
        printed, written = _run(example)
        if printed.strip():
            parts.append(_block(self._shown(printed), "text", "output"))
        return [*parts, *self._files(written)]

    def markdown(self) -> str:
        """Nothing: its nodes are made directly, because a program may hold any characters."""
        return ""

    def _shown(self, printed: str) -> str:
        lines = printed.strip("\n").splitlines()
        most = self.options.get("last", len(lines))
        return "\n".join(lines if len(lines) <= most else ["…", *lines[-most:]])

    def _files(self, written: dict[str, bytes]) -> list[nodes.Node]:
        up = "../" * self.env.docname.count("/") + _FILES
        kept = self.env.__dict__.setdefault("entropist_files", {})
        parts: list[nodes.Node] = []
        if name := self.options.get("picture"):
            kept[name] = written[name]
            parts.append(_raw(f'<figure class="picture"><img src="{up}/{name}" alt="The picture {name}"></figure>'))
        if name := self.options.get("page"):
            kept[name] = written[name]
            parts.append(_raw(f'<p class="page-link"><a href="{up}/{name}">Open {name}, the page it wrote</a></p>'))
        return parts


@cache
def _run(example: Path) -> tuple[str, dict[str, bytes]]:
    """What an example printed, and the files it wrote; once a build, however many pages show it."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            printed = output_of(example, Path(directory))
        except Exception as error:
            raise ExtensionError(f"docs/examples/{example.name} failed: {type(error).__name__}: {error}") from error
        return printed, {path.name: path.read_bytes() for path in Path(directory).iterdir() if path.is_file()}


def publish_files(app: Any, exception: Exception | None) -> None:
    """The Sphinx event: put what examples wrote into the site."""
    target = Path(app.outdir) / _FILES
    for name, content in getattr(app.env, "entropist_files", {}).items():
        target.mkdir(exist_ok=True)
        (target / name).write_bytes(content)


def _block(text: str, language: str, kind: str) -> nodes.Node:
    return nodes.literal_block(text, text, language=language, classes=[kind])


def _raw(html: str) -> nodes.Node:
    return nodes.raw("", html, format="html")
