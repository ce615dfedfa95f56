"""Progress on standard error for what takes over two seconds; silence where nobody watches."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

_PATIENCE = 2.0  # seconds before the bar appears

Item = TypeVar("Item")


def tracked(items: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    """Yield `items`; once two seconds have passed, draw how many of `total` are done, if a person is watching.

    >>> list(tracked("abc", 3, "letters"))
    ['a', 'b', 'c']
    """
    if not sys.stderr.isatty():
        yield from items
        return
    began, bar = time.monotonic(), None
    try:
        for done, item in enumerate(items):
            if bar is None and time.monotonic() - began > _PATIENCE:
                bar = _Bar(description, total, done)
            if bar is not None:
                bar.show(done)
            yield item
    finally:
        if bar is not None:
            bar.close()


@contextmanager
def working(description: str) -> Iterator[Callable[[str], None]]:
    """Show a spinner with `description` while the block runs, for work of which nobody knows how much there is.

    The block gets a function that says beside it how much is done.

    >>> with working("thinking") as tell:
    ...     answer = 6 * 7
    ...     tell("one product")
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status(description) as status:
        yield lambda done: status.update(f"{description}: {done}")


class _Bar:
    def __init__(self, description: str, total: int, done: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(description, total=total, completed=done)
        self._progress.start()

    def show(self, done: int) -> None:
        self._progress.update(self._task, completed=done)

    def close(self) -> None:
        self._progress.stop()
