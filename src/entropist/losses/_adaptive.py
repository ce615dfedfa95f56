"""Coefficients that follow a measurement: of a KL penalty, of an entropy bonus. `update` returns a new one.

    proportional   c ← c·(1 + clip(observed/target − 1, ±clip)·steps/horizon)     Ziegler et al. 2019 (arXiv:1909.08593)
    stepwise       c ← clip(c ± step, low, high), up where observed <= target       for an entropy that must not fall

The first raises a penalty while the KL is above its target; the second raises a bonus while the entropy is below it.
"""

from dataclasses import dataclass, replace

from entropist.errors import InputError
from entropist.losses._reduce import number


@dataclass(frozen=True)
class AdaptiveKLCoefficient:
    """The coefficient of a KL penalty that steers the observed KL to `target` (nats, in the unit it is observed in).

    `horizon` is how many samples it takes to answer an error of 100 %; a step answers at most `clip` of it.

    >>> AdaptiveKLCoefficient(0.2, target=6.0, horizon=10000).update(9.0, steps=256).value
    0.201024
    """

    value: float
    target: float
    horizon: float = 10000.0
    clip: float = 0.2

    def __post_init__(self) -> None:
        for name in ("value", "target", "horizon", "clip"):
            number(name, getattr(self, name), above=0)

    def update(self, observed: float, steps: int) -> "AdaptiveKLCoefficient":
        """The coefficient after `steps` samples with a mean KL of `observed`; estimates below 0 count as they are.

        steps: fewer than horizon/clip, from where on one update could take the coefficient to 0.
        """
        if not 0 <= number("steps", steps) < self.horizon / self.clip:
            raise InputError(
                f"steps must be at least 0 and less than horizon/clip, {self.horizon / self.clip:g}; given {steps!r}: "
                "raise the horizon."
            )
        error = number("observed", observed) / self.target - 1
        return replace(self, value=self.value * (1 + max(-self.clip, min(self.clip, error)) * steps / self.horizon))


@dataclass(frozen=True)
class AdaptiveEntropyCoefficient:
    """The coefficient of an entropy bonus: up by `step` while the entropy is at most `target` (nats), down while above.

    >>> AdaptiveEntropyCoefficient(0.01, target=1.2, step=0.005, high=0.1).update(0.9).value
    0.015
    """

    value: float
    target: float
    step: float = 0.005
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        for name in ("value", "target", "low"):
            number(name, getattr(self, name), low=0)
        number("step", self.step, above=0)
        number("high", self.high, low=self.low)

    def update(self, observed: float) -> "AdaptiveEntropyCoefficient":
        """The coefficient after a batch with a mean entropy of `observed`."""
        towards = self.step if number("observed", observed) <= self.target else -self.step
        return replace(self, value=max(self.low, min(self.high, self.value + towards)))
