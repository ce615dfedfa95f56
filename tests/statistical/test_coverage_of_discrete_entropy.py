"""How often the intervals of discrete estimates cover the truth, inside the domain that the counts decide.

Two judgements a cell (source, n, estimator), by z-score. Where at least half of the sets get an interval, it covers in
92.5 % of these or more. In every cell, a wrong interval is given in 7.5 % of the sets at most: outside the domain the
estimator refuses. `record_property` leaves the lowest coverage, its mean (over-coverage included) and how many sets got
an interval.
"""

import math
import warnings

import numpy as np
import pytest
from scipy import optimize, special, stats

from campaigns import campaign
from certificates import certifies
from entropist import estimators
from entropist.estimators import NSB, EntropistWarning
from entropist.estimators.discrete._count_errors import error_of
from entropist.estimators.discrete._count_estimators import ESTIMATORS, find
from entropist.estimators.discrete._counts import tallied, with_support
from entropist.estimators.discrete._discrete_information import _assembled
from entropist.estimators.discrete._tables import of_counts

pytestmark = certifies("discrete_entropy")

COVERED, WRONG = 0.925, 0.075
SIZES = (200, 1000, 10_000)


def zipf(k, s=1.0):
    return normal(np.arange(1, k + 1) ** -float(s))


def normal(p):
    return p / p.sum()


def levels(k, share):
    return np.append(1 - share, np.full(k, share / k))


def drawn(k, a, seed):
    return np.random.default_rng(seed).dirichlet(np.full(k, a))


SOURCES = {
    **{f"uniform {k}": np.full(k, 1 / k) for k in (2, 3, 10, 100, 1000)},
    **{f"Zipf {k}": zipf(k) for k in (10, 100, 1000)},
    "Zipf 1.5, 100 000": zipf(100_000, 1.5),
    "Zipf 2, 100 000": zipf(100_000, 2),
    **{f"geometric {q}": normal((1 - q) ** np.arange(int(40 / q))) for q in (0.5, 0.1, 0.02)},
    **{f"coin {q}": np.array([1 - q, q]) for q in (0.01, 0.1, 0.4)},
    "Dirichlet 10": drawn(10, 1, 1),
    "Dirichlet 100": drawn(100, 0.3, 2),
    "two levels, 100": levels(100, 0.1),
    "two levels, 1000": levels(1000, 0.5),
    "two levels, 100 000": levels(100_000, 0.02),
    "lognormal 200": normal(np.exp(1.5 * np.random.default_rng(3).normal(size=200))),
}
NAMES = [name for name in ESTIMATORS if name != "nsb"]
SHARED = ["plug-in", "miller-madow", "chao-shen", "chao-wang-jost", "grassberger-2003", "james-stein", "jeffreys"]


def z_score(hits, trials, probability):
    return (hits - trials * probability) / math.sqrt(trials * probability * (1 - probability))


def judged(cell, given, covered, trials):
    """Both judgements; the coverage of what was given where that is at least half, else None."""
    assert z_score(given - covered, trials, WRONG) < 3.5, f"{cell}: {given - covered} of {trials} intervals are wrong"
    if 2 * given < trials:
        return None
    assert z_score(covered, given, COVERED) > -3.5, f"{cell}: covers {covered / given:.3f} of {given}"
    return covered / given


def reported(record_property, coverages, given, trials):
    kept = {cell: coverage for cell, coverage in coverages.items() if coverage is not None}
    record_property("cells_with_intervals", len(kept))
    if kept:
        lowest = min(kept, key=kept.get)
        record_property("lowest_coverage", [str(lowest), kept[lowest]])
        record_property("mean_coverage", float(np.mean(list(kept.values()))))
    record_property("share_of_sets_with_an_interval", given / trials)


