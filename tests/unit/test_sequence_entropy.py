"""Entropy of continuations against exact enumeration; forks, modes and changes of level against brute force."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import softmax

import entropist as en
from entropist.decoding import (
    Adaptive,
    change_points,
    forking_tokens,
    generate,
    modes,
    prompt_entropy,
    rollouts,
    sequence_entropy,
)
from entropist.decoding.samples import _change_points
from entropist.errors import InputError

START = np.array([0.5, 0.3, 0.2])
STEP = np.array([[0.7, 0.2, 0.1], [0.05, 0.05, 0.9], [1 / 3, 1 / 3, 1 / 3]])
END = 2  # a continuation ends with this symbol, or after LONGEST
LONGEST = 6


def continuations():
    """Every continuation of the source, with its probability."""
    for length in range(1, LONGEST + 1):
        for symbols in itertools.product(range(3), repeat=length):
            if END in symbols[:-1] or (length < LONGEST and symbols[-1] != END):
                continue
            p = START[symbols[0]] * math.prod(STEP[a, b] for a, b in itertools.pairwise(symbols))
            yield symbols, p


EXACT = float(stats.entropy([p for _, p in continuations()]))


def exact_variances(start, step):
    """Variance of −ln p and of Σ H over all continuations of the source."""
    rows = []
    for symbols, _ in continuations():
        met = [start, *(step[a] for a in symbols[:-1])]
        chances = [row[a] for row, a in zip(met, symbols)]
        rows.append((math.prod(chances), -sum(map(math.log, chances)), sum(stats.entropy(row) for row in met)))
    p, drawn, exact = np.array(rows).T
    assert p @ drawn == pytest.approx(p @ exact), "the chain rule"
    return [float(p @ (x - p @ x) ** 2) for x in (drawn, exact)]


def test_averaging_helps_as_a_rule_and_hurts_where_an_unlikely_end_saves_the_rest():
    """The smaller variance is no theorem: in the second source a surprising token ends what was still to come."""
    even = np.array([0.5, 0.3, 0.2])
    late = np.array([0.499, 0.499, 0.002])
    drawn, exact = exact_variances(late, np.array([[0.9, 0.098, 0.002], [0.3, 0.698, 0.002], even]))
    assert drawn > 1.5 * exact
    drawn, exact = exact_variances(START, STEP)
    assert drawn < 0.9 * exact


def drawn(count, seed):
    """(entropies, logprobs) of sampled continuations."""
    g = np.random.default_rng(seed)
    entropies, logprobs = [], []
    for _ in range(count):
        row, own, logs = START, [], []
        while len(own) < LONGEST:
            symbol = int(g.choice(3, p=row))
            own.append(float(stats.entropy(row)))
            logs.append(math.log(row[symbol]))
            if symbol == END:
                break
            row = STEP[symbol]
        entropies.append(own)
        logprobs.append(logs)
    return entropies, logprobs


def test_the_source_is_whole():
    assert sum(p for _, p in continuations()) == pytest.approx(1)


def test_both_means_have_the_expectation_that_enumeration_gives():
    found = sequence_entropy(*drawn(4000, 0))
    for estimate in (found.rao_blackwell, found.sampled):
        assert abs(estimate.value - EXACT) < 4 * estimate.stderr, (estimate, EXACT)
    assert found.variance_ratio == pytest.approx((found.sampled.stderr / found.rao_blackwell.stderr) ** 2, rel=1e-9)
    assert found.per_token.value == pytest.approx(found.rao_blackwell.value * 4000 / found.tokens)


def test_the_intervals_cover():
    inside = 0
    for seed in range(150):
        low, high = sequence_entropy(*drawn(40, 1000 + seed)).rao_blackwell.confidence_interval()
        inside += low <= EXACT <= high
    assert inside / 150 >= 0.90  # 0.95 less 2.8 standard errors of the count


def test_few_continuations_have_no_error_and_one_has_no_ratio():
    found = sequence_entropy([[0.5, 0.2]], [[-0.1, -0.3]])
    assert found.rao_blackwell.stderr is None
    assert "fewer than the 8" in found.rao_blackwell.reason
    assert found.variance_ratio is None
    assert found.rao_blackwell.value == pytest.approx(0.7)
    assert found.sampled.value == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("entropies", "logprobs"),
    [([], []), ([[1.0]], []), ([[1.0]], [[-1.0, -1.0]]), ([[]], [[]]), ([[np.nan]], [[-1.0]]), ([[1.0]], [[-np.inf]])],
)
def test_what_is_no_sample_of_continuations_is_refused(entropies, logprobs):
    with pytest.raises(InputError):
        sequence_entropy(entropies, logprobs)


def test_forks_are_the_top_fifth():
    g = np.random.default_rng(0)
    values = g.exponential(size=1000)
    chosen = forking_tokens(values)
    assert chosen.sum() == 200
    assert values[chosen].min() > values[~chosen].max()
    assert forking_tokens(np.ones(5)).all(), "equal entropies are all taken"
    for bad in ([], [[1.0]], [np.nan]):
        with pytest.raises(InputError):
            forking_tokens(bad)
    with pytest.raises(InputError, match="share"):
        forking_tokens([1.0], share=0)


def test_modes_by_words_and_by_a_function():
    texts = ["the tide went out", "The tide went out!", "a lamp burnt low", "the tide went in", ""]
    assert modes(texts, same="exact").labels == (0, 0, 1, 2, 3)
    assert modes(texts).labels == (0, 0, 1, 0, 2)
    assert modes(texts, same=lambda a, b: len(a) > 0 and len(b) > 0).counts == (4, 1)
    found = modes(texts, estimator="plug-in")
    assert found.entropy.value == pytest.approx(stats.entropy([3, 1, 1]))
    assert found.effective_number.value == pytest.approx(math.exp(stats.entropy([3, 1, 1])))
    assert found.examples == (texts[0], texts[2], "")


def test_the_number_of_modes_covers():
    g = np.random.default_rng(3)
    source = np.array([0.5, 0.2, 0.1, 0.1, 0.05, 0.05])
    exact, inside = math.exp(stats.entropy(source)), 0
    for _ in range(150):
        low, high = modes(
            [str(i) for i in g.choice(6, 300, p=source)], same="exact"
        ).effective_number.confidence_interval()
        inside += low <= exact <= high
    assert inside / 150 >= 0.90


@pytest.mark.parametrize("texts", [[], "one text"])
def test_modes_need_a_list(texts):
    with pytest.raises(InputError, match="list of answers"):
        modes(texts)


def test_modes_need_a_known_relation():
    with pytest.raises(InputError, match="exact"):
        modes(["a"], same="alike")


def test_the_statistic_of_a_cut_is_the_two_sample_z():
    x = np.random.default_rng(1).normal(size=60)
    for k, value in enumerate(_change_points._statistics(x, 10), 10):
        expected = abs(x[:k].mean() - x[k:].mean()) / math.sqrt(1 / k + 1 / (60 - k))
        assert value == pytest.approx(expected, rel=1e-9)


def autoregressive(n, phi, seed):
    e = np.random.default_rng(seed).exponential(size=n + 50) - 1
    x = np.zeros(n + 50)
    for t in range(1, n + 50):
        x[t] = phi * x[t - 1] + e[t]
    return x[50:]


@pytest.mark.parametrize("phi", [0.0, 0.5])
def test_a_steady_series_is_seldom_cut(phi):
    alarms = sum(
        bool(change_points(autoregressive(200, phi, s), rearrangements=99, seed=s).positions) for s in range(200)
    )
    assert alarms / 200 <= 0.10  # 0.05, and three standard errors


def test_two_changes_are_found_where_they_are():
    x = autoregressive(400, 0.3, 5)
    x[120:] += 2.5
    x[300:] -= 4
    found = change_points(x)
    assert len(found.positions) == 2
    assert abs(found.positions[0] - 120) <= 5
    assert abs(found.positions[1] - 300) <= 5
    assert max(found.p_values) <= 0.025
    edges = [0, *found.positions, 400]
    assert found.means == tuple(float(x[a:b].mean()) for a, b in itertools.pairwise(edges))
    assert change_points(x) == found, "the same seed gives the same answer"


def test_a_constant_series_has_no_change():
    assert change_points(np.ones(50)).positions == ()


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.ones(39), {}, "40 at least"),
        (np.full(50, np.nan), {}, "finite"),
        (np.ones(50), {"level": 0.01, "rearrangements": 9}, "reach"),
        (np.ones(50), {"shortest": 26}, "shortest"),
        (np.ones(50), {"block": 0}, "block"),
    ],
)
def test_changes_that_cannot_be_asked_for(values, options, message):
    with pytest.raises(InputError, match=message):
        change_points(values, **options)


def test_rollouts_of_a_model_are_its_generation_measured():
    made = generate("It was the best of", sampler="top_k=3", samples=10, max_tokens=3, seed=2)
    found = rollouts(made, same="exact")
    steps = made.steps.to_pylist()
    for sample in range(10):
        own = [row for row in steps if row["sample"] == sample]
        assert found.mean_logprobs[sample] == pytest.approx(np.mean([row["logprob"] for row in own]))
    sums = [sum(row["kept_entropy"] for row in steps if row["sample"] == i) for i in range(10)]
    assert found.entropy.rao_blackwell.value == pytest.approx(np.mean(sums))
    assert found.best == int(np.argmax(found.mean_logprobs))
    assert found.modes == modes(made.texts, same="exact")
    again = rollouts("It was the best of", same="exact", sampler="top_k=3", samples=10, max_tokens=3, seed=2)
    assert again.generation.texts == made.texts


def test_an_adaptive_decoder_has_modes_and_no_sequence_entropy():
    found = rollouts("It was the best of", sampler=Adaptive("entropix-v1"), samples=2, max_tokens=4)
    with pytest.raises(InputError, match="no samples of the distributions"):
        _ = found.entropy
    assert len(found.mean_logprobs) == 2


def test_the_entropy_of_a_prompt_is_that_of_the_tempered_softmax():
    model = en.load_model("builtin:base")
    text = "The tide went"
    ids = np.concatenate([[model.bos_id], model.tokenize(text).ids]).astype(np.int32)
    (row,) = next(iter(model.logits(ids, start=len(ids) - 1)))
    curve = prompt_entropy(text, [0.3, 1.0, 2.0], model=model)
    for t, value, slope in zip(curve.temperatures, curve.entropy, curve.varentropy):
        p = softmax(row.double().numpy() / t)
        assert value == pytest.approx(stats.entropy(p), rel=1e-4)
        assert slope == pytest.approx(p @ (np.log(p) + stats.entropy(p)) ** 2, rel=1e-3)
