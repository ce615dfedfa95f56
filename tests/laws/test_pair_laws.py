"""Laws of the binned, Gaussian and copula estimators that hold to the last bit, or nearly."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from entropist.errors import InputError
from entropist.estimators import Binned, Gaussian, GaussianCopula, excess, mutual_information

ESTIMATORS = [
    Gaussian(),
    GaussianCopula(),
    Binned(),
    Binned(6, correction=None),
    Binned(4, "frequency"),
    Binned((-1e6, 0.0, 1e6)),
]
BY_RANK = [GaussianCopula(), Binned(4, "frequency"), Binned(15, "frequency", correction=None)]


@st.composite
def paired(draw):
    """Two columns of multiples of 1/8, often tied, sometimes constant."""
    n = draw(st.integers(4, 60))
    eighths = st.integers(-800, 800) | st.integers(-4, 4)
    x = draw(st.lists(eighths, min_size=n, max_size=n))
    y = draw(st.lists(eighths, min_size=n, max_size=n) | st.just(x))
    return np.array(x) / 8, np.array(y) / 8


def value(estimator, x, y):
    return estimator.mutual_information(x, y).value


def same(one, other, within=1e-9):
    return one == other or abs(one - other) <= within * max(1, abs(one))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@given(paired())
def test_x_about_y_is_y_about_x(estimator, columns):
    x, y = columns
    if isinstance(estimator, Binned):
        assert value(estimator, x, y) == value(estimator, y, x)
    else:
        assert same(value(estimator, x, y), value(estimator, y, x))


@pytest.mark.parametrize("estimator", BY_RANK, ids=str)
@given(paired())
def test_a_rising_function_of_a_column_changes_nothing(estimator, columns):
    x, y = columns
    assert value(estimator, np.cbrt(x), y) == value(estimator, x, y)
    assert value(estimator, x, np.exp(y / 30)) == value(estimator, x, y)


@pytest.mark.parametrize("estimator", BY_RANK[:1] + ESTIMATORS[2:4], ids=str)
@given(paired())
def test_an_offset_and_a_power_of_two_change_nothing(estimator, columns):
    x, y = columns
    assert same(value(estimator, x + 2.0**30, 4 * y), value(estimator, x, y), 1e-12)


@given(paired())
def test_an_offset_of_a_billion_under_the_gaussian(columns):
    x, y = columns
    one, other = value(Gaussian(), x, y), value(Gaussian(), x + 2.0**30, y)
    assert same(one, other, 1e-5) or min(one, other) > 10  # one column a multiple of the other, but for rounding


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@given(columns=paired(), seed=st.integers(0, 9))
def test_the_order_of_the_samples_does_not_matter(estimator, columns, seed):
    x, y = columns
    order = np.random.default_rng(seed).permutation(len(x))
    one, other = value(estimator, x, y), value(estimator, x[order], y[order])
    assert same(one, other) or min(one, other) > 10


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@given(paired())
def test_whole_numbers_single_precision_and_layout(estimator, columns):
    x, y = columns
    expected = value(estimator, x, y)
    assert value(estimator, x.astype(np.float32), y.astype(np.float32)) == expected
    strided = np.zeros((len(x), 4))
    strided[:, 1] = x
    assert value(estimator, strided[:, 1], y.tolist()) == expected
    assert value(estimator, x[:, None], y) == expected
    whole = np.rint(8 * x).astype(np.int32)
    assert value(estimator, whole, y) == value(estimator, whole.astype(float), y)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@given(paired())
def test_a_constant_shares_exactly_nothing(estimator, columns):
    found = estimator.mutual_information(columns[0], np.full(len(columns[0]), 0.1))
    assert abs(found.value) < 1e-15
    assert found.stderr is None
    assert "shares nothing" in found.reason


@pytest.mark.parametrize("bins", [2, 5, 15])
@pytest.mark.parametrize("strategy", ["width", "frequency"])
@given(columns=paired())
def test_bins_share_no_more_than_either_side_holds(bins, strategy, columns):
    x, y = columns
    estimator = Binned(bins, strategy, correction=None)
    sides = [stats.entropy(np.bincount(estimator.codes(side[:, None]))) for side in (x, y)]
    assert -1e-12 <= value(estimator, x, y) <= min(sides) + 1e-12
    assert same(value(estimator, x, x), sides[0], 1e-12)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@given(paired())
def test_the_mean_of_local_values_is_the_value(estimator, columns):
    found = mutual_information(*columns, estimator, local=True, unit="bits")
    if math.isfinite(found.value):
        assert abs(found.local.mean() - found.value) < 1e-7 * max(1, np.abs(found.local).max())
    assert found.local.shape == columns[0].shape


def test_columns_that_repeat_each_other_count_once():
    z = np.random.default_rng(0).normal(size=(200, 3))
    x, y = z[:, :2], z[:, 2] + z[:, 0]
    doubled = np.column_stack([x, x[:, 0] - 2 * x[:, 1], np.ones(200), x])
    assert abs(value(Gaussian(), doubled, y) - value(Gaussian(), x, y)) < 1e-10


def test_one_column_that_determines_the_other_is_infinite_and_says_so():
    x = np.random.default_rng(0).normal(size=100)
    for estimator, y in ((Gaussian(), 3 - 2 * x), (GaussianCopula(), np.exp(x))):
        found = estimator.mutual_information(x, y)
        assert found.value == math.inf
        assert "infinite" in found.reason
    with pytest.raises(InputError, match="no number"):
        excess(x, np.exp(x))


def test_the_excess_of_a_gaussian_is_nothing_and_of_a_square_is_everything():
    x, noise = np.random.default_rng(4).normal(size=(2, 2000))
    assert abs(excess(x, x + noise).value) < 0.05
    square = excess(x, x**2 + 0.5 * noise, unit="bits")
    assert abs(square.value - mutual_information(x, x**2 + 0.5 * noise, unit="bits").value) < 0.01
    assert square.unit == "bits"
    assert square.stderr is None


@pytest.mark.parametrize("estimator", [*ESTIMATORS, Binned(strategy="freedman-diaconis")], ids=str)
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.0, math.nan, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], "row 1, column 0 is nan"),
        ([1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 3.0, -math.inf], "y must be finite"),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0], "x has 4 samples and y 3"),
        ([], [], "not empty"),
        ([1.0], [2.0], "too few"),
        (["a"] * 4, [1.0] * 4, "real numbers"),
        ([1j] * 4, [1.0] * 4, "real numbers"),
        ([[[1.0]]] * 4, [1.0] * 4, "shape"),
        ([[1.0], [1.0, 2.0]], [1.0, 2.0], "array of numbers"),
    ],
)
def test_what_is_refused(estimator, x, y, message):
    with pytest.raises(InputError, match=message):
        estimator.mutual_information(x, y)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Binned(0), "bins must lie between 1"),
        (Binned((1.0, 0.0)), "ascending"),
        (Binned((0.0, 1.0), "frequency"), "nothing left"),
        (Binned(3, "equal"), "strategy 'equal'"),
        (Binned(3, correction="mm"), "correction 'mm'"),
        (Binned((0.0, 1.0)), "outside the edges 0 to 1"),
    ],
)
def test_bins_that_make_no_sense(estimator, message):
    with pytest.raises(InputError, match=message):
        estimator.mutual_information([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])


def test_histograms_without_an_answer():
    with pytest.raises(InputError, match="half of a column"):
        Binned(strategy="freedman-diaconis").mutual_information([0.0] * 8 + [1.0], np.arange(9.0))
    with pytest.raises(InputError, match="asks for"):
        Binned(strategy="freedman-diaconis").mutual_information([*range(9), 1e12], np.arange(10.0))
    with pytest.raises(InputError, match="span more"):
        Binned().mutual_information([-1.7e308, 1.7e308, 0.0], [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="no width"):
        Binned(3, "frequency").entropy([1.0, 2.0])
    with pytest.raises(InputError, match="no density"):
        Binned().entropy([1.0, 1.0])
    with pytest.raises(InputError, match="more than 4"):
        Gaussian().mutual_information(np.eye(4)[:, :2], np.eye(4)[:, 2] + np.arange(4))


def test_the_correction_is_shown_in_the_units_of_the_value():
    x, y = np.random.default_rng(0).normal(size=(2, 500))
    found = mutual_information(x, y, Binned(8))
    bits = found.to("bits")
    assert math.isclose(bits.correction * math.log(2), found.correction)
    plain = mutual_information(x, y, Binned(8, correction=None))
    assert math.isclose(plain.value - found.correction, found.value, rel_tol=1e-12)
    assert found.bins == (8, 8)
