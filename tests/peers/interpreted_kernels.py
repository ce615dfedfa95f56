"""The Triton kernels under Triton's interpreter, which needs no GPU; `test_triton_kernels` runs this file.

Oracle: log-softmax in float64 of the same rounded logits. The promise: |error| ≤ 1e-6·max(1, |value|).
"""

import os

import numpy as np
import pytest
import torch

from campaigns import campaign
from entropist.errors import InputError
from entropist.logits import LogitStatistics, PairStatistics, _triton

assert os.environ.get("TRITON_INTERPRET") == "1", "run by tests/peers/test_triton_kernels.py"

PROMISE = 1e-6
VOCABULARIES = [9001, 1, 2, 7, 2048, 101, 4099]
DTYPES = [torch.float32, torch.float16, torch.bfloat16]


def statistics_rows(*given, **options):
    return LogitStatistics(*_triton.statistics_rows(*given, **options))


def compare_rows(*given, **options):
    return PairStatistics(*_triton.compare_rows(*given, **options))


def normal(g, shape):
    return g.normal(0, 4, shape)


def peaked(g, shape):
    z = g.normal(0, 1, shape)
    z[..., g.integers(shape[-1])] = 40
    return z


def flat(g, shape):
    return np.full(shape, 7.25)


def one_above_the_rest(g, shape):
    """The largest varentropies there are: rounding of the many equal logits goes one way."""
    z = np.full(shape, -9.123)
    z[..., g.integers(shape[-1])] = g.normal()
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


def rising(g, shape):
    """Every block has a larger maximum than the one before."""
    return np.broadcast_to(np.linspace(-60, 5, shape[-1]), shape).copy()


KINDS = [normal, peaked, flat, one_above_the_rest, zipf, masked, all_masked_but_one, far_away, rising]


def logits(kind, vocabulary, dtype, seed):
    g = np.random.default_rng(seed)
    return torch.from_numpy(kind(g, (2, vocabulary))).to(dtype), torch.from_numpy(g.integers(0, vocabulary, 2))


def assert_kept(found, expected, what):
    error = torch.where(found == expected, 0, (found - expected).abs() / expected.abs().clamp(min=1))
    assert found.dtype == torch.float64, what
    assert bool((error <= PROMISE).all()), (what, found, expected)


def expected_statistics(z, targets, temperature):
    scaled = z.double() / temperature
    logp = scaled.log_softmax(-1)
    p = logp.exp()
    information = torch.where(p > 0, -logp, 0.0)
    entropy = (p * information).sum(-1)
    varentropy = (p * (information - entropy[:, None]) ** 2).sum(-1)
    surprisal = -logp.gather(-1, targets[:, None])[:, 0]
    return scaled.logsumexp(-1), entropy, varentropy, logp.amax(-1), surprisal


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_statistics(kind, dtype):
    for case in range(campaign(20, least=2)):
        vocabulary = VOCABULARIES[-1 - case % len(VOCABULARIES)]
        temperature = [1.0, 0.3, 0.05, 20.0][case % 4]
        z, targets = logits(kind, vocabulary, dtype, [case, KINDS.index(kind)])
        if not bool(z.amax(-1).isfinite().all()):
            continue  # float16 holds no 70 000
        k = min(5, vocabulary)
        found = statistics_rows(z, targets, temperature, k)
        expected = expected_statistics(z, targets, temperature)
        names = ("log_normalizer", "entropy", "varentropy", "max_logprob", "surprisal")
        for name, value in zip(names, expected):
            assert_kept(getattr(found, name), value, (name, vocabulary, temperature))
        assert torch.equal(found.rank, (z > z.gather(-1, targets[:, None])).sum(-1))
        assert torch.equal(z.gather(-1, found.top_ids), z.sort(-1, descending=True).values[:, :k])
        logprobs = (z.double() / temperature).log_softmax(-1).gather(-1, found.top_ids)
        assert_kept(found.top_logprobs, logprobs, "top_logprobs")


def other(kind, p, seed):
    g = np.random.default_rng(seed)
    noise = torch.from_numpy(g.normal(0, 0.02, p.shape))
    if kind == "near":
        return (p.double() + noise).to(p.dtype)
    if kind == "shifted":
        return p + 3
    if kind == "unrelated":
        return torch.from_numpy(g.normal(0, 3, p.shape)).to(p.dtype)
    return p.clone()


def expected_pair(p_z, q_z, targets):
    logp, logq = p_z.double().log_softmax(-1), q_z.double().log_softmax(-1)
    p, q = logp.exp(), logq.exp()

    def mean(weight, value):
        return torch.where(weight > 0, weight * value, 0.0).sum(-1)

    middle = ((p + q) / 2).log()
    return {
        "kl_pq": mean(p, logp - logq),
        "kl_qp": mean(q, logq - logp),
        "js": (mean(p, logp - middle) + mean(q, logq - middle)) / 2,
        "cross_entropy_pq": mean(p, -logq),
        "surprisal_p": -logp.gather(-1, targets[:, None])[:, 0],
        "surprisal_q": -logq.gather(-1, targets[:, None])[:, 0],
        "total_variation": (p - q).abs().sum(-1) / 2,
    }


