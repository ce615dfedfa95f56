"""Beam search, and its diverse form: the likeliest continuations that a narrow search finds, in groups that differ.

A beam is a continuation y of n tokens. With c_t(v), how many beams of the groups before took the token v at step t,

    S(y) = Σ_t [ln p(y_t | y_<t) − λ · c_t(y_t)],        score = S(y) / n^α

in nats. At each step each group, one after the other, keeps the best S among all its beams longer by one token; the
groups share nothing but c (Hamming diversity), so that the first of them is a plain beam search, and one group alone is
that. A beam that ends, by the model's end token or after the most tokens allowed, leaves its place to the next best; a
group stops when no beam of it can come to a better score than all it has ended.

Source: Vijayakumar et al. 2016 (arXiv 1610.02424); α as `length_penalty` of Transformers, whose
``early_stopping="never"`` is the rule for stopping.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from entropist.decoding._checks import number, whole
from entropist.errors import InputError
from entropist.logits import statistics
from entropist.models import LanguageModel, end_tokens, load_model, steps


@dataclass(frozen=True)
class Beam:
    """A continuation that was found: its tokens, the text of their bytes, and how good it is, in nats.

    `logprob` is Σ ln p under the model; `score` what the search ranks by, with the penalty for what earlier groups took
    and over n^α. `group` counts from 0. `ended`: by the model's end token, which is among the tokens and has no bytes.
    """

    token_ids: tuple[int, ...]
    text: str
    logprob: float
    score: float
    group: int
    ended: bool


def beam_search(
    prompt: str,
    *,
    model: str | Path | LanguageModel = "builtin:base",
    beams: int = 4,
    groups: int = 1,
    diversity: float = 0.5,
    length_penalty: float = 1.0,
    max_tokens: int = 30,
    window: int | None = None,
    bos: bool | None = None,
) -> tuple[Beam, ...]:
    """The best continuations of `prompt` that a search with `beams` beams finds, best score first.

    groups: how many groups the beams are dealt to, in equal numbers. diversity: λ, by how many nats a token is worse
    for each beam of an earlier group that took it at this step; one group has none. length_penalty: α, 0 ranks by the
    sum, 1 by the mean of a token. model, window, bos: as for `generate`.

    Raises `InputError` for beams that cannot be dealt equally, negative `diversity`, and as `generate` does.

    When this misleads: this is no sampling. The beams are the most probable texts that a narrow search meets, often
    dull and nearly alike; no entropy and no share of anything can be estimated from them: `rollouts` are for that. More
    beams make better scores, not better texts.

    >>> [beam.text for beam in beam_search("It was the best of", beams=2, max_tokens=3)]
    [' the world.', ' the world to']
    """
    width, parts = whole("beams", beams, 1), whole("groups", groups, 1)
    if width % parts:
        raise InputError(f"{width} beams cannot be dealt to {parts} groups in equal numbers: give a multiple.")
    penalty = number("diversity", diversity, 0)
    alpha = number("length_penalty", length_penalty, -10, 10)
    most = whole("max_tokens", max_tokens, 1)
    speaker = load_model(model) if isinstance(model, (str, Path)) else model
    going = steps(speaker, speaker.tokenize(prompt).ids, window=window, bos=bos)
    searches = [_Group(number, width // parts, alpha, most, end_tokens(speaker)) for number in range(parts)]
    for _ in range(most):
        logprobs = going.logits.astype(np.float64)
        logprobs -= np.asarray(statistics(logprobs).log_normalizer)[:, None]
        taken = np.zeros(logprobs.shape[1])
        for group in searches:
            group.step(logprobs, penalty * taken)
            np.add.at(taken, [each.tokens[-1] for each in group.chosen], 1)
        running = [each for group in searches for each in group.running]
        if not running:
            break
        going = going.fork([each.row for each in running])
        going.push([each.tokens[-1] for each in running])
        for row, each in enumerate(running):
            each.row = row
    found = [beam for group in searches for beam in group.ended]
    return tuple(sorted((_beam(speaker, *each) for each in found), key=lambda beam: -beam.score))


@dataclass
class _Path:
    """A beam on its way: its row in the batch, its tokens, Σ ln p, and S."""

    row: int
    tokens: tuple[int, ...] = ()
    logprob: float = 0.0
    total: float = 0.0


@dataclass
class _Group:
    """One group's search. `chosen` are the beams of the last step, those that ended with it among them."""

    number: int
    width: int
    alpha: float
    most: int
    ends: frozenset[int]
    running: list[_Path] = field(default_factory=lambda: [_Path(0)])
    chosen: list[_Path] = field(default_factory=list)
    ended: list[tuple[float, _Path, int]] = field(default_factory=list)

    def step(self, logprobs: NDArray[np.float64], penalties: NDArray[np.float64]) -> None:
        """Lengthen the running beams by a token: `logprobs` (rows, vocabulary), `penalties` (vocabulary,), nats."""
        before, self.running, self.chosen = self.running, [], []
        if not before:
            return
        n = len(before[0].tokens) + 1
        own = logprobs[[each.row for each in before]]
        totals = own - penalties + np.array([[each.total] for each in before])
        # As many as there must be to find `width` that go on, should every beam end by every end token first.
        for place, best in enumerate(_largest(totals, self.width * (1 + len(self.ends)))):
            parent, token = divmod(int(best), totals.shape[1])
            old = before[parent]
            path = _Path(
                old.row, (*old.tokens, token), old.logprob + float(own[parent, token]), float(totals[parent, token])
            )
            if token in self.ends or n == self.most:
                if place < self.width:
                    self.ended.append((path.total / n**self.alpha, path, self.number))
                    self.chosen.append(path)
            elif len(self.running) < self.width:
                self.running.append(path)
                self.chosen.append(path)
        self.ended = sorted(self.ended, key=lambda each: -each[0])[: self.width]
        longest = self.most if self.alpha > 0 else n  # S only falls, so that this is the best score to hope for
        is_full = len(self.ended) == self.width
        if is_full and self.running and self.running[0].total / longest**self.alpha <= self.ended[-1][0]:
            self.running = []


def _largest(values: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Places in the flattened `values` of the largest `count`, descending, equals in order; none of -inf."""
    flat = values.ravel()
    count = min(count, flat.size)
    bar = np.partition(flat, flat.size - count)[flat.size - count]
    near = np.flatnonzero((flat >= bar) & (flat > -np.inf))
    return np.asarray(near[np.argsort(-flat[near], kind="stable")][:count])


def _beam(model: LanguageModel, score: float, path: _Path, group: int) -> Beam:
    ends = end_tokens(model)
    pieces = b"".join(b"" if token in ends else model.piece(token) for token in path.tokens)
    return Beam(
        token_ids=path.tokens,
        text=pieces.decode("utf-8", "replace"),
        logprob=path.logprob,
        score=score,
        group=group,
        ended=path.tokens[-1] in ends,
    )
