"""Estimators of nearest neighbours: the door, closed forms, what is refused and what is warned of."""

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy import stats

from entropist import estimators
from entropist.errors import InputError
from entropist.estimators import (
    KSG,
    Gao,
    Pointwise,
    Ross,
    differential_entropy,
    knn_conditional_mutual_information,
    knn_kl_divergence,
    mutual_information,
)
from entropist.estimators._warnings import EntropistWarning


def pair(rho, n, seed=0):
    x, e = np.random.default_rng(seed).normal(size=(2, n))
    return x, rho * x + math.sqrt(1 - rho * rho) * e


def covers(estimate, truth):
    low, high = estimate.confidence_interval(0.99)
    return low < truth < high


def test_the_door_gives_a_measurement():
    x, y = pair(0.6, 2000)
    nats, bits = mutual_information(x, y), mutual_information(x, y, unit="bits")
    assert (nats.unit, nats.n, nats.estimator) == ("nats", 2000, "KSG-1, k = 4")
    assert bits.value == pytest.approx(nats.value / math.log(2))
    assert bits.stderr == pytest.approx(nats.stderr / math.log(2))
    assert covers(nats, -0.5 * math.log(1 - 0.36))
    assert "n ≥ 400" in nats.domain
    assert nats == mutual_information(x, y, KSG()) == mutual_information(x, y, "ksg", seed=0)
    assert nats.stderr != mutual_information(x, y, seed=1).stderr
    assert nats.p_value is None


def test_local_values_have_the_estimate_as_their_mean():
    x, y = pair(0.9, 700)
    for estimator in (KSG(), KSG(variant=2), Gao()):
        whole, local = mutual_information(x, y, estimator), mutual_information(x, y, estimator, local=True)
        assert isinstance(local, Pointwise)
        assert local.local.mean() == pytest.approx(whole.value, abs=1e-12)
        assert (local.stderr, local.reason) == (pytest.approx(whole.stderr), whole.reason)
    far = np.abs(x - y) > np.quantile(np.abs(x - y), 0.9)
    assert local.local[far].mean() < local.local[~far].mean()
    side = (x > 0).astype(int)
    local = mutual_information(y, side, Ross(), local=True, unit="bits")
    assert local.local.mean() == pytest.approx(mutual_information(y, side, Ross(), unit="bits").value)
    z = np.random.default_rng(5).normal(size=700)
    local = knn_conditional_mutual_information(x, y, z, local=True)
    assert local.local.mean() == pytest.approx(knn_conditional_mutual_information(x, y, z).value)
    local = differential_entropy(x, local=True)
    assert local.local.mean() == pytest.approx(differential_entropy(x).value)
    assert np.corrcoef(local.local, -stats.norm.logpdf(x))[0, 1] > 0.7
    assert knn_kl_divergence(x, z, local=True).local.shape == (700,)


def test_a_null_from_orders():
    x, y = pair(0.5, 300)
    found = mutual_information(x, y, null="permutation")
    assert found.p_value == 1 / 200
    assert abs(found.null) < 0.02
    assert mutual_information(x, pair(0, 300, 9)[1], null="permutation").p_value > 0.05
    assert mutual_information(x, y, sequence=True).p_value == 1 / 200
    assert mutual_information(np.stack([x, x**2], 1), y, null="circular-shift").p_value == 1 / 200
    with pytest.raises(InputError, match="null 'analytic' is not known: use permutation, circular-shift"):
        mutual_information(x, y, null="analytic")
    with pytest.raises(InputError, match="null 'shuffle' is not known"):
        mutual_information(x, y, null="shuffle")


def test_a_sequence_has_the_error_of_blocks():
    steps = np.random.default_rng(0).normal(size=(2, 8000))
    x, y = np.cumsum(steps, axis=1)
    x, y = x - np.convolve(x, np.ones(200) / 200, "same"), y - np.convolve(y, np.ones(200) / 200, "same")
    taken, independent = (mutual_information(x, y, sequence=s) for s in (True, False))
    assert taken.value == independent.value
    assert taken.stderr > independent.stderr
    assert taken.effective_n < 4000
    assert independent.effective_n is None


