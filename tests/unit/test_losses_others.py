"""Cross-entropy options, entropy signals, preference and KTO: closed forms, limits, refusals; the trainers' door."""

import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import entropist.losses as losses
from entropist.errors import InputError
from entropist.logits import head_statistics, statistics
from entropist.losses import (
    SequenceLogprobs,
    confidence_penalty,
    cross_entropy,
    distillation,
    entropy_bonus,
    head_cross_entropy,
    high_entropy_mask,
    kto,
    preference,
    sequence_logprobs,
    trainer_distillation,
    trainer_loss,
)
from loss_formulas import largest_tensor


def normal(*shape, seed=0, dtype=torch.float64):
    return 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def plain(logits, targets, smoothing, z_loss):
    """The formula of every token, by torch's own log_softmax."""
    log_s, normalizer = logits.log_softmax(-1), logits.logsumexp(-1)
    nll = -log_s.gather(-1, targets[..., None])[..., 0]
    return (1 - smoothing) * nll - smoothing * log_s.mean(-1) + z_loss * normalizer.square()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("z_loss", [0.0, 0.01])
def test_smoothing_and_z_loss_are_the_formula_in_value_and_gradient(smoothing, z_loss):
    logits, targets = normal(4, 7, 9).requires_grad_(), torch.randint(0, 9, (4, 7))
    found = cross_entropy(logits, targets, label_smoothing=smoothing, z_loss=z_loss, reduction="none")
    wanted = plain(logits, targets, smoothing, z_loss)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    by = [torch.autograd.grad(each.square().sum(), logits)[0] for each in (found, wanted)]
    torch.testing.assert_close(*by, rtol=1e-9, atol=1e-12)


