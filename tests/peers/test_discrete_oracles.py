"""Entropies from counts against authors' tables, exact expectations by summation, mpmath, and other libraries."""

import math
import warnings
from collections import Counter

import dit
import ennemi
import infomeasure
import mpmath
import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mutual_info_score

from campaigns import campaign
from entropist import estimators
from entropist.estimators import NSB, Dirichlet, EntropistWarning, Grassberger, PanzeriTreves
from entropist.estimators.discrete._count_estimators import find
from entropist.estimators.discrete._counts import Counts, from_counts, with_support
from entropist.estimators.discrete._nsb import posterior
from entropist.estimators.discrete._plug_in import chao_wang_jost, relevant_symbols
from entropist.estimators.discrete._shrinkage import james_stein_weight

FIVE = [1, 2, 3, 2, 1]
ELEVEN = [4, 2, 3, 0, 2, 4, 0, 0, 2, 1, 1]  # the vector of the manual of R's package entropy

# R's package entropy 1.3.2 and the authors' own code, through the tests of DiscreteEntropy.jl.
PUBLISHED = {
    "plug-in": (1.522955, 1.968382),
    "miller-madow": (1.745177, 2.152593),
    "chao-shen": (1.876548, 2.201137),
    "laplace": (1.574097, 2.257876),
    "jeffreys": (1.556911, 2.179480),
    "perks": (1.539698, 2.036888),
    "minimax": (1.561237, 2.154091),
    "james-stein": (1.609438, 2.379603),
    "grassberger-1988": (1.876292, 2.099725),
    "grassberger-2003": (1.912032, 2.144626),
    "chao-wang-jost": (1.847870, 2.197116),
    "zhang": (1.773413, 2.170547),
    "jackknife": (1.886844, 2.231274),
    "nsb": (1.509006, 2.187774),
}


def value(counts, estimator):
    return find(estimator).value(from_counts(counts))


@pytest.mark.parametrize("estimator", PUBLISHED)
def test_published_values_to_six_digits(estimator):
    for counts, expected in zip((FIVE, ELEVEN), PUBLISHED[estimator]):
        assert value(counts, estimator) == pytest.approx(expected, abs=5.1e-7)


def test_more_published_values():
    assert value([1, 2, 3, 4, 3, 2, 1], "chao-shen") == pytest.approx(2.0775715569320012, abs=1e-14)
    assert james_stein_weight(from_counts(ELEVEN)) == pytest.approx(0.766393, abs=5.1e-7)
    joint = np.array([[4, 2, 3], [2, 4, 5]])  # R's mi.plugin of these shares
    assert estimators.mutual_information_of_counts(joint, "plug-in").value == pytest.approx(0.041605017, abs=5e-10)
    drawn = estimators.mutual_information_of_counts([[1, 2, 3], [6, 5, 4]], Dirichlet(1 / 6))
    assert drawn.value == pytest.approx(0.030649091, abs=5e-10)
    p, q = [4, 2, 3, 1, 10, 4], [2, 3, 7, 1, 4, 3]
    assert estimators.kl_divergence(p, q, "james-stein").value == pytest.approx(0.082956641, abs=5e-10)
    assert [james_stein_weight(from_counts(c)) for c in (p, q)] == pytest.approx([0.373913, 0.769737], abs=5.1e-7)
    assert estimators.kl_divergence(p, q, Dirichlet(1 / 6)).value == pytest.approx(0.206774190, abs=5e-10)
    one, two = [9, 12, 4], [1, 1, 1]
    assert estimators.kl_divergence(one, two, "plug-in").value == pytest.approx(0.085299601, abs=5e-10)
    assert estimators.kl_divergence(two, one, "plug-in").value == pytest.approx(0.097455007, abs=5e-10)
    assert value([0, 1, 2], "plug-in") == pytest.approx(0.636514168, abs=5e-10)  # scipy.stats.entropy


# Expectations over all samples, Σ_i Σ_c Binom(n, p_i)(c) f(c): plug-in, Miller-Madow, Grassberger 1988, 2003, Zhang.
EXPECTED = {
    ("uniform", 10, 10): (1.769412, 2.045073, 2.234530, 2.312117, 2.083880),
    ("uniform", 10, 30): (2.137380, 2.280315, 2.311560, 2.319160, 2.291217),
    ("uniform", 100, 30): (3.211270, 3.628437, 4.015387, 4.163895, 3.690793),
    ("uniform", 100, 100): (4.035698, 4.347682, 4.488285, 4.561963, 4.385792),
    ("uniform", 100, 1000): (4.554730, 4.604228, 4.605667, 4.605670, 4.605166),
    ("uniform", 1000, 100): (4.537918, 5.008957, 5.509764, 5.686831, 5.080752),
    ("uniform", 1000, 1000): (6.334745, 6.650397, 6.786108, 6.859423, 6.688371),
    ("zipf", 1000, 100): (3.794936, 4.104746, 4.370481, 4.468683, 4.147333),
    ("zipf", 1000, 1000): (4.774786, 4.941160, 5.037970, 5.079266, 4.960848),
}


