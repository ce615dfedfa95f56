"""Entropy along temperatures, and the temperature for an entropy, against mpmath and SciPy's root finder."""

import math

import mpmath
import numpy as np
import pytest
import torch
from scipy import optimize, special

from campaigns import campaign
from entropist.errors import InputError
from entropist.logits import _temperature, statistics
from entropist.logits._temperature import entropy_at_temperature, temperature_for_entropy

MAKE = pytest.mark.parametrize("make", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])


def entropy(z, temperature):
    logp = special.log_softmax((z - z.max()) / temperature)
    return float(special.entr(np.exp(logp)).sum())


def exact_entropy(z, temperature):
    mass = [mpmath.exp(mpmath.mpf(float(each - z.max())) / temperature) for each in z if np.isfinite(each)]
    total = mpmath.fsum(mass)
    return -mpmath.fsum(m / total * mpmath.log(m / total) for m in mass)


def limits(z):
    return math.log((z == z.max()).sum()), math.log(np.isfinite(z).sum())


def rows(seed, number=6, vocabulary=50):
    g = np.random.default_rng(seed)
    z = g.normal(0, 3, (number, vocabulary))
    z[1, ::2] = -np.inf
    z[2] = g.integers(0, 3, vocabulary)  # ties
    z[3] += 1e5
    z[4] *= 1e-3
    z[5] *= 1e3
    return z[:number]


@MAKE
@pytest.mark.parametrize("share", [1e-6, 0.01, 0.3, 0.5, 0.9, 0.999])
def test_against_brentq(make, share):
    for seed in range(campaign(60)):
        z = rows(seed)
        wanted = np.array([low + share * (high - low) for low, high in map(limits, z)])
        found = np.asarray(temperature_for_entropy(make(z), make(wanted)))
        for row, target, temperature in zip(z, wanted, found):
            low, high = math.log(temperature) - 1, math.log(temperature) + 1
            expected = optimize.brentq(
                lambda x, row=row, target=target: entropy(row, math.exp(x)) - target, low, high, xtol=1e-14, rtol=1e-14
            )
            slope = float(statistics(row, temperature=temperature).varentropy)
            # How far a rounding of the entropy alone moves the oracle.
            assert math.log(temperature) == pytest.approx(expected, abs=1e-12 + 1e-14 / slope)


@pytest.mark.parametrize("share", [1e-12, 1e-9, 1e-3, 0.5, 1 - 1e-6])
def test_against_mpmath_at_the_ends(share):
    z = np.random.default_rng(4).normal(0, 3, 40)
    target = share * math.log(40)
    temperature = float(temperature_for_entropy(z, target))
    with mpmath.workdps(60):
        guess = mpmath.mpf(temperature)
        root = mpmath.findroot(lambda t: mpmath.log(exact_entropy(z, t) / target), (guess, guess * (1 + 1e-6)))
        slope = float(mpmath.diff(lambda x: exact_entropy(z, mpmath.exp(x)), mpmath.log(root)))
    assert temperature == pytest.approx(float(root), rel=1e-12 + 1e-15 * target / slope)


@MAKE
@pytest.mark.parametrize("temperature", [0.05, 0.3, 1.0, 20.0])
def test_the_slope_is_the_varentropy(make, temperature):
    z = rows(1)[:3]
    found = entropy_at_temperature(make(z), temperature)
    for row, value, slope in zip(z, found.entropy, found.varentropy):
        with mpmath.workdps(40):
            x = mpmath.log(mpmath.mpf(temperature))
            expected = mpmath.diff(lambda x, row=row: exact_entropy(row, mpmath.exp(x)), x)
            assert float(value) == pytest.approx(
                float(exact_entropy(row, mpmath.mpf(temperature))), rel=1e-12, abs=1e-14
            )
        assert float(slope) == pytest.approx(float(expected), rel=1e-10, abs=1e-14)


@pytest.mark.parametrize(
    ("vocabulary", "p", "entropy", "varentropy"),
    [(2, 0.91678, 0.2866, 0.439229), (50257, 0.589, 5.12, 30.284), (128256, None, None, 35.576)],
)
def test_the_largest_varentropy_is_where_it_is_known_to_be(vocabulary, p, entropy, varentropy):
    """One logit above the rest, heated and cooled: the maxima of varentropy found independently."""
    z = np.zeros(vocabulary)
    z[0] = 1.0

    def heated_to(p):
        return entropy_at_temperature(z, 1 / math.log((vocabulary - 1) * p / (1 - p)))

    best = optimize.minimize_scalar(
        lambda p: -float(heated_to(p).varentropy), bounds=(0.51, 0.97), method="bounded", options={"xatol": 1e-4}
    )
    assert -best.fun == pytest.approx(varentropy, abs=6e-4)
    if entropy is not None:
        assert best.x == pytest.approx(p, abs=6e-4)
        assert float(heated_to(best.x).entropy) == pytest.approx(entropy, abs=6e-3)
        there = entropy_at_temperature(z, temperature_for_entropy(z, entropy))
        assert float(there.varentropy) == pytest.approx(varentropy, abs=6e-4)


def test_two_logits_have_a_closed_form():
    """H(σ(1/T)) = 0.2866 at p = 0.08322, that is 1/T = ln(0.91678/0.08322)."""
    p = 0.08322
    target = -p * math.log(p) - (1 - p) * math.log1p(-p)
    assert float(temperature_for_entropy(np.array([1.0, 0.0]), target)) == pytest.approx(
        1 / math.log((1 - p) / p), rel=1e-12
    )


