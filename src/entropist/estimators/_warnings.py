"""The one category of warning: a number was given, but little supports it.

Errors (`InputError`) are for what has no answer; a missing `stderr` with its `reason` is for an answer without an
honest error; this warning is for an answer whose very size the samples hardly determine. It can be turned off,
or into an error, by its category:

    warnings.simplefilter("ignore", EntropistWarning)
"""

import warnings


class EntropistWarning(UserWarning):
    """The samples hardly determine the number that was returned; the message says why and what to do."""


def unreliable(message: str) -> None:
    """Warn, as if from the line that called the public function.

    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     unreliable("5 samples, all different")
    >>> caught[0].category.__name__, str(caught[0].message)
    ('EntropistWarning', '5 samples, all different')
    """
    warnings.warn(message, EntropistWarning, stacklevel=_depth())


def _depth() -> int:
    """How many frames up the first one outside this package lies."""
    import sys

    depth, frame = 1, sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("entropist."):
        depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]
    return depth