def test_a_masked_vocabulary_is_a_smaller_one():
    logits, targets = normal(5, 9), torch.randint(0, 6, (5,))
    masked = torch.cat([logits[:, :6], torch.full((5, 3), -math.inf)], -1).requires_grad_()
    small = logits[:, :6].clone().requires_grad_()
    found, wanted = (cross_entropy(z, targets, label_smoothing=0.1, z_loss=0.01) for z in (masked, small))
    torch.testing.assert_close(found, wanted)
    by, other = torch.autograd.grad(found, masked)[0], torch.autograd.grad(wanted, small)[0]
    assert (by[:, 6:] == 0).all()
    torch.testing.assert_close(by[:, :6], other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("mask", [-math.inf, None])
def test_a_masked_target_is_infinitely_surprising_but_where_smoothing_is_all(dtype, mask):
    low = torch.finfo(dtype).min if mask is None else mask
    logits, targets = torch.tensor([[0.0, 1.0, low]], dtype=dtype), torch.tensor([2])
    for smoothing in (0.0, 0.5):
        assert cross_entropy(logits, targets, label_smoothing=smoothing) == math.inf
    every = cross_entropy(logits, targets, label_smoothing=1.0)
    assert every.item() == pytest.approx(math.log(1 + math.e) - 0.5)
    right = cross_entropy(logits, torch.tensor([0]), label_smoothing=0.1)
    torch.testing.assert_close(right, cross_entropy(logits[:, :2], torch.tensor([0]), label_smoothing=0.1))


def test_reductions_are_what_their_names_say():
    logits, targets = normal(3, 4, 5), torch.randint(0, 5, (3, 4))
    mask = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 0], [0, 1, 1, 0]])
    each = cross_entropy(logits, targets, mask=mask, reduction="none")
    assert (each[mask == 0] == 0).all()
    wanted = {
        "sum": each.sum(),
        "token_mean": each.sum() / 7,
        "sequence_mean": (each.sum(-1) / torch.tensor([4, 1, 2])).mean(),
        "sequence_sum": each.sum(-1).mean(),
    }
    for name, value in wanted.items():
        torch.testing.assert_close(cross_entropy(logits, targets, mask=mask, reduction=name), value)
    with pytest.raises(InputError, match="sequence 1 has no kept token"):
        cross_entropy(logits, targets, mask=torch.tensor([[1] * 4, [0] * 4, [1] * 4]), reduction="sequence_mean")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_widened_and_gets_gradients_of_its_own_kind(dtype):
    logits, targets = normal(6, 999, dtype=dtype).requires_grad_(), torch.arange(6)
    found = cross_entropy(logits, targets)
    wide = logits.detach().double().requires_grad_()
    wanted = cross_entropy(wide, targets)
    assert abs(found - wanted) < 1e-6
    by = torch.autograd.grad(found, logits)[0]
    assert by.dtype == dtype
    torch.testing.assert_close(by.double(), torch.autograd.grad(wanted, wide)[0], rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cross_entropy(torch.zeros(2, 3), torch.tensor([0, 3])), "row 1 has the target 3"),
        (lambda: cross_entropy(torch.zeros(2, 3), torch.tensor([0, -1])), "ignore_index=-100"),
        (lambda: cross_entropy(torch.zeros(2, 3), torch.tensor([-100, -100])), "keeps no token"),
        (lambda: cross_entropy(torch.zeros(2, 3), torch.zeros(2)), "must be a tensor of token ids"),
        (lambda: cross_entropy(torch.zeros(2, 3), torch.tensor([0])), "targets have shape"),
        (lambda: cross_entropy(torch.zeros(2, 3), torch.tensor([0, 1]), label_smoothing=2), "label_smoothing must be"),
        (lambda: cross_entropy(torch.tensor([[math.inf, 0.0]]), torch.tensor([0])), r"row 0 contains \+inf"),
        (lambda: head_cross_entropy(torch.zeros(2, 3), torch.zeros(5, 4), torch.tensor([0, 1])), "given shapes"),
        (
            lambda: head_cross_entropy(torch.zeros(1, 3), torch.zeros(5, 3), torch.tensor([0]), chunk_rows=0),
            "1 or more",
        ),
        (lambda: entropy_bonus(torch.tensor([-1.0])), "at least 0 and not NaN"),
        (lambda: entropy_bonus(torch.tensor([1.0]), reduction="none"), "no such number"),
        (lambda: high_entropy_mask(torch.tensor([1.0]), 0.0), "fraction must be a number, more than 0"),
        (lambda: losses.nothing, "has no 'nothing'; it has"),
    ],
)
def test_what_has_no_answer_is_refused_with_the_reason(call, message):
    with pytest.raises((InputError, AttributeError), match=message):
        call()


def test_an_entropy_bonus_raises_the_entropy_up_to_its_target():
    z = normal(1, 6, 8).requires_grad_()
    entropy = statistics(z).entropy
    (by,) = torch.autograd.grad(entropy_bonus(entropy, coefficient=0.5), z)
    p = z.detach().softmax(-1)
    wanted = 0.5 / 6 * p * (p.log() - (p * p.log()).sum(-1, keepdim=True))  # −c·∂H = c·p(ln p + H)
    torch.testing.assert_close(by, wanted)
    mean = statistics(z).entropy.mean().item()
    below, above = (entropy_bonus(statistics(z).entropy, coefficient=0.5, target=mean + off) for off in (1.0, -0.1))
    assert below.item() == pytest.approx(0.5)
    assert above.item() == 0
    torch.testing.assert_close(torch.autograd.grad(below, z)[0], wanted)
    assert (torch.autograd.grad(above, z)[0] == 0).all()


def test_a_confidence_penalty_is_a_kl_to_uniform_and_its_threshold_judges_each_token():
    hidden, weight = normal(5, 4).requires_grad_(), normal(11, 4, seed=1)
    entropies = head_statistics(hidden, weight).entropy
    penalty = confidence_penalty(entropies, coefficient=1.0)
    uniform = distillation(student=hidden @ weight.T, teacher=torch.zeros(5, 11).double(), divergence="reverse_kl")
    assert (penalty + math.log(11)).item() == pytest.approx(uniform.item())
    one, other = (torch.autograd.grad(each, hidden)[0] for each in (penalty, uniform))
    torch.testing.assert_close(one, other)
    values = torch.tensor([0.5, 1.0, 2.0])
    assert confidence_penalty(values, coefficient=1.0, threshold=1.5).item() == pytest.approx((1.0 + 0.5 + 0) / 3)