@pytest.mark.parametrize("variant", [1, 2])
def test_closed_forms(variant):
    g = np.random.default_rng(1)
    x = g.uniform(size=3000)
    a, b = g.exponential(1, 3000), g.exponential(0.5, 3000)
    estimator = KSG(variant=variant)
    assert covers(mutual_information(x, x + g.uniform(-0.75, 0.75, 3000), estimator), 1 / 3)
    assert covers(mutual_information(a, a + b, KSG(variant=variant, scale="normal-scores")), 1.0)  # rates 1 and 2
    z = g.multivariate_normal(np.zeros(4), 0.5 + 0.5 * np.eye(4), 3000)
    assert covers(mutual_information(z[:, :2], z[:, 2:], estimator), 0.293893)
    gamma = g.gamma(3.4, 1, 4000)
    pairs = np.log(gamma), np.log(g.exponential(1 / (1.2 * gamma)))
    assert covers(mutual_information(*pairs, estimator), 0.139910052)


def test_conditional_closed_forms():
    covariance = np.array([[1, 1, 1], [1, 4, 1], [1, 1, 9]])
    x, y, z = np.random.default_rng(2).multivariate_normal(np.zeros(3), covariance, 2000).T
    assert covers(knn_conditional_mutual_information(x, y, z), 0.129755598)
    assert covers(knn_conditional_mutual_information(y, z, x), 0.0)
    assert covers(knn_conditional_mutual_information(x, y, z, unit="bits"), 0.129755598 / math.log(2))


def test_divergence_closed_forms():
    g = np.random.default_rng(3)
    assert covers(knn_kl_divergence(g.normal(size=2000), g.normal(1, 2, 3000)), 0.443147181)
    assert covers(knn_kl_divergence(g.exponential(1, 2000), g.exponential(0.5, 2000)), 0.306852819)
    same = knn_kl_divergence(g.normal(size=2000), g.normal(size=2000))
    assert covers(same, 0.0)
    assert same.n == 2000
    values = [knn_kl_divergence(*g.normal(size=(2, 100))).value for _ in range(20)]
    assert min(values) < 0 < max(values), "nothing is clipped"


@pytest.mark.parametrize(
    ("distribution", "truth"),
    [
        (stats.norm(), 1.4189385332), (stats.expon(), 1.0), (stats.laplace(), 1.6931471806), (stats.t(3), 1.7734775719),
        (stats.cauchy(), 2.5310242470), (stats.logistic(), 2.0), (stats.gumbel_r(), 1.5772156649),
        (stats.beta(2, 5), -0.4845307150), (stats.gamma(2.5), 1.7299479092), (stats.lognorm(1), 1.4189385332),
        (stats.uniform(0, 0.1), -2.3025850930),
    ],
    ids=lambda value: value.dist.name if hasattr(value, "dist") else "",
)  # fmt: skip
def test_entropy_closed_forms(distribution, truth):
    samples = distribution.rvs(3000, random_state=np.random.default_rng(4))
    found = differential_entropy(samples)
    assert covers(found, truth)
    assert differential_entropy(5 * samples).value == pytest.approx(found.value + math.log(5), abs=1e-9)
    assert covers(found.to("bits"), truth / math.log(2))


@pytest.mark.parametrize("size", [1e-305, 1e-150, 1e150, 1e307])
def test_entropy_of_very_large_and_small_values(size):
    samples = np.random.default_rng(4).uniform(size=(500, 2))
    for columns, factors in ((samples, 2), (samples[:, :1], 1)):
        expected = differential_entropy(columns).value + factors * math.log(size)
        assert differential_entropy(columns * size).value == pytest.approx(expected, abs=1e-6)


def test_entropy_of_more_dimensions():
    z = np.random.default_rng(5).multivariate_normal([0, 0], [[1, 0.5], [0.5, 4]], 3000)
    found = differential_entropy(z)
    assert found.value == pytest.approx(math.log(2 * math.pi * math.e) + 0.5 * math.log(3.75), abs=0.06)
    assert found.stderr is None
    assert "one dimension" in found.reason


@pytest.mark.parametrize(
    ("method", "m", "expected"),
    [("vasicek", None, 1.342551187000946), ("vasicek", 1, 1.122044177725947), ("vasicek", 8, 1.349401487550325)],
)
def test_spacings_are_those_of_scipy(method, m, expected):
    samples = np.random.RandomState(0).standard_normal(100)
    assert differential_entropy(samples, method, window_length=m).value == pytest.approx(expected, abs=1e-12)


