"""Examples, run as a reader would run them, each in a directory of its own that holds `lighthouse.txt`.

They run inside this process, because a model's libraries take seconds to load; warnings are errors.
"""

import contextlib
import io
import os
import runpy
import shlex
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

from _engine._base import REPOSITORY
from entropist.cli import main


def output_of(example: Path, directory: Path) -> str:
    """What an example prints: a Python file, or a file of `entropist` commands, one a line."""
    shutil.copy(REPOSITORY / "examples" / "lighthouse.txt", directory)
    run = {".py": _run_python, ".sh": _run_commands}[example.suffix]
    with contextlib.chdir(directory), _captured() as printed, warnings.catch_warnings():
        warnings.simplefilter("error")
        run(example)
    return printed()


def _run_python(example: Path) -> None:
    # Only what it prints is shown: libraries draw progress bars on standard error.
    with mock.patch.object(sys, "path", [str(example.parent), *sys.path]), contextlib.redirect_stderr(io.StringIO()):
        runpy.run_path(str(example), run_name="__main__")


def _run_commands(example: Path) -> None:
    for line in example.read_text(encoding="utf-8").replace("\\\n", "").splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        if words[0] != "entropist":
            raise ValueError(f"{example.name}: a line is a comment or an entropist command; given {line!r}.")
        with mock.patch.object(sys, "argv", words):
            try:
                main()
            except SystemExit as stop:
                if stop.code:
                    raise RuntimeError(f"{example.name}: {line} ended with exit code {stop.code}.") from None


@contextlib.contextmanager
def _captured() -> Iterator[Callable[[], str]]:
    """Standard output and error together, as one text file that behaves like a pipe."""
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    plain = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    with contextlib.redirect_stdout(pipe), contextlib.redirect_stderr(pipe), mock.patch.dict(os.environ, plain):
        yield lambda: pipe.buffer.getvalue().decode("utf-8")
