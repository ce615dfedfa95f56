"""Distillation against autograd of the plain float64 formula: masks, limits, precision, refusals."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from campaigns import campaign
from entropist.errors import InputError
from entropist.losses import _divergences, distillation, head_distillation
from loss_formulas import expected, normal

KINDS = ["forward_kl", "reverse_kl", "jeffreys", "js", "generalized_js", "total_variation"]


def both(student, teacher, **options):
    """Values and gradients of every row, ours."""
    z = student.clone().requires_grad_()
    values = distillation(student=z, teacher=teacher, reduction="none", **options)
    return values.detach(), torch.autograd.grad(values.sum(), z)[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("temperature", [1.0, 0.05, 7.0])
@pytest.mark.parametrize("scaled", [True, False])
def test_values_and_gradients_are_those_of_the_plain_formula(kind, temperature, scaled):
    student, teacher = normal(13, 11, seed=1, scale=0.5), normal(13, 11, seed=2, scale=0.5)
    options = {"beta": 0.3, "temperature": temperature}
    found = both(student, teacher, divergence=kind, scale_by_temperature_squared=scaled, **options)
    wanted = expected(student, teacher, kind=kind, **options)
    factor = temperature**2 if scaled else 1.0
    for one, other in zip(found, wanted):
        torch.testing.assert_close(one, other * factor, rtol=1e-6, atol=1e-13 * factor / temperature)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", ["both", "student", "teacher"])
def test_masked_logits_have_no_effect(kind, masked):
    """Where either is masked, the plain formula is taken over the entries that contribute."""
    student, teacher = normal(7, 11, seed=3), normal(7, 11, seed=4)
    gone = torch.tensor([2, 5])
    if masked in ("both", "student"):
        student[:, gone] = -math.inf
    if masked in ("both", "teacher"):
        teacher[:, gone] = -math.inf
    values, gradients = both(student, teacher, divergence=kind, beta=0.3)
    p, q = teacher.softmax(-1), student.softmax(-1)
    # An entry that one masks leaves the other's mass alone there: a point of its own in the sums.
    infinite = {"student": ("forward_kl", "jeffreys"), "teacher": ("reverse_kl", "jeffreys")}
    if kind in infinite.get(masked, ()):
        assert torch.isinf(values).all()
        assert torch.isfinite(gradients).all()
        return
    z = student.clone().requires_grad_()
    s, beta = z.softmax(-1), 0.5 if kind == "js" else 0.3
    m = (1 - beta) * s + beta * p

    def kl(a, b):
        live = (a > 0) & (b > 0)
        return (a * (torch.where(live, a, 1).log() - torch.where(live, b, 1).log())).sum(-1)

    wanted = {
        "forward_kl": lambda: kl(p, s),
        "reverse_kl": lambda: kl(s, p),
        "jeffreys": lambda: kl(p, s) + kl(s, p),
        "js": lambda: (kl(p, m) + kl(s, m)) / 2,
        "generalized_js": lambda: (beta * kl(p, m) + (1 - beta) * kl(s, m)) / (beta * (1 - beta)),
        "total_variation": lambda: (s - p).abs().sum(-1) / 2,
    }[kind]()
    torch.testing.assert_close(values, wanted.detach(), rtol=1e-9, atol=0)
    torch.testing.assert_close(gradients, torch.autograd.grad(wanted.sum(), z)[0].nan_to_num(), rtol=1e-6, atol=1e-12)
    if masked == "both":
        assert (gradients[:, gone] == 0).all()
    assert torch.isfinite(q).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_the_lowest_number_masks_as_minus_infinity_does(kind, dtype, temperature):
    for sides in ((0,), (1,), (0, 1)):
        low, infinite = ([normal(3, 7, seed=i, dtype=dtype) for i in range(2)] for _ in range(2))
        for i in sides:
            low[i][:, 2] = torch.finfo(dtype).min
            infinite[i][:, 2] = -math.inf
        for one, other in zip(*(both(*z, divergence=kind, temperature=temperature) for z in (low, infinite))):
            torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_log_probabilities_below_minus_110_stay_finite_and_right(kind, dtype):
    """Single precision has no e^−110: a mixture of the two probabilities is then 0, and 0·ln 0 a NaN elsewhere."""
    student = torch.tensor([[0.0, 1.0, -119.0, -130.0], [2.0, 1.0, -200.0, -150.0]], dtype=dtype)
    teacher = torch.tensor([[0.5, 0.2, -130.0, -112.0], [0.1, 1.0, -150.0, -200.0]], dtype=dtype)
    found = both(student, teacher, divergence=kind, beta=0.4)
    wanted = expected(student, teacher, kind=kind, beta=0.4)
    for one, other in zip(found, wanted):
        torch.testing.assert_close(one.double(), other, rtol=1e-6, atol=1e-16 if dtype == torch.float64 else 1e-7)
    if dtype == torch.float64 and kind == "forward_kl":  # entries of 1e-52 keep their digits
        torch.testing.assert_close(found[1][:, 2:], wanted[1][:, 2:], rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("beta", "limit"), [(1e-6, "forward_kl"), (1 - 1e-6, "reverse_kl")])
def test_the_generalized_divergence_is_continuous_at_both_ends(dtype, beta, limit):
    student, teacher = normal(5, 17, seed=5, scale=1, dtype=dtype), normal(5, 17, seed=6, scale=1, dtype=dtype)
    near = both(student, teacher, divergence="generalized_js", beta=beta)
    end = both(student, teacher, divergence="generalized_js", beta=round(beta))
    same = both(student, teacher, divergence=limit)
    for a, b, c in zip(near, end, same):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(b, c, rtol=0, atol=0)
    wanted = expected(student, teacher, kind="generalized_js", beta=beta)
    torch.testing.assert_close(near[1].double(), wanted[1], rtol=1e-6, atol=1e-9 if dtype == torch.float64 else 1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("beta", [0.2, 0.5, 0.8])
def test_the_ways_of_the_middle_and_of_the_ends_meet(dtype, beta, monkeypatch):
    student, teacher = normal(5, 1009, seed=5, dtype=dtype), normal(5, 1009, seed=6, dtype=dtype)
    student[:, 3] = teacher[:, 3] = student[:, 7] = teacher[:, 8] = -math.inf
    middle = both(student, teacher, divergence="generalized_js", beta=beta)
    monkeypatch.setattr(_divergences, "_MIDDLE", 1.0)
    ends = both(student, teacher, divergence="generalized_js", beta=beta)
    for one, other in zip(middle, ends):
        tolerance = 1e-6 if dtype == torch.float32 else 1e-14
        assert (one - other).norm() <= tolerance * other.norm()


def test_a_beta_that_single_precision_cannot_tell_from_0_is_refused():
    with pytest.raises(InputError, match="give 0, its limit"):
        distillation(student=normal(1, 3), teacher=normal(1, 3), divergence="generalized_js", beta=1e-40)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_equal_logits_have_no_distance_and_no_gradient(kind, dtype):
    z = normal(3, 1009, seed=7, dtype=dtype)
    values, gradients = both(z, z.clone(), divergence=kind, temperature=0.7)
    assert (values == 0).all()
    assert (gradients == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_keeps_a_millionth_over_a_large_vocabulary(kind):
    student, teacher = normal(2, 262_144, seed=8, dtype=torch.float32), normal(2, 262_144, seed=9, dtype=torch.float32)
    found, wanted = both(student + 40, teacher, divergence=kind), expected(student + 40, teacher, kind=kind)
    assert (found[0] - wanted[0]).abs().max() <= 1e-6 * wanted[0].abs().clamp(min=1).max()
    error = (found[1].double() - wanted[1]).norm(dim=-1) / wanted[1].norm(dim=-1)
    assert error.max() < 1e-6


def test_a_random_search_finds_no_negative_or_unequal_value():
    generator = torch.Generator().manual_seed(10)
    for _ in range(campaign(2000, 100)):
        scale = 10 ** (4 * torch.rand((), generator=generator).item() - 2)
        student, teacher = (scale * torch.randn(3, 7, generator=generator, dtype=torch.float64) for _ in range(2))
        beta = torch.rand((), generator=generator).item()
        for kind in KINDS:
            found = both(student, teacher, divergence=kind, beta=beta)
            wanted = expected(student, teacher, kind=kind, beta=beta)
            assert (found[0] >= 0).all()
            torch.testing.assert_close(found[0], wanted[0], rtol=1e-7, atol=1e-12)
            torch.testing.assert_close(found[1], wanted[1], rtol=1e-6, atol=1e-11)


def test_the_scaled_gradient_hardly_depends_on_the_temperature_and_the_unscaled_one_falls_as_its_square():
    student, teacher = normal(5, 9, seed=11, scale=1), normal(5, 9, seed=12, scale=1)
    for scaled, ratio in ((True, 1.0), (False, 1 / 4)):
        small, large = (
            both(student, teacher, temperature=t, scale_by_temperature_squared=scaled)[1].norm() for t in (50.0, 100.0)
        )
        assert large / small == pytest.approx(ratio, rel=0.02)


def test_the_hard_part_is_cross_entropy_at_temperature_one():
    student, teacher, targets = normal(6, 9), normal(6, 9, seed=1), torch.tensor([0, 3, -100, 8, 2, 2])
    soft = distillation(student=student, teacher=teacher, temperature=3.0)
    mixed = distillation(student=student, teacher=teacher, temperature=3.0, targets=targets, hard_weight=0.25)
    torch.testing.assert_close(mixed, 0.75 * soft + 0.25 * cross_entropy(student, targets))


@pytest.mark.parametrize("kind", KINDS)
def test_masked_rows_are_not_read(kind):
    student, teacher = normal(2, 4, 9, seed=1), normal(2, 4, 9, seed=2)
    mask = torch.tensor([[True, True, False, False], [True, False, True, True]])
    clean = distillation(student=student, teacher=teacher, divergence=kind, mask=mask)
    spoiled, wrong = student.clone(), teacher.clone()
    spoiled[~mask], wrong[~mask] = math.nan, -math.inf
    z = spoiled.requires_grad_()
    loss = distillation(student=z, teacher=wrong, divergence=kind, mask=mask)
    (gradient,) = torch.autograd.grad(loss, z)
    assert loss == clean
    assert (gradient[~mask] == 0).all()
    assert torch.isfinite(gradient).all()


def test_no_gradient_goes_to_the_teacher():
    student, teacher = normal(2, 5).requires_grad_(), normal(2, 5, seed=1).requires_grad_()
    distillation(student=student, teacher=teacher).backward()
    assert teacher.grad is None


GOOD = {"student": torch.zeros(2, 3, 5), "teacher": torch.zeros(2, 3, 5)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"student": torch.zeros(2, 3, 4)}, "vocabulary of 4 and teacher one of 5"),
        ({"student": torch.zeros(2, 5)}, "give both the same"),
        ({"student": [[0.0]]}, "must be a torch tensor"),
        ({"student": torch.zeros(2, 3, 5, dtype=torch.int64)}, "floating-point"),
        ({"student": torch.full((2, 3, 5), math.nan)}, "student row 0 contains NaN"),
        ({"teacher": torch.full((2, 3, 5), -math.inf)}, "teacher row 0 contains nothing but -inf"),
        ({"temperature": 0.0}, "temperature must be a number, more than 0"),
        ({"divergence": "kl"}, "'kl' is not known: use one of forward_kl"),
        ({"reduction": "mean"}, "use one of token_mean"),
        ({"mask": torch.zeros(2, 3)}, "keeps no token"),
        ({"mask": torch.full((2, 3), 0.5)}, "1 and 0"),
        ({"mask": torch.ones(3, 2)}, "mask has shape"),
        ({"hard_weight": 0.5}, "needs both targets and a hard_weight"),
        ({"targets": torch.full((2, 3), 5), "hard_weight": 0.5}, "target 5, which is no token"),
        ({"beta": 1.5}, "at most 1"),
        ({"student": torch.zeros(0, 5), "teacher": torch.zeros(0, 5)}, "there are no tokens"),
    ],
)
def test_what_cannot_be_distilled_is_refused_with_the_reason(change, message):
    with pytest.raises(InputError, match=message):
        distillation(**(GOOD | change))


def test_a_bad_row_is_named_by_its_place_among_all_rows():
    student = torch.zeros(2, 3, 5)
    student[1, 2, 0] = math.nan
    mask = torch.tensor([[False, True, True], [True, False, True]])
    with pytest.raises(InputError, match="student row 5 contains NaN"):
        distillation(student=student, teacher=torch.zeros(2, 3, 5), mask=mask)
    with pytest.raises(InputError, match="student row 5 contains NaN"):
        head_distillation(
            student=student, student_weight=torch.eye(5), teacher=torch.zeros(2, 3, 5), teacher_weight=torch.eye(5),
            mask=mask, chunk_rows=1,
        )  # fmt: skip


def test_read_only_strided_and_expanded_logits_are_read_as_they_are():
    base = normal(5, 22, seed=1)
    student, teacher = base[:, ::2], normal(1, 11, seed=2).expand(5, 11)
    torch.testing.assert_close(
        distillation(student=student, teacher=teacher),
        distillation(student=student.contiguous(), teacher=teacher.contiguous()),
    )
