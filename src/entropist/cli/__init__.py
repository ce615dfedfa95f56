"""The command line: ``entropist COMMAND``."""

from entropist.cli._app import app, main

__all__ = ["app", "main"]
