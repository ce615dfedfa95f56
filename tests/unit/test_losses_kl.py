"""KL penalties: Schulman's table and the table of gradients by exact enumeration, rewards, coefficients, diagnosis."""

import itertools
import math

import mpmath
import pytest
import torch

from entropist.errors import InputError
from entropist.losses import (
    AdaptiveEntropyCoefficient,
    AdaptiveKLCoefficient,
    diagnose_kl,
    kl_penalty,
    penalized_rewards,
    reinforce,
)

# The known answers of a softmax over five: logits of policy and reference, both KLs, and expected gradients.
POLICY = [1, 0.2, -0.3, 0.7, -1.1]
REFERENCE = [0.1, 0.9, 0, -0.4, 0.5]
KL_POLICY, KL_REFERENCE = 0.41367800582374137, 0.44590246110598875
OF_KL_POLICY = [0.18015194, -0.19715259, -0.07741003, 0.19077353, -0.09636285]
OF_KL_REFERENCE = [0.22628066, -0.18348976, -0.03984564, 0.1891922, -0.19213746]


def expectation(estimator, behaviour=None):
    """The mean over the five tokens of value and gradient, drawn from the policy or from `behaviour`."""
    z = torch.tensor(POLICY, dtype=torch.float64, requires_grad=True)
    reference = torch.tensor(REFERENCE, dtype=torch.float64).log_softmax(-1)
    sampler = z.detach().log_softmax(-1) if behaviour is None else behaviour
    options = {} if behaviour is None else {"behaviour_logprobs": behaviour}
    values = kl_penalty(z.log_softmax(-1), reference, estimator=estimator, **options)
    value = (sampler.exp() * values).sum()
    return value.item(), torch.autograd.grad(value, z)[0]


@pytest.mark.parametrize(
    ("estimator", "value", "gradient"),
    [
        ("k1", KL_POLICY, [0.0] * 5),
        ("k2", None, OF_KL_POLICY),
        ("k3", KL_POLICY, OF_KL_REFERENCE),
        ("k3_corrected", KL_POLICY, OF_KL_POLICY),
    ],
)
def test_the_table_of_gradients(estimator, value, gradient):
    found, by = expectation(estimator)
    if value is not None:
        assert found == pytest.approx(value, abs=1e-15)
    torch.testing.assert_close(by, torch.tensor(gradient, dtype=torch.float64), rtol=0, atol=5e-9)