@pytest.mark.parametrize("dtype", DTYPES[::2], ids=str)
@pytest.mark.parametrize("relation", ["same", "near", "shifted", "unrelated"])
@pytest.mark.parametrize("kind", [normal, peaked, one_above_the_rest, masked], ids=lambda kind: kind.__name__)
def test_pair(kind, relation, dtype):
    for case in range(campaign(20)):
        vocabulary = VOCABULARIES[-1 - case % len(VOCABULARIES)]
        p, targets = logits(kind, vocabulary, dtype, [case, KINDS.index(kind)])
        q = other(relation, p, case)
        found = compare_rows(p, q, targets)
        for name, value in expected_pair(p, q, targets).items():
            assert_kept(getattr(found, name), value, (name, vocabulary))
        for name in ("kl_pq", "kl_qp", "js"):
            assert bool((getattr(found, name) >= 0).all())
            assert relation != "same" or not bool(getattr(found, name).any())
        assert torch.equal(found.same_top, p.argmax(-1) == q.argmax(-1))


def test_what_q_masks_is_infinitely_far():
    p, q = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[0.0, -torch.inf, 2.0]])
    found = compare_rows(p, q, None)
    assert found.kl_pq.item() == found.cross_entropy_pq.item() == torch.inf
    expected = expected_pair(p, q, torch.zeros(1, dtype=torch.int64))
    for name in ("kl_qp", "js", "total_variation"):
        assert_kept(getattr(found, name), expected[name], name)


def test_half_precision_beside_float32():
    p, q = torch.randn(2, 300), torch.randn(2, 300).bfloat16()
    found = compare_rows(p, q, None)
    for name, value in expected_pair(p, q, torch.zeros(2, dtype=torch.int64)).items():
        if not name.startswith("surprisal"):
            assert_kept(getattr(found, name), value, name)
    assert found.surprisal_p is None is found.surprisal_q


BAD = {"NaN": float("nan"), "-NaN": -float("nan"), "+inf": float("inf")}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("column", [0, 2500, 4999])
def test_a_bad_row_is_named(bad, column):
    z = torch.randn(3, 5000)
    worse = z.clone()
    worse[1, column] = BAD[bad]
    message = bad.lstrip("-").replace("+", r"\+")
    with pytest.raises(InputError, match=f"logits row 8 contains {message}"):
        statistics_rows(worse, None, 1.0, 0, offset=7)
    with pytest.raises(InputError, match=f"p_logits row 8 contains {message}"):
        compare_rows(worse, z, None, offset=7)
    with pytest.raises(InputError, match=f"q_logits row 8 contains {message}"):
        compare_rows(z, worse, None, offset=7)


def test_a_row_of_masks_only_is_named():
    z = torch.zeros(2, 5)
    z[0] = -torch.inf
    with pytest.raises(InputError, match="logits row 0 contains nothing but -inf"):
        statistics_rows(z, None, 1.0, 0)
    with pytest.raises(InputError, match="q_logits row 0 contains nothing but -inf"):
        compare_rows(torch.zeros(2, 5), z, None)


def test_strides_change_no_bit():
    z = torch.randn(2, 3000)
    ways = (z.T.contiguous().T, z.repeat_interleave(2, 1)[:, ::2], torch.cat([z, z], 1)[:, :3000])
    for way in ways:
        assert way.stride() != z.stride()
        assert torch.equal(way, z)
        one, two = (statistics_rows(each, None, 1.0, 0) for each in (z, way))
        for name in ("log_normalizer", "entropy", "varentropy"):
            assert torch.equal(getattr(one, name), getattr(two, name))
        assert not bool(compare_rows(z, way, None).kl_pq.any())


def test_no_rows():
    found = statistics_rows(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64), 1.0, 2)
    assert found.entropy.shape == found.rank.shape == (0,)
    assert found.top_ids.shape == (0, 2)
    assert compare_rows(torch.zeros(0, 5), torch.zeros(0, 5), None).js.shape == (0,)


@pytest.mark.filterwarnings("ignore:overflow")  # of the interpreter's NumPy
@pytest.mark.parametrize("lowest", [torch.finfo(torch.float32).min, -1e30])
def test_the_lowest_finite_number_is_a_mask_too(lowest):
    z = torch.randn(1, 50)
    z[0, 7] = lowest
    same = z.clone()
    same[0, 7] = -torch.inf
    one, two = (statistics_rows(each, None, 0.7, 0) for each in (z, same))
    assert torch.equal(one.entropy, two.entropy)
    assert torch.equal(one.varentropy, two.varentropy)
