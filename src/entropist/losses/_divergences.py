"""Divergences of student and teacher, value and gradient by the student's logits, for a chunk of rows.

With s, t the softmax of student and teacher, r = ln t − ln s, and every gradient of the form s·(c − Σ s c):

    forward_kl      KL(t‖s) = Σ t r + s − t       gradient s − t
    reverse_kl      KL(s‖t) = Σ −s r + t − s      c = −r
    jeffreys        KL(t‖s) + KL(s‖t)
    generalized_js  [β KL(t‖m) + (1−β) KL(s‖m)] / (β(1−β)),  m = (1−β)s + βt
                    = −Σ s a/β + t b/(1−β),  a = ln(1 + β(e^r − 1)),  b = ln(1 + (1−β)(e^{−r} − 1));   c = −a/β
    js              β(1−β) of it at β = ½, that is Σ ½ s ln(s/m) + ½ t ln(t/m)
    total_variation ½ Σ |s − t|                   c = ½ sign(s − t)

The sum s − t, which is 0, makes the KLs insensitive to the rounding of either normaliser. `a` is computed without
e^r, so nothing underflows where both probabilities do, and b = a − r. A KL is infinite where one side masks what has a
probability, in the arithmetic of the rows, on the other. β → 0 gives forward_kl and β → 1 reverse_kl, also in floats.
c is taken less its value at the student's most likely token: where s is nearly 1 there, c − Σ s c would cancel.
"""

import math
from typing import Literal

import torch

from entropist.losses._softmax import Rows

Divergence = Literal["forward_kl", "reverse_kl", "jeffreys", "js", "generalized_js", "total_variation"]
"""How far the student is from the teacher, as in the table above."""

_MIDDLE = 0.2  # β from here to 1 − it: there a and b are of one size
Found = tuple[torch.Tensor, torch.Tensor | None]


def divergence(name: str, student: Rows, teacher: Rows, beta: float, gradient: bool) -> Found:
    """The value of each row (rows,) in float64, and its gradient (rows, vocabulary) by z/T of the student, or None."""
    if name == "forward_kl" or (name == "generalized_js" and beta == 0):
        return _forward(student, teacher, gradient)
    if name == "reverse_kl" or (name == "generalized_js" and beta == 1):
        return _reverse(student, teacher, gradient)
    if name == "jeffreys":
        (forward, one), (reverse, other) = _forward(student, teacher, gradient), _reverse(student, teacher, gradient)
        return forward + reverse, None if one is None or other is None else one.add_(other)
    if name == "total_variation":
        return _total_variation(student, teacher, gradient)
    scale = 0.25 if name == "js" else 1.0
    value, by = _generalized(student, teacher, 0.5 if name == "js" else beta, gradient)
    return value * scale, None if by is None else by.mul_(scale)


def _forward(student: Rows, teacher: Rows, gradient: bool) -> Found:
    pull = student.p - teacher.p
    value = _sum(teacher.p * _ratio(student, teacher) + pull).clamp_(min=0)
    if student.masked is not None:
        value[(student.masked & (teacher.p > 0)).any(-1)] = math.inf
    return value, pull if gradient else None


def _reverse(student: Rows, teacher: Rows, gradient: bool) -> Found:
    r = _ratio(student, teacher)
    value = _sum(teacher.p - student.p - student.p * r).clamp_(min=0)
    by = _centred(student.p, -r) if gradient else None
    if teacher.masked is not None:
        # No direction leads out of an infinite value, so its gradient is left at 0.
        infinite = (teacher.masked & (student.p > 0)).any(-1)
        value[infinite] = math.inf
        if by is not None:
            by[infinite] = 0
    return value, by


def _generalized(student: Rows, teacher: Rows, beta: float, gradient: bool) -> Found:
    a, b = _log_mixtures(_ratio(student, teacher), beta)
    if teacher.masked is not None:
        a.masked_fill_(teacher.masked, math.log1p(-beta))
    if student.masked is not None:
        a.masked_fill_(student.masked, 0)
        b.masked_fill_(student.masked, math.log(beta))
    if teacher.masked is not None:
        b.masked_fill_(teacher.masked, 0)
    towards, away = a.div_(-beta), b.div_(beta - 1)
    value = _sum((teacher.p * away).addcmul_(student.p, towards)).clamp_(min=0)
    return value, _centred(student.p, towards) if gradient else None


def _total_variation(student: Rows, teacher: Rows, gradient: bool) -> Found:
    off = student.p - teacher.p
    value = _sum(off.abs()) / 2
    return value, _centred(student.p, off.sign_().div_(2)) if gradient else None


def _centred(s: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """s·(c − Σ s c)."""
    c -= c.gather(-1, s.argmax(-1, keepdim=True))
    terms = s * c
    return terms - s * _sum(terms, keep=True).to(s.dtype)


def _ratio(student: Rows, teacher: Rows) -> torch.Tensor:
    """ln t − ln s, and 0 where either is masked."""
    r = teacher.log_p - student.log_p
    for each in (student.masked, teacher.masked):
        if each is not None:
            r.masked_fill_(each, 0)
    return r


def _log_mixtures(r: torch.Tensor, beta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """a and b. As b = a − r, the one that is at most 0 gives the other, but near the ends, where that one is tiny."""
    if not _MIDDLE <= beta <= 1 - _MIDDLE:
        return _log_mixture(r, beta, 1 - beta), _log_mixture(-r, 1 - beta, beta)
    size = r.abs()
    weight = 0.5 if beta == 0.5 else torch.where(r > 0, r.new_tensor(1 - beta), r.new_tensor(beta))
    low = torch.expm1(-size).mul_(weight).log1p_()
    high = size.add_(low)
    return torch.where(r > 0, high, low), torch.where(r > 0, low, high)


def _log_mixture(r: torch.Tensor, weight: float, rest: float) -> torch.Tensor:
    """ln(rest + weight·e^r), rest = 1 − weight, to full relative precision, also where e^r is no float."""
    near = torch.log1p(weight * torch.expm1(r.clamp(max=1)))
    if weight > 0.5:
        near = torch.where(r < -0.5, torch.log(rest + weight * torch.exp(r.clamp(max=0))), near)
    far = r.clamp(min=1)
    log = math.log(weight) + far + torch.log1p(-torch.exp(-far))
    return torch.where(r < 1, near, torch.nn.functional.softplus(log, threshold=40))


def _sum(terms: torch.Tensor, keep: bool = False) -> torch.Tensor:
    return terms.sum(-1, keepdim=keep, dtype=torch.float64)