@MAKE
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (2, 0)])
def test_any_leading_shape(make, shape):
    z = np.random.default_rng(0).normal(size=(*shape, 11))
    found = temperature_for_entropy(make(z), 1.5)
    assert isinstance(found, type(make(z)))
    assert tuple(found.shape) == shape
    np.testing.assert_array_equal(
        np.asarray(found), np.asarray(temperature_for_entropy(make(z), make(np.full(shape, 1.5))))
    )
    for temperatures in (2.0, [0.5, 1.0, 2.0], np.array([[0.5], [1.0]])):
        curve = entropy_at_temperature(make(z), temperatures)
        expected = (*shape, *np.shape(temperatures))
        assert tuple(curve.entropy.shape) == tuple(curve.varentropy.shape) == expected
        assert "float64" in str(curve.entropy.dtype)


@MAKE
def test_values_are_those_of_statistics(make):
    z, temperatures = make(rows(2)), [0.1, 1.0, 7.0]
    curve = entropy_at_temperature(z, temperatures)
    for i, temperature in enumerate(temperatures):
        alone = statistics(z, temperature=temperature)
        np.testing.assert_array_equal(np.asarray(curve.entropy)[:, i], np.asarray(alone.entropy))
        np.testing.assert_array_equal(np.asarray(curve.varentropy)[:, i], np.asarray(alone.varentropy))


@MAKE
@pytest.mark.parametrize("entries", [1, 120, 1 << 30])
def test_chunks_and_neighbours_change_nothing(monkeypatch, make, entries):
    z = rows(3)
    expected = [float(temperature_for_entropy(row, limits(row)[0] + 0.4)) for row in z]
    monkeypatch.setattr(_temperature, "_CHUNK_ENTRIES", entries)
    wanted = make(np.array([limits(row)[0] + 0.4 for row in z]))
    np.testing.assert_allclose(np.asarray(temperature_for_entropy(make(z), wanted)), expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_taken_as_it_is(dtype):
    z = torch.from_numpy(rows(5)[:2]).to(dtype)
    assert torch.equal(temperature_for_entropy(z, 1.0), temperature_for_entropy(z.double(), 1.0))


@MAKE
@pytest.mark.parametrize("far", [0.0, 1e5, -1e30])
@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8, 1e200])
def test_temperature_scales_with_the_logits(make, far, size):
    z = np.array([0.0, 1.0, 3.0]) * size + (far if abs(far) < size else 0.0)
    expected = float(temperature_for_entropy(np.array([0.0, 1.0, 3.0]), 0.7)) * size
    assert float(temperature_for_entropy(make(z), 0.7)) == pytest.approx(expected, rel=1e-6 if far else 1e-12)


def test_a_gradient_is_not_promised():
    z = torch.randn(3, 9, requires_grad=True)
    assert not temperature_for_entropy(z, 1.0).requires_grad


@MAKE
@pytest.mark.parametrize("target", [0.0, -1.0, math.log(4), 2.0, math.nan, math.inf])
def test_an_entropy_out_of_reach_is_refused_with_its_row_and_range(monkeypatch, make, target):
    monkeypatch.setattr(_temperature, "_CHUNK_ENTRIES", 5)
    z = np.random.default_rng(0).normal(size=(2, 3, 5))
    z[..., 2] = -np.inf
    wanted = np.full((2, 3), 1.0)
    wanted[1, 1] = target
    message = rf"row 4 has no temperature with an entropy of {target:.6g} nats: give more than 0, .* less than 1.38629"
    with pytest.raises(InputError, match=message):
        temperature_for_entropy(make(z), make(wanted))


@MAKE
def test_ties_raise_the_floor(make):
    z = np.array([2.0, 2.0, 2.0, 0.0, -np.inf])
    with pytest.raises(InputError, match=r"more than 1.09861, its limit at temperature 0, and less than 1.38629"):
        temperature_for_entropy(make(z), 1.0)
    found = temperature_for_entropy(make(z), 1.2)
    assert entropy(z, float(found)) == pytest.approx(1.2, rel=1e-14)


@MAKE
@pytest.mark.parametrize("z", [[3.0], [1.0, 1.0], [-np.inf, 2.0, -np.inf]])
def test_equal_logits_have_one_entropy(make, z):
    with pytest.raises(
        InputError, match=r"row 0 has \d unmasked logits, all equal: its entropy is .* at every temperature"
    ):
        temperature_for_entropy(make(np.array(z)), 0.5)


@pytest.mark.parametrize(
    ("logits", "target", "message"),
    [
        ([[0.0, math.nan]], 0.3, "row 0 contains NaN"),
        ([[0.0, 1.0], [0.0, math.inf]], 0.3, r"row 1 contains \+inf"),
        ([[-math.inf, -math.inf]], 0.3, "row 0 contains nothing but -inf"),
        ([[0.0, 1.0]], [0.1, 0.2], r"target has shape \(2,\); these logits need a number or \(1,\)"),
        ([[]], 0.3, r"with a vocabulary; given shape \(1, 0\)"),
    ],
)
@MAKE
def test_bad_input_is_refused(make, logits, target, message):
    with pytest.raises(InputError, match=message):
        temperature_for_entropy(make(np.array(logits)), target)


@pytest.mark.parametrize("function", [entropy_at_temperature, temperature_for_entropy])
def test_a_list_is_no_array(function):
    with pytest.raises(InputError, match="array of NumPy or torch; given list"):
        function([0.0, 1.0], 0.5)


@pytest.mark.parametrize(
    ("temperatures", "message"),
    [([], "temperatures are empty"), ([1.0, 0.0], "positive and finite; given 0.0"), (math.nan, "given nan")],
)
def test_temperatures_are_tried(temperatures, message):
    with pytest.raises(InputError, match=message):
        entropy_at_temperature(np.zeros(3), temperatures)
