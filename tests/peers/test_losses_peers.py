"""Losses beside those of TRL, Liger and torch: equal where theirs are right; where not, the vector and the reason.

TRL's losses are run as they stand in its trainers, on a stand-in for the trainer that holds only options and numbers.
Of Liger the chunked losses are run, which are torch; its Triton kernels need a GPU and are not run here.
"""

import math
import warnings
from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy as torch_cross_entropy
from torch.nn.functional import kl_div

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from liger_kernel.chunked_loss import LigerFusedLinearJSDLoss
    from liger_kernel.chunked_loss.dpo_loss import LigerFusedLinearDPOFunction
    from liger_kernel.chunked_loss.kto_loss import LigerFusedLinearKTOFunction
    from liger_kernel.chunked_loss.orpo_loss import LigerFusedLinearORPOFunction
    from liger_kernel.chunked_loss.simpo_loss import LigerFusedLinearSimPOFunction
    from trl.experimental.gkd import GKDTrainer
    from trl.experimental.orpo import ORPOTrainer
    from trl.trainer.dpo_trainer import DPOTrainer
    from trl.trainer.grpo_trainer import GRPOTrainer
    from trl.trainer.kto_trainer import KTOTrainer
    from trl.trainer.utils import entropy_from_logits

from entropist.errors import InputError
from entropist.logits import statistics
from entropist.losses import (
    SequenceLogprobs,
    cross_entropy,
    distillation,
    head_cross_entropy,
    head_distillation,
    high_entropy_mask,
    kto,
    preference,
    sequence_logprobs,
)

LENGTHS = torch.tensor([3, 5, 1, 4, 2])


def normal(*shape, seed=0, scale=2.0, dtype=torch.float64):
    return (scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))).to(dtype)


def sides(dtype=torch.float64):
    """Log-probabilities of five sequences: chosen, rejected, and both by the reference."""
    return [-normal(5, seed=seed, scale=6).abs().to(dtype) - 0.05 for seed in range(4)]


def close(ours, theirs, at, rtol=1e-6, atol=1e-12):
    """Values equal, and gradients by `at`, a list of the tensors that both were made from."""
    torch.testing.assert_close(ours.double(), theirs.double(), rtol=rtol, atol=atol)
    for mine, other in zip(torch.autograd.grad(ours, at), torch.autograd.grad(theirs, at)):
        torch.testing.assert_close(mine, other, rtol=rtol, atol=atol)


# --- distillation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.0, 1e-3, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_generalized_js_of_gkd(beta, temperature):
    """TRL's is β(1−β) of ours inside, and equal at both ends; it has no T²."""
    student, teacher = normal(2, 4, 9, seed=1).requires_grad_(), normal(2, 4, 9, seed=2)
    labels = torch.tensor([[-100, 1, 1, 1], [1, 1, -100, 1]])
    theirs = GKDTrainer.generalized_jsd_loss(student, teacher, labels, beta, temperature)
    ours = distillation(
        student=student, teacher=teacher, divergence="generalized_js", beta=beta, temperature=temperature,
        scale_by_temperature_squared=False, mask=labels != -100,
    )  # fmt: skip
    close(ours * (beta * (1 - beta) if 0 < beta < 1 else 1), theirs, [student])


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_ligers_fused_jsd(beta, temperature):
    """Half cross-entropy and half divergence from hidden states, gradients of hidden states and weight included."""
    hidden, weight = normal(8, 6, seed=1).requires_grad_(), normal(13, 6, seed=2).requires_grad_()
    other, other_weight, targets = normal(8, 7, seed=3), normal(13, 7, seed=4), torch.arange(8)
    liger = LigerFusedLinearJSDLoss(beta=beta, temperature=temperature, compiled=False, chunk_size=3)
    theirs = liger(hidden, weight, other, other_weight, targets)
    hard = torch_cross_entropy(hidden @ weight.T, targets)
    soft = head_distillation(
        student=hidden, student_weight=weight, teacher=other, teacher_weight=other_weight, divergence="generalized_js",
        beta=beta, temperature=temperature, scale_by_temperature_squared=False,
    )  # fmt: skip
    mixed = 0.5 * hard + 0.5 * (beta * (1 - beta) if 0 < beta < 1 else 1) * soft
    close(mixed, theirs, [hidden, weight], rtol=1e-5, atol=1e-6)  # Liger's cross-entropy is of logits in float32


