"""A text on a grid of character cells: which part of which token stands where."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from rich.cells import cell_len

from entropist.report._visible import is_part, shortened

_LONGEST_TOKEN = 400  # characters
_BREAK = "↵\n"
_MARK = ""  # a token that only continues a character: one empty cell


@dataclass(frozen=True)
class Piece:
    """Part of a token on one row; `text` has no line break, `cells` columns are its width."""

    token: int
    row: int
    column: int
    text: str
    cells: int

    @property
    def right_to_left(self) -> bool:
        """Whether it is written in a script such as Hebrew or Arabic."""
        return any(unicodedata.bidirectional(character) in ("R", "AL") for character in self.text)

    @property
    def _neutral(self) -> bool:
        return not any(unicodedata.bidirectional(character) in ("L", "R", "AL") for character in self.text)


def laid_out(texts: Sequence[str], columns: int) -> list[Piece]:
    """The pieces of shown texts on rows of `columns` cells, words kept whole where a row can hold them.

    >>> [(piece.row, piece.column, piece.text) for piece in laid_out(["a", " word"], 4)]
    [(0, 0, 'a'), (1, 0, 'word')]
    """
    flow = [(token, unit) for token, text in enumerate(texts) for unit in _units(text)]
    pieces: list[Piece] = []
    row = column = 0
    for at, (token, unit) in enumerate(flow):
        size = _cells(unit)
        starts_word = at > 0 and flow[at - 1][1] == " " and unit != " "
        hangs = unit in (" ", _BREAK)  # one of these may stand in the margin
        if column + (_word(flow, at, columns) if starts_word else size) > columns + hangs:
            row, column = row + 1, 0
            if starts_word and pieces[-1].token == token and not pieces[-1].text.strip():
                pieces.pop()  # the blank before a word that went to the next row
        last = pieces[-1] if pieces else None
        text = unit.removesuffix("\n")
        if last and unit != _MARK and (last.token, last.row) == (token, row):
            pieces[-1] = Piece(token, row, last.column, last.text + text, last.cells + size)
        else:
            pieces.append(Piece(token, row, column, text, size))
        row, column = (row + 1, 0) if unit == _BREAK else (row, column + size)
    return [piece for _, line in groupby(pieces, lambda piece: piece.row) for piece in _mirrored(list(line))]


def _mirrored(line: list[Piece]) -> list[Piece]:
    """A row whose right-to-left stretches run from right to left, what stands between two such pieces with them."""
    begin = 0
    while begin < len(line):
        end = begin
        for k in range(begin, len(line)):
            mark = line[k].text == _MARK and end == k
            if line[k].right_to_left or (mark and end > begin):
                end = k + 1
            elif not line[k]._neutral or end == begin:
                break
        stretch = line[begin:end]
        if stretch:
            edges = stretch[0].column + stretch[-1].column + stretch[-1].cells
            line[begin:end] = [replace(piece, column=edges - piece.column - piece.cells) for piece in stretch]
        begin = max(end, begin + 1)
    return line


def _units(text: str) -> Iterator[str]:
    if is_part(text):
        yield _MARK
    else:
        for character in shortened(text, _LONGEST_TOKEN).expandtabs(4):
            yield _BREAK if character == "\n" else character


def _cells(unit: str) -> int:
    return 1 if unit in (_BREAK, _MARK) else cell_len(unit)


def _word(flow: Sequence[tuple[int, str]], at: int, columns: int) -> int:
    """Cells of the word that begins at `at`; one that no row can hold counts as its first cell."""
    size = 0
    for _, unit in flow[at : at + columns + 1]:
        if unit in (" ", _BREAK):
            return size
        size += _cells(unit)
    return size if size <= columns else 1
