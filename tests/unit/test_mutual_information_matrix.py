"""All pairs: equal to one pair at a time, labelled, judged together, and what is refused."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from campaigns import campaign
from entropist.errors import InputError
from entropist.estimators import KSG, Binned, GaussianCopula, mutual_information, mutual_information_matrix

ESTIMATORS = [
    "copula",
    GaussianCopula(corrected=False),
    "binned",
    Binned(15, correction=None),
    Binned(4, "frequency"),
    Binned(2),
    Binned(23),
    Binned((-10.0, -1.0, 0.0, 0.2, 10.0)),
    Binned(300),
    KSG(k=3),
    KSG(k=2, variant=2, scale="normal-scores"),
]


def columns(seed, n, some=7):
    """Dependent columns, one of them a monotone function of another, one with ties, one coarse."""
    x = np.random.default_rng(seed).normal(size=(n, some))
    x[:, 1] += x[:, 0]
    x[:, 2] = np.exp(x[:, 0] / 3)
    x[:, 3] = np.round(x[:, 3], 1)
    x[:, 4] = np.round(x[:, 1])
    return x


def one_by_one(x, y, estimator):
    return np.array([[mutual_information(a, b, estimator).value for b in y.T] for a in x.T])


def difference(one, other):
    """The largest difference, where both are finite; infinities must stand in the same places but on a diagonal."""
    off = ~np.eye(*one.shape, dtype=bool)
    assert (np.isinf(one) == np.isinf(other))[off].all()
    both = np.isfinite(one) & np.isfinite(other)
    return np.abs(one[both] - other[both]).max()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("n", [65, 300])
def test_every_pair_is_what_it_is_alone(estimator, n):
    # Values beyond the edges of one of the estimators would be refused.
    x = np.clip(columns(n, n), -9.9, 9.9)
    found = mutual_information_matrix(x, None, estimator)
    alone = one_by_one(x, x, estimator)
    assert difference(found.value, alone) < 1e-11
    assert (found.value == found.value.T).all()
    assert found.symmetric
    if isinstance(estimator, Binned) or estimator == "binned":
        assert np.abs(found.value - alone).max() < 1e-11
    else:
        assert np.isinf(np.diag(found.value)).all()
    other = mutual_information_matrix(x, x[:, :3], estimator)
    assert difference(other.value, one_by_one(x, x[:, :3], estimator)) < 1e-11
    assert not other.symmetric
    assert other.value.shape == (7, 3)


@pytest.mark.parametrize("estimator", ["copula", "binned", Binned(3, "frequency"), "ksg"], ids=str)
def test_layout_dtype_offset_and_order_of_columns(estimator):
    x = columns(1, 130)[:, [0, 1, 5]]
    plain = mutual_information_matrix(x, None, estimator).value
    wide = np.zeros((260, 6))
    wide[::2, ::2] = x
    view = wide[::2, ::2]
    view.flags.writeable = False
    for same in (np.asfortranarray(x), view, x[::-1]):
        assert difference(mutual_information_matrix(same, None, estimator).value, plain) < 1e-12
    turned = mutual_information_matrix(x[:, [2, 0, 1]], None, estimator).value
    assert difference(turned, plain[np.ix_([2, 0, 1], [2, 0, 1])]) < 1e-12
    single = x.astype(np.float32)
    exact = mutual_information_matrix(single.astype(np.float64), None, estimator).value
    assert difference(mutual_information_matrix(single, None, estimator).value, exact) < 1e-12
    whole = np.rint(100 * x).astype(np.int16)
    exact = mutual_information_matrix(whole.astype(np.float64), None, estimator).value
    assert difference(mutual_information_matrix(whole, None, estimator).value, exact) < 1e-12
    steps = np.rint(x * 2**10) / 2**10  # so that an offset loses nothing
    moved = mutual_information_matrix(steps + 2.0**30, None, estimator).value
    assert difference(moved, mutual_information_matrix(steps, None, estimator).value) < 1e-12


@pytest.mark.parametrize("estimator", ["copula", "binned", Binned(5, "frequency")], ids=str)
def test_a_constant_column_shares_nothing(estimator):
    x = columns(2, 80)
    x[:, 5] = 3.5
    found = mutual_information_matrix(x, None, estimator, "analytic")
    off = np.arange(7) != 5
    assert (found.value[5, off] == 0).all()
    assert not found.significant()[5].any()


def test_more_samples_than_two_bytes_hold():
    x = np.random.default_rng(0).normal(size=(40_000, 2))
    x[:, 1] += x[:, 0]
    found = mutual_information_matrix(x)
    assert abs(found.value[0, 1] - GaussianCopula().mutual_information(*x.T).value) < 1e-12


def test_labels_units_and_words():
    table = pd.DataFrame(columns(3, 90), columns=list("abcdefg"))
    found = mutual_information_matrix(table, table[["a", "f"]], unit="bits", null="analytic")
    assert found.rows == tuple("abcdefg")
    assert found.columns == ("a", "f")
    nats = found.to("nats")
    finite = np.isfinite(found.value)
    assert np.abs(found.value[finite] - nats.value[finite] / math.log(2)).max() < 1e-15
    assert (nats.p_value == found.p_value).all()
    assert str(found).startswith("7 × 2 pairs in bits (n = 90, Gaussian copula; ")
    assert found.reason == "2 columns have more than 10 % ties"
    assert mutual_information_matrix(table).rows == mutual_information_matrix(table).columns == tuple("abcdefg")


@pytest.mark.parametrize("estimator", ["copula", Binned(6), Binned(6, "frequency")], ids=str)
def test_p_values_are_those_of_one_pair(estimator):
    x = columns(4, 400)
    found = mutual_information_matrix(x, None, estimator, "analytic")
    for i in range(7):
        for j in range(i):
            alone = mutual_information(x[:, i], x[:, j], estimator, null="analytic")
            assert abs(found.p_value[i, j] - (0 if math.isinf(alone.value) else alone.p_value)) < 2e-3
            assert found.p_value[i, j] == found.p_value[j, i]


@pytest.mark.parametrize("estimator", ["copula", Binned(6, "frequency")], ids=str)
def test_one_pooled_null_agrees_with_the_analytic_one(estimator):
    x = np.random.default_rng(5).normal(size=(300, 40))
    found, peer = (mutual_information_matrix(x, None, estimator, null) for null in ("permutation", "analytic"))
    off = ~np.eye(40, dtype=bool)
    assert np.abs(found.p_value - peer.p_value)[off].max() < 0.03
    assert found.p_value.min() >= 1 / 10_000
    assert np.abs(found.null - peer.null).max() < 2e-3
    assert (mutual_information_matrix(x, None, estimator, "permutation", seed=1).p_value != found.p_value).any()


def test_significant_is_benjamini_and_hochberg():
    for seed in range(campaign(100, 5)):
        x = np.random.default_rng(seed).normal(size=(60, 12))
        x[:, 1::3] += 0.6 * x[:, :1]
        found = mutual_information_matrix(x, None, "copula", "analytic")
        lower = np.tril_indices(12, -1)
        peer = stats.false_discovery_control(found.p_value[lower], method="bh") <= 0.1
        assert (found.significant(0.1)[lower] == peer).all()
        assert (found.significant(0.1) == found.significant(0.1).T).all()
        assert not np.diag(found.significant(0.1)).any()
        other = mutual_information_matrix(x[:, :4], x[:, 4:], "copula", "analytic")
        peer = stats.false_discovery_control(other.p_value.ravel(), method="bh") <= 0.1
        assert (other.significant(0.1).ravel() == peer).all()


GOOD = np.random.default_rng(0).normal(size=(20, 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.where(GOOD[3, 1] == GOOD, np.nan, GOOD),), "row 3, column 1 is nan"),
        ((GOOD, np.where(GOOD[2, 0] == GOOD, np.inf, GOOD)), "y must be finite; row 2, column 0 is inf"),
        ((GOOD, GOOD[:19]), "x has 20 samples and y 19"),
        ((GOOD[:, 0],), r"shape \(20,\)"),
        ((GOOD[:3],), "at least 4"),
        ((np.empty((0, 3)),), "not empty"),
        ((GOOD.astype(complex),), "real numbers"),
        ((np.array([["a"]] * 5),), "real numbers"),
        ((GOOD, None, "ks"), "has no matrix"),
        ((GOOD, None, Binned(0)), "bins must lie between"),
        ((GOOD, None, Binned(3, "wide")), "strategy 'wide' is not known"),
        ((GOOD, None, Binned(3, correction="mm")), "correction 'mm' is not known"),
        ((GOOD, None, Binned((0.0, 1.0))), "outside the edges"),
        ((GOOD, None, "copula", "shift"), "null 'shift' is not known"),
        ((np.round(GOOD), None, "copula", "permutation"), "3 columns have ties"),
        ((GOOD, None, "binned", "permutation"), "different margins"),
        ((GOOD, None, "ksg", "permutation"), "leave null=None"),
        ((GOOD[:4], None, "ksg"), "too few for k = 4"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        mutual_information_matrix(*arguments)


def test_no_judgement_without_p_values():
    found = mutual_information_matrix(GOOD)
    assert found.p_value is None
    with pytest.raises(InputError, match="no p-values"):
        found.significant()
    with pytest.raises(InputError, match="rate 0 must"):
        mutual_information_matrix(GOOD, null="analytic").significant(0)
