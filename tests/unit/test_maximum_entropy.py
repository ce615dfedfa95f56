"""Maximum entropy: known answers, edges of what is possible, dependent and contradictory constraints, messages."""

import math

import numpy as np
import pytest

from entropist.errors import InputError
from entropist.measures import maximum_entropy

DIE = np.arange(1, 7)


def face(value):
    return value


def test_jaynes_die():
    """E = 4.5: the figures that Jaynes (1978) prints in "Where do we stand on maximum entropy?"."""
    found = maximum_entropy(DIE, [(face, 4.5)])
    assert found.probabilities.round(5).tolist() == [0.05435, 0.07877, 0.11416, 0.16545, 0.23977, 0.34749]
    assert found.entropy == pytest.approx(1.61358, abs=1e-5)
    assert found.multipliers[0] == pytest.approx(-0.37105, abs=1e-5)
    assert abs(found.residuals[0]) < 1e-12


def test_nothing_known_is_uniform():
    found = maximum_entropy("abcdefgh", unit="bits")
    np.testing.assert_allclose(found.probabilities, 0.125, rtol=1e-14)
    assert found.entropy == pytest.approx(3, abs=1e-14)
    assert found.unit == "bits"
    assert found.multipliers.shape == found.residuals.shape == (0,)
    assert maximum_entropy(["only"]).entropy == 0


def test_a_mean_alone_is_geometric():
    n = np.arange(2000)
    found = maximum_entropy(n, [(n, 3.0)])
    np.testing.assert_allclose(found.probabilities, 0.25 * 0.75**n, atol=1e-12)
    assert found.multipliers[0] == pytest.approx(-math.log(0.75), rel=1e-9)


def test_energies_and_a_mean_energy_are_boltzmanns():
    energy = np.array([0.0, 0.3, 1.0, 1.7, 4.0, 9.0])
    weights = np.exp(-1.3 * energy)
    found = maximum_entropy(range(6), [(energy, weights @ energy / weights.sum())])
    np.testing.assert_allclose(found.probabilities, weights / weights.sum(), rtol=1e-9)
    assert found.multipliers[0] == pytest.approx(1.3, rel=1e-9)


def test_mean_and_variance_are_a_gaussian():
    x = np.linspace(-9, 9, 1801)
    found = maximum_entropy(x, [(face, 0.5), (lambda value: (value - 0.5) ** 2, 1.0)])
    density = np.exp(-((x - 0.5) ** 2) / 2)
    np.testing.assert_allclose(found.probabilities, density / density.sum(), atol=1e-13)
    np.testing.assert_allclose(found.multipliers, [0, 0.5], atol=1e-9)
    assert found.entropy == pytest.approx(0.5 * math.log(2 * math.pi * math.e) - math.log(0.01), abs=1e-9)


def test_margins_alone_are_independence():
    """Rows of a support as points: with both margins known the joint is their product."""
    cells = [(i, j) for i in range(3) for j in range(4)]
    rows, columns = [0.2, 0.3, 0.5], [0.1, 0.2, 0.3, 0.4]
    moments = [(lambda cell, i=i: cell[0] == i, p) for i, p in enumerate(rows)]
    moments += [(lambda cell, j=j: cell[1] == j, p) for j, p in enumerate(columns)]
    found = maximum_entropy(np.array(cells), moments)
    np.testing.assert_allclose(found.probabilities, np.outer(rows, columns).ravel(), atol=1e-12)
    assert np.isfinite(found.multipliers).all()  # the margins depend on each other, and share


def test_a_bound_acts_only_where_it_binds():
    loose = maximum_entropy(DIE, [(face, (3, 4))])
    assert loose.probabilities.tolist() == pytest.approx([1 / 6] * 6, abs=1e-14)
    assert loose.multipliers.tolist() == [0]
    for bounds, value, sign in (((-math.inf, 3), 3, 1), ((2, 3), 3, 1), ((4, math.inf), 4, -1), ((4, 9), 4, -1)):
        held, fixed = maximum_entropy(DIE, [(face, bounds)]), maximum_entropy(DIE, [(face, value)])
        np.testing.assert_allclose(held.probabilities, fixed.probabilities, atol=1e-12)
        assert math.copysign(1, held.multipliers[0]) == sign
        assert abs(held.residuals[0]) < 1e-12


def test_multipliers_are_the_price_of_a_constraint():
    """∂H/∂value by central differences."""
    moments = [(face, 4.2), (lambda value: value**2, 20.0)]
    found = maximum_entropy(DIE, moments)
    for j in range(2):
        ends = []
        for step in (1e-4, -1e-4):
            moved = list(moments)
            moved[j] = (moments[j][0], moments[j][1] + step)
            ends.append(maximum_entropy(DIE, moved).entropy)
        assert (ends[0] - ends[1]) / 2e-4 == pytest.approx(found.multipliers[j], abs=1e-6)


@pytest.mark.parametrize(("value", "point", "sign"), [(1, 0, 1), (6, 5, -1)])
def test_the_edge_of_the_range_is_one_point(value, point, sign):
    found = maximum_entropy(DIE, [(face, value)])
    assert found.probabilities.tolist() == [float(i == point) for i in range(6)]
    assert found.multipliers.tolist() == [math.copysign(math.inf, sign)]
    assert found.entropy == 0
    assert found.residuals.tolist() == [0]


