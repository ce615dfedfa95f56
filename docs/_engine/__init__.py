"""What the documentation generates from the code, so that it cannot disagree with it.

Directives for the pages:

    {example} coin.py        a file of docs/examples: its source, then what it printed in this build
    {room} entropist.record  the public names of a room, from their docstrings
    {public-names}           the names of `entropist` itself, each with a line and a link
    {columns}                the columns of the record
    {card} base              the card of a built-in model
    {generations}            the figures of models fed on models
    {trace-schema}           the fields of the JSON record
    {command-help}           every command's --help
    {floors}                 the floors that import-linter holds
"""

from typing import Any

from sphinx.application import Sphinx

from _engine._builtins import Card, Generations
from _engine._commands import CommandHelp
from _engine._docstrings import process_docstring, process_signature, skip_member
from _engine._examples import Example, publish_files
from _engine._reference import PublicNames, Room
from _engine._tables import Columns, Floors, TraceSchema


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    for name, directive in {
        "card": Card,
        "columns": Columns,
        "command-help": CommandHelp,
        "example": Example,
        "floors": Floors,
        "generations": Generations,
        "public-names": PublicNames,
        "room": Room,
        "trace-schema": TraceSchema,
    }.items():
        app.add_directive(name, directive)
    app.connect("autodoc-process-docstring", process_docstring)
    app.connect("autodoc-process-signature", process_signature)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("build-finished", publish_files)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