def lp(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_dpo_at_its_start_is_ln_2_and_conservative_dpo_stops_at_its_odds():
    found = preference(lp(-5, -6), lp(-7, -2), lp(-5, -6), lp(-7, -2))
    assert found.loss.item() == pytest.approx(math.log(2))
    assert found.accuracy == 0.5
    h = math.log(0.8 / 0.2) / 0.1  # where σ(h) = 1 − ε the gradient is 0
    chosen = lp(-5).requires_grad_()
    smooth = preference(chosen, lp(-7), lp(-5 - h), lp(-7), label_smoothing=0.2)
    assert torch.autograd.grad(smooth.loss, chosen)[0].abs().item() < 1e-12


def test_robust_dpo_is_unbiased_under_flipped_labels():
    chosen, rejected, one, other = lp(-5, -9), lp(-8, -7), lp(-6, -6), lp(-7, -7)
    clean = preference(chosen, rejected, one, other, reduction="none").loss
    right = preference(chosen, rejected, one, other, loss="robust", label_smoothing=0.3, reduction="none").loss
    wrong = preference(rejected, chosen, other, one, loss="robust", label_smoothing=0.3, reduction="none").loss
    torch.testing.assert_close(0.7 * right + 0.3 * wrong, clean)


def test_the_alpha_family_joins_both_kls():
    sides = lp(-5, -9), lp(-8, -7), lp(-6, -6), lp(-7, -7)
    near_0, at_0 = (preference(*sides, **o).loss for o in ({"f_divergence": "alpha", "alpha": 1e-7}, {}))
    assert near_0.item() == pytest.approx(at_0.item(), rel=1e-6)
    at_1, forward = (preference(*sides, f_divergence=f, alpha=1.0).loss for f in ("alpha", "forward_kl"))
    assert at_1.item() == pytest.approx(forward.item(), rel=1e-12)


def test_extreme_log_probabilities_give_finite_losses_and_gradients():
    for f_divergence in ("reverse_kl", "forward_kl", "js", "alpha"):
        for gap in (-2000.0, -1000.0, 1000.0):
            chosen, rejected = lp(-3000 + gap).requires_grad_(), lp(-3000).requires_grad_()
            found = preference(chosen, rejected, lp(-2500), lp(-1500), f_divergence=f_divergence, alpha=0.9)
            by = torch.autograd.grad(found.loss, (chosen, rejected))
            assert torch.isfinite(found.loss)
            assert all(torch.isfinite(each).all() for each in by)


def test_orpo_is_finite_for_answers_that_are_certain_or_impossible():
    one = torch.ones(1, dtype=torch.int64)
    for pair in ((0.0, -700.0), (-700.0, 0.0), (0.0, 0.0), (-1e-12, -0.7)):
        sides = [lp(value).requires_grad_() for value in pair]
        found = preference(*(SequenceLogprobs(side, one) for side in sides), loss="orpo")
        by = torch.autograd.grad(found.loss, sides)
        assert torch.isfinite(found.loss)
        assert all(torch.isfinite(each).all() for each in by)


def test_kls_are_reported_only_where_logits_were_seen():
    assert preference(lp(-1), lp(-2), lp(-1), lp(-2)).kl_policy_reference is None
    logits, reference, targets = normal(2, 3, 5).requires_grad_(), normal(2, 3, 5, seed=1), torch.randint(0, 5, (2, 3))
    sides = [sequence_logprobs(logits, targets, reference_logits=reference)] * 2
    held = sequence_logprobs(reference, targets)
    found = preference(*sides, held, held)
    kls = [
        distillation(student=logits.detach(), teacher=reference, divergence=kind, reduction="sequence_sum").item()
        for kind in ("reverse_kl", "forward_kl")
    ]
    assert [found.kl_policy_reference, found.kl_reference_policy] == pytest.approx(kls)
    assert not found.losses.requires_grad
    assert found.loss.requires_grad


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((lp(-1), lp(-2)), {}, "needs reference_chosen"),
        ((lp(-1), lp(-2), lp(-1), lp(-2)), {"loss": "simpo"}, "has no reference"),
        ((lp(-1), lp(-2)), {"loss": "simpo"}, "needs the lengths"),
        ((lp(-1), lp(1), lp(-1), lp(-2)), {}, "rejected 0 is 1.0"),
        ((lp(-1), lp(-math.inf), lp(-1), lp(-2)), {}, "finite and at most 0"),
        ((lp(-1), lp(-2, -3), lp(-1), lp(-2)), {}, "give both the same"),
        ((lp(-1), lp(-2), lp(-1), lp(-2)), {"loss": "kto"}, "there is kto"),
        ((lp(-1), lp(-2), lp(-1), lp(-2)), {"loss": "robust", "label_smoothing": 0.5}, "below 0.5"),
        ((lp(-1), lp(-2), lp(-1), lp(-2)), {"label_smoothing": 0.7}, "sigmoid needs label_smoothing below 0.5"),
        ((lp(-1), lp(-2), lp(-1), lp(-2)), {"loss": "hinge", "label_smoothing": 0.1}, "has no label_smoothing"),
        ((lp(-1), lp(-2), lp(-1), lp(-2)), {"margin": 0.1}, "has no margin"),
        ((lp(-1), lp(-2), lp(-1), lp(-2)), {"beta": 0.0}, "beta must be a number, more than 0"),
        ((lp(), lp(), lp(), lp()), {}, "one log-probability a sequence"),
    ],
)
def test_pairs_that_are_none_are_refused_with_the_reason(arguments, options, message):
    with pytest.raises(InputError, match=message):
        preference(*arguments, **options)


