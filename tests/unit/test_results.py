"""`Estimate` and `Bounds` against scipy.stats, by hand, and by what they refuse."""

import math

import pytest
from scipy import stats

from entropist.errors import InputError
from entropist.results import Bounds, Estimate


def estimate(value=2.0, stderr=0.3, **rest):
    return Estimate(value, stderr, **{"unit": "nats", "n": 500, "estimator": "test", **rest})


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("degrees", [1, 13, 31, 2.5, None])
def test_interval_equals_scipys(degrees, level):
    if degrees is None:
        expected = stats.norm.interval(level, loc=2.0, scale=0.3)
    else:
        expected = stats.t.interval(level, degrees, loc=2.0, scale=0.3)
    found = estimate(degrees_of_freedom=degrees).confidence_interval(level)
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("degrees", [7, None])
def test_on_the_log_scale_the_interval_is_that_of_the_logarithm(degrees):
    mean = estimate(degrees_of_freedom=degrees)
    perplexity = estimate(math.exp(2.0), math.exp(2.0) * 0.3, unit="", degrees_of_freedom=degrees, log_scale=True)
    expected = tuple(math.exp(end) for end in mean.confidence_interval(0.9))
    assert perplexity.confidence_interval(0.9) == pytest.approx(expected, rel=1e-12)


def test_an_interval_without_end_stays_an_interval():
    low, high = estimate(1.5, 1e6, log_scale=True, unit="").confidence_interval()
    assert (low, high) == (0.0, math.inf)


def test_no_error_refuses_an_interval_with_the_reason():
    with pytest.raises(InputError, match=r"no confidence interval: 3 values are too few\."):
        estimate(stderr=None, reason="3 values are too few").confidence_interval()
    with pytest.raises(InputError, match="no confidence interval: this estimate has no standard error"):
        estimate(stderr=None).confidence_interval()


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, math.nan])
def test_a_level_outside_0_and_1_is_refused(level):
    with pytest.raises(InputError, match="must lie between 0 and 1"):
        estimate().confidence_interval(level)


@pytest.mark.parametrize(
    ("unit", "other"), [("nats", "bits"), ("bits", "dits"), ("nats/byte", "bits"), ("bits/byte", "nats/byte")]
)
def test_another_unit_and_back(unit, other):
    one = estimate(unit=unit, null=0.25, p_value=0.5, degrees_of_freedom=9)
    two = one.to(other)
    assert two.unit == other.removesuffix("/byte") + ("/byte" if unit.endswith("/byte") else "")
    ln = {"nats": 1.0, "bits": math.log(2), "dits": math.log(10)}
    factor = ln[unit.removesuffix("/byte")] / ln[other.removesuffix("/byte")]
    assert (two.value, two.stderr, two.null) == pytest.approx((2.0 * factor, 0.3 * factor, 0.25 * factor), rel=1e-15)
    assert (two.n, two.p_value, two.degrees_of_freedom, two.estimator) == (500, 0.5, 9, "test")
    back = two.to(unit)
    assert (back.value, back.stderr, back.unit) == (pytest.approx(2.0), pytest.approx(0.3), unit)
    assert two.confidence_interval() == pytest.approx(tuple(factor * end for end in one.confidence_interval()))


def test_the_same_unit_is_the_same_estimate():
    one = estimate(unit="nats/byte")
    assert one.to("nats/byte") is one
    assert one.to("nats") == one


def test_what_cannot_be_converted_is_refused():
    with pytest.raises(InputError, match="pure number"):
        estimate(unit="").to("bits")
    with pytest.raises(InputError, match="'bytes' is not known"):
        estimate().to("bytes")
    with pytest.raises(InputError, match="number of bytes is not known"):
        estimate(unit="nats").to("bits/byte")


def test_no_error_converts_to_no_error():
    assert estimate(stderr=None, reason="few").to("bits").stderr is None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (estimate(2.5, 0.1, unit="bits"), "2.500 ± 0.100 bits (n = 500, test)"),
        (estimate(12.3456, 1.0, unit=""), "12.35 ± 1.00 (n = 500, test)"),
        (estimate(123456.7, 250.0), "123457 ± 250 nats (n = 500, test)"),
        (estimate(0.5, 0.0), "0.5000 ± 0.0000 nats (n = 500, test)"),
        (estimate(2.0, None, reason="too few"), "2 nats (n = 500, test; no error: too few)"),
        (estimate(2.0, None, unit=""), "2 (n = 500, test)"),
    ],
)
def test_as_text(given, text):
    assert str(given) == text


def test_bounds():
    bounds = Bounds(1.25, 1.5, "bits")
    assert (bounds.width, str(bounds)) == (0.25, "[1.25, 1.5] bits")
    assert [value in bounds for value in (1.2, 1.25, 1.4, 1.5, 1.6, math.nan)] == [
        False,
        True,
        True,
        True,
        False,
        False,
    ]
    assert str(Bounds(0.0, math.inf, "")) == "[0, inf]"
    assert Bounds(2.0, 2.0, "nats").width == 0


@pytest.mark.parametrize(("low", "high"), [(2.0, 1.0), (math.nan, 1.0), (0.0, math.nan)])
def test_bounds_that_bound_nothing_are_refused(low, high):
    with pytest.raises(InputError, match="low <= high"):
        Bounds(low, high, "bits")


def test_an_interval_of_its_own_replaces_the_symmetric_one_and_converts():
    given = Estimate(1.0, None, unit="nats", n=9, estimator="likelihood", interval=lambda level: (1 - level, 2.0))
    assert given.confidence_interval(0.75) == (0.25, 2.0)
    low, high = given.to("bits").confidence_interval(0.75)
    assert (low, high) == pytest.approx((0.25 / math.log(2), 2 / math.log(2)), rel=1e-15)
    with pytest.raises(InputError, match="level"):
        given.confidence_interval(1.0)