@pytest.mark.parametrize("name", SOURCES)
def test_entropy(name, record_property):
    p = SOURCES[name]
    truth, coverages, everything, total = stats.entropy(p), {}, 0, 0
    for n in SIZES:
        generator, trials = np.random.default_rng([n, list(SOURCES).index(name)]), campaign(1000, 50)
        given, covered = dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 0)
        for _ in range(trials):
            seen = tallied(np.bincount(generator.choice(len(p), n, p=p)) if len(p) > n else generator.multinomial(n, p))
            known = with_support(seen, len(p))
            for each in NAMES:
                estimator = find(each)
                c = known if hasattr(estimator, "support_size") else seen
                value = estimator.value(c)
                stderr, _, _ = error_of(estimator, c, value)
                if stderr is not None:
                    given[each] += 1
                    covered[each] += abs(value - truth) <= 1.959964 * stderr
        for each in NAMES:
            coverages[each, n] = judged((name, n, each), given[each], covered[each], trials)
        everything, total = everything + sum(given.values()), total + trials * len(NAMES)
    reported(record_property, coverages, everything, total)


def test_miller_madow_refuses_where_its_delta_error_never_covers(record_property):
    generator, trials, naive = np.random.default_rng(0), campaign(1000, 50), 0
    for _ in range(trials):
        counts = generator.multinomial(200, np.full(1000, 1e-3))
        found = estimators.entropy(counts=counts[counts > 0], estimator="miller-madow")
        assert found.stderr is None
        assert "seen once" in found.reason
        shares = counts[counts > 0] / 200
        delta = math.sqrt(float(shares @ (np.log(shares) + stats.entropy(shares)) ** 2) / 200)
        naive += abs(found.value - math.log(1000)) <= 1.96 * delta
    record_property("coverage_of_the_delta_error", naive / trials)
    assert naive == 0


def from_the_prior(k, generator):
    """A source drawn from NSB's own prior: the expected entropy uniform in [0, ln K]."""
    xi = generator.uniform(0.001, 0.999) * math.log(k)
    gap = lambda t: special.digamma(k * math.exp(t) + 1) - special.digamma(math.exp(t) + 1) - xi  # noqa: E731
    beta = math.exp(optimize.brentq(gap, -40, 40))
    return normal(np.maximum(generator.gamma(beta, size=k) if beta > 0.02 else sparse(beta, k, generator), 1e-300))


def sparse(beta, k, generator):
    """Dirichlet shares of a small β, in logarithms: a gamma draw of β is one of β + 1 times U^(1/β), often 0."""
    log = np.log(generator.gamma(beta + 1, size=k)) + np.log(generator.random(k)) / beta
    return np.exp(log - log.max())


@pytest.mark.parametrize("k", [10, 100])
@pytest.mark.parametrize("n", [30, 200, 1000])
def test_nsb_on_sources_of_its_prior(k, n, record_property):
    generator, trials, given, covered = np.random.default_rng([k, n]), campaign(1000, 60), 0, 0
    for _ in range(trials):
        p = from_the_prior(k, generator)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EntropistWarning)
            found = estimators.entropy(counts=generator.multinomial(n, p), estimator=NSB(k))
        if found.stderr is not None:
            given += 1
            covered += abs(found.value - stats.entropy(p)) <= 1.959964 * found.stderr
    reported(record_property, {n: judged((k, n), given, covered, trials)}, given, trials)


@pytest.mark.parametrize("name", ["Zipf 1000", "two levels, 100", "two levels, 1000", "Zipf 100", "lognormal 200"])
def test_nsb_on_other_sources(name, record_property):
    p, coverages, everything = SOURCES[name], {}, 0
    for n in (500, 5000):
        generator, trials, given, covered = np.random.default_rng([n, 7]), campaign(400, 50), 0, 0
        for _ in range(trials):
            found = estimators.entropy(counts=generator.multinomial(n, p), estimator=NSB(len(p)))
            if found.stderr is not None:
                given += 1
                covered += abs(found.value - stats.entropy(p)) <= 1.959964 * found.stderr
        coverages[n] = judged((name, n), given, covered, trials)
        everything += given
    reported(record_property, coverages, everything, 2 * trials)


