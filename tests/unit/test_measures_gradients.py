"""Gradients of the exact measures in torch and JAX: finite differences, closed forms, finite at every zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from campaigns import SCALE, campaign
from entropist import measures
from measure_table import TABLE

SHAPES = {
    "distribution": [(5,)], "two or more outcomes": [(5,)], "event": [(5,)], "pair": [(5,), (5,)],
    "several": [(5,), (5,), (5,)], "joint of 2": [(3, 4)], "joint of 3": [(2, 3, 2)], "joint": [(2, 3, 2)],
    "chain": [(4, 4)],
}  # fmt: skip
ELEMENTWISE = ("surprisal", "pointwise_mutual_information")
SMOOTH = [entry for entry in TABLE if entry.has_gradient]
ids = pytest.mark.parametrize("entry", SMOOTH, ids=lambda entry: entry.name)


def softmax(z, kind, exp):
    """A distribution over all entries; row by row for a transition matrix."""
    mass = exp(z)
    return mass / (mass.sum(-1)[:, None] if kind == "chain" else mass.sum())


def drawn(entry, seed, mask=False):
    """Logits of distributions with no entry below 1e-3; with `mask` the second entry of each is −inf."""
    generator = np.random.default_rng(seed)
    logits = [generator.uniform(-1.5, 1.5, shape) for shape in SHAPES[entry.kind]]
    for z in logits if mask else ():
        z.reshape(-1)[1] = -np.inf
    return logits


def value_in_numpy(entry, logits):
    return float(np.sum(entry.call(*(softmax(z, entry.kind, np.exp) for z in logits))))


def torch_gradients(entry, logits):
    given = [torch.from_numpy(z.copy()).requires_grad_() for z in logits]
    value = entry.call(*(softmax(z, entry.kind, torch.exp) for z in given)).sum()
    return [g.numpy() for g in torch.autograd.grad(value, given)]


def jax_gradients(entry):
    def f(*given):
        return entry.call(*(softmax(z, entry.kind, jnp.exp) for z in given)).sum()

    return jax.jit(jax.grad(f, argnums=tuple(range(len(SHAPES[entry.kind])))))


def differences(function, z, h=1e-3):
    """Richardson's central differences, of order h⁶."""
    out = np.zeros(z.size)
    for i in np.flatnonzero(np.isfinite(z)):
        steps = []
        for scale in (1, 2, 4):
            up, down = z.copy(), z.copy()
            up.reshape(-1)[i] += h * scale
            down.reshape(-1)[i] -= h * scale
            steps.append((function(up) - function(down)) / (2 * h * scale))
        out[i] = (64 * steps[0] - 20 * steps[1] + steps[2]) / 45
    return out.reshape(z.shape)


@ids
def test_torch_with_respect_to_logits_equals_finite_differences(entry):
    for seed in range(campaign(20)):
        logits = drawn(entry, seed)
        for k, found in enumerate(torch_gradients(entry, logits)):
            wanted = differences(lambda z: value_in_numpy(entry, [*logits[:k], z, *logits[k + 1 :]]), logits[k])  # noqa: B023
            np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-9 * max(1, abs(wanted).max()))


# Compiling is slow: below full size only some measures, and of the orders always two.
ALWAYS_IN_JAX = {"entropy", "varentropy", "cross_entropy", "kl_divergence", "js_divergence", "hellinger",
                 "renyi_entropy", "mutual_information", "entropy_rate"}  # fmt: skip
IN_JAX = [entry for entry in SMOOTH if (SCALE >= 1 or entry.measure in ALWAYS_IN_JAX)
          and ("(order=" not in entry.name or entry.label in ("(order=0.3)", "(order=1.7)"))]  # fmt: skip


@pytest.mark.parametrize("entry", IN_JAX, ids=lambda entry: entry.name)
def test_jax_equals_torch(entry):
    with jax.enable_x64():
        compiled = jax_gradients(entry)
        for mask in (False, True):
            logits = drawn(entry, 5, mask and entry.measure not in ELEMENTWISE)
            for found, wanted in zip(compiled(*logits), torch_gradients(entry, logits)):
                np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-10, atol=1e-12)