def test_sixteen_pairs_raise_the_warning_of_high_dimension():
    """2.301457 nats are there; KSG finds a third of them, and says so."""
    g = np.random.default_rng(0)
    x = g.normal(size=(5000, 16))
    y = 0.5 * x + math.sqrt(0.75) * g.normal(size=(5000, 16))
    with pytest.warns(EntropistWarning, match="16 dimensions a side are high") as caught:
        found = mutual_information(x, y, KSG(k=5))
    assert caught[0].filename == __file__
    assert found.value == pytest.approx(0.714, abs=0.08)
    assert found.stderr is None
    with pytest.raises(InputError, match="16 dimensions"):
        found.confidence_interval()


@pytest.mark.parametrize(
    ("x", "y", "match"),
    [
        (np.arange(500) % 300, np.random.default_rng(0).normal(size=500), "80% of the samples repeat a value"),
        (np.arange(500.0), np.arange(500.0) ** 2, "below 4.96, the most that 500 samples can show"),
        (*np.random.default_rng(0).standard_cauchy((2, 500)), "normal-scores"),
        (*np.random.default_rng(0).normal(size=(2, 40)), "40 samples are few"),
    ],
    ids=["ties", "ceiling", "tails", "few"],
)
def test_outside_the_domain_there_is_a_warning_and_no_error(x, y, match):
    with pytest.warns(EntropistWarning, match=match):
        found = mutual_information(x, y)
    assert found.stderr is None
    assert found.domain is None
    assert math.isfinite(found.value)
    with pytest.raises(InputError, match="no confidence interval"):
        found.confidence_interval()


def test_few_samples_have_no_error():
    found = mutual_information(*pair(0.5, 399))
    assert found.stderr is None
    assert found.reason == "399 samples are fewer than the 400 that its error needs"
    assert mutual_information(*pair(0.5, 400)).stderr > 0
    assert "fewer than the 1000" in mutual_information(*pair(0.5, 600), sequence=True).reason
    side = pair(0.5, 600)[0] > 0
    assert "not for sequences" in mutual_information(pair(0.5, 600)[1], side, "ross", sequence=True).reason


def test_a_constant_shares_nothing():
    for n in (50, 2000):
        found = mutual_information(np.full(n, 3.25), np.random.default_rng(0).normal(size=n))
        assert found.value == pytest.approx(0, abs=1e-12)
        assert found.reason == "x is constant and shares nothing"
    rare = (np.random.default_rng(0).random(20_000) < 5e-4).astype(float)  # scikit-learn issue 30772
    assert mutual_information(np.zeros(20_000), rare).value == pytest.approx(0, abs=1e-12)


def test_copies_are_counted_and_nothing_is_jittered():
    x = np.repeat([0.0, 1.0, 2.0, 5.0], 25)
    with pytest.warns(EntropistWarning, match="100% of the samples repeat"):
        found = mutual_information(x, x)
    from scipy.special import digamma

    assert found.value == pytest.approx(digamma(100) - digamma(25), abs=1e-12)
    with pytest.warns(EntropistWarning, match="repeat"):
        assert mutual_information(x, np.tile([0, 1, 2, 3, 4], 20)).value < 0.01


def test_weak_dependence_is_as_often_negative():
    values = [mutual_information(*pair(0, 100, seed)).value for seed in range(40)]
    assert 8 < sum(value < 0 for value in values) < 32


def test_mixtures():
    g = np.random.default_rng(6)
    x = g.integers(0, 5, 2000)
    y = x + g.uniform(0, 2, 2000)
    truth = math.log(5) - 0.8 * math.log(2)
    assert covers(mutual_information(x, y, Ross(categories="x")), truth)
    assert covers(mutual_information(y, np.array(list("abcde"))[x], "ross"), truth)
    assert mutual_information(x, y, "gao").value == pytest.approx(truth, abs=0.06)
    assert mutual_information(x, y, "gao").stderr is None
    assert mutual_information(y, x, "ross", null="permutation").p_value == 1 / 200
    wave = np.where(g.random(2000) < 0.3, 0, g.poisson(a := g.exponential(size=2000)))
    assert mutual_information(a, wave, "gao").value == pytest.approx(0.7 * 0.301244773, abs=0.05)


