"""`logits.statistics` against mpmath (50 digits), scipy.special and torch.distributions, on the same rounded logits.

The promise: |error| ≤ 1e-6·max(1, |value|), whatever the dtype, layout, temperature and masks, up to 262 144 entries.
"""

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import torch
from scipy import special, stats

from campaigns import campaign
from certificates import certifies
from entropist.logits import compile_kernels, statistics

pytestmark = certifies("logit_statistics")

PROMISE = 1e-6


def normal(g, shape):
    return g.normal(0, 4, shape)


def peaked(g, shape):
    z = g.normal(0, 1, shape)
    z[..., g.integers(shape[-1])] = 40
    return z


def flat(g, shape):
    return np.full(shape, g.choice([0.0, 7.25, -300.0, 60000.0]))


def two_modes(g, shape):
    z = g.normal(-30, 1, shape)
    z[..., g.integers(shape[-1])] = z[..., g.integers(shape[-1])] = 3
    return z


def zipf(g, shape):
    return np.broadcast_to(-1.1 * np.log1p(g.permutation(shape[-1])), shape).copy()


def masked(g, shape):
    z = np.where(g.random(shape) < 0.7, -np.inf, g.normal(0, 3, shape))
    z[..., g.integers(shape[-1])] = 0.5
    return z


def all_masked_but_one(g, shape):
    z = np.full(shape, -np.inf)
    z[..., g.integers(shape[-1])] = g.normal()
    return z


def far_away(g, shape):
    return 50000 + g.normal(0, 40, shape)


def tied(g, shape):
    return g.integers(-3, 3, shape).astype(float)


def one_above_many(g, shape):
    """The largest varentropies there are, and all equal logits are rounded in one direction."""
    rest, share = max(shape[-1] - 1, 1), g.uniform(0.02, 0.98)
    top = g.normal(0, 3)
    z = np.full(shape, top - np.log(rest * share / (1 - share)))
    z[..., g.integers(shape[-1])] = top
    return z


KINDS = [normal, peaked, flat, two_modes, zipf, masked, all_masked_but_one, far_away, tied, one_above_many]
NUMPY_DTYPES = [np.float16, np.float32, np.float64]
TORCH_DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
TEMPERATURES = [0.05, 0.3, 1.0, 1.7, 20.0]


def exact(row, target, temperature):
    """The five numbers of a row at 50 digits."""
    with mpmath.workdps(50):
        scaled = [mpmath.mpf(float(z)) / mpmath.mpf(temperature) if math.isfinite(z) else None for z in row]
        top = max(z for z in scaled if z is not None)
        mass = {i: mpmath.exp(z - top) for i, z in enumerate(scaled) if z is not None}
        total = mpmath.fsum(mass.values())
        log_normalizer = top + mpmath.log(total)
        information = {i: log_normalizer - scaled[i] for i in mass}
        entropy = mpmath.fsum(mass[i] * information[i] for i in mass) / total
        varentropy = mpmath.fsum(mass[i] * (information[i] - entropy) ** 2 for i in mass) / total
        surprisal = information.get(target, mpmath.inf)
        return [float(x) for x in (log_normalizer, entropy, varentropy, top - log_normalizer, surprisal)]


FIELDS = ("log_normalizer", "entropy", "varentropy", "max_logprob", "surprisal")


@pytest.fixture(scope="module", autouse=True)
def kernels():
    compile_kernels()


