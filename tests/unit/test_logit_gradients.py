"""Gradients of statistics and divergences: gradcheck, autograd of the plain formulas, and F.cross_entropy."""

import math

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.functional import cross_entropy, kl_div

from entropist.errors import InputError
from entropist.logits import _gradients, compare, head_compare, head_statistics
from entropist.logits import statistics as public_statistics

STATISTICS = [name for name in _gradients.STATISTICS if name not in ("rank", "top_ids")]
PAIR = [name for name in _gradients.PAIR if name != "same_top"]


def normal(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def targets_for(z):
    return torch.randint(0, z.shape[-1], z.shape[:-1], generator=torch.Generator().manual_seed(1))


def statistics(z, targets=None, temperature=1.0, top_k=0):
    return _gradients.statistics(z, targets, temperature, top_k)


def plain_statistics(z, targets, temperature=1.0, top_k=0):
    """The textbook formulas, differentiated by torch; masked entries are left out of every sum."""
    logp = (z / temperature).log_softmax(-1)
    logp_0 = logp.masked_fill(logp == -torch.inf, 0)
    p = logp.exp()
    entropy = -(p * logp_0).sum(-1)
    return {
        "log_normalizer": (z / temperature).logsumexp(-1),
        "entropy": entropy,
        "varentropy": (p * (logp_0 + entropy[..., None]) ** 2).sum(-1),
        "max_logprob": logp.amax(-1),
        "surprisal": -logp.gather(-1, targets[..., None])[..., 0],
        "top_logprobs": logp.sort(-1, descending=True).values[..., :top_k],
    }


def plain_pair(p_z, q_z, targets):
    logp, logq = p_z.log_softmax(-1), q_z.log_softmax(-1)
    p, q = logp.exp(), logq.exp()
    middle = ((p + q) / 2).log()
    return {
        "kl_pq": (p * (logp - logq)).sum(-1),
        "kl_qp": (q * (logq - logp)).sum(-1),
        "js": (p * (logp - middle) + q * (logq - middle)).sum(-1) / 2,
        "cross_entropy_pq": -(p * logq).sum(-1),
        "surprisal_p": -logp.gather(-1, targets[..., None])[..., 0],
        "surprisal_q": -logq.gather(-1, targets[..., None])[..., 0],
        "total_variation": (p - q).abs().sum(-1) / 2,
    }


def weighted(value):
    """A scalar in which every entry of `value` has a weight of its own."""
    return (value * torch.linspace(0.5, 2, value.numel(), dtype=value.dtype).reshape(value.shape)).sum()


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("temperature", [1.0, 0.6, 3.0])
def test_gradcheck_of_statistics(name, temperature):
    z = normal(2, 3, 7)
    targets = targets_for(z)
    assert gradcheck(lambda z: getattr(statistics(z, targets, temperature, 3), name), (z,))


@pytest.mark.parametrize("name", PAIR)
def test_gradcheck_of_pairs(name):
    p, q = normal(2, 3, 7), normal(2, 3, 7, seed=2)
    targets = targets_for(p)
    assert gradcheck(lambda p, q: getattr(_gradients.pair(p, q, targets), name), (p, q))


HEADS = [{}, {"scale": 0.4}, {"softcap": 1.5}, {"softcap": 1.5, "scale": 2.5, "chunk_rows": 4}]


@pytest.mark.parametrize("options", HEADS, ids=str)
@pytest.mark.parametrize("name", STATISTICS)
def test_gradcheck_of_head_statistics(name, options):
    hidden, weight, bias = normal(2, 3, 4), normal(7, 4, seed=1), normal(7, seed=2)
    targets = targets_for(normal(2, 3, 7))

    def work(hidden, weight, bias):
        found = head_statistics(hidden, weight, bias, targets=targets, temperature=0.8, top_k=2, **options)
        return getattr(found, name)

    assert gradcheck(work, (hidden, weight, bias))


@pytest.mark.parametrize("name", PAIR)
def test_gradcheck_of_head_compare(name):
    parts = (normal(2, 3, 4), normal(7, 4, seed=1), normal(7, seed=2), normal(2, 3, 5, seed=3), normal(7, 5, seed=4))
    targets = targets_for(normal(2, 3, 7))

    def work(hidden_p, weight_p, bias_p, hidden_q, weight_q):
        options = {"softcap_p": 2.0, "scale_q": 0.5, "chunk_rows": 4}
        found = head_compare(hidden_p, weight_p, hidden_q, weight_q, bias_p=bias_p, targets=targets, **options)
        return getattr(found, name)

    assert gradcheck(work, parts)


@pytest.mark.parametrize("entries", [1, 3 * 211, 1 << 40])
def test_all_results_at_once_in_chunks_of_any_size(monkeypatch, entries):
    """Every result contributes; the sum of all is what torch's own differentiation gives."""
    monkeypatch.setattr(_gradients, "_CHUNK_ENTRIES", entries)
    z, other = normal(5, 211), normal(5, 211, seed=3)
    targets = targets_for(z)
    found, expected = statistics(z, targets, 0.7, 4), plain_statistics(z, targets, 0.7, 4)
    (one,) = torch.autograd.grad(sum(weighted(getattr(found, name)) for name in STATISTICS), z)
    (two,) = torch.autograd.grad(sum(weighted(value) for value in expected.values()), z)
    torch.testing.assert_close(one, two, rtol=1e-11, atol=1e-13)
    found, expected = _gradients.pair(z, other, targets), plain_pair(z, other, targets)
    ours = torch.autograd.grad(sum(weighted(getattr(found, name)) for name in PAIR), (z, other))
    theirs = torch.autograd.grad(sum(weighted(value) for value in expected.values()), (z, other))
    torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2), (torch.float16, 1e-3)])