def test_weights_of_kto_are_not_rounded_to_single_precision():
    found = kto(lp(-1, -2), lp(-1, -2), torch.tensor([True, False]), desirable_weight=1.1, undesirable_weight=0.3)
    assert found.losses.tolist() == [1.1 / 2, 0.3 / 2]


def test_options_may_be_numbers_of_numpy():
    sides = lp(-1), lp(-2), lp(-1), lp(-2)
    assert preference(*sides, beta=np.float32(0.5)).loss == preference(*sides, beta=0.5).loss


def test_kto_with_one_side_only_and_without_labels():
    found = kto(lp(-1, -2), lp(-2, -2), torch.tensor([True, True]))
    assert found.rejected_reward.numel() == 0
    assert math.isnan(found.margin)
    with pytest.raises(InputError, match="desirable must be a bool tensor"):
        kto(lp(-1), lp(-2), torch.tensor([1]))
    with pytest.raises(InputError, match="given one of the two"):
        kto(lp(-1), lp(-2), torch.tensor([True]), mismatched=lp(-1))


def test_the_trainers_loss_is_shifted_and_divided_by_the_labels_of_the_whole_batch():
    logits, labels = normal(2, 5, 7, dtype=torch.float32), torch.tensor([[-100, 1, 2, 3, -100], [0, 1, 2, -100, 4]])
    outputs = SimpleNamespace(logits=logits)
    each = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, 7), labels[:, 1:].reshape(-1), reduction="sum")
    torch.testing.assert_close(trainer_loss()(outputs, labels), each / 6)
    torch.testing.assert_close(
        trainer_loss()({"logits": logits}, labels, num_items_in_batch=torch.tensor(20)), each / 20
    )
    with_penalty = trainer_loss(confidence_coefficient=0.3)(outputs, labels)
    kept = logits[:, :-1][labels[:, 1:] != -100]
    torch.testing.assert_close(with_penalty, each / 6 - 0.3 * statistics(kept).entropy.mean().float())
    with pytest.raises(InputError, match="gave no labels"):
        trainer_loss()(outputs, None)


