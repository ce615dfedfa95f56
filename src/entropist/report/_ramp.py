"""The colours of a measurement: nine levels from the paper to the strongest, for light and for dark paper.

Lightness changes in one direction only, so that the order survives every kind of colour blindness and a
black-and-white printer. The ink on each level is computed: the paper's own where it is read easily,
else black or white, always at a contrast of at least 4.5 : 1 (WCAG 2.2, success criterion 1.4.3).
"""

from dataclasses import dataclass

LEVELS = 9
READABLE = 4.5


@dataclass(frozen=True)
class Ramp:
    """Ink, an accent for bars and outlines, and the background of each level; `inks[k]` is read on `colours[k]`."""

    ink: str
    accent: str
    colours: tuple[str, ...]

    @property
    def paper(self) -> str:
        """The background of the page, which is level 0."""
        return self.colours[0]

    @property
    def inks(self) -> tuple[str, ...]:
        """Text colour for each level."""
        return tuple(readable_ink(colour, self.ink) for colour in self.colours)


LIGHT = Ramp(
    "#23211d",
    "#3a63c9",
    ("#fdfcf9", "#fbf6e4", "#faeccb", "#f8dfa9", "#f5cb83", "#eeac62", "#dd7b4b", "#b53d4f", "#691b55"),
)
DARK = Ramp(
    "#e9e6df",
    "#8aa6f5",
    ("#17171b", "#211d33", "#2f2350", "#44296a", "#633079", "#8e3d7c", "#c2556c", "#ee8750", "#fcc95f"),
)


def readable_ink(background: str, preferred: str) -> str:
    """`preferred` if it is readable on `background`, else black or white, whichever contrasts more.

    >>> readable_ink("#691b55", "#23211d")
    '#ffffff'
    """
    if contrast(background, preferred) >= READABLE:
        return preferred
    return max("#000000", "#ffffff", key=lambda ink: contrast(background, ink))


def contrast(a: str, b: str) -> float:
    """(L₁ + 0.05) / (L₂ + 0.05) of two colours, L₁ the larger relative luminance: 1 to 21.

    >>> round(contrast("#000000", "#ffffff"), 6)
    21.0
    """
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour such as "#a8344f", 0 to 1."""
    red, green, blue = (_linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