def test_the_gradients_of_the_table_are_those_of_the_two_kls():
    z = torch.tensor(POLICY, dtype=torch.float64, requires_grad=True)
    reference = torch.tensor(REFERENCE, dtype=torch.float64)
    exact = kl_penalty(z, reference, estimator="exact")
    assert exact.item() == pytest.approx(KL_POLICY, abs=1e-15)
    torch.testing.assert_close(torch.autograd.grad(exact, z)[0], expectation("k2")[1], rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(
        z.detach().softmax(-1) - reference.softmax(-1), expectation("k3")[1], rtol=1e-12, atol=1e-15
    )


def test_the_corrected_estimator_is_right_for_tokens_of_another_policy_too():
    behaviour = torch.tensor([0.3, -0.5, 0.8, 0.1, 0.0], dtype=torch.float64).log_softmax(-1)
    found, by = expectation("k3_corrected", behaviour)
    assert found == pytest.approx(KL_POLICY, abs=1e-15)
    torch.testing.assert_close(by, torch.tensor(OF_KL_POLICY, dtype=torch.float64), rtol=0, atol=5e-9)


def test_of_the_estimators_in_a_reward_only_k1_has_the_gradient_of_the_kl():
    """E[k·∇ln π]: what a policy gradient makes of a penalty that stands in the reward."""
    for estimator, wanted in (("k1", 0.0), ("k3", 1.0)):
        z = torch.tensor(POLICY, dtype=torch.float64, requires_grad=True)
        logp, reference = z.log_softmax(-1), torch.tensor(REFERENCE, dtype=torch.float64).log_softmax(-1)
        penalty = kl_penalty(logp, reference, estimator=estimator).detach()
        by = torch.autograd.grad((logp.detach().exp() * penalty * logp).sum(), z)[0]
        off = torch.tensor(OF_KL_POLICY, dtype=torch.float64) - by
        torch.testing.assert_close(off, wanted * torch.tensor(OF_KL_REFERENCE, dtype=torch.float64), rtol=0, atol=2e-8)


def moments(estimator, mean):
    """Mean and standard deviation of an estimator for policy N(0, 1) and reference N(mean, 1), by fine quadrature."""
    x = torch.linspace(-14, 14, 400_001, dtype=torch.float64)
    weight = torch.exp(-x.square() / 2)
    weight /= weight.sum()
    logp = -x.square() / 2 - 200  # any constant: a density is a probability of a small cell
    values = kl_penalty(logp, -(x - mean).square() / 2 - 200, estimator=estimator)
    average = (weight * values).sum()
    return average.item(), (weight * (values - average).square()).sum().sqrt().item()


@pytest.mark.parametrize(
    ("mean", "estimator", "bias", "spread", "published"),
    [
        (0.1, "k1", 0.0, 20.0, 20),
        (0.1, "k2", 0.0025, math.sqrt(2.01), 1.42),
        (0.1, "k3", 0.0, math.sqrt(math.expm1(0.01) - 0.01) / 0.005, 1.42),
        (1.0, "k1", 0.0, 2.0, 2),
        (1.0, "k2", 0.25, math.sqrt(3), 1.73),
        (1.0, "k3", 0.0, 2 * math.sqrt(math.e - 2), 1.7),
    ],
)
def test_the_table_of_schulman(mean, estimator, bias, spread, published):
    """KL = μ²/2. Bias, spread by KL: 0, 2/μ of k1; μ²/4, √(2 + μ²) of k2; 0, 2√(e^{μ²} − 1 − μ²)/μ² of k3."""
    kl = mean**2 / 2
    average, deviation = moments(estimator, mean)
    assert average / kl - 1 == pytest.approx(bias, abs=1e-9)
    assert deviation / kl == pytest.approx(spread, rel=1e-7)
    assert f"{deviation / kl:.3g}".startswith(str(published))


@pytest.mark.parametrize("x", [1e-12, -1e-9, 1e-6, -9.99e-4, 1.01e-3, -0.3, 5.0, -700.0, 700.0])
def test_k3_keeps_its_digits_near_equality_and_far_from_it(x):
    policy, reference = torch.tensor([-1.0]).double(), torch.tensor([-1.0 + x]).double()
    if x > 1:
        policy, reference = torch.tensor([-1.0 - x]).double(), torch.tensor([-1.0]).double()
    z = policy.requires_grad_()
    value = kl_penalty(z, reference, estimator="k3")
    given = mpmath.mpf((reference - policy).item())
    with mpmath.workdps(60):
        wanted, slope = mpmath.expm1(given) - given, -mpmath.expm1(given)
    assert value.item() == pytest.approx(float(wanted), rel=1e-12)
    assert torch.autograd.grad(value, z)[0].item() == pytest.approx(float(slope), rel=1e-12)


def test_masked_tokens_have_no_effect_and_the_reference_gets_no_gradient():
    policy = torch.tensor([[-1.0, math.nan], [-2.0, -3.0]], requires_grad=True)
    reference = torch.tensor([[-1.5, 7.0], [-2.0, -1.0]], requires_grad=True)
    mask = torch.tensor([[1, 0], [1, 1]])
    for estimator in ("k1", "k2", "k3", "k3_corrected"):
        policy.grad = None
        values = kl_penalty(policy, reference, estimator=estimator, mask=mask)
        values.sum().backward()
        assert values[0, 1] == 0
        assert torch.isfinite(values).all()
        assert policy.grad[0, 1] == 0
        assert torch.isfinite(policy.grad).all()
    assert reference.grad is None


def test_rewards_add_up_to_the_penalized_reward_of_the_sequence():
    policy, reference = -torch.rand(3, 4, dtype=torch.float64), -torch.rand(3, 4, dtype=torch.float64)
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]])
    rewards = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    found = penalized_rewards(rewards, policy, reference, coefficient=0.3, mask=mask)
    kl = ((policy - reference) * mask).sum(-1)
    torch.testing.assert_close(found.sum(-1), rewards - 0.3 * kl)
    assert (found[mask == 0] == 0).all()
    assert [row.nonzero().max().item() for row in (found + 0.3 * (policy - reference) * mask).abs() > 1e-12] == [
        1,
        3,
        2,
    ]


