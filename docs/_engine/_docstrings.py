"""Docstrings are plain text; Sphinx reads reStructuredText. This stands between the two.

A name in backticks becomes a link where it is public, and code elsewhere; an indented block is shown as
it stands; `>>>` begins an example; stars and bars mean themselves.
"""

import re
from typing import Any

from numpy.typing import ArrayLike
from sphinx.util.typing import stringify_annotation

from _engine._names import addresses

_CODE = re.compile(r"(``.+?``|`[^`]+`)")
_MARKUP = re.compile(r"[*|]|(?<=\w)_(?!\w)")
_ARRAY = re.compile(
    r"~?numpy\.ndarray\[tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[(?:~?(?:numpy|typing)\.)?(\w+)\]\]"
)
_ARRAY_LIKE = stringify_annotation(ArrayLike, "smart")


def process_docstring(app: Any, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """The autodoc event: `lines`, changed in place."""
    if lines and what not in ("module", "data") and lines[0].startswith(f"{name.rpartition('.')[2]}("):
        lines.clear()  # what a dataclass writes where nobody wrote anything
    lines[:] = restructured(lines)


def skip_member(app: Any, what: str, name: str, item: Any, skip: bool, options: Any) -> bool | None:
    """The autodoc event: a named tuple's fields stand in its signature, and nobody wrote about them apart."""
    return True if (getattr(item, "__doc__", None) or "").startswith("Alias for field number") else None


def process_signature(
    app: Any, what: str, name: str, item: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """The autodoc event: no signature for a protocol, which nobody calls; arrays by their short name."""
    if what == "class" and getattr(item, "_is_protocol", False):
        return "", None
    return short(signature), short(returns)


def short(annotation: str | None) -> str | None:
    """NumPy's arrays as people write them.

    >>> short("~numpy.ndarray[tuple[~typing.Any, ...], ~numpy.dtype[~numpy.int32]]")
    'NDArray[int32]'
    """
    return annotation and _ARRAY.sub(r"NDArray[\1]", annotation.replace(_ARRAY_LIKE, "ArrayLike"))


def restructured(lines: list[str]) -> list[str]:
    """The lines of a plain docstring as reStructuredText.

    >>> restructured(["|x| is `Trace` or `x`.", "", "    a_b = *c"])
    ['\\\\|x\\\\| is :py:obj:`Trace <entropist.record.Trace>` or ``x``.', '', '::', '', '    a_b = *c']
    """
    result: list[str] = []
    example = block = False
    for number, line in enumerate(lines):
        after_blank = number == 0 or not lines[number - 1].strip()
        if not line.strip():
            example = False
        elif line.startswith(">>>"):
            example, block = True, False
        elif line[0] == " " and (block or after_blank):
            if not block:
                result += ["::", ""]
            block = True
        else:
            block = False
        result.append(line if example or block else _prose(line))
    return result


def _prose(line: str) -> str:
    bullet = re.match(r"[*-] ", line)
    begin = bullet.end() if bullet else 0
    parts = _CODE.split(line[begin:])
    return line[:begin] + "".join(
        _code(part) if k % 2 else _MARKUP.sub(r"\\\g<0>", part) for k, part in enumerate(parts)
    )


def _code(quoted: str) -> str:
    text = quoted.strip("`")
    head, dot, member = text.removesuffix("()").partition(".")
    known = addresses()
    if text in known:
        return f":py:obj:`{text} <{known[text]}>`"
    if dot and head in known and not member.startswith("_"):
        return f":py:obj:`{text} <{known[head]}.{member}>`"
    return f"``{text}``"