def test_a_wide_support_needs_no_linear_program():
    """Atoms of e^-5000 are possible, if hardly: the multiplier is finite. At the end of the range it is not."""
    n = np.arange(20_000)
    found = maximum_entropy(n, [(n, 3.0)])
    np.testing.assert_allclose(found.probabilities[:50], 0.25 * 0.75 ** np.arange(50), rtol=1e-6)
    assert found.multipliers[0] == pytest.approx(-math.log(0.75), rel=1e-8)
    assert maximum_entropy(n, [(n, 0), (n**2, (0, 5))]).multipliers.tolist() == [math.inf, 0]


def test_a_face_keeps_what_is_open_on_it():
    """E[xy] = P(x) on bits excludes x without y; the other three points are determined, or left open."""
    bits = [(0, 0), (0, 1), (1, 0), (1, 1)]
    x, y, both = (lambda b: b[0]), (lambda b: b[1]), (lambda b: b[0] * b[1])
    found = maximum_entropy(bits, [(x, 0.3), (both, 0.3)])
    np.testing.assert_allclose(found.probabilities, [0.35, 0.35, 0, 0.3], atol=1e-12)
    assert np.isinf(found.multipliers).any()
    found = maximum_entropy(bits, [(x, 0.3), (y, 0.8), (both, 0.3)])
    np.testing.assert_allclose(found.probabilities, [0.2, 0.5, 0, 0.3], atol=1e-12)


def test_no_variance_is_one_point():
    found = maximum_entropy(DIE, [(face, 3), (lambda value: value**2, 9)])
    assert found.probabilities.tolist() == [0, 0, 1, 0, 0, 0]
    assert np.isinf(found.multipliers).all()


@pytest.mark.parametrize("value", [1 + 1e-6, 6 - 1e-5, 6 - 1e-7])
def test_near_the_edge_is_not_the_edge(value):
    found = maximum_entropy(DIE, [(face, value)])
    assert np.isfinite(found.multipliers).all()
    assert abs(found.residuals[0]) < 1e-9
    assert 0 < found.entropy < 2e-4


def test_dependent_features_share_their_multiplier():
    once = maximum_entropy(DIE, [(face, 4.5)])
    twice = maximum_entropy(DIE, [(face, 4.5), (lambda value: 10 * value + 3, 48.0), (np.ones(6), 1.0)])
    np.testing.assert_allclose(twice.probabilities, once.probabilities, atol=1e-12)
    assert twice.multipliers[0] + 10 * twice.multipliers[1] == pytest.approx(once.multipliers[0], rel=1e-9)
    assert twice.multipliers[2] == 0


def test_features_of_very_different_size():
    x = np.linspace(0, 1, 50)
    p = np.exp(-3 * x)
    p /= p.sum()
    found = maximum_entropy(x, [(1e9 * x, 1e9 * (p @ x)), (1e-9 * x**2 + 7, 1e-9 * (p @ x**2) + 7)])
    np.testing.assert_allclose(found.probabilities, p, atol=1e-6)


@pytest.mark.parametrize(
    ("moments", "message"),
    [
        ([(face, 7)], "moment 0 asks for an expectation of 7, but its feature lies between 1 and 6 on the support"),
        ([(face, 3), (face, (7, 8))], "moment 1 asks for an expectation of between 7 and 8"),
        ([(face, 3), (lambda v: v**2, 8)], r"together: moment 0 \(3\), moment 1 \(8\). Any one fewer can hold"),
        (
            [(lambda v: v > 5, 0.1), (face, 3), (lambda v: 2 * v, (6.5, 7))],
            r"together: moment 1 \(3\), moment 2 \(between 6.5 and 7\)",
        ),
        (
            [(lambda v: v < 3, 0.5), (lambda v: v % 2, 0.4), (lambda v: v > 2, 0.6)],
            r"moment 0 \(0.5\), moment 2 \(0.6\)",
        ),
        ([(np.ones(6), 2)], "asks for an expectation of 2, but its feature lies between 1 and 1"),
    ],
)  # fmt: skip
def test_contradictions_are_named(moments, message):
    with pytest.raises(InputError, match=message):
        maximum_entropy(DIE, moments)


@pytest.mark.parametrize(
    ("support", "moments", "message"),
    [
        ([], [], "the support is empty"),
        (6, [], "the support must be a series of points; given 6"),
        (DIE, [([1.0, 2.0], 1)], r"feature 0 has shape \(2,\); the support of 6 points needs \(6,\)"),
        (DIE, [(lambda value: "x", 1)], "feature 0 does not give a number for each point"),
        (DIE, [(lambda value: [value, value], 1)], r"feature 0 has shape \(6, 2\)"),
        (DIE, [(lambda value: math.inf if value == 3 else 0, 1)], "feature 0 is inf at point 2"),
        (DIE, (face, 4.5), r"moment 0 must be a pair \(feature, value\); given function"),
        (DIE, [(face, (4, 3))], r"moment 0: \(4, 3\) must be a finite value or bounds with low <= high"),
        (DIE, [(face, math.nan)], "moment 0: nan must be a finite value"),
        (DIE, [(face, math.inf)], "moment 0: inf must be a finite value"),
        (DIE, [(face, (1, 2, 3))], "is neither a number nor a pair of bounds"),
        (DIE, [(face, "a")], "moment 0: 'a' is neither a number nor a pair"),
    ],
)
def test_what_is_no_problem_is_refused(support, moments, message):
    with pytest.raises(InputError, match=message):
        maximum_entropy(support, moments)


def test_an_unknown_unit_is_refused():
    with pytest.raises(InputError, match="unit 'bytes' is not known"):
        maximum_entropy(DIE, unit="bytes")