def test_rewards_of_what_is_no_tensor_are_refused_with_the_reason():
    with pytest.raises(InputError, match="logprobs must be a torch tensor; given list"):
        penalized_rewards(torch.tensor([1.0]), [[-1.0]], [[-1.0]], coefficient=0.1)


def test_coefficients_follow_what_they_observe():
    kl = AdaptiveKLCoefficient(0.1, target=2.0, horizon=100)
    assert kl.update(20.0, 10).value == pytest.approx(0.1 * (1 + 0.2 * 0.1))
    assert kl.update(0.0, 10).value == pytest.approx(0.1 * (1 - 0.2 * 0.1))
    assert kl.update(2.2, 10).value == pytest.approx(0.1 * (1 + 0.1 * 0.1))
    bonus = AdaptiveEntropyCoefficient(0.02, target=1.0, step=0.015, high=0.03)
    assert bonus.update(0.5).value == 0.03
    assert bonus.update(1.5).value == pytest.approx(0.005)
    assert bonus.update(1.5).update(1.5).value == 0.0
    with pytest.raises(InputError, match="target must be a number, more than 0"):
        AdaptiveKLCoefficient(0.1, target=0.0)
    for steps in (500, -1):
        with pytest.raises(InputError, match="less than horizon/clip, 500"):
            kl.update(0.0, steps)


def chain(z, tokens):
    """ln π of every sequence of `tokens` steps under first- and second-step logits z (1 + 3, 3)."""
    sequences = torch.tensor(list(itertools.product(range(3), repeat=tokens)))
    first, second = z[0].log_softmax(-1), z[1:].log_softmax(-1)
    return sequences, torch.stack([first[sequences[:, 0]], second[sequences[:, 0], sequences[:, 1]]], -1)


