"""Writing so that nothing is ever half written: beside the target, then renamed over it."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from entropist.errors import FileError


@contextmanager
def written_whole(path: Path | str) -> Iterator[Path]:
    """Yield a path beside `path` to write to; on success it takes the place of `path`, else it is removed.

    Whatever stood at `path` stays untouched until the new file is complete, also on Ctrl-C or a full
    disk; the new file has its permissions, and a link to it stays a link. What is no file, such as
    /dev/stdout, is written to directly. An `OSError` becomes a `FileError` that says what to do.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with written_whole(target) as beside:
    ...     _ = beside.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    target = Path(path)
    if "\0" in str(target):
        raise FileError(f"cannot write {str(target)!r}: the name of a file has no NUL in it.")
    try:
        if target.is_dir():
            raise FileError(f"cannot write {target}: it is a directory. Give the name of a file in it.")
        if target.exists() and not target.is_file():
            yield target
            return
        real = Path(os.path.realpath(target))
        beside = real.with_name(f".entropist-{secrets.token_hex(8)}.part")  # short: a name has 255 bytes at most
        try:
            yield beside
            if real.exists():
                shutil.copymode(real, beside)
            os.replace(beside, real)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(f"cannot write {target}: {_remedy(error)}") from error


def write_text(path: Path | str, text: str) -> None:
    """Write `text` as UTF-8 to `path`, as `written_whole` does.

    >>> import tempfile
    >>> write_text(Path(tempfile.mkdtemp()) / "a.txt", "whole")
    """
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


def refuse_unwritable(path: Path | str) -> None:
    """Raise the `FileError` that `written_whole` would end in, before hours of work and not after.

    >>> refuse_unwritable("nowhere/a.txt")
    Traceback (most recent call last):
    entropist.errors.FileError: cannot write nowhere/a.txt: No such file or directory. Make its directory first.
    """
    with suppress(_WouldSucceed), written_whole(path) as beside:
        beside.touch()
        raise _WouldSucceed


class _WouldSucceed(Exception):  # noqa: N818  no error: it undoes the trial
    """Leaves `written_whole` without putting anything in place."""


def _remedy(error: OSError) -> str:
    reason = error.strerror or str(error)
    match error:
        case FileNotFoundError():
            return f"{reason}. Make its directory first."
        case PermissionError():
            return f"{reason}. Choose a place you may write to."
        case _:
            return f"{reason}. Nothing was left half written."