def diagonal(share, rows, columns):
    joint = np.full((rows, columns), (1 - share) / (rows * columns))
    k = min(rows, columns)
    joint[np.arange(k), np.arange(k)] += share / k
    return joint


JOINTS = {
    **{f"shared {share}, {k}": diagonal(share, *k) for share in (0, 0.2, 0.7) for k in ((2, 2), (3, 4), (10, 10))},
    "skewed, nothing shared": np.outer(zipf(4), zipf(5)),
    "Dirichlet 0.1": drawn(30, 0.1, 5).reshape(5, 6),
    "Dirichlet 1": drawn(30, 1, 6).reshape(5, 6),
}  # fmt: skip


def information(joint):
    some = joint > 0
    return float(
        (joint * np.log(joint / np.outer(joint.sum(1), joint.sum(0)), where=some, out=np.zeros_like(joint))).sum()
    )


@pytest.mark.parametrize("name", JOINTS)
def test_mutual_information(name, record_property):
    joint, coverages, everything, total = JOINTS[name], {}, 0, 0
    for n in SIZES:
        generator, trials = np.random.default_rng([n, list(JOINTS).index(name), 1]), campaign(1000, 50)
        given, covered = dict.fromkeys(SHARED, 0), dict.fromkeys(SHARED, 0)
        for _ in range(trials):
            table = of_counts(generator.multinomial(n, joint.ravel()).reshape(joint.shape), 2)
            for each in SHARED:
                found = _assembled(find(each), table, None, None, False, None)
                if found.stderr is not None:
                    given[each] += 1
                    covered[each] += abs(found.value - information(joint)) <= 1.959964 * found.stderr
        for each in SHARED:
            coverages[each, n] = judged((name, n, each), given[each], covered[each], trials)
        everything, total = everything + sum(given.values()), total + trials * len(SHARED)
    reported(record_property, coverages, everything, total)