def source(kind, k):
    p = np.ones(k) if kind == "uniform" else 1 / np.arange(1, k + 1)
    return p / p.sum()


def expectation(estimator, p, n):
    """Each of these is a sum over symbols, so its expectation needs the binomial law of a single count only."""
    c = np.arange(1, n + 1)
    one = [find(estimator).value(Counts(np.array([float(k)]), np.ones(1), n, 1, True)) for k in c]
    if estimator == "miller-madow":  # its −1/2n is for all symbols together
        one = np.array(one) + 1 / (2 * n)
    distinct, many = np.unique(p, return_counts=True)
    total = math.fsum(m * float(stats.binom.pmf(c, n, q) @ one) for q, m in zip(distinct, many))
    return total - (1 / (2 * n) if estimator == "miller-madow" else 0)


@pytest.mark.parametrize("case", EXPECTED, ids=str)
def test_exact_expected_values(case):
    kind, k, n = case
    names = ("plug-in", "miller-madow", "grassberger-1988", "grassberger-2003", "zhang")
    found = [expectation(name, source(kind, k), n) for name in names]
    assert found == pytest.approx(EXPECTED[case], abs=6e-7)


@pytest.mark.parametrize("case", EXPECTED, ids=str)
def test_the_bias_of_zhang_is_its_closed_form(case):
    kind, k, n = case
    p = source(kind, k)
    v = np.arange(1, n)
    # Σ_{v ≥ n} (1 − q)^v / v = −ln q − Σ_{v < n} (1 − q)^v / v
    bias = -math.fsum(q * (-math.log(q) - math.fsum((1 - q) ** v / v)) for q in p)
    assert expectation("zhang", p, n) - stats.entropy(p) == pytest.approx(bias, rel=1e-8, abs=1e-11)


def nsb_by_mpmath(counts, support, digits=60, pieces=12, degree=24):
    """Mean and standard deviation: Gauss–Legendre in ln β at 60 digits, the moments as Wolpert and Wolf print them."""
    with mpmath.workdps(digits):
        seen = Counter(int(c) for c in counts if c)
        n, k = sum(v * m for v, m in seen.items()), support
        every = {**seen, 0: k - sum(seen.values())}

        def log_weight(t):
            b = mpmath.e**t
            rising = mpmath.fsum(m * (mpmath.loggamma(v + b) - mpmath.loggamma(b)) for v, m in seen.items())
            slope = k * mpmath.psi(1, k * b + 1) - mpmath.psi(1, b + 1)
            return mpmath.loggamma(k * b) - mpmath.loggamma(n + k * b) + rising + mpmath.log(slope) + t

        def moments(t):
            b = mpmath.e**t
            a = n + k * b
            first = mpmath.psi(0, a + 1) - mpmath.fsum(
                m * (v + b) / a * mpmath.psi(0, v + b + 1) for v, m in every.items()
            )
            p2, q2 = mpmath.psi(0, a + 2), mpmath.psi(1, a + 2)
            f = {v: (v + b) * (mpmath.psi(0, v + b + 1) - p2) for v in every}
            crossed = mpmath.fsum(m * f[v] for v, m in every.items()) ** 2
            crossed -= mpmath.fsum(m * f[v] ** 2 for v, m in every.items())
            crossed -= q2 * (a * a - mpmath.fsum(m * (v + b) ** 2 for v, m in every.items()))
            own = mpmath.fsum(
                m * (v + b) * (v + b + 1) * ((mpmath.psi(0, v + b + 2) - p2) ** 2 + mpmath.psi(1, v + b + 2) - q2)
                for v, m in every.items()
            )
            return first, (crossed + own) / (a * (a + 1))

        low, high = -mpmath.log(k) - 40, mpmath.log(n) + 40
        for _ in range(12):
            points = [low + (high - low) * i / 60 for i in range(61)]
            heights = [log_weight(t) for t in points]
            kept = [i for i, height in enumerate(heights) if height > max(heights) - 34]
            low, high = points[max(0, kept[0] - 1)], points[min(60, kept[-1] + 1)]
            if len(kept) > 25:
                break
        nodes, weights = np.polynomial.legendre.leggauss(degree)
        sums = [mpmath.mpf(0)] * 3
        half = (high - low) / pieces / 2
        for piece in range(pieces):
            for node, weight in zip(nodes, weights):
                t = low + half * (2 * piece + 1) + half * mpmath.mpf(float(node))
                mass = mpmath.mpf(float(weight)) * mpmath.e ** (log_weight(t) - max(heights))
                first, second = moments(t)
                sums = [s + x for s, x in zip(sums, (mass, mass * first, mass * second))]
        mean = sums[1] / sums[0]
        return float(mean), float(mpmath.sqrt(sums[2] / sums[0] - mean**2))


