"""A row of logits (vocabulary,) with what a choice from it must say, in nats, and the draw itself."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.decoding._decoder import Choice
from entropist.errors import InputError
from entropist.logits import statistics


class Row:
    """One next-token distribution: `logits` (vocabulary,), float64."""

    def __init__(self, logits: NDArray[Any]) -> None:
        self.logits = np.asarray(logits, np.float64)
        if self.logits.ndim != 1:
            raise InputError(f"a decoder chooses from one row of logits (vocabulary,); given {self.logits.shape}.")
        found = statistics(self.logits[None])
        self.entropy, self.varentropy = float(found.entropy[0]), float(found.varentropy[0])
        self._normalizer = float(found.log_normalizer[0])

    @cached_property
    def likeliest(self) -> int:
        """The id of the likeliest token, the smallest of equals."""
        return int(self.logits.argmax())

    def logprob(self, token: int) -> float:
        """ln p of a token."""
        return float(self.logits[token]) - self._normalizer

    def chosen(self, token: int, kept: NDArray[Any] | None, rule: str = "", reason: str = "") -> Choice:
        """The choice of `token` from the logits `kept` (vocabulary,), -inf where dropped; None: it was forced."""
        survivors = np.array([token]) if kept is None else np.flatnonzero(kept > -np.inf)
        logits = np.zeros(1) if kept is None else np.asarray(kept[survivors], np.float64)
        left = statistics(logits[None])
        at = int(np.searchsorted(survivors, token))
        return Choice(
            token=token,
            logprob=self.logprob(token),
            kept_logprob=float(logits[at] - left.log_normalizer[0]),
            entropy=self.entropy,
            kept_entropy=float(left.entropy[0]),
            varentropy=self.varentropy,
            kept_mass=min(1.0, float(np.exp(self.logits[survivors] - self._normalizer).sum())),
            kept=len(survivors),
            rank=int((self.logits > self.logits[token]).sum()),
            rule=rule,
            reason=reason,
        )


def drawn(kept: NDArray[Any], rng: np.random.Generator) -> int:
    """A token by its probability under the logits `kept` (vocabulary,): the inverse of their cumulative sum, by id."""
    survivors = np.flatnonzero(kept > -np.inf)
    logits = np.asarray(kept[survivors], np.float64)
    mass = np.exp(logits - logits.max()).cumsum()
    return int(survivors[min(np.searchsorted(mass, rng.random() * mass[-1], side="right"), len(survivors) - 1)])