def test_lower_precision(dtype, tolerance):
    """Sums are carried in float32; the gradient comes in the dtype of the logits."""
    z = normal(3, 5003).detach().to(dtype).requires_grad_()
    exact = z.detach().double().requires_grad_()
    targets = targets_for(z)
    found, expected = statistics(z, targets, 1.0, 2), plain_statistics(exact, targets, 1.0, 2)
    for name in STATISTICS:
        (one,) = torch.autograd.grad(weighted(getattr(found, name)), z, retain_graph=True)
        (two,) = torch.autograd.grad(weighted(expected[name]), exact, retain_graph=True)
        assert one.dtype == dtype
        torch.testing.assert_close(one.double(), two, rtol=tolerance * 10, atol=tolerance, msg=name)


def test_agrees_with_cross_entropy():
    z = normal(4, 5, 50)
    targets = targets_for(z)
    (one,) = torch.autograd.grad(weighted(statistics(z, targets).surprisal), z)
    nll = cross_entropy(z.flatten(0, 1), targets.flatten(), reduction="none").reshape(4, 5)
    (two,) = torch.autograd.grad(weighted(nll), z)
    torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-14)


def test_agrees_with_soft_cross_entropy_and_kl_div():
    p, q = normal(6, 50), normal(6, 50, seed=2)
    found = _gradients.pair(p, q, None)
    (one,) = torch.autograd.grad(weighted(found.cross_entropy_pq), q, retain_graph=True)
    (two,) = torch.autograd.grad(weighted(cross_entropy(q, p.softmax(-1).detach(), reduction="none")), q)
    torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-14)
    ours = torch.autograd.grad(weighted(found.kl_pq), (p, q))
    kl = kl_div(q.log_softmax(-1), p.log_softmax(-1), log_target=True, reduction="none").sum(-1)
    theirs = torch.autograd.grad(weighted(kl), (p, q))
    torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-13)


def test_masked_entries_are_as_if_they_were_not_there():
    z, other = normal(4, 30), normal(4, 30, seed=2)
    kept = torch.arange(30) % 3 != 1
    targets = torch.tensor([0, 2, 3, 29])
    fewer = torch.tensor([int(kept[:t].sum()) for t in targets])
    masked, masked_other = (each.detach().masked_fill(~kept, -torch.inf).requires_grad_() for each in (z, other))
    found, small = statistics(masked, targets, 0.7, 3), plain_statistics(z[:, kept], fewer, 0.7, 3)
    for name in STATISTICS:
        (one,) = torch.autograd.grad(weighted(getattr(found, name)), masked, retain_graph=True)
        (two,) = torch.autograd.grad(weighted(small[name]), z, retain_graph=True)
        torch.testing.assert_close(one, two, rtol=1e-11, atol=1e-13, msg=name)
        assert not bool(one[:, ~kept].any()), name
    found, small = _gradients.pair(masked, masked_other, targets), plain_pair(z[:, kept], other[:, kept], fewer)
    for name in PAIR:
        keep = {"retain_graph": True, "materialize_grads": True}
        ours = torch.autograd.grad(weighted(getattr(found, name)), (masked, masked_other), **keep)
        theirs = torch.autograd.grad(weighted(small[name]), (z, other), **keep)
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-13, msg=name)


