"""Distillation from a sparse teacher: its top and draws from its tail give the whole KL on average."""

import itertools

import pytest
import torch

from entropist.errors import InputError
from entropist.losses import distillation, sparse_distillation
from loss_formulas import expected, normal


def sparse(p_row, top, samples):
    logp = p_row.log_softmax(-1)
    return {
        "top_ids": torch.tensor(top)[None],
        "top_logprobs": logp[top][None],
        "tail_ids": torch.tensor(samples)[None],
        "tail_logprobs": logp[samples][None],
    }


@pytest.mark.parametrize("m", [1, 2])
def test_a_sparse_teacher_gives_the_whole_kl_and_gradient_on_average(m):
    """By enumeration of every draw of m tail tokens; the top alone is off, and below 0 here."""
    teacher, student = normal(8, seed=1, scale=2), normal(8, seed=2, scale=2)
    top = teacher.topk(3).indices.tolist()
    tail = [v for v in range(8) if v not in top]
    p = teacher.softmax(-1)
    chance = p[tail] / p[tail].sum()
    value, gradient = torch.zeros(()), torch.zeros(8)
    for draw in itertools.product(range(len(tail)), repeat=m):
        z = student[None].clone().requires_grad_()
        loss = sparse_distillation(student=z, **sparse(teacher, top, [tail[i] for i in draw]))
        weight = chance[list(draw)].prod()
        value, gradient = value + weight * loss.detach(), gradient + weight * torch.autograd.grad(loss, z)[0][0]
    wanted = expected(student[None], teacher[None], kind="forward_kl")
    torch.testing.assert_close(value, wanted[0][0], rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient, wanted[1][0], rtol=1e-9, atol=1e-12)
    q = student.log_softmax(-1)
    assert abs((p[top] * (p.log() - q)[top]).sum() - wanted[0][0]) > 0.05


def test_a_sparse_teacher_that_holds_everything_is_the_teacher_itself():
    teacher, student = normal(1, 5, seed=1), normal(1, 5, seed=2)
    parts = sparse(teacher[0], [0, 1, 2, 3, 4], [])
    parts["tail_ids"], parts["tail_logprobs"] = torch.zeros(1, 0, dtype=torch.int64), torch.zeros(1, 0)
    found = sparse_distillation(student=student, **parts, tail_mass=torch.zeros(1))
    torch.testing.assert_close(found, distillation(student=student, teacher=teacher))


def test_a_sparse_teacher_without_its_tail_is_refused():
    parts = sparse(normal(5), [0, 1], [])
    parts["tail_ids"], parts["tail_logprobs"] = torch.zeros(1, 0, dtype=torch.int64), torch.zeros(1, 0)
    with pytest.raises(InputError, match="no tail sample stands for it"):
        sparse_distillation(student=normal(1, 5), **parts)


@pytest.mark.parametrize(
    ("top", "tail", "message"), [([0, 1, 1], [3], "twice in one row"), ([0, 1, 2], [1, 3], "same row's top_ids")]
)
def test_parts_of_a_sparse_teacher_that_overlap_are_refused(top, tail, message):
    with pytest.raises(InputError, match=message):
        sparse_distillation(student=normal(1, 5), **sparse(normal(5), top, tail))
