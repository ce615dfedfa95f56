"""Continuations grouped into modes: how many different answers a model has, and how it spreads over them.

    H(mode) = −Σ_m P(m) ln P(m),        effective number of answers = exp H(mode)

from n sampled answers, by an estimator of `entropy` from counts with its interval: n answers show at most n modes,
so that the plug-in cannot exceed ln n and lies too low wherever many answers are possible.

Two answers are in one mode where `same` says so:

    "exact"    the same words, without case and punctuation
    "words"    at least half of their different words in common (Jaccard ≥ 0.5)
    a function of two texts, such as one that asks a model whether they mean the same

A mode is opened by the first answer that is like no mode before; an answer is compared with the first of each mode, in
order. Modes are numbered in the order in which they appeared.

When this misleads: "exact" calls two wordings of one meaning two modes, and "words" two meanings that differ by a
"not" one. Answers that were cut short look more different, or more alike, than they are.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from entropist.errors import InputError
from entropist.estimators import entropy
from entropist.results import Estimate

Same = str | Callable[[str, str], bool]
_OVERLAP = 0.5


@dataclass(frozen=True)
class Modes:
    """`labels` (answers,) of the modes; `counts` and an example text of each mode; `entropy` over modes, nats."""

    labels: tuple[int, ...]
    counts: tuple[int, ...]
    examples: tuple[str, ...]
    entropy: Estimate
    same: str

    @property
    def effective_number(self) -> Estimate:
        """exp of the entropy: how many equally likely answers would be as uncertain; its interval on the log scale."""
        nats = self.entropy.to("nats")
        value = float(np.exp(nats.value))
        return Estimate(
            value, None if nats.stderr is None else value * nats.stderr, "", nats.n, f"exp of {nats.estimator}",
            nats.degrees_of_freedom, log_scale=True, reason=nats.reason, domain=nats.domain,
        )  # fmt: skip


def modes(texts: Sequence[str], *, same: Same = "words", estimator: str = "chao-shen") -> Modes:
    """Group answers into modes, with the entropy over them.

    texts: the answers, one at least. same: "exact", "words", or a function of two texts. estimator: a name that
    `estimators.entropy` takes.

    Raises `InputError` for no text, and another `same`.

    >>> found = modes(["Yes.", "yes", "No, never.", "Yes!"], same="exact")
    >>> found.labels, found.counts
    ((0, 0, 1, 0), (3, 1))
    """
    if not len(texts) or isinstance(texts, str):
        raise InputError("modes are of a list of answers, one at least.")
    alike = _relation(same)
    labels: list[int] = []
    first: list[str] = []
    for text in texts:
        mode = next((number for number, example in enumerate(first) if alike(example, text)), len(first))
        if mode == len(first):
            first.append(text)
        labels.append(mode)
    counts = np.bincount(labels)
    return Modes(
        labels=tuple(labels),
        counts=tuple(counts.tolist()),
        examples=tuple(first),
        entropy=entropy(counts=counts, estimator=estimator),
        same=same if isinstance(same, str) else getattr(same, "__name__", "a function"),
    )


def _relation(same: Same) -> Callable[[str, str], bool]:
    if callable(same):
        return same
    if same == "exact":
        return lambda a, b: _words(a) == _words(b)
    if same == "words":
        return _overlap
    raise InputError(f'same is "exact", "words" or a function of two texts; given {same!r}.')


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _overlap(a: str, b: str) -> bool:
    one, other = set(_words(a)), set(_words(b))
    if not one | other:
        return True
    return len(one & other) >= _OVERLAP * len(one | other)