def assert_kept(found, expected, what):
    """The promise holds; returns the worst |error| / max(1, |value|)."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape, what
    with np.errstate(invalid="ignore"):  # inf − inf, where both are
        error = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    error = np.where(found == expected, 0.0, np.where(np.isfinite(expected), error, np.inf))
    unlike = ~(error <= PROMISE)
    assert not unlike.any(), (what, found[unlike][:3], expected[unlike][:3])
    return float(error.max(initial=0.0))


def as_torch(z, dtype):
    return torch.from_numpy(z.astype(np.float64)).to(dtype)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("dtype", [*NUMPY_DTYPES, *TORCH_DTYPES], ids=str)
def test_against_fifty_digits(kind, dtype, record_property):
    generator, worst = np.random.default_rng([KINDS.index(kind), 5]), 0.0
    for case in range(campaign(200)):
        vocabulary = int(generator.choice([1, 2, 3, 7, 31, 101, 257]))
        temperature = TEMPERATURES[case % len(TEMPERATURES)] if case else 1.0
        z = kind(generator, (2, vocabulary))
        logits = as_torch(z, dtype) if isinstance(dtype, torch.dtype) else z.astype(dtype)
        rounded = logits.double().numpy() if isinstance(dtype, torch.dtype) else logits.astype(np.float64)
        targets = generator.integers(0, vocabulary, 2)
        found = statistics(logits, targets, temperature=temperature)
        expected = np.array([exact(row, int(t), temperature) for row, t in zip(rounded, targets)]).T
        for name, values in zip(FIELDS, expected):
            worst = max(worst, assert_kept(getattr(found, name), values, (name, vocabulary, temperature)))
    record_property("worst_error_over_max_1_value", worst)


@pytest.mark.parametrize("vocabulary", [1, 2, 997, 50257, 131071, 262144])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_against_scipy_in_float64(vocabulary, dtype):
    generator = np.random.default_rng([vocabulary, TORCH_DTYPES.index(dtype)])
    first = TORCH_DTYPES.index(dtype) + vocabulary
    small = vocabulary < 1000
    for kind in KINDS if small else [KINDS[(first + i) % len(KINDS)] for i in (0, 4)]:
        logits = as_torch(kind(generator, (3, vocabulary)), dtype)
        z, targets = logits.double().numpy(), generator.integers(0, vocabulary, 3)
        for temperature in (1.0, 0.3) if small else (0.7,):
            given = [logits] if dtype is torch.bfloat16 else [logits, logits.numpy()]
            logprobs = special.log_softmax(z / temperature, axis=-1)
            with np.errstate(invalid="ignore"):
                parts = np.nan_to_num(np.exp(logprobs) * logprobs, nan=0.0)
                entropy = np.array([-math.fsum(row) for row in parts])
                squares = np.exp(logprobs) * (logprobs + entropy[:, None]) ** 2
                varentropy = np.array([math.fsum(row) for row in np.nan_to_num(squares, nan=0.0)])
            picked = np.take_along_axis(logprobs, targets[:, None], -1)[:, 0]
            for each in given:
                found = statistics(each, targets, temperature=temperature, top_k=1)
                assert_kept(found.log_normalizer, special.logsumexp(z / temperature, axis=-1), kind)
                assert_kept(found.entropy, entropy, kind)
                assert_kept(found.entropy, stats.entropy(np.exp(logprobs), axis=-1), kind)
                assert_kept(found.varentropy, varentropy, kind)
                assert_kept(found.surprisal, -picked, kind)
                assert_kept(found.max_logprob, logprobs.max(-1), kind)
                assert_kept(found.top_logprobs[:, 0], logprobs.max(-1), kind)
                assert np.asarray(found.rank).tolist() == (z > z[range(3), targets][:, None]).sum(-1).tolist()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_roundings_in_one_direction(dtype):
    """Many equal logits a distance below one or a few, at all temperatures: the worst the kernels can meet."""
    generator = np.random.default_rng(6)
    for case in range(campaign(400, least=40)):
        vocabulary = int(generator.choice([100, 2049, 5000, 20000]))
        z = one_above_many(generator, (1, vocabulary))
        if case % 3 == 0:
            z[:, ::97] = z.max()
        temperature = TEMPERATURES[case % len(TEMPERATURES)] if case % 2 else 1.0
        logits = as_torch(z * temperature, dtype)
        logprobs = special.log_softmax(logits.double().numpy() / temperature, axis=-1)
        p = np.exp(logprobs)
        entropy = -math.fsum((p * logprobs)[0])
        found = statistics(logits, temperature=temperature)
        assert_kept(found.entropy, [entropy], (vocabulary, temperature))
        assert_kept(found.varentropy, [math.fsum((p * (logprobs + entropy) ** 2)[0])], (vocabulary, temperature))
        assert_kept(found.max_logprob, logprobs.max(-1), (vocabulary, temperature))


def test_against_torch_distributions():
    torch.manual_seed(0)
    logits = torch.randn(4, 5, 997, dtype=torch.float64) * 5
    targets = torch.randint(0, 997, (4, 5))
    found = statistics(logits, targets)
    peer = torch.distributions.Categorical(logits=logits)
    assert_kept(found.entropy, peer.entropy(), "entropy")
    assert_kept(found.surprisal, -peer.log_prob(targets), "surprisal")
    nll = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    assert_kept(found.surprisal.flatten(), nll, "cross-entropy")


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_rank_and_the_largest_against_a_sorted_list(library):
    generator = np.random.default_rng(3)
    for case in range(campaign(600)):
        vocabulary = int(generator.choice([1, 2, 5, 31, 300]))
        z = KINDS[case % len(KINDS)](generator, (3, vocabulary))
        k, targets = int(generator.integers(1, vocabulary + 1)), generator.integers(0, vocabulary, 3)
        found = statistics(torch.from_numpy(z) if library == "torch" else z, targets, top_k=k)
        ids, logprobs = np.asarray(found.top_ids), np.asarray(found.top_logprobs)
        assert ids.shape == logprobs.shape == (3, k)
        for row, target, rank, chosen, lp in zip(z.tolist(), targets, np.asarray(found.rank), ids.tolist(), logprobs):
            assert rank == sum(other > row[target] for other in row)
            assert len(set(chosen)) == k
            assert [row[i] for i in chosen] == sorted(row, reverse=True)[:k]
            assert all(i < j for i, j in pairwise(chosen) if row[i] == row[j]), "ties by id"
            assert_kept(lp, special.log_softmax(row)[chosen], "top_logprobs")