@ids
def test_a_masked_logit_gets_no_gradient_and_gives_the_others_a_finite_one(entry):
    if entry.measure in ELEMENTWISE:
        pytest.skip("elementwise: its value at a masked entry is infinite")
    logits = drawn(entry, 3, mask=True)
    whole = torch_gradients(entry, logits)
    for k, found in enumerate(whole):
        assert np.isfinite(found).all()
        assert found.reshape(-1)[1] == 0
        wanted = differences(lambda z: value_in_numpy(entry, [*logits[:k], z, *logits[k + 1 :]]), logits[k])  # noqa: B023
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-9 * max(1, abs(wanted).max()))


@ids
@pytest.mark.parametrize("which", [0, -1])
def test_one_of_two_masked_gives_finite_gradients(entry, which):
    """An outcome that only one distribution calls impossible: the value may be infinite, the gradient is not."""
    logits = drawn(entry, 4)
    if len(logits) == 1:  # certain of one outcome: every other is masked
        if entry.measure == "normalized_mutual_information":
            pytest.skip("0/0, refused; tested with the other refusals")
        logits[0] = np.full_like(logits[0], -np.inf)
        (logits[0] if entry.kind == "chain" else logits[0].reshape(1, -1))[:, which] = 0.0
    else:
        logits[which].reshape(-1)[2] = -np.inf
    for found in torch_gradients(entry, logits):
        assert np.isfinite(found).all()


@ids
def test_gradients_with_respect_to_probabilities_are_finite_at_zero(entry):
    given = [torch.from_numpy(softmax(z, entry.kind, np.exp)) for z in drawn(entry, 6, mask=True)]
    given = [p.requires_grad_() for p in given]
    value = entry.call(*given)
    for found in torch.autograd.grad(value[torch.isfinite(value)].sum(), given):
        assert torch.isfinite(found).all()


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_at_p_0_the_gradient_of_entropy_is_0(library):
    p = np.array([0.0, 0.25, 0.75, 0.0])
    if library == "torch":
        tensor = torch.from_numpy(p).requires_grad_()
        (found,) = torch.autograd.grad(measures.entropy(tensor), tensor)
    else:
        with jax.enable_x64():
            found = jax.grad(measures.entropy)(jnp.asarray(p))
    wanted = np.where(p > 0, -np.log(np.where(p > 0, p, 1)) - 1, 0.0)
    np.testing.assert_allclose(np.asarray(found), np.where(p > 0, wanted, 0.0), rtol=1e-15)


def test_closed_forms_with_respect_to_logits():
    z = torch.randn(50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    w = torch.randn(50, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    z[3] = w[3] = w[4] = z[4] = -torch.inf
    z.requires_grad_()
    w.requires_grad_()
    p, q = torch.softmax(z, -1), torch.softmax(w, -1)
    logs = torch.where(p > 0, p, 1).log(), torch.where(q > 0, q, 1).log()

    def gradient(value, of):
        return torch.autograd.grad(value, of, retain_graph=True)[0]

    def close(found, wanted):
        torch.testing.assert_close(found, wanted.detach(), rtol=1e-12, atol=1e-15)

    h = -(p * logs[0]).sum()
    kl = (p * (logs[0] - logs[1])).sum()
    close(gradient(measures.entropy(p), z), -p * (logs[0] + h))
    close(gradient(measures.kl_divergence(p, q), w), q - p)
    close(gradient(measures.kl_divergence(p, q), z), p * (logs[0] - logs[1] - kl))
    close(gradient(measures.cross_entropy(p, q), w), q - p)
    hot = torch.zeros(50, dtype=torch.float64)
    hot[7] = 1
    close(gradient(measures.cross_entropy(target=7, q=q), w), q - hot)


@ids
def test_second_derivatives_are_numbers(entry):
    if entry.kind == "chain" or entry.measure in ELEMENTWISE:
        pytest.skip("no scalar of one distribution")
    logits = drawn(entry, 8, mask=True)

    def f(*given):
        return entry.call(*(softmax(z, entry.kind, torch.exp) for z in given)).sum()

    hessian = torch.autograd.functional.hessian(f, tuple(torch.from_numpy(z) for z in logits))
    assert all(torch.isfinite(block).all() for row in hessian for block in row)
