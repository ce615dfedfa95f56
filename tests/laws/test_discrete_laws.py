"""Laws of discrete information that estimates keep: relabelling, symmetry, the chain rule, bounds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entropist import estimators
from entropist.estimators.discrete._count_estimators import ESTIMATORS, find
from entropist.estimators.discrete._counts import from_counts, with_support

COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=30).filter(any)
TABLES = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, 9), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
    ).filter(lambda table: any(map(any, table)))
)
QUICK = [name for name in ESTIMATORS if name != "nsb"]


@given(COUNTS, st.randoms())
def test_the_order_of_symbols_means_nothing(counts, random):
    shuffled = random.sample(counts, len(counts))
    for name in ESTIMATORS:
        assert find(name).value(from_counts(counts)) == find(name).value(from_counts(shuffled))


@given(COUNTS)
def test_no_entropy_is_negative_and_none_of_a_known_support_exceeds_it(counts):
    c = from_counts(counts)
    for name in ("plug-in", "miller-madow", "chao-shen", "zhang", "chao-wang-jost"):
        assert find(name).value(c) >= -1e-12
    for name in ("plug-in", "laplace", "jeffreys", "perks", "minimax", "james-stein", "nsb"):
        assert -1e-12 <= find(name).value(c) <= math.log(c.support) + 1e-9


@given(COUNTS)
def test_corrections_are_upwards(counts):
    c = from_counts(counts)
    plain = find("plug-in").value(c)
    for name in ("miller-madow", "panzeri-treves", "zhang", "chao-wang-jost", "jackknife"):
        assert find(name).value(c) >= plain - 1e-12
    assert find("chao-wang-jost").value(c) >= find("zhang").value(c) - 1e-12


@given(COUNTS, st.integers(1, 50))
def test_more_symbols_make_nsb_and_dirichlet_no_smaller(counts, extra):
    c = from_counts(counts)
    more = with_support(c, c.support + extra)
    assert find("laplace").value(more) >= find("laplace").value(c) - 1e-12
    assert find("panzeri-treves").value(more) >= find("plug-in").value(c) - 1e-12


@given(TABLES)
def test_information_is_symmetric(table):
    for name in QUICK:
        found = estimators_value(table, name)
        assert found == pytest.approx(estimators_value(np.transpose(table), name), abs=1e-12)


@given(TABLES)
def test_the_plug_in_is_within_its_bounds(table):
    table = np.array(table)
    found = estimators_value(table, "plug-in")
    smaller = min(find("plug-in").value(from_counts(table.sum(axis))) for axis in (0, 1))
    assert 0 <= found <= smaller + 1e-12
    for name in ("laplace", "james-stein"):
        assert estimators_value(table, name) >= -1e-12


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=80))
def test_the_chain_rule_of_the_plug_in(rows):
    x, y, z = np.array(rows).T
    pair = np.stack([y, z], axis=1)
    whole = value(estimators.mutual_information, x, pair)
    parts = value(estimators.mutual_information, x, z) + value(estimators.conditional_mutual_information, x, y, z)
    assert whole == pytest.approx(parts, abs=1e-12)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=80))
def test_what_a_variable_says_of_itself_is_its_entropy(samples):
    entropy = find("plug-in").value(from_counts(np.bincount(samples)))
    assert value(estimators.mutual_information, samples, samples) == pytest.approx(entropy, abs=1e-12)


@given(COUNTS.filter(lambda counts: sum(counts) > 1))
def test_a_source_is_at_no_distance_from_itself(counts):
    for name in ("plug-in", "laplace", "james-stein"):
        assert estimators.kl_divergence(counts, counts, name).value == pytest.approx(0, abs=1e-12)


def value(verb, *samples):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", estimators.EntropistWarning)
        return verb(*samples, estimator="plug-in").value


def estimators_value(table, name):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", estimators.EntropistWarning)
        return estimators.mutual_information_of_counts(table, name).value