@pytest.mark.parametrize("baseline", ["none", "leave_one_out"])
def test_the_policy_gradient_is_that_of_reward_less_kl_over_whole_sequences(baseline):
    """By enumeration of every pair of two-token answers: −∇[E r − c·KL], with the KL of whole sequences."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(4, 3, generator=generator, dtype=torch.float64).requires_grad_()
    other = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    rewards = torch.randn(9, generator=generator, dtype=torch.float64)
    _, logp = chain(z, 2)
    _, reference = chain(other, 2)
    p = logp.detach().sum(-1).exp()
    loss = torch.zeros((), dtype=torch.float64)
    for i, j in itertools.product(range(9), repeat=2):
        at = [i, j]
        found = reinforce(
            logp[at], rewards[at], reference_logprobs=reference[at], kl_coefficient=0.4, baseline=baseline
        )
        loss = loss + p[i] * p[j] * found.loss
    (by,) = torch.autograd.grad(loss, z, retain_graph=True)
    whole = logp.sum(-1)
    goal = (whole.exp() * (rewards - 0.4 * (whole - reference.sum(-1)))).sum()
    torch.testing.assert_close(by, -torch.autograd.grad(goal, z)[0], rtol=1e-10, atol=1e-14)


def test_the_account_of_kl_and_entropy_is_of_kept_tokens():
    logp, reference = torch.tensor([[-1.0, -2.0], [-1.0, -9.0]]), torch.tensor([[-1.5, -1.0], [-3.0, -1.0]])
    mask = torch.tensor([[True, True], [True, False]])
    entropies = torch.tensor([[1.0, 2.0], [3.0, math.nan]]).requires_grad_()
    found = reinforce(
        logp, torch.tensor([1.0, 0.0]), reference_logprobs=reference, kl_coefficient=0.1, kl_estimator="k2",
        entropies=entropies, entropy_coefficient=0.5, mask=mask,
    )  # fmt: skip
    assert (found.kl, found.kl_per_token, found.entropy, found.reward) == (0.75, 0.5, 2.0, 0.5)
    k2 = (0.5 * (0.25 + 1) + 0.5 * 4) / 2
    policy = -(1.0 * -3.0 + -1.0 * -1.0) / 2
    assert found.loss.item() == pytest.approx(policy + 0.1 * k2 - 0.5 * 2.0)
    found.loss.backward()
    assert entropies.grad.tolist() == [[pytest.approx(-1 / 6), pytest.approx(-1 / 6)], [pytest.approx(-1 / 6), 0.0]]
    with pytest.raises(InputError, match="other direction"):
        reinforce(logp, torch.zeros(2), kl_estimator="k3")
    with pytest.raises(InputError, match="2 sequences or more"):
        reinforce(logp[:1], torch.zeros(1))


def drawn(sampler, n=400, tokens=50, seed=0):
    return torch.multinomial(
        sampler, n * tokens, replacement=True, generator=torch.Generator().manual_seed(seed)
    ).reshape(n, tokens)


def test_a_diagnosis_tells_the_kls_of_a_truncated_and_stale_sampler_apart():
    """Tokens from another policy's two likeliest; every mean beside the exact number it names."""
    policy, reference, old = (torch.tensor(z, dtype=torch.float64).softmax(-1)
                              for z in (POLICY, REFERENCE, [0.8, 0.1, -0.3, 0.9, -1.0]))  # fmt: skip
    kept = torch.tensor([True, False, False, True, False])
    mass = old[kept].sum()
    sampler = torch.where(kept, old / mass, 0.0)
    tokens = drawn(sampler)
    found = diagnose_kl(
        policy.log()[tokens], reference.log()[tokens], behaviour_logprobs=old.log()[tokens],
        kept_mass=mass.expand(tokens.shape), estimator="k1", clamp=1.0,
    )  # fmt: skip

    def over(values):
        return (sampler[kept] * values[kept]).sum().item()

    log = sampler.log()
    exact = {
        "kl_sampler_reference": over(log - reference.log()),
        "kl_sampler_policy": over(log - policy.log()),
        "reported": over((policy.log() - reference.log()).clamp(-1, 1)),
        "truncation_shift": -mass.log().item(),
    }
    for name, value in exact.items():
        estimate = getattr(found, name)
        assert abs(estimate.value - value) <= 4 * estimate.stderr + 1e-9, name
    assert found.kept_mass == pytest.approx(mass.item())
    assert found.estimates == "KL(sampler‖reference) − KL(sampler‖policy)"
    assert found.clamped == pytest.approx(sampler[3].item(), abs=0.02)
    said = " ".join(found.findings)
    for words in (
        "expected gradient of −∇KL(sampler‖policy)",
        "clamp touches",
        "sampler is not the policy",
        "never sampled",
    ):
        assert words in said