def test_ligers_padding_of_a_smaller_vocabulary_takes_probability_from_real_tokens():
    """Padded with 0, not −inf: the KL to the same teacher with impossible entries more is not 0."""
    hidden, weight = torch.tensor([[1.0, 0.5]]), torch.tensor([[1.0, -1.0], [0.0, 1.0]])
    padded = torch.cat([weight, torch.full((2, 2), -100.0)])
    liger = LigerFusedLinearJSDLoss(weight_hard_loss=0.0, weight_soft_loss=1.0, beta=0.0, compiled=False)
    theirs = liger(hidden, weight, hidden, padded, torch.tensor([0]))
    live = (hidden @ weight.T).exp().sum()
    assert theirs.item() == pytest.approx(math.log((live + 2) / live), rel=1e-5)
    with pytest.raises(InputError, match="vocabulary"):
        head_distillation(student=hidden, student_weight=weight, teacher=hidden, teacher_weight=padded)


def test_gkd_jumps_where_beta_leaves_0_and_ours_does_not():
    """At β = 1e-6 TRL's loss is 1e-6 of what it is at β = 0: true to the name, useless as a dial between two KLs."""
    student, teacher = torch.tensor([[0.0, 1.0, -1.0]]).double(), torch.tensor([[1.0, 0.0, 0.5]]).double()
    at_0, near_0 = (GKDTrainer.generalized_jsd_loss(student, teacher, beta=beta).item() for beta in (0.0, 1e-6))
    assert at_0 == pytest.approx(0.508287, abs=1e-6)
    assert near_0 / at_0 < 2e-6
    ours = [
        distillation(student=student, teacher=teacher, divergence="generalized_js", beta=b).item() for b in (0.0, 1e-6)
    ]
    assert ours[0] == pytest.approx(at_0, rel=1e-12)
    assert ours[1] == pytest.approx(at_0, rel=1e-5)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_a_logit_that_both_mask_is_nan_in_gkd_and_in_ligers_jsd(beta):
    """exp(−inf)·(−inf − −inf) = 0·NaN inside of F.kl_div(log_target=True)."""
    student, teacher = torch.tensor([[0.0, 1.0, -math.inf]]), torch.tensor([[1.0, 0.0, -math.inf]])
    assert math.isnan(GKDTrainer.generalized_jsd_loss(student, teacher, beta=beta))
    eye = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-math.inf, -math.inf]])
    liger = LigerFusedLinearJSDLoss(weight_hard_loss=0.0, weight_soft_loss=1.0, beta=beta, compiled=False)
    assert math.isnan(liger(torch.tensor([[0.5, 1.0]]), eye, torch.tensor([[1.0, 0.5]]), eye, torch.tensor([0])))
    ours = distillation(student=student, teacher=teacher, divergence="generalized_js", beta=beta)
    alone = distillation(student=student[:, :2], teacher=teacher[:, :2], divergence="generalized_js", beta=beta)
    assert torch.isfinite(ours)
    assert ours == alone


def test_gkds_gradient_falls_as_the_square_of_the_temperature():
    student, teacher = normal(4, 9, seed=1, scale=1).requires_grad_(), normal(4, 9, seed=2, scale=1)
    norms = [
        torch.autograd.grad(GKDTrainer.generalized_jsd_loss(student, teacher, beta=0.0, temperature=t), student)[
            0
        ].norm()
        for t in (50.0, 100.0)
    ]
    assert norms[1] / norms[0] == pytest.approx(1 / 4, rel=0.02)


# --- cross-entropy and entropy ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_cross_entropy_is_torchs(smoothing, dtype):
    logits, targets = normal(3, 5, 11, dtype=dtype).requires_grad_(), torch.randint(0, 11, (3, 5))
    targets[0, :3] = -100
    theirs = torch_cross_entropy(logits.transpose(1, 2), targets, label_smoothing=smoothing)
    options = {} if dtype == torch.float64 else {"rtol": 1e-5, "atol": 1e-7}
    close(cross_entropy(logits, targets, label_smoothing=smoothing), theirs, [logits], **options)
    hidden, weight = normal(3, 5, 4, dtype=dtype).requires_grad_(), normal(11, 4, seed=1, dtype=dtype).requires_grad_()
    theirs = torch_cross_entropy((hidden @ weight.T).transpose(1, 2), targets, label_smoothing=smoothing)
    ours = head_cross_entropy(hidden, weight, targets, label_smoothing=smoothing, chunk_rows=4)
    close(ours, theirs, [hidden, weight], **options)


