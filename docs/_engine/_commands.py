"""`--help` of every command, asked of the command line itself."""

import typer.main
from typer.testing import CliRunner

from _engine._base import Generated
from entropist.cli import app

_WIDTH = 92


class CommandHelp(Generated):
    """`{command-help}`: a section a command, the application's own first."""

    def markdown(self) -> str:
        """Headings and the text of each help."""
        return "\n\n".join(
            f"## {' '.join(['entropist', *words])}\n\n```text\n{help_text(*words)}```" for words in [(), *commands()]
        )


def commands() -> list[tuple[str]]:
    """The names of the commands, as the words that follow `entropist`."""
    return [(name,) for name in sorted(typer.main.get_group(app).commands)]


def help_text(*words: str) -> str:
    """What `entropist WORDS --help` prints on a terminal of a fixed width."""
    environment = {"COLUMNS": str(_WIDTH), "TERM": "dumb", "NO_COLOR": "1"}
    result = CliRunner(env=environment).invoke(app, [*words, "--help"], prog_name="entropist")
    if result.exit_code:
        raise RuntimeError(f"entropist {' '.join(words)} --help failed: {result.output}")
    return result.stdout