def test_a_category_of_one_is_left_out():
    x, y = np.random.default_rng(0).normal(size=60), np.repeat([0, 1], 30)
    expected = mutual_information(x[:59], y[:59], "ross").value
    y[59] = 7
    found = mutual_information(x, y, "ross")
    assert (found.value, found.n) == (expected, 59)
    with pytest.raises(InputError, match="one sample only, so that its local value"):
        mutual_information(x, y, "ross", local=True)
    with pytest.raises(InputError, match="every category has one sample"):
        mutual_information(x, np.arange(60), "ross")


GOOD = np.linspace(0, 1, 20) ** 2


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: mutual_information(GOOD, GOOD[:-1]), "x has 20 samples and y 19"),
        (lambda: mutual_information([1, 2, math.nan, 4, 5], GOOD[:5]), "x must be finite; row 2, column 0 is nan"),
        (lambda: mutual_information(GOOD, np.where(GOOD > 0.5, np.inf, GOOD)), "y must be finite"),
        (lambda: mutual_information([], []), "not empty"),
        (lambda: mutual_information(GOOD[:4], GOOD[:4]), "4 samples are too few: at least 5"),
        (lambda: mutual_information(GOOD.reshape(2, 5, 2), GOOD), r"\(n,\) or \(n, d\)"),
        (lambda: mutual_information(list("abcdef"), GOOD[:6]), "real numbers"),
        (lambda: mutual_information(GOOD + 1j, GOOD), "real numbers"),
        (lambda: mutual_information(GOOD, GOOD, "ksgg"), "estimator 'ksgg' is not known: use one of .*ksg"),
        (lambda: mutual_information(GOOD, GOOD, 7), "neither a name nor an estimator"),
        (lambda: mutual_information(GOOD, GOOD, unit="nat"), "unit 'nat' is not known"),
        (lambda: KSG(k=0), "k = 0 must be a whole number"),
        (lambda: KSG(k=2.5), "k = 2.5 must be"),
        (lambda: KSG(k="3"), "k = '3' must be"),
        (lambda: mutual_information(*pair(0, 60), seed=-1), "seed -1 must be 0 or more"),
        (lambda: KSG(variant=3), "variant 3 is not known"),
        (lambda: KSG(scale="robust"), "scale 'robust' is not known"),
        (lambda: Ross(categories="z"), "must name the side"),
        (lambda: Gao(k=-1), "k = -1"),
        (lambda: mutual_information(GOOD, [0, 1, 2], "ross"), "20 numbers and 3 categories"),
        (lambda: knn_conditional_mutual_information(GOOD, GOOD, GOOD[1:]), "x is here the condition"),
        (lambda: knn_kl_divergence(GOOD, GOOD[:3]), "20 samples of p and 3 of q are too few"),
        (lambda: knn_kl_divergence(GOOD, np.stack([GOOD, GOOD], 1)), "1 dimensions and q_samples 2"),
        (lambda: knn_kl_divergence(np.zeros(20), GOOD), "repeated 4 times or more"),
        (lambda: differential_entropy(np.repeat(GOOD, 6)), "repeated more than 4 times"),
        (lambda: differential_entropy(np.repeat(GOOD[1:], 60), "vasicek"), "no density"),
        (lambda: differential_entropy(GOOD, "parzen"), "use one of k-nn, vasicek"),
        (lambda: differential_entropy(GOOD, "vasicek", k=3), "belong to 'k-nn'"),
        (lambda: differential_entropy(GOOD, "k-nn", window_length=3), "belongs to the estimators of spacings"),
        (lambda: differential_entropy(GOOD, "correa", window_length=10), "less than half of 20"),
        (lambda: differential_entropy(np.stack([GOOD, GOOD], 1), "vasicek"), "for one dimension"),
        (lambda: differential_entropy(GOOD[:4]), "too few for k = 4"),
        (lambda: differential_entropy(GOOD[:3], "vasicek"), "too few"),
    ],
)
def test_what_is_refused(call, match):
    with pytest.raises(InputError, match=match):
        call()


def test_numba_is_loaded_by_the_first_search_only():
    program = (
        "import sys, entropist.estimators as e; assert 'numba' not in sys.modules; import random; g = random.random; "
        "e.mutual_information([g() for _ in range(60)], [g() for _ in range(60)]); assert 'numba' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_one_dispatcher_for_every_estimator():
    for name, make in estimators._mutual_information.ESTIMATORS.items():
        assert isinstance(make(), estimators._mutual_information.MutualInformationEstimator), name


def test_no_warning_where_nothing_is_wrong():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mutual_information(*pair(0.6, 500), null="permutation")
