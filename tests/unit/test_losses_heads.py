"""Losses from hidden states and heads: equal to those from logits, backward once, half precision, no large tensor."""

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from entropist.errors import InputError
from entropist.losses import cross_entropy as ours_cross_entropy
from entropist.losses import distillation, head_cross_entropy, head_distillation
from loss_formulas import largest_tensor, normal


@pytest.mark.parametrize("reduction", ["token_mean", "sum", "sequence_mean", "sequence_sum"])
@pytest.mark.parametrize("kind", ["forward_kl", "generalized_js"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_hidden_states_give_what_their_logits_give(reduction, kind, dtype):
    """With scale, cap, bias, T, hard part, ignored targets, a mask, and chunks that do not divide the rows."""
    hidden, weight, bias = (normal(*shape, seed=20 + len(shape), scale=1, dtype=dtype).requires_grad_()
                            for shape in ((3, 5, 6), (13, 6), (13,)))  # fmt: skip
    other, other_weight = normal(3, 5, 7, seed=24, scale=1, dtype=dtype), normal(13, 7, seed=25, scale=1, dtype=dtype)
    targets = torch.randint(0, 13, (3, 5), generator=torch.Generator().manual_seed(26))
    targets[0, :2] = -100
    mask = torch.rand(3, 5, generator=torch.Generator().manual_seed(27)) > 0.3
    mask[:, 4] = True
    options = {"divergence": kind, "temperature": 2.0, "targets": targets, "hard_weight": 0.3, "mask": mask}
    logits = 2 * torch.tanh(0.7 * (hidden @ weight.T + bias) / 2)
    plainly = distillation(student=logits, teacher=other @ other_weight.T, reduction=reduction, **options)
    fused = head_distillation(
        student=hidden, student_weight=weight, student_bias=bias, student_softcap=2.0, student_scale=0.7,
        teacher=other, teacher_weight=other_weight, chunk_rows=2, reduction=reduction, **options,
    )  # fmt: skip
    close = {"rtol": 1e-9, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(plainly, fused, **close)
    gradients = [torch.autograd.grad(loss, (hidden, weight, bias)) for loss in (plainly, fused)]
    for a, b in zip(*gradients):
        torch.testing.assert_close(a, b, **close)


def test_a_loss_from_hidden_states_goes_backward_once_and_without_gradient_not_at_all():
    hidden, weight = normal(4, 6).requires_grad_(), normal(9, 6, seed=1)
    given = {"student": hidden, "student_weight": weight, "teacher": hidden, "teacher_weight": weight * 2}
    loss = head_distillation(**given)
    loss.backward(retain_graph=True)
    with pytest.raises(InputError, match="made once and given away"):
        loss.backward()
    with torch.no_grad():
        again = head_distillation(**given)
    assert not again.requires_grad
    assert again == loss
    with pytest.raises(InputError, match="needs the logits"):
        head_distillation(**given, reduction="none")


def test_a_second_derivative_is_refused_and_not_left_out():
    """Torch's once_differentiable says nothing where the arriving gradient is a constant, and gives a constant on."""
    z, weight = normal(3, 5).requires_grad_(), normal(9, 5, seed=1)
    given = {"teacher": normal(3, 5, seed=2), "student_weight": weight, "teacher_weight": weight}
    losses = distillation(student=z, teacher=given["teacher"]), head_distillation(student=z, **given)
    for loss in (*losses, ours_cross_entropy(z, torch.tensor([0, 1, 2]))):
        with pytest.raises(InputError, match="create_graph=True is refused"):
            torch.autograd.grad(loss, z, create_graph=True)
        assert torch.isfinite(torch.autograd.grad(loss, z)[0]).all()


@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing_changes_nothing(reentrant):
    hidden, weight = normal(6, 4).requires_grad_(), normal(7, 4, seed=1).requires_grad_()
    teacher = normal(6, 4, seed=2)

    def fused(h):
        return head_distillation(student=h, student_weight=weight, teacher=teacher, teacher_weight=weight)

    def plainly(h):
        return distillation(student=h @ weight.T, teacher=teacher @ weight.T)

    for loss in (fused, plainly):
        found = []
        for way in (loss, lambda h, loss=loss: checkpoint(loss, h, use_reentrant=reentrant)):
            hidden.grad = weight.grad = None
            way(hidden).backward()
            found.append((hidden.grad.clone(), weight.grad.clone()))
        torch.testing.assert_close(*found, rtol=0, atol=0)


def test_scaling_a_loss_saves_gradients_of_half_precision_from_underflow():
    """What a gradient scaler is for: of 2048 tokens, a gradient of hidden states is below 6e-8 where p is."""
    hidden, weight = normal(2048, 4, dtype=torch.float16).requires_grad_(), normal(9, 4, seed=1, dtype=torch.float16)
    wide, same = hidden.detach().double().requires_grad_(), weight.double() * 1.001
    weight.requires_grad_()
    given = {"teacher": wide.detach(), "teacher_weight": same}
    loss = head_distillation(student=hidden, student_weight=weight, **given) * 65536
    double = weight.detach().double().requires_grad_()
    wanted = distillation(student=wide @ double.T, teacher=wide.detach() @ same.T) * 65536
    pairs = zip(torch.autograd.grad(loss, (hidden, weight)), torch.autograd.grad(wanted, (wide, double)))
    for found, expected in pairs:
        assert found.dtype == torch.float16
        assert (found.double() - expected).norm() < 2e-3 * expected.norm()


@pytest.mark.parametrize("shape", [(2, 3), (0,), (0, 3)])
def test_a_sum_of_no_token_is_0_and_a_mean_is_refused(shape):
    z, targets = torch.randn(*shape, 5).requires_grad_(), torch.full(shape, -100)
    mask = torch.zeros(shape)
    hidden = {"student": z, "student_weight": torch.eye(5), "teacher": z.detach(), "teacher_weight": torch.eye(5)}
    calls = [
        lambda r: ours_cross_entropy(z, targets, reduction=r),
        lambda r: distillation(student=z, teacher=z.detach(), mask=mask, reduction=r),
        lambda r: head_distillation(**hidden, mask=mask, reduction=r),
        lambda r: head_cross_entropy(z, torch.eye(5), targets, reduction=r),
    ]
    for call in calls:
        loss = call("sum")
        assert loss == 0
        assert (torch.autograd.grad(loss, z)[0] == 0).all()
        with pytest.raises(InputError, match="a mean of nothing"):
            call("token_mean")
    assert distillation(student=z, teacher=z.detach(), mask=mask, reduction="none").tolist() == mask.tolist()


def test_no_array_of_tokens_by_vocabulary_is_made():
    """Every tensor that the forward and backward pass allocate stays well below tokens × vocabulary."""
    tokens, vocabulary, width = 512, 4096, 8
    hidden, weight = normal(tokens, width, dtype=torch.float32), normal(vocabulary, width, dtype=torch.float32)
    with largest_tensor() as largest:
        h, w = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
        head_distillation(student=h, student_weight=w, teacher=hidden, teacher_weight=weight, chunk_rows=32).backward()
    assert largest[0] <= tokens * vocabulary / 8
