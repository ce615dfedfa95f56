import itertools

import numpy as np
import pytest

from entropist.report._ramp import DARK, LEVELS, LIGHT, READABLE, Ramp, contrast, luminance, readable_ink
from entropist.report._terminal import _BACKGROUNDS

RAMPS = pytest.mark.parametrize("ramp", [LIGHT, DARK], ids=["light", "dark"])

# How a dichromat sees linear RGB: Machado, Oliveira & Fernandes (2009), severity 1.0.
DEFICIENCIES = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def test_contrast_against_published_values() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the grey that just fails, as WCAG notes
    assert luminance("#ff0000") == pytest.approx(0.2126)


@RAMPS
def test_every_level_is_readable(ramp: Ramp) -> None:
    assert len(ramp.colours) == LEVELS
    for colour, ink in zip(ramp.colours, ramp.inks):
        assert contrast(colour, ink) >= READABLE


@RAMPS
def test_lightness_goes_one_way_and_neighbours_differ(ramp: Ramp) -> None:
    steps = np.diff([luminance(colour) for colour in ramp.colours])
    assert np.all(steps < 0) or np.all(steps > 0)


@RAMPS
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_the_order_survives_colour_blindness(ramp: Ramp, deficiency: str) -> None:
    seen = [_lightness(np.array(DEFICIENCIES[deficiency]) @ _linear(colour)) for colour in ramp.colours]
    steps = np.diff(seen)
    assert np.all(steps < -0.8) or np.all(steps > 0.8)  # in L* of CIELAB, one being about a just noticeable step


@RAMPS
def test_the_accent_stands_out(ramp: Ramp) -> None:
    assert contrast(ramp.paper, ramp.accent) >= 3  # WCAG 2.2, success criterion 1.4.11


def test_ink_is_the_papers_own_where_it_can_be_read() -> None:
    assert readable_ink(LIGHT.paper, LIGHT.ink) == LIGHT.ink
    assert readable_ink("#000000", LIGHT.ink) == "#ffffff"


def test_terminal_backgrounds_are_readable_and_grow_lighter() -> None:
    colours = [colour for colour in _BACKGROUNDS if colour]
    assert len(_BACKGROUNDS) == LEVELS
    assert all(contrast(colour, readable_ink(colour, "#ffffff")) >= READABLE for colour in colours)
    assert all(luminance(a) < luminance(b) for a, b in itertools.pairwise(colours))


def _linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _lightness(linear: np.ndarray) -> float:
    """L* of linear RGB, from its luminance."""
    y = float(np.clip(linear, 0, 1) @ [0.2126, 0.7152, 0.0722])
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y