NSB_CASES = {
    "R": (ELEVEN, 11),
    "five": (FIVE, 5),
    "one symbol of two": ([7], 2),
    "one sample": ([1], 10),
    "all singletons": ([1] * 5, 5),
    "all singletons of a million": ([1] * 5, 10**6),
    "many samples": ([10**6, 1], 2),
    "equal and many": ([10**6, 10**6], 2),
    "far more symbols than samples": ([3, 1], 10**12),
    "nothing but coincidences": ([2, 2], 10**15),
    "equal": ([1000] * 50, 50),
    "huge counts": ([10**9, 3 * 10**9, 7], 10**9),
    "one symbol a trillion times": ([10**12], 3),
}


@pytest.mark.parametrize("case", NSB_CASES)
def test_nsb_against_mpmath(case):
    counts, support = NSB_CASES[case]
    found = posterior(with_support(from_counts(counts), support))
    assert found == pytest.approx(nsb_by_mpmath(counts, support), rel=1e-8, abs=1e-13)


def test_nsb_of_the_literature():
    """R's manual (nsb-entropy, an external program): 2.187774; both to 1e-10 by mpmath as the reference lists them."""
    assert posterior(from_counts(ELEVEN)) == pytest.approx((2.18777446308971, 0.140893), abs=5e-7)
    assert posterior(from_counts(FIVE)) == pytest.approx((1.50900622786943, 0.096245), abs=5e-7)
    assert posterior(from_counts(ELEVEN))[0] == pytest.approx(2.18777446308971, abs=1e-8)