@pytest.mark.parametrize("confidence", [0.0, 0.3])
def test_a_part_of_a_batch_without_labels_adds_nothing_and_does_not_end_the_run(confidence):
    logits, labels = normal(2, 5, 7, dtype=torch.float32).requires_grad_(), torch.full((2, 5), -100)
    loss = trainer_loss(confidence_coefficient=confidence)
    found = loss(SimpleNamespace(logits=logits), labels, num_items_in_batch=torch.tensor(20))
    assert found == 0
    assert (torch.autograd.grad(found, logits)[0] == 0).all()
    with pytest.raises(InputError, match="a mean of nothing"):
        loss(SimpleNamespace(logits=logits), labels)


def test_the_trainers_losses_do_not_copy_the_logits():
    """In the forward pass no new tensor is nearly as large."""
    logits, labels = torch.zeros(2, 512, 1024).requires_grad_(), torch.ones(2, 512, dtype=torch.int64)
    with largest_tensor() as largest:
        trainer_loss()(SimpleNamespace(logits=logits), labels)
    assert largest[0] <= logits.numel() / 2


class Fixed(torch.nn.Module):
    """A model whose logits are given."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def forward(self, input_ids, **_):
        return SimpleNamespace(logits=self.logits[: len(input_ids)])


def test_the_trainers_distillation_is_of_the_labelled_tokens():
    student, teacher = Fixed(normal(2, 5, 7)), Fixed(normal(2, 5, 7, seed=1))
    labels = torch.tensor([[-100, 1, 2, 3, -100], [0, 1, 2, -100, 4]])
    method = trainer_distillation(teacher, temperature=2.0, hard_weight=0.4)
    loss, outputs = method(None, student, {"input_ids": torch.zeros(2, 5), "labels": labels}, return_outputs=True)
    wanted = distillation(
        student=student.logits[:, :-1], teacher=teacher.logits[:, :-1], temperature=2.0, targets=labels[:, 1:],
        hard_weight=0.4, mask=labels[:, 1:] != -100,
    )  # fmt: skip
    torch.testing.assert_close(loss, wanted.float())
    loss.backward()
    assert student.logits.grad is not None
    assert teacher.logits.grad is None
    assert outputs.logits is not None
    with pytest.raises(InputError, match="mask cannot be given"):
        trainer_distillation(teacher, mask=labels)


def test_the_monitor_reads_the_same_probe_at_every_log():
    logits, reference = normal(1, 6, 9), normal(1, 6, 9, seed=1)
    probe = torch.randint(0, 9, (1, 6))
    model = Fixed(logits).train()
    monitor = losses.TrainingMonitor(probe, Fixed(reference))
    monitor.on_train_begin(None, SimpleNamespace(global_step=0), None, model=model)
    log = {}
    state = SimpleNamespace(global_step=3, log_history=[{"loss": 2.0}, {"loss": 1.0}])
    for _ in range(2):
        monitor.on_log(None, state, None, logs=log, model=model)
    assert state.log_history == [{"loss": 2.0}, {"loss": 1.0, **log}]
    assert [each.step for each in monitor.history] == [0, 3]
    assert model.training
    found = monitor.history[1]
    kl = distillation(student=logits[:, :-1], teacher=reference[:, :-1], divergence="reverse_kl").item()
    assert log["probe_kl_policy_reference"] == found.kl_policy_reference == pytest.approx(kl)
    surprisal = statistics(logits[:, :-1], probe[:, 1:]).surprisal
    assert found.surprisal == pytest.approx(surprisal.mean().item())
    assert sum(found.histogram) == 5
    assert len(found.histogram) == 21
    assert found.histogram[0] == (surprisal < 1).sum()
    with pytest.raises(InputError, match="2 tokens or more"):
        losses.TrainingMonitor(torch.zeros(3, 1, dtype=torch.int64))


def test_losses_load_torch_when_used_and_transformers_only_for_the_monitor():
    script = (
        "import sys, entropist; before = 'torch' in sys.modules; entropist.losses.preference; "
        "print(before, 'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "False True False\n"