def test_label_smoothing_beside_a_masked_logit_is_infinite_in_torch():
    logits, target = torch.tensor([[0.0, 1.0, -math.inf]]), torch.tensor([0])
    assert torch_cross_entropy(logits, target, label_smoothing=0.1) == math.inf
    live = torch_cross_entropy(logits[:, :2], target, label_smoothing=0.1)
    torch.testing.assert_close(cross_entropy(logits, target, label_smoothing=0.1).float(), live)


def test_trls_entropy_is_nan_beside_a_masked_logit():
    logits = torch.tensor([[0.0, 1.0, -math.inf]])
    assert math.isnan(entropy_from_logits(logits))
    torch.testing.assert_close(statistics(logits).entropy.float(), entropy_from_logits(logits[:, :2]))


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5, 1.0])
def test_the_mask_of_uncertain_tokens_is_trls(fraction):
    entropies, mask = normal(6, 20).abs().float(), torch.rand(6, 20, generator=torch.Generator().manual_seed(1)) > 0.3
    one = SimpleNamespace(pad_across_processes=lambda x, **_: x, gather=lambda x: x)
    trainer = SimpleNamespace(accelerator=one)
    theirs = GRPOTrainer.get_high_entropy_mask(trainer, entropies, mask.int(), 1 - fraction)
    assert torch.equal(high_entropy_mask(entropies, fraction, mask=mask), theirs.bool())


# --- preference -------------------------------------------------------------------------------------------------------


class Accelerator:
    device = torch.device("cpu")
    gather = gather_for_metrics = staticmethod(lambda x: x)


def trls_dpo(
    loss, chosen, rejected, reference_chosen, reference_rejected, *, beta=0.1, divergence="reverse_kl", **more
):
    """TRL's DPO loss of given log-probabilities, by its trainer's own method."""
    tokens = int(LENGTHS.max())
    first = torch.zeros(tokens).double()
    first[0] = 1
    log_probs = torch.cat([chosen, rejected])[:, None] * first.to(chosen.dtype)
    mask = (torch.arange(tokens) < torch.cat([LENGTHS, LENGTHS.flip(0)])[:, None]).long()
    mask = torch.cat([torch.zeros(10, 1, dtype=torch.int64), mask], -1)
    zeros = torch.zeros(10, tokens)
    told = SimpleNamespace(log_probs=log_probs, entropy=zeros, mean_logits=zeros, is_top1=zeros.bool())
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True), accelerator=Accelerator(), aux_loss_enabled=False, ld_alpha=None,
        precompute_ref_logps=True, f_divergence_type=divergence, f_alpha_divergence_coef=more.get("coefficient"),
        loss_types=[loss], loss_weights=[1.0], beta=beta, label_smoothing=more.get("label_smoothing", 0.0),
        use_weighting=False, _metrics=defaultdict(lambda: defaultdict(list)), _total_train_tokens=0, _tp_size=1,
    )  # fmt: skip
    inputs = {
        "input_ids": torch.zeros(10, tokens + 1, dtype=torch.int64), "attention_mask": mask, "completion_mask": mask,
        "ref_chosen_logps": reference_chosen, "ref_rejected_logps": reference_rejected,
    }  # fmt: skip
    found = DPOTrainer._compute_loss(trainer, lambda **_: told, inputs, False)
    return found, trainer._metrics["train"]


def with_lengths(chosen, rejected):
    return SequenceLogprobs(chosen, LENGTHS), SequenceLogprobs(rejected, LENGTHS.flip(0))


@pytest.mark.parametrize(
    ("loss", "theirs", "smoothing"),
    [("sigmoid", "sigmoid", 0.0), ("hinge", "hinge", 0.0), ("ipo", "ipo", 0.0), ("robust", "robust", 0.2)],
)
@pytest.mark.parametrize("beta", [0.05, 0.5])
def test_pair_losses_and_rewards_are_trls(loss, theirs, smoothing, beta):
    chosen, rejected, *references = sides()
    at = [chosen.requires_grad_(), rejected.requires_grad_()]
    found, told = trls_dpo(theirs, chosen, rejected, *references, beta=beta, label_smoothing=smoothing)
    ours = preference(*with_lengths(chosen, rejected), *references, loss=loss, beta=beta, label_smoothing=smoothing)
    close(ours.loss, found, at)
    assert ours.chosen_reward.mean().item() == pytest.approx(told["rewards/chosen"][0])
    assert ours.rejected_reward.mean().item() == pytest.approx(told["rewards/rejected"][0])
    assert ours.margin.mean().item() == pytest.approx(told["rewards/margins"][0])
    assert ours.accuracy == pytest.approx(told["rewards/accuracies"][0])