TRIPLES = {
    "nothing shared given z": np.stack([np.outer(zipf(3), zipf(4)), np.outer(zipf(3)[::-1], zipf(4)[::-1])], -1) / 2,
    "more given z": np.stack([0.3 * diagonal(0.5, 3, 4), 0.7 * diagonal(0.1, 3, 4)], -1),
    "Dirichlet": drawn(60, 1, 11).reshape(4, 5, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", TRIPLES)
def test_conditional_information(name, record_property):
    joint, coverages, everything, total = TRIPLES[name], {}, 0, 0
    slices = np.moveaxis(joint, -1, 0)
    truth = sum(part.sum() * information(part / part.sum()) for part in slices)
    for n in SIZES:
        generator, trials = np.random.default_rng([n, list(TRIPLES).index(name), 4]), campaign(1000, 50)
        given, covered = dict.fromkeys(SHARED, 0), dict.fromkeys(SHARED, 0)
        for _ in range(trials):
            table = of_counts(generator.multinomial(n, joint.ravel()).reshape(joint.shape), 3)
            for each in SHARED:
                found = _assembled(find(each), table, None, None, False, None)
                if found.stderr is not None:
                    given[each] += 1
                    covered[each] += abs(found.value - truth) <= 1.959964 * found.stderr
        for each in SHARED:
            coverages[each, n] = judged((name, n, each), given[each], covered[each], trials)
        everything, total = everything + sum(given.values()), total + trials * len(SHARED)
    reported(record_property, coverages, everything, total)


PAIRS = {
    "the same": (zipf(10), zipf(10)),
    "near": (zipf(10), zipf(10, 0.9)),
    "far": (zipf(20), zipf(20)[::-1]),
    "coins": (np.array([0.5, 0.5]), np.array([0.8, 0.2])),
    "uniform against Zipf": (np.full(50, 0.02), zipf(50)),
    "Dirichlet": (drawn(30, 1, 8), drawn(30, 1, 9)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_divergence(name, record_property):
    p, q = PAIRS[name]
    truth, coverages, everything, total = stats.entropy(p, q), {}, 0, 0
    names = ("plug-in", "zhang", "chao-wang-jost", "miller-madow", "jeffreys", "james-stein")
    for n, m in ((200, 200), (1000, 300), (1000, 5000), (10_000, 10_000)):
        generator, trials = np.random.default_rng([n, m, 2]), campaign(1000, 50)
        given, covered = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
        for _ in range(trials):
            counts = generator.multinomial(n, p), generator.multinomial(m, q)
            for each in names:
                found = estimators.kl_divergence(*counts, each)
                if found.stderr is not None:
                    given[each] += 1
                    covered[each] += abs(found.value - truth) <= 1.959964 * found.stderr
        for each in names:
            coverages[each, (n, m)] = judged((name, n, m, each), given[each], covered[each], trials)
        everything, total = everything + sum(given.values()), total + trials * len(names)
    reported(record_property, coverages, everything, total)


def chain(stay, symbols, n, generator):
    """A Markov chain that stays where it is with probability `stay` and else jumps anywhere."""
    jumps = generator.random(n) >= stay
    jumps[0] = True
    return generator.integers(0, symbols, n)[np.maximum.accumulate(np.where(jumps, np.arange(n), 0))]


@pytest.mark.parametrize("stay", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("n", [500, 2000, 10_000])
def test_sequences(stay, n, record_property):
    symbols, trials = 4, campaign(1000, 50)
    row = np.full(symbols, (1 - stay) / symbols)
    row[0] += stay
    rate, generator = stats.entropy(row), np.random.default_rng([n, int(10 * stay)])
    truths = {1: math.log(symbols), 2: math.log(symbols) + rate, 3: math.log(symbols) + 2 * rate}
    coverages, everything, effective = {}, 0, []
    given, covered = {}, {}
    for _ in range(trials):
        sequence = chain(stay, symbols, n, generator)
        for kind, truth in [(("block", k), truths[k]) for k in truths] + [(("next", k), rate) for k in (2, 3)]:
            verb = estimators.block_entropy if kind[0] == "block" else estimators.ngram_entropy
            found = verb(sequence, kind[1])
            if found.stderr is not None:
                reach = stats.t.ppf(0.975, found.degrees_of_freedom) * found.stderr
                given[kind] = given.get(kind, 0) + 1
                covered[kind] = covered.get(kind, 0) + (abs(found.value - truth) <= reach)
                effective.append(found.effective_n)
    for kind in given:
        coverages[kind] = judged((stay, n, kind), given[kind], covered[kind], trials)
        everything += given[kind]
    reported(record_property, coverages, everything, 5 * trials)


@pytest.mark.parametrize("shared", [0.0, 0.3, 0.7])
def test_information_of_sequences(shared, record_property):
    """y follows a chain x now and then: I is that of one pair, for the pairs in a row form a stationary sequence."""
    symbols, n, trials, given, covered = 3, 2000, campaign(400, 40), 0, 0
    generator = np.random.default_rng(int(10 * shared))
    truth = information(diagonal(shared, symbols, symbols))
    for _ in range(trials):
        x = chain(0.7, symbols, n, generator)
        y = np.where(generator.random(n) < shared, x, chain(0.7, symbols, n, generator))
        found = short_null(x, y, "chao-wang-jost")
        if found.stderr is not None:
            given += 1
            covered += abs(found.value - truth) <= stats.t.ppf(0.975, found.degrees_of_freedom) * found.stderr
    reported(record_property, {shared: judged(shared, given, covered, trials)}, given, trials)


def short_null(x, y, estimator):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("entropist.estimators.discrete._discrete_nulls.DRAWS", 99)
        return estimators.mutual_information(x, y, estimator, sequence=True)