def test_where_q_masks_what_p_has_the_gradients_are_finite():
    p = torch.tensor([[0.0, 1.0, 2.0], [0.3, 0.1, -1.0]], dtype=torch.float64, requires_grad=True)
    q = torch.tensor([[1.0, -torch.inf, 0.5], [0.0, 1.0, 2.0]], dtype=torch.float64, requires_grad=True)
    found = _gradients.pair(p, q, torch.tensor([1, 0]))
    assert found.kl_pq[0].item() == found.surprisal_q[0].item() == math.inf
    for name in PAIR:
        for gradient in torch.autograd.grad(getattr(found, name).sum(), (p, q), retain_graph=True, allow_unused=True):
            assert gradient is None or bool(gradient.isfinite().all()), name
    by_p, by_q = torch.autograd.grad(found.kl_pq.sum(), (p, q), retain_graph=True)
    assert by_p[0].tolist() == [0, 0, 0]
    assert bool(by_p[1].any())
    torch.testing.assert_close(by_q, q.softmax(-1) - p.softmax(-1))
    # A masked target: as F.cross_entropy.
    (one,) = torch.autograd.grad(found.surprisal_q.sum(), q)
    (two,) = torch.autograd.grad(cross_entropy(q, torch.tensor([1, 0]), reduction="sum"), q)
    torch.testing.assert_close(one, two)


def test_the_lowest_finite_number_is_a_mask_too():
    z = torch.tensor([[0.0, 1.0, torch.finfo(torch.float32).min]], requires_grad=True)
    found = statistics(z, torch.tensor([1]), 0.5, 1)
    for name in STATISTICS:
        (gradient,) = torch.autograd.grad(getattr(found, name).sum(), z, retain_graph=True)
        assert bool(gradient.isfinite().all()), name
        assert gradient[0, 2] == 0, name


def test_equal_rows_have_no_gradient_of_divergence():
    z = normal(3, 40)
    found = _gradients.pair(z, z.detach().clone().requires_grad_(), None)
    for name in ("kl_pq", "kl_qp", "js", "total_variation"):
        (gradient,) = torch.autograd.grad(getattr(found, name).sum(), z, retain_graph=True)
        torch.testing.assert_close(gradient, torch.zeros_like(z), atol=1e-16, rtol=0)