@pytest.mark.parametrize(
    ("ours", "theirs", "alpha", "coefficient"),
    [
        ("forward_kl", "forward_kl", 0.5, None),
        ("js", "js_divergence", 0.5, None),
        ("alpha", "alpha_divergence", 0.5, 0.5),
        ("alpha", "alpha_divergence", 0.2, 0.8),
    ],
)
@pytest.mark.parametrize("loss", ["sigmoid", "hinge"])
def test_f_divergence_losses_are_trls(ours, theirs, alpha, coefficient, loss):
    chosen, rejected, *references = (side.float() / 4 for side in sides())
    at = [chosen.requires_grad_(), rejected.requires_grad_()]
    wanted, _ = trls_dpo(loss, chosen, rejected, *references, divergence=theirs, coefficient=coefficient)
    found = preference(chosen, rejected, *references, loss=loss, f_divergence=ours, alpha=alpha)
    close(found.loss, wanted, at, rtol=1e-4, atol=1e-6)


def test_trls_forward_kl_is_nan_beyond_a_log_ratio_of_minus_88():
    """e^{100} is inf in single precision, and the difference of two such scores inf − inf."""
    chosen, rejected, zero = torch.full((5,), -100.0), torch.full((5,), -101.0), torch.zeros(5)
    wanted, _ = trls_dpo("sigmoid", chosen, rejected, zero, zero, divergence="forward_kl")
    assert math.isnan(wanted)
    at = chosen.clone().requires_grad_()
    found = preference(at, rejected, zero, zero, f_divergence="forward_kl").loss
    (gradient,) = torch.autograd.grad(found, at)
    assert found == 0
    assert torch.isfinite(gradient).all()
    worse = preference(rejected, chosen, zero, zero, f_divergence="forward_kl").loss
    assert worse.item() == pytest.approx(0.1 * (math.exp(101) - math.exp(100)), rel=1e-6)


def test_trls_alpha_score_stops_at_its_clamp_and_calls_different_pairs_equal():
    """(α−1)·log-ratio above 80 is held at 80 for both sides: a pair apart by 40 nats gets the loss ln 2 of a tie."""
    chosen, rejected, zero = torch.full((5,), -240.0), torch.full((5,), -200.0), torch.zeros(5)
    options = {"divergence": "alpha_divergence", "coefficient": 0.5}
    wanted, _ = trls_dpo("sigmoid", chosen, rejected, zero, zero, **options)
    assert wanted.item() == pytest.approx(math.log(2), rel=1e-6)
    found = preference(chosen, rejected, zero, zero, f_divergence="alpha", alpha=0.5).loss
    assert found.item() == pytest.approx(0.1 * 2 * (math.exp(120) - math.exp(100)), rel=1e-6)


@pytest.mark.parametrize(("loss", "smoothing"), [("sigmoid", 0.0), ("hinge", 0.0), ("robust", 0.3)])
def test_pair_losses_are_ligers(loss, smoothing):
    chosen, rejected, *references = sides()
    at = [chosen.requires_grad_(), rejected.requires_grad_()]
    theirs, *rewards = LigerFusedLinearDPOFunction.preference_loss_fn(
        chosen, rejected, torch.zeros(10), *references, beta=0.3, loss_type=loss, label_smoothing=smoothing
    )
    ours = preference(chosen, rejected, *references, loss=loss, beta=0.3, label_smoothing=smoothing)
    close(ours.loss, theirs, at)
    torch.testing.assert_close(ours.chosen_reward, rewards[0].detach())
    torch.testing.assert_close(ours.rejected_reward, rewards[1].detach())


