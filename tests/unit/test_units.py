"""Units against mpmath at 50 digits."""

import mpmath
import numpy as np
import pytest

from entropist.errors import EntropistError, InputError
from entropist.results import Estimate
from entropist.units import from_nats, per_nat, to_nats, unit_name

VALUES = [0.0, 1.0, 0.1, -2.5, 693.147, 1e-300, 1e300, float("inf"), float("-inf")]
BASE = {"nats": mpmath.e, "bits": mpmath.mpf(2), "dits": mpmath.mpf(10)}


def exact(value, unit, power):
    with mpmath.workdps(50):
        return float(mpmath.mpf(value) / mpmath.log(mpmath.e if unit == "nats" else BASE[unit]) ** power)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("unit", BASE)
@pytest.mark.parametrize("value", VALUES)
def test_conversion_equals_mpmath(value, unit, power):
    assert from_nats(value, unit, power=power) == pytest.approx(exact(value, unit, power), rel=1e-15, abs=0)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("unit", BASE)
@pytest.mark.parametrize("value", VALUES)
def test_to_nats_inverts_from_nats(value, unit, power):
    assert to_nats(from_nats(value, unit, power=power), unit, power=power) == pytest.approx(value, rel=4e-16, abs=0)


def test_eight_equal_outcomes_are_three_bits():
    assert from_nats(np.log(8), "bits") == 3.0
    assert from_nats(np.log(8) ** 2, "bits", power=2) == pytest.approx(9.0, rel=1e-15)
    assert from_nats(np.log(1000), "dits") == pytest.approx(3.0, rel=1e-15)


def test_arrays_convert_entry_by_entry():
    values = np.array([[0.0, np.nan], [np.inf, 1.5]])
    expected = [[from_nats(float(v), "bits") for v in row] for row in values]
    np.testing.assert_array_equal(from_nats(values, "bits"), expected)


@pytest.mark.parametrize("unit", ["", "bit", "Bits", "nat", "bits/byte", None])
def test_an_unknown_unit_names_the_known_ones(unit):
    for convert in (per_nat, lambda u: from_nats(1.0, u), lambda u: to_nats(1.0, u)):
        with pytest.raises(InputError) as caught:
            convert(unit)
        assert (
            str(caught.value) == f"unit {unit!r} is not known: use one of nats, bits, dits, shannons, bans, hartleys."
        )
        assert isinstance(caught.value, EntropistError)


@pytest.mark.parametrize(("synonym", "name"), [("shannons", "bits"), ("bans", "dits"), ("hartleys", "dits")])
def test_a_synonym_converts_like_the_unit_it_names(synonym, name):
    assert unit_name(synonym) == name
    assert from_nats(2.5, synonym) == from_nats(2.5, name)
    assert Estimate(1.0, 0.1, unit="nats", n=1, estimator="").to(synonym).unit == name