def test_who_is_right_about_nsb():
    """infomeasure integrates β over [0, ln K], the range of ξ: it is 0.2 nats off, and mpmath and R agree with us."""
    samples = np.repeat(np.arange(11), ELEVEN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = infomeasure.entropy(samples, approach="nsb", K=11, base="e")
    with pytest.warns(EntropistWarning):
        ours = estimators.entropy(counts=ELEVEN, estimator="nsb")
    exact = nsb_by_mpmath(ELEVEN, 11)
    assert (ours.value, ours.stderr) == pytest.approx(exact, abs=1e-8)
    assert abs(theirs - exact[0]) > 0.1


def test_nsb_is_calibrated_where_its_prior_holds():
    """Var[H | c, β] and E[H | c, β] against draws from the Dirichlet posterior itself, by z-score."""
    from entropist.estimators.discrete._nsb import _moments

    generator, counts, beta = np.random.default_rng(0), np.array([5.0, 3, 1, 0, 0, 0]), 0.7
    draws = generator.dirichlet(counts + beta, campaign(2_000_000, 100_000))
    h = stats.entropy(draws, axis=1)
    c = with_support(from_counts(counts), 6)
    mean, variance = _moments(np.array([beta]), c.values, c.symbols, float(c.n), 6.0)
    assert abs(h.mean() - mean[0]) < 4 * h.std() / math.sqrt(len(h))
    fourth = ((h - h.mean()) ** 4).mean()
    assert abs(h.var() - variance[0]) < 4 * math.sqrt((fourth - h.var() ** 2) / len(h))


# R̃ of the authors' Bayes count (pt_bayescount of Panzeri's toolboxes), run on these counts with K symbols.
PANZERI_TREVES = [([1] * 6, 36, 12), ([1, 1, 1, 1, 2], 41, 13), ([1, 1, 2], 46, 6), ([1] * 6 + [2], 47, 17),
                  ([1] * 16 + [2] * 3, 51, 46), (ELEVEN, 11, 11), ([20, 9, 3, 1], 4, 4)]  # fmt: skip


@pytest.mark.parametrize(("counts", "support", "symbols"), PANZERI_TREVES)
def test_panzeri_treves_counts_symbols_as_its_authors_do(counts, support, symbols):
    c = with_support(from_counts(counts), support)
    assert relevant_symbols(c) == symbols
    plain = find("plug-in").value(c)
    found = PanzeriTreves(support_size=support).value(c)
    assert found == pytest.approx(plain + (symbols - 1) / (2 * c.n), abs=1e-14)


def test_chao_wang_jost_against_its_sum_as_printed():
    for counts in ([1, 1, 1, 2, 2, 5, 9], [1, 1, 4, 4], [1, 3, 3], [1] * 30 + [2] + [3] * 9, [1] * 50 + [7]):
        n, once, twice = sum(counts), counts.count(1), counts.count(2)
        if twice:
            a = mpmath.mpf(2 * twice) / ((n - 1) * once + 2 * twice)
        else:
            a = mpmath.mpf(2) / ((n - 1) * (once - 1) + 2)
        with mpmath.workdps(60):
            tail = mpmath.fsum((1 - a) ** r / mpmath.mpf(r) for r in range(1, n))
            bias = mpmath.mpf(once) / n * (1 - a) ** (1 - n) * (-mpmath.log(a) - tail) if a < 1 else 0
        expected = find("zhang").value(from_counts(counts)) + float(bias)
        assert chao_wang_jost(from_counts(counts)) == pytest.approx(expected, rel=1e-12)


PEER_NAMES = {
    "plug-in": "discrete",
    "miller-madow": "miller_madow",
    "chao-shen": "chao_shen",
    "chao-wang-jost": "chao_wang_jost",
    "james-stein": "shrink",
    "zhang": "zhang",
    "grassberger-1988": "grassberger",
}


@pytest.mark.parametrize("estimator", PEER_NAMES)
def test_infomeasure_agrees(estimator):
    generator = np.random.default_rng(1)
    for _ in range(campaign(100, 5)):
        samples = generator.zipf(2.0, int(generator.integers(20, 300)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = infomeasure.entropy(samples, approach=PEER_NAMES[estimator], base="e")
        assert value(np.unique(samples, return_counts=True)[1], estimator) == pytest.approx(theirs, abs=1e-9)


def test_plug_in_information_agrees_with_peers():
    generator = np.random.default_rng(2)
    for _ in range(campaign(200, 10)):
        x = generator.integers(0, 5, 300)
        y = np.where(generator.random(300) < 0.5, x, generator.integers(0, 4, 300))
        z = generator.integers(0, 3, 300)
        ours = estimators.mutual_information(x, y, "plug-in").value
        assert ours == pytest.approx(mutual_info_score(x, y), abs=1e-12)
        assert ours == pytest.approx(float(ennemi.estimate_mi(y, x, discrete_x=True, discrete_y=True)[0, 0]), abs=1e-9)
        words, many = np.unique(np.stack([x, y, z], axis=1), axis=0, return_counts=True)
        joint = dit.Distribution([tuple(map(str, w)) for w in words], (many / 300).tolist())
        bits = dit.shannon.conditional_entropy(joint, [0], [2]) - dit.shannon.conditional_entropy(joint, [0], [1, 2])
        found = estimators.conditional_mutual_information(x, y, z, "plug-in", unit="bits").value
        assert found == pytest.approx(bits, abs=1e-9)


def test_the_g_test_of_scipy_is_ours():
    counts = np.array([[30, 40, 35], [60, 40, 45]])
    found = estimators.mutual_information_of_counts(counts, "plug-in", null="analytic")
    statistic, p, dof, _ = stats.chi2_contingency(counts, correction=False, lambda_="log-likelihood")
    assert 2 * counts.sum() * found.value == pytest.approx(statistic, rel=1e-12)
    assert found.p_value == pytest.approx(p, rel=0.02)
    assert 2 * counts.sum() * found.null == pytest.approx(dof, rel=0.02)


def test_divergence_of_zhang_and_grabchak_as_printed():
    """Σ p̂ [Σ_v (1/v) Π (1 − Y/(m − j + 1)) − Σ_v (1/v) Π (1 − (X − 1)/(n − j))], the products as in the paper."""
    x, y = [5, 3, 2, 1], [4, 1, 0, 6]
    n, m, total = sum(x), sum(y), 0.0
    for a, b in zip(x, y):
        first = math.fsum(math.prod(1 - b / (m - j + 1) for j in range(1, v + 1)) / v for v in range(1, m - b + 1))
        second = math.fsum(math.prod(1 - (a - 1) / (n - j) for j in range(1, v + 1)) / v for v in range(1, n - a + 1))
        total += a / n * (first - second)
    assert estimators.kl_divergence(x, y, "zhang").value == pytest.approx(total, rel=1e-12)


def test_variants_are_years():
    assert value(FIVE, Grassberger(1988)) == value(FIVE, "grassberger-1988")
    assert NSB(support_size=7).support == 7
