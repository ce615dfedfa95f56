"""Distillation against autograd of the plain float64 formula: masks, limits, precision, heads, sparse teachers."""

import itertools
import math

import pytest
import torch
from torch.nn.functional import cross_entropy, kl_div
from torch.utils.checkpoint import checkpoint

from campaigns import campaign
from entropist.errors import InputError
from entropist.losses import _divergences, distillation, head_cross_entropy, head_distillation, sparse_distillation
from entropist.losses import cross_entropy as ours_cross_entropy

KINDS = ["forward_kl", "reverse_kl", "jeffreys", "js", "generalized_js", "total_variation"]


def normal(*shape, seed=0, scale=3.0, dtype=torch.float64):
    return (scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))).to(dtype)


def plain(student, teacher, kind, beta=0.5, temperature=1.0):
    """The textbook formula of every row, without T²; both must be unmasked."""
    ls, lt = (student / temperature).log_softmax(-1), (teacher / temperature).log_softmax(-1)

    def kl(log_p, log_q):
        return kl_div(log_q, log_p, log_target=True, reduction="none").sum(-1)

    if kind == "forward_kl":
        return kl(lt, ls)
    if kind == "reverse_kl":
        return kl(ls, lt)
    if kind == "jeffreys":
        return kl(ls, lt) + kl(lt, ls)
    if kind == "total_variation":
        return (ls.exp() - lt.exp()).abs().sum(-1) / 2
    weight = 0.5 if kind == "js" else beta
    mixture = torch.logaddexp(ls + math.log1p(-weight), lt + math.log(weight))
    value = weight * kl(lt, mixture) + (1 - weight) * kl(ls, mixture)
    return value if kind == "js" else value / (weight * (1 - weight))


def both(student, teacher, **options):
    """Values and gradients of every row, ours."""
    z = student.clone().requires_grad_()
    values = distillation(student=z, teacher=teacher, reduction="none", **options)
    return values.detach(), torch.autograd.grad(values.sum(), z)[0]


def expected(student, teacher, **options):
    z = student.double().requires_grad_()
    values = plain(z, teacher.double(), **options)
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
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            for each in result if isinstance(result, (tuple, list)) else [result]:
                if isinstance(each, torch.Tensor):
                    largest = max(largest, each.untyped_storage().nbytes() // each.element_size())
            return result

    tokens, vocabulary, width = 512, 4096, 8
    hidden, weight = normal(tokens, width, dtype=torch.float32), normal(vocabulary, width, dtype=torch.float32)
    with Watch():
        h, w = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
        head_distillation(student=h, student_weight=w, teacher=hidden, teacher_weight=weight, chunk_rows=32).backward()
    assert largest <= tokens * vocabulary / 8


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
