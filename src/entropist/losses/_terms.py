"""Losses of single tokens by their logits: value and gradient of a chunk of rows at once.

    hard   (1−ε)·(−ln s_y) + ε·mean over live v of (−ln s_v) + ζ·(ln Σ e^z)²
           gradient by z: (1 + 2ζ ln Σ e^z)·s − (1−ε)·1[y] − ε·1[live]/live
    soft   factor·D(teacher, student) of z/T; gradient by z: factor/T times that of `_divergences`

A masked logit is not live: label smoothing spreads over what can be said. `head_loss` adds terms, each with its
weight per token, and both engines (`_from_logits`, `_from_hidden`) know nothing else of a loss.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch

from entropist.losses._divergences import Found, divergence
from entropist.losses._softmax import softmax


class Term(Protocol):
    """A loss of every row of logits."""

    def __call__(
        self, z: torch.Tensor, teacher: torch.Tensor | None, at: slice, numbers: torch.Tensor | None, gradient: bool
    ) -> Found:
        """Values (rows,) in float64 and the gradient (rows, vocabulary) or None, of the rows `at` of all."""
        ...


@dataclass(frozen=True)
class Hard:
    """Cross-entropy to `targets` (all rows,), with label smoothing ε and z-loss ζ."""

    targets: torch.Tensor
    label_smoothing: float = 0.0
    z_loss: float = 0.0
    name: str = "logits"

    def __call__(
        self, z: torch.Tensor, teacher: torch.Tensor | None, at: slice, numbers: torch.Tensor | None, gradient: bool
    ) -> Found:
        """As in `Term`."""
        ids = self.targets[at][:, None]
        rows = softmax(z, 1.0, self.name, numbers, at.start)
        normalizer = rows.log_normalizer
        value = normalizer - z.gather(-1, ids)[:, 0].double()
        if rows.masked is not None:
            value = value.masked_fill(rows.masked.gather(-1, ids)[:, 0], math.inf)
        if self.label_smoothing:
            live = torch.ones_like(z, dtype=torch.bool) if rows.masked is None else ~rows.masked
            count = live.sum(-1, dtype=torch.float64)
            spread = normalizer - torch.where(live, z, 0.0).sum(-1, dtype=torch.float64) / count
            share = 1 - self.label_smoothing
            value = share * value + self.label_smoothing * spread if share else spread  # 0·inf of a masked target
        if self.z_loss:
            value = value + self.z_loss * normalizer.square()
        if not gradient:
            return value, None
        by = rows.p
        if self.z_loss:
            by.mul_((1 + 2 * self.z_loss * normalizer)[:, None].to(by.dtype))
        if self.label_smoothing:
            by -= live * (self.label_smoothing / count)[:, None].to(by.dtype)
        by.scatter_add_(-1, ids, by.new_full(ids.shape, self.label_smoothing - 1))
        return value, by


@dataclass(frozen=True)
class Soft:
    """A divergence of student and teacher at one temperature, times `factor`."""

    divergence: str
    beta: float
    temperature: float
    factor: float

    def __call__(
        self, z: torch.Tensor, teacher: torch.Tensor | None, at: slice, numbers: torch.Tensor | None, gradient: bool
    ) -> Found:
        """As in `Term`."""
        assert teacher is not None
        dtype = torch.promote_types(z.dtype, teacher.dtype)
        s = softmax(z.to(dtype), self.temperature, "student", numbers, at.start)
        t = softmax(teacher.to(dtype), self.temperature, "teacher", numbers, at.start)
        value, by = divergence(self.divergence, s, t, self.beta, gradient)
        if by is not None:
            by = by.mul_(self.factor / self.temperature).to(z.dtype)
        return value * self.factor, by