def test_the_gradients_that_a_diagnosis_names_are_those_on_the_samplers_tokens():
    """By enumeration: of k1 −∇KL(sampler‖policy), of k2 and k3 that of no KL, of k3_corrected ∇KL(policy‖reference)."""
    old = torch.tensor([0.8, 0.1, -0.3, 0.9, -1.0], dtype=torch.float64).softmax(-1)
    reference = torch.tensor(REFERENCE, dtype=torch.float64).log_softmax(-1)
    z = torch.tensor(POLICY, dtype=torch.float64, requires_grad=True)
    logp = z.log_softmax(-1)

    def gradient(value):
        return torch.autograd.grad(value, z, retain_graph=True)[0]

    kls = {
        "−∇KL(sampler‖policy)": -gradient((old * (old.log() - logp)).sum()),
        "∇KL(policy‖reference)": gradient((logp.exp() * (logp - reference)).sum()),
        "∇KL(reference‖policy)": gradient((reference.exp() * (reference - logp)).sum()),
    }
    tokens = drawn(old, n=8, tokens=4)
    for name in ("k1", "k2", "k3", "k3_corrected"):
        behaviour = {"behaviour_logprobs": old.log()} if name == "k3_corrected" else {}
        by = gradient((old * kl_penalty(logp, reference, estimator=name, **behaviour)).sum())
        said = diagnose_kl(
            logp.detach()[tokens], reference[tokens], behaviour_logprobs=old.log()[tokens], estimator=name
        ).gradient
        for words, wanted in kls.items():
            assert (words in said) == torch.allclose(by, wanted, rtol=1e-9, atol=1e-12), (name, words)


def test_clamps_of_ratio_and_of_value_are_told_apart():
    policy, reference = torch.tensor([[-1.0, -1.0]] * 12).double(), torch.tensor([[-1.5, 4.0 - 6]] * 12).double()
    ratio = diagnose_kl(policy, reference, estimator="k2", clamp=0.6)
    value = diagnose_kl(policy, reference, estimator="k2", value_clamp=0.3)
    assert ratio.reported.value == pytest.approx((0.125 + 0.18) / 2)
    assert value.reported.value == pytest.approx((0.125 + 0.3) / 2)
    assert ratio.clamped == value.clamped == 0.5
    assert value.clamp_bias.value == pytest.approx(-0.1)
    with pytest.raises(InputError, match="value_clamp must be a number, more than 0"):
        diagnose_kl(policy, reference, value_clamp=0.0)


def test_a_diagnosis_on_the_policys_own_tokens_finds_nothing_wrong_but_k3s_direction():
    policy, reference = (torch.tensor(z, dtype=torch.float64).softmax(-1) for z in (POLICY, REFERENCE))
    tokens = drawn(policy)
    found = diagnose_kl(policy.log()[tokens], reference.log()[tokens], estimator="k3")
    assert found.estimates == "KL(policy‖reference)"
    assert found.clamp_bias is None
    assert found.kept_mass is None
    assert abs(found.reported.value - KL_POLICY) < 4 * found.reported.stderr
    assert abs(found.kl_policy_reference.value - KL_POLICY) < 4 * found.kl_policy_reference.stderr
    assert found.effective_share == 1.0
    assert len(found.findings) == 1
    assert "other direction" in found.findings[0]


def test_a_diagnosis_notices_tokens_that_the_policy_did_not_sample():
    policy, reference = (torch.tensor(z, dtype=torch.float64).softmax(-1) for z in (POLICY, REFERENCE))
    tokens = drawn(reference)
    found = diagnose_kl(policy.log()[tokens], reference.log()[tokens], estimator="k3_corrected")
    assert any("not sampled from this policy" in line for line in found.findings)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([-1.0], [-1.0, -2.0]), {}, "give both the same"),
        (([0.5], [-1.0]), {}, "finite and at most 0"),
        (([-math.inf], [-1.0]), {}, "finite and at most 0"),
        (([-1.0], [math.nan]), {}, "reference_logprobs has nan"),
        (([-1.0], [-1.0]), {"estimator": "k4"}, "use one of k1"),
        (([-1.0], [-1.0]), {"estimator": "k1", "behaviour_logprobs": torch.tensor([-1.0])}, "only k3_corrected"),
    ],
)
def test_what_is_no_log_probability_of_a_sampled_token_is_refused(arguments, options, message):
    with pytest.raises(InputError, match=message):
        kl_penalty(*(torch.tensor(each) for each in arguments), **options)
    if "behaviour_logprobs" not in options and options.get("estimator") != "k4":
        with pytest.raises(InputError, match=message):
            diagnose_kl(*arguments)