def test_simpo_and_orpo_are_ligers_and_orpo_trls():
    chosen, rejected, *_ = sides()
    at = [chosen.requires_grad_(), rejected.requires_grad_()]
    ours = with_lengths(chosen, rejected)

    def means():
        return chosen / LENGTHS, rejected / LENGTHS.flip(0)

    theirs, *_ = LigerFusedLinearSimPOFunction.preference_loss_fn(*means(), torch.zeros(10), beta=2.0, gamma=0.6)
    close(preference(*ours, loss="simpo", beta=2.0, margin=0.6).loss, theirs, at)
    theirs, *_ = LigerFusedLinearORPOFunction.preference_loss_fn(*means(), torch.zeros(10), beta=0.3)
    close(preference(*ours, loss="orpo", beta=0.3).loss, theirs - means()[0].mean(), at)
    trainer = SimpleNamespace(beta=0.3, accelerator=Accelerator())
    gain, *_ = ORPOTrainer.odds_ratio_loss(trainer, *means())
    close(preference(*ours, loss="orpo", beta=0.3).loss, -gain.mean() - means()[0].mean(), at, rtol=1e-5, atol=1e-6)


def test_ligers_orpo_is_infinite_for_a_sure_answer():
    """ln(1 − e^x) as log1p(−exp(x)) is −inf in single precision for x = −1e-9, where it is −20.7."""
    sure, other = torch.tensor([-1e-9]), torch.tensor([-1.0])
    theirs, *_ = LigerFusedLinearORPOFunction.preference_loss_fn(other, sure, torch.zeros(2), beta=1.0)
    assert theirs == math.inf
    one = torch.ones(1, dtype=torch.int64)
    found = preference(SequenceLogprobs(other, one), SequenceLogprobs(sure, one), loss="orpo", beta=1.0).loss
    log_odds = math.log(math.expm1(1.0))  # of the sure one 1e-9: ln 1e9
    assert found.item() == pytest.approx(math.log(1e9) + log_odds + 1.0, rel=1e-6)


@pytest.mark.parametrize("shift", [-3.0, 0.0, 4.0])
def test_kto_is_trls_and_ligers(shift):
    answers, reference, other, other_reference = sides()
    answers.requires_grad_()
    desirable = torch.tensor([True, False, True, True, False])
    other = other + min(shift, 0.0)
    zeros = torch.zeros(5, 1)
    told = SimpleNamespace(log_probs=answers[:, None], entropy=zeros, mean_logits=zeros, is_top1=zeros.bool())
    mask = torch.ones(5, 2, dtype=torch.int64)
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=False), accelerator=Accelerator(), aux_loss_enabled=False, calculate_KL=True,
        precompute_ref_logps=True, loss_type="kto", beta=0.3, desirable_weight=1.5, undesirable_weight=0.7,
        _metrics=defaultdict(lambda: defaultdict(list)), _compute_kl_logps=lambda *_: other, _total_train_tokens=0,
    )  # fmt: skip
    batch = {
        "input_ids": torch.zeros(5, 2, dtype=torch.int64), "attention_mask": mask, "completion_mask": mask,
        "label": desirable, "ref_logps": reference, "ref_KL_logps": other_reference,
    }  # fmt: skip
    theirs = KTOTrainer._compute_loss(trainer, lambda **_: told, batch, False)
    ours = kto(
        answers, reference, desirable, mismatched=other, reference_mismatched=other_reference, beta=0.3,
        desirable_weight=1.5, undesirable_weight=0.7,
    )  # fmt: skip
    close(ours.loss, theirs, [answers])
    point = (other - other_reference).mean().clamp(min=0)
    theirs, *_ = LigerFusedLinearKTOFunction.preference_loss_fn(
        answers, desirable, torch.zeros(5), reference, beta=0.3, kl=point
    )
    plain = kto(answers, reference, desirable, mismatched=other, reference_mismatched=other_reference, beta=0.3)
    close(plain.loss, theirs, [answers])


def test_sequences_are_sums_of_torchs_log_probabilities_with_both_kls():
    logits, reference, targets = normal(3, 4, 7), normal(3, 4, 7, seed=1), torch.randint(0, 7, (3, 4))
    targets[1, :2] = -100
    found = sequence_logprobs(logits, targets, reference_logits=reference)
    live = targets != -100
    each = -torch_cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    torch.testing.assert_close(found.logprob, each.sum(-1))
    assert found.length.tolist() == [4, 2, 4]
    log, other = logits.log_softmax(-1), reference.log_softmax(-1)
    pairs = ((found.kl_policy_reference, other, log), (found.kl_reference_policy, log, other))
    for value, to, of in pairs:
        wanted = (kl_div(to, of, log_target=True, reduction="none").sum(-1) * live).sum(-1)
        torch.testing.assert_close(value, wanted)