def test_ties_share_the_gradient_of_the_largest():
    z = torch.tensor([[1.0, 1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    (one,) = torch.autograd.grad(statistics(z).max_logprob.sum(), z)
    (two,) = torch.autograd.grad(z.log_softmax(-1).amax(-1).sum(), z)
    torch.testing.assert_close(one, two)


def test_one_side_alone():
    p, q = normal(3, 20), normal(3, 20, seed=2)
    together = torch.autograd.grad(_gradients.pair(p, q, None).js.sum(), (p, q))
    (alone_p,) = torch.autograd.grad(_gradients.pair(p, q.detach(), None).js.sum(), p)
    (alone_q,) = torch.autograd.grad(_gradients.pair(p.detach(), q, None).js.sum(), q)
    assert torch.equal(together[0], alone_p)
    assert torch.equal(together[1], alone_q)


@pytest.mark.parametrize("shape", [(9,), (0, 9), (2, 0, 9), (1, 1), (2, 1, 3, 9)])
def test_any_shape(shape):
    z = normal(*shape)
    targets = targets_for(z)
    found = statistics(z, targets, 1.0, 1)
    (gradient,) = torch.autograd.grad(sum(getattr(found, name).sum() for name in STATISTICS), z)
    assert gradient.shape == z.shape
    found = _gradients.pair(z, z.detach(), targets)
    (gradient,) = torch.autograd.grad(sum(getattr(found, name).sum() for name in PAIR), z)
    assert gradient.shape == z.shape


def test_layout_does_not_matter():
    z = normal(40, 6)
    (one,) = torch.autograd.grad(statistics(z.T).entropy.sum(), z)
    (two,) = torch.autograd.grad(statistics(z.T.contiguous()).entropy.sum(), z)
    assert torch.equal(one, two)


def test_counts_and_ids_carry_no_gradient():
    z = normal(3, 9)
    found = statistics(z, targets_for(z), 1.0, 2)
    assert not found.rank.requires_grad
    assert not found.top_ids.requires_grad
    assert not _gradients.pair(z, z, None).same_top.requires_grad
    assert found.entropy.requires_grad


@pytest.mark.parametrize("asks", ["hidden", "weight", "bias"])
def test_each_part_of_a_head_alone(asks):
    parts = {"hidden": normal(5, 4), "weight": normal(30, 4, seed=1), "bias": normal(30, seed=2)}
    all_of_them = torch.autograd.grad(head_statistics(**parts, chunk_rows=2).entropy.sum(), tuple(parts.values()))
    one = {name: part if name == asks else part.detach() for name, part in parts.items()}
    (alone,) = torch.autograd.grad(head_statistics(**one, chunk_rows=2).entropy.sum(), one[asks])
    assert torch.equal(alone, all_of_them[list(parts).index(asks)])


def test_where_nobody_asks_for_gradients_none_are_carried():
    hidden, weight = normal(5, 4), normal(30, 4, seed=1)
    with torch.no_grad():
        assert not head_statistics(hidden, weight).entropy.requires_grad
    assert not head_statistics(hidden.detach(), weight.detach()).entropy.requires_grad
    assert not head_compare(hidden.detach(), weight.detach(), hidden.detach(), weight.detach()).js.requires_grad


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_heads_sum_in_float32(dtype):
    """Against float64 on the same rounded hidden states and weights; the gradient itself is rounded to half."""
    hidden, weight = (each.detach().to(dtype).requires_grad_() for each in (normal(64, 32), normal(5000, 32, seed=1)))
    found = head_statistics(hidden, weight, softcap=20.0, chunk_rows=7)
    ours = torch.autograd.grad(found.entropy.sum(), (hidden, weight))
    wide = [each.detach().double().requires_grad_() for each in (hidden, weight)]
    logits = 20 * (wide[0] @ wide[1].T / 20).tanh()
    expected = plain_statistics(logits, torch.zeros(64, dtype=torch.int64))["entropy"]
    torch.testing.assert_close(found.entropy, expected, rtol=1e-6, atol=1e-6)
    for one, two in zip(ours, torch.autograd.grad(expected.sum(), wide)):
        assert one.dtype == dtype
        torch.testing.assert_close(one, two.to(dtype), rtol=2**-7, atol=1e-3)


class Sizes(torch.utils._python_dispatch.TorchDispatchMode):
    """Records how large the largest tensor is that any operation makes."""

    largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for each in made if isinstance(made, (tuple, list)) else (made,):
            if isinstance(each, torch.Tensor):
                self.largest = max(self.largest, each.numel())
        return made


def test_no_tensor_of_tokens_by_vocabulary_in_either_pass(monkeypatch):
    tokens, vocabulary, chunk = 400, 500, 8
    hidden, weight = normal(tokens, 4), normal(vocabulary, 4, seed=1)
    with Sizes() as sizes:
        head_statistics(hidden, weight, chunk_rows=chunk).entropy.sum().backward()
        head_compare(hidden, weight, hidden.detach(), weight.detach(), chunk_rows=chunk).kl_pq.sum().backward()
    assert sizes.largest <= max(chunk * vocabulary, tokens * 16)
    with Sizes() as sizes:
        (hidden @ weight.T).logsumexp(-1).sum().backward()
    assert sizes.largest == tokens * vocabulary, "the instrument sees what it should"


def test_the_public_functions_carry_gradients():
    z, q = normal(3, 9), normal(3, 9, seed=2)
    for value in (public_statistics(z).entropy, compare(z, q).kl_pq, compare(z.detach(), q).kl_pq):
        assert value.requires_grad
    with torch.no_grad():
        assert not public_statistics(z).entropy.requires_grad


def test_a_second_derivative_is_refused_and_not_left_out():
    """Torch's once_differentiable says nothing where the arriving gradient is a constant, and gives a constant on."""
    z, w, other = normal(3, 5), normal(7, 5, seed=1), normal(3, 5, seed=2).detach()
    results = (
        public_statistics(z).entropy,
        compare(z, other).kl_pq,
        head_statistics(z, w).entropy,
        head_compare(z, w, other, w.detach()).kl_pq,
    )
    for result in results:
        with pytest.raises(InputError, match="create_graph=True is refused"):
            torch.autograd.grad(result.sum(), z, create_graph=True)
        assert torch.isfinite(torch.autograd.grad(result.sum(), z)[0]).all()
