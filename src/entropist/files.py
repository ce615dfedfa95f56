"""Writing so that nothing is ever half written: beside the target, then renamed over it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from entropist.errors import FileError


@contextmanager
def written_whole(path: Path | str) -> Iterator[Path]:
    """Yield a path beside `path` to write to; on success it takes the place of `path`, else it is removed.

    Whatever stood at `path` stays untouched until the new file is complete, also on Ctrl-C or a full
    disk. An `OSError` becomes a `FileError` that says what to do.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with written_whole(target) as beside:
    ...     _ = beside.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    target = Path(path)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            if target.is_dir():
                raise FileError(f"cannot write {target}: it is a directory. Give the name of a file in it.")
            yield beside
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"cannot write {target}: {_remedy(error)}") from error


def _remedy(error: OSError) -> str:
    reason = error.strerror or str(error)
    match error:
        case FileNotFoundError():
            return f"{reason}. Make its directory first."
        case PermissionError():
            return f"{reason}. Choose a place you may write to."
        case _:
            return f"{reason}. Nothing was left half written."
