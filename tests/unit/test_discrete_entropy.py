"""What the discrete estimators accept, refuse and warn of, and what their results carry."""

import math
from collections import Counter

import numpy as np
import pytest
import scipy.sparse as sp

from entropist import estimators
from entropist.errors import InputError
from entropist.estimators import NSB, ChaoShen, Dirichlet, EntropistWarning, Grassberger, JamesStein, PanzeriTreves
from entropist.estimators.discrete._count_estimators import ESTIMATORS, find
from entropist.estimators.discrete._counts import from_counts

LETTERS = list("abracadabra" * 40)
COUNTS = [200, 80, 80, 40, 40]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_form_of_the_same_samples_gives_the_same(estimator):
    codes = np.array(["abcdr".index(letter) for letter in LETTERS])
    forms = [
        LETTERS,
        tuple(LETTERS),
        iter(LETTERS),
        np.array(LETTERS),
        np.array(LETTERS, dtype=object),
        codes,
        codes.astype(np.uint8),
        codes.astype(np.float32),
        codes.astype(np.int64) + 10**15,
        np.repeat(codes, 2)[::2],
        np.stack([codes // 2, codes % 2], axis=1),
        np.asfortranarray(np.stack([codes // 2, codes % 2], axis=1)),
        [(c // 2, c % 2) for c in codes.tolist()],
        [frozenset([letter]) for letter in LETTERS],
        codes.reshape(-1, 1),
    ]
    expected = estimators.entropy(LETTERS, estimator=estimator)
    for form in forms:
        assert estimators.entropy(form, estimator=estimator) == expected


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_form_of_the_same_counts_gives_the_same(estimator):
    readonly = np.array(COUNTS)
    readonly.flags.writeable = False
    square = np.array([COUNTS])
    forms = [
        COUNTS, readonly, np.array(COUNTS, np.uint16), np.array(COUNTS, np.float32), square, square.T,
        np.array(COUNTS)[::-1], dict(zip("abcde", COUNTS)), Counter(dict(zip("abcde", COUNTS))),
    ]  # fmt: skip
    expected = estimators.entropy(counts=COUNTS, estimator=estimator)
    for form in forms:
        assert estimators.entropy(counts=form, estimator=estimator) == expected
    sparse = sp.coo_array((COUNTS, ([0, 9, 9, 1, 5], [7, 7, 8, 0, 3])), shape=(262_144, 262_144))
    for form in (sparse, sparse.tocsr(), sparse.tocsc()):
        assert estimators.entropy(counts=form, estimator=estimator).value == pytest.approx(expected.value, rel=1e-14)


def test_a_sparse_table_adds_up_what_is_stored_twice():
    twice = sp.coo_array(([3, 2, 5], ([0, 0, 1], [0, 0, 1])), shape=(2, 2))
    assert estimators.entropy(counts=twice, estimator="plug-in").value == math.log(2)
    assert twice.nnz == 3


def test_labels_of_unlike_kinds_stay_apart():
    assert estimators.entropy([1, "1"] * 200, estimator="plug-in").value == math.log(2)
    assert estimators.entropy([1, 1.0, True] * 100, estimator="plug-in").value == 0


def test_whole_numbers_of_any_size_stay_apart():
    for labels in ([2**60, 2**60 + 1], [2**63, -1, 2**63 + 1], [2**70, 2**70 + 1], [0.5, 2**53, 2**53 + 1]):
        found = estimators.entropy(labels * 200, estimator="plug-in")
        assert found.value == pytest.approx(math.log(len(labels)))


def test_zeros_are_symbols_only_to_those_who_ask():
    with_zeros = [*COUNTS, 0, 0, 0]
    for estimator in ("plug-in", "miller-madow", "chao-shen", "zhang", "grassberger-2003", "jackknife"):
        assert estimators.entropy(counts=with_zeros, estimator=estimator).value == find(estimator).value(
            from_counts(COUNTS)
        )
    for estimator in ("laplace", "nsb", "james-stein"):
        more = estimators.entropy(counts=with_zeros, estimator=estimator)
        assert more.value != find(estimator).value(from_counts(COUNTS))
        assert more.estimator.endswith("K = 8")
    assert estimators.entropy(counts=COUNTS, estimator=Dirichlet(1.0, 8)) == estimators.entropy(
        counts=with_zeros, estimator="laplace"
    )
    assert estimators.entropy(LETTERS, estimator="laplace").estimator.endswith("K = 5 seen")


BAD = {
    "neither": ({}, "either samples or counts"),
    "both": ({"samples": [1], "counts": [1]}, "not both"),
    "nothing": ({"samples": []}, "one sample|not empty"),
    "no counts": ({"counts": []}, "empty"),
    "zeros": ({"counts": [0, 0]}, "all zero"),
    "negative": ({"counts": [3, -1]}, "-1 is entry 1"),
    "half": ({"counts": [3, 0.5]}, "whole numbers"),
    "NaN counts": ({"counts": [3, math.nan]}, "whole numbers"),
    "infinite counts": ({"counts": [3, math.inf]}, "whole numbers"),
    "inexact counts": ({"counts": [2.0**60, 1]}, "2\\*\\*53"),
    "words as counts": ({"counts": ["a", "b"]}, "whole numbers"),
    "NaN": ({"samples": [1.0, math.nan]}, "finite"),
    "NaN among labels": ({"samples": ["a", math.nan]}, "missing value"),
    "None": ({"samples": ["a", None]}, "missing value"),
    "NaT": ({"samples": np.array(["2026-01-01", "NaT"], "M8[D]")}, "missing"),
    "a text": ({"samples": "abracadabra"}, "list\\(text\\)"),
    "a number": ({"samples": 3}, "samples"),
    "a cube": ({"samples": np.zeros((2, 2, 2))}, "\\(n, d\\)"),
    "a mapping": ({"samples": {"a": 3}}, "go to counts="),
    "masked": ({"samples": np.ma.array([1, 2], mask=[0, 1])}, "masked"),
    "no hash": ({"samples": [{"a": 1}, {"a": 2}]}, "told apart"),
    "unknown": ({"samples": [1], "estimator": "best"}, "'best' is not known"),
    "no estimator": ({"samples": [1], "estimator": 3}, "ChaoShen"),
    "unit": ({"samples": [1], "unit": "bytes"}, "not known"),
    "local counts": ({"counts": [3], "local": True, "estimator": "plug-in"}, "local"),
    "local of another": ({"samples": [1], "local": True}, "local"),
    "small support": ({"counts": COUNTS, "estimator": NSB(4)}, "5 different"),
    "half a symbol": ({"counts": COUNTS, "estimator": NSB(5.5)}, "whole number"),
    "two supports": ({"counts": COUNTS, "estimator": NSB((5, 5))}, "one number"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_was_wrong(case):
    given, message = BAD[case]
    with pytest.raises(InputError, match=message):
        estimators.entropy(**given)


@pytest.mark.parametrize("make", [lambda: Dirichlet(0), lambda: Dirichlet("n"), lambda: Dirichlet(math.inf),
                                  lambda: Grassberger(1990)])  # fmt: skip
def test_estimators_refuse_bad_parameters(make):
    with pytest.raises(InputError):
        make()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_one_symbol_has_no_entropy_and_no_error(estimator):
    found = estimators.entropy(counts=[1000], estimator=estimator)
    assert found.value == pytest.approx(0, abs=1.1e-3)  # Grassberger's terms of alternating sign remain: 1/n
    if estimator != "nsb":
        assert found.stderr is None
        assert "commonest" in found.reason


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n", [2, 10, 500])
def test_all_singletons_are_finite_and_warned_of(estimator, n):
    with pytest.warns(EntropistWarning, match=f"all {n} samples differ"):
        found = estimators.entropy(range(n), estimator=estimator)
    assert math.isfinite(found.value)
    assert found.value > 0
    assert found.stderr is None


def test_one_sample():
    for estimator in ESTIMATORS:
        assert estimators.entropy(["once"], estimator=estimator).stderr is None


def test_huge_counts_stay_finite():
    counts = [10**15, 3 * 10**15, 7, 1]
    p = np.array(counts) / sum(counts)
    for estimator in ESTIMATORS:
        if estimator != "nsb":
            value = estimators.entropy(counts=counts, estimator=estimator).value
            allowed = 1e-6 if estimator == "minimax" else 1e-12  # its √n pseudo-counts still weigh 1e-7
            assert value == pytest.approx(-(p * np.log(p)).sum(), abs=allowed)


def test_what_a_result_carries():
    found = estimators.entropy(LETTERS, estimator="chao-shen", unit="bits")
    assert (found.unit, found.n, found.estimator) == ("bits", 440, "Chao-Shen")
    assert found.domain.startswith("independent samples")
    low, high = found.confidence_interval()
    assert low < found.value < high
    nats = estimators.entropy(LETTERS, estimator=ChaoShen())
    assert found.value == pytest.approx(nats.value / math.log(2))
    assert found.stderr == pytest.approx(nats.stderr / math.log(2))
    short = estimators.entropy(LETTERS[:50])
    assert short.stderr is None
    assert "50 samples are fewer than the 200" in short.reason
    assert short.domain is None
    with pytest.raises(InputError, match="no confidence interval: 50 samples"):
        short.confidence_interval()


def test_the_error_is_the_delta_method_and_what_remains():
    found = estimators.entropy(counts=COUNTS, estimator="miller-madow")
    p = np.array(COUNTS) / 440
    variance = float(p @ np.log(p) ** 2 - (p @ np.log(p)) ** 2) / 440 + 3 / 440**2
    assert found.stderr == pytest.approx(math.sqrt(variance), rel=1e-12)


def test_refusals_say_why():
    biased = estimators.entropy(counts=[50] * 100, estimator="plug-in")
    assert "bias" in biased.reason
    assert biased.stderr is None
    assert estimators.entropy(counts=[50] * 100, estimator="chao-wang-jost").stderr is not None
    rare = estimators.entropy(counts=[990, 10], estimator="zhang")
    assert "only 10 samples" in rare.reason
    tail = estimators.entropy(counts=[300] + [1] * 100, estimator="chao-wang-jost")
    assert "100 of 400 samples are of symbols seen once" in tail.reason


def test_nsb_errors():
    unknown = estimators.entropy(LETTERS, estimator="nsb")
    assert "support_size" in unknown.reason
    assert estimators.entropy(LETTERS, estimator=NSB(5)).stderr > 0
    with pytest.warns(EntropistWarning, match="19 samples are too few"):
        assert estimators.entropy(counts=[4, 2, 3, 2, 4, 2, 1, 1], estimator=NSB(11)).stderr > 0
    two_levels = [1000, *[2] * 300]
    assert "χ²" in estimators.entropy(counts=two_levels, estimator=NSB(1000)).reason


def test_local_values_are_surprisals():
    found = estimators.entropy(LETTERS, estimator="plug-in", local=True, unit="bits")
    assert found.local.shape == (440,)
    assert found.local.mean() == pytest.approx(found.value, rel=1e-12)
    assert found.local[0] == pytest.approx(-math.log2(5 / 11))


def rows(n=600):
    generator = np.random.default_rng(0)
    x = generator.integers(0, 3, n)
    return x, np.where(generator.random(n) < 0.5, x, generator.integers(0, 3, n)), generator.integers(0, 2, n)


def test_information_of_samples_and_of_their_table():
    x, y, _ = rows()
    table = np.zeros((3, 3), int)
    np.add.at(table, (x, y), 1)
    for estimator in ESTIMATORS:
        of_samples = estimators.mutual_information(x, y, estimator)
        of_table = estimators.mutual_information_of_counts(table, estimator)
        assert of_samples == of_table
        assert estimators.mutual_information_of_counts(sp.csr_array(table), estimator) == of_table


def test_information_by_composition():
    x, y, z = rows()
    for name in ESTIMATORS:
        estimator = find(name)
        if estimator.weight(from_counts([2, 1])) is not None:
            continue

        def h(*columns, estimator=estimator):
            return estimator.value(from_counts(np.unique(np.stack(columns, 1), axis=0, return_counts=True)[1]))

        found = estimators.mutual_information(x, y, name).value
        assert found == pytest.approx(h(x) + h(y) - h(x, y), abs=1e-12)
        found = estimators.conditional_mutual_information(x, y, z, name).value
        assert found == pytest.approx(h(x, z) + h(y, z) - h(z) - h(x, y, z), abs=1e-12)


def test_drawn_information_is_of_one_table():
    x, y, _ = rows(90)
    table = np.zeros((3, 3))
    np.add.at(table, (x, y), 1)
    for estimator in (Dirichlet(0.7), JamesStein()):
        weight = estimator.weight(from_counts(table))
        p = (1 - weight) * table / 90 + weight / 9
        expected = (p * np.log(p / np.outer(p.sum(1), p.sum(0)))).sum()
        assert estimators.mutual_information(x, y, estimator).value == pytest.approx(expected, rel=1e-12)


def test_supports_of_information():
    x, y, _ = rows()
    told = estimators.mutual_information(x, y, PanzeriTreves((3, 3)))
    assert told.value == estimators.mutual_information(x, y, "panzeri-treves").value
    for estimator in (NSB(3), NSB((3, 3, 3))):
        with pytest.raises(InputError, match="2 numbers"):
            estimators.mutual_information(x, y, estimator)
    with pytest.raises(InputError, match="3 different"):
        estimators.mutual_information(x, y, NSB((2, 3)))


def test_information_refuses():
    x, y, z = rows()
    with pytest.raises(InputError, match="x has 600 samples and y 599"):
        estimators.mutual_information(x, y[:-1], "plug-in")
    with pytest.raises(InputError, match="given 10"):
        estimators.conditional_mutual_information(x, y, z[:10], "plug-in")
    with pytest.raises(InputError, match="parts it from z"):
        estimators.conditional_mutual_information(x, y, z, null="circular-shift")
    with pytest.raises(InputError, match="needs samples"):
        estimators.mutual_information_of_counts([[1, 2], [3, 4]], null="permutation")
    with pytest.raises(InputError, match="2 axes"):
        estimators.mutual_information_of_counts([1, 2])
    with pytest.raises(InputError, match="local"):
        estimators.mutual_information(x, y, "chao-shen", local=True)
    with pytest.warns(EntropistWarning, match="all 300 joint samples differ"):
        assert estimators.mutual_information(np.arange(300), np.arange(300), "chao-shen").stderr is None


def test_local_information():
    x, y, z = rows()
    for found in (
        estimators.mutual_information(x, y, "plug-in", local=True, unit="bits"),
        estimators.conditional_mutual_information(x, y, z, "plug-in", local=True, unit="bits"),
    ):
        assert found.local.mean() == pytest.approx(found.value, rel=1e-9)
        assert found.local.shape == (600,)


def test_the_same_seed_gives_the_same_null():
    x, y, _ = rows(120)
    first, second, other = (
        estimators.mutual_information(x, y, "plug-in", null="permutation", seed=seed) for seed in (1, 1, 2)
    )
    assert first == second
    assert first.null != other.null
    assert first.p_value == 1 / 1000


def test_a_joint_table_of_a_vocabulary_is_never_dense():
    generator = np.random.default_rng(0)
    first = generator.integers(0, 262_144, 20_000)
    places = (np.concatenate([first, first]), np.concatenate([first, generator.integers(0, 262_144, 20_000)]))
    table = sp.coo_array((np.full(40_000, 3), places), shape=(262_144, 262_144))
    found = estimators.mutual_information_of_counts(table, "miller-madow")
    assert 0 < found.value < math.log(262_144)
    assert estimators.mutual_information_of_counts(table, "jeffreys").value < found.value


def test_divergence_refuses_and_is_infinite_where_it_must():
    with pytest.raises(InputError, match="same symbol"):
        estimators.kl_divergence([1, 2], [1, 2, 3])
    with pytest.raises(InputError, match="one kind"):
        estimators.kl_divergence({"a": 1}, [1])
    with pytest.raises(InputError, match="counts_q are all zero"):
        estimators.kl_divergence([1, 2], [0, 0])
    infinite = estimators.kl_divergence([5, 5], [10, 0], "plug-in")
    assert math.isinf(infinite.value)
    assert infinite.stderr is None
    assert math.isfinite(estimators.kl_divergence([5, 5], [10, 0], "zhang").value)


def test_divergence_takes_mappings_and_sparse_tables():
    p, q = [300, 200, 0, 100], [200, 200, 100, 100]
    expected = estimators.kl_divergence(p, q)
    assert expected.stderr > 0
    by_name = estimators.kl_divergence({"a": 300, "b": 200, "d": 100}, {"b": 200, "a": 200, "c": 100, "d": 100})
    assert (by_name.value, by_name.stderr) == pytest.approx((expected.value, expected.stderr), rel=1e-12)
    sparse = [sp.coo_array((c, ([0, 5, 6, 9], [1, 1, 2, 3])), shape=(1000, 1000)) for c in (p, q)]
    assert estimators.kl_divergence(*sparse).value == pytest.approx(expected.value, rel=1e-12)


def test_blocks_of_a_sequence():
    sequence = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1]
    words = [tuple(sequence[i : i + 3]) for i in range(8)]
    found = estimators.block_entropy(sequence, 3, "plug-in")
    assert found.value == estimators.entropy(words, estimator="plug-in").value
    assert (found.n, found.stderr) == (8, None)
    shorter = estimators.entropy([word[:2] for word in words], estimator="plug-in").value
    next_symbol = estimators.ngram_entropy(sequence, 3, "plug-in")
    assert next_symbol.value == pytest.approx(found.value - shorter, abs=1e-15)
    assert estimators.ngram_entropy(sequence, 1, "zhang").value == estimators.block_entropy(sequence, 1, "zhang").value
    for length in (0, 11, 1.5, True):
        with pytest.raises(InputError, match="from 1 to 10"):
            estimators.block_entropy(sequence, length)
    with pytest.raises(InputError, match="no one alphabet"):
        estimators.ngram_entropy(sequence, 2, NSB(2))
    assert estimators.block_entropy(sequence, 10, "plug-in").value == 0


def test_a_slow_sequence_shows_how_little_it_is_worth():
    generator = np.random.default_rng(0)
    sequence = np.repeat(generator.integers(0, 3, 2000), 10)
    found = estimators.block_entropy(np.append(sequence, [0, 1, 1, 1, 2] * 100), 1)
    assert found.effective_n < 6000
    short = estimators.block_entropy(np.repeat(generator.integers(0, 3, 30), 20), 1)
    assert short.stderr is None
