"""Rollouts: many continuations of one prompt at once, their entropy, their modes, and the best of them.

`entropy` is of the continuations as sequences of tokens (`sequence_entropy`), `modes` of what they say (`modes`): ten
wordings of one answer are ten sequences and one mode. Both are of the sampler that drew them; only "temperature=1"
draws from the model itself. `best` is the sample whose tokens the model found most likely on average, (1/n) Σ ln p.

When this misleads: the best by likelihood is often the dullest, and a loop is very likely. Entropy over modes depends
on what counts as the same.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.decoding._generate import Starter, generate
from entropist.decoding._generation import Generation
from entropist.decoding.samples._modes import Modes, Same, modes
from entropist.decoding.samples._sequence_entropy import SequenceEntropy, sequence_entropy
from entropist.errors import InputError
from entropist.logits import TemperatureCurve, entropy_at_temperature
from entropist.models import LanguageModel, load_model, steps


@dataclass(frozen=True)
class Rollouts:
    """Continuations with what they say together; `mean_logprobs` (samples,) is under the model, nats a token."""

    generation: Generation
    mean_logprobs: tuple[float, ...]
    same: Same

    @cached_property
    def entropy(self) -> SequenceEntropy:
        """Entropy of the continuations as sequences; `InputError` where an adaptive decoder chose among its draws."""
        table = self.generation.steps
        if any(table["rule"].to_pylist()):
            raise InputError(
                "an adaptive decoder keeps the best of its draws or puts text in, so its tokens are no samples of the "
                "distributions recorded: give a chain as the sampler."
            )
        parts = self._of_samples
        entropies, logprobs = (table[name].to_numpy() for name in ("kept_entropy", "kept_logprob"))
        return sequence_entropy([entropies[rows] for rows in parts], [logprobs[rows] for rows in parts])

    @cached_property
    def modes(self) -> Modes:
        """The continuations grouped by `same`; warns where all differ."""
        return modes(self.generation.texts, same=self.same)

    @cached_property
    def _of_samples(self) -> list[NDArray[np.intp]]:
        """The rows of `generation.steps` of each sample."""
        sample = self.generation.steps["sample"].to_numpy()
        return [np.flatnonzero(sample == number) for number in range(len(self.generation))]

    @property
    def best(self) -> int:
        """The sample with the highest mean log-probability."""
        return int(np.argmax(self.mean_logprobs))


def rollouts(
    prompt: str | Generation,
    *,
    same: Same = "words",
    model: str | Path | LanguageModel = "builtin:base",
    sampler: str | Starter = "temperature=1",
    max_tokens: int = 30,
    samples: int = 200,
    seed: int = 0,
    **options: Any,
) -> Rollouts:
    """Continue `prompt` many times and say how the continuations spread; or do so of a `Generation` that exists.

    same: what makes two answers one mode, see `modes`. The rest is as for `generate`. An error of the entropy needs 8
    samples, one over modes 200.

    Raises `InputError` where a sample has no token, and as `generate` does.

    >>> found = rollouts("It was the best of", samples=8, max_tokens=1, sampler="top_k=2")
    >>> len(found.generation), found.entropy.rao_blackwell.unit, sum(found.modes.counts)
    (8, 'nats', 8)
    """
    made = prompt
    if not isinstance(made, Generation):
        made = generate(
            made, model=model, sampler=sampler, max_tokens=max_tokens, samples=samples, seed=seed, **options
        )
    found = Rollouts(made, (), same)
    empty = [number for number, rows in enumerate(found._of_samples) if not len(rows)]
    if empty:
        raise InputError(f"sample {empty[0]} has no token ({made.settings.stopped[empty[0]]}): nothing to measure.")
    logprob = made.steps["logprob"].to_numpy()
    return replace(found, mean_logprobs=tuple(float(logprob[rows].mean()) for rows in found._of_samples))


def prompt_entropy(
    prompt: str, temperatures: Any, *, model: str | Path | LanguageModel = "builtin:base"
) -> TemperatureCurve:
    """H(T) of the token that follows `prompt`, and its slope dH/d ln T, which is the varentropy at T.

    temperatures: a number or an array, positive. Both in nats, arrays of the shape of `temperatures`.

    >>> prompt_entropy("It was the best of", [0.5, 1.0]).entropy.round(2).tolist()
    [1.23, 4.44]
    """
    speaker = load_model(model) if isinstance(model, (str, Path)) else model
    row = steps(speaker, speaker.tokenize(prompt).ids).logits[0]
    return entropy_at_temperature(np.asarray(row), temperatures)
