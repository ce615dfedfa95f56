"""`Adaptive`: a decoder that looks at entropy and varentropy first, and then decides how to choose.

Which rule fires is decided by H and V of the model's own distribution, before any temperature. Only logits are read:
the attention metrics of entropix (entropy, agreement, interaction of heads) are not, so its thresholds are used as far
as they speak of logits.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.decoding._chain import chain
from entropist.decoding._decoder import Choice
from entropist.decoding._row import Row, drawn
from entropist.decoding.adaptive._rules import THRESHOLDS, Abstain, Branch, Cue, Draw, Greedy, Rule, Thresholds
from entropist.errors import EntropistError, InputError
from entropist.models import LanguageModel, Steps, end_tokens


class Abstention(EntropistError):  # noqa: N818  no fault of anyone's
    """A decoder would rather not answer: `generate` ends the sample there and records the reason."""


@dataclass(frozen=True)
class Adaptive:
    """An adaptive decoder by named `thresholds` ("entropix-v1", "-v2", "-v3", "abstain") or `Thresholds` of your own.

    `cue` is the text that rules put in where they ask the model to think again; None leaves each its own.
    Give it to `generate` as the sampler; `start` makes a decoder for a loop of your own, which can draw, but neither
    branch over more than a token nor put in a cue unless `join` gives it the model.

    When this misleads: the thresholds were tuned on one model of one vocabulary. On another, look at how often each
    rule fires before believing that it does what its name says.

    >>> import numpy as np
    >>> decoder = Adaptive("entropix-v3").start(seed=0)
    >>> choice = decoder.choose(np.array([9.0, 0.0, 0.0]))
    >>> choice.token, choice.rule, choice.reason
    (0, 'low entropy, low varentropy', 'H = 0.00247 nats, V = 0.02 nats²: the likeliest token')
    """

    thresholds: str | Thresholds = "entropix-v3"
    cue: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.thresholds, str) and self.thresholds not in THRESHOLDS:
            raise InputError(f"there are no thresholds {self.thresholds!r}: use one of {', '.join(THRESHOLDS)}.")
        if self.cue == "":
            raise InputError("a cue must have a character at least.")

    @property
    def rules(self) -> Thresholds:
        """The set in use."""
        return THRESHOLDS[self.thresholds] if isinstance(self.thresholds, str) else self.thresholds

    def start(self, seed: int = 0, previous: Sequence[int] = ()) -> "AdaptiveDecoder":
        """A decoder for one text; `previous` tokens play no part in its rules."""
        return AdaptiveDecoder(self, seed)

    def __str__(self) -> str:
        return f"adaptive={self.rules.name}"


class AdaptiveDecoder:
    """The running state of an `Adaptive`: its generator, and tokens it has decided upon already."""

    def __init__(self, adaptive: Adaptive, seed: int) -> None:
        self._rules, self._cue = adaptive.rules, adaptive.cue
        self._rng = np.random.default_rng(seed)
        self._decided: deque[tuple[int, Rule, str, Draw | None]] = deque()
        self._since_cue = math.inf
        self._model: LanguageModel | None = None
        self._ahead: Callable[[int], Steps] | None = None
        self._ends: frozenset[int] = frozenset()

    def join(self, model: LanguageModel, ahead: Callable[[int], Steps]) -> None:
        """Give it the model, for the tokens of a cue, and `ahead(k)`: k copies of its text to try continuations on."""
        self._model, self._ahead, self._ends = model, ahead, end_tokens(model)

    def accept(self, ids: Sequence[int]) -> None:
        """Tokens from elsewhere: what was decided for their place is dropped."""
        self._decided.clear()

    def choose(self, logits: NDArray[Any]) -> Choice:
        """The next token by the rule that fires on `logits` (vocabulary,). Raises `Abstention`."""
        row = Row(logits)
        self._since_cue += 1
        if self._decided:
            token, rule, why, draw = self._decided.popleft()
            if draw is None:  # a cue: no other token was possible
                self._since_cue = 0
                return row.chosen(token, None, rule.name, why)
            return row.chosen(token, self._kept(row, draw), rule.name, why)
        rule = self._rules.rule(entropy=row.entropy, varentropy=row.varentropy)
        choice = self._by(rule, row)
        return replace(choice, reason=f"{self._measured(row)}: {choice.reason}")

    def _by(self, rule: Rule, row: Row) -> Choice:
        match rule.action:
            case Greedy():
                return row.chosen(row.likeliest, None, rule.name, "the likeliest token")
            case Draw() as draw:
                return self._draw(rule, row, draw)
            case Branch() as branch:
                return self._branch(rule, row, branch)
            case Cue() as cue:
                return self._put_in(rule, row, cue)
            case Abstain(reason):
                raise Abstention(f"{rule.name} ({self._measured(row)}): {reason}")

    def _draw(self, rule: Rule, row: Row, draw: Draw, why: str = "") -> Choice:
        kept = self._kept(row, draw)
        return row.chosen(drawn(kept, self._rng), kept, rule.name, f"{why}drew at {self._settings(draw, row)}")

    def _put_in(self, rule: Rule, row: Row, cue: Cue) -> Choice:
        text = cue.text if self._cue is None else self._cue
        if self._model is None:
            return self._draw(rule, row, cue.then, "no tokenizer at hand for the cue, ")
        if self._since_cue <= cue.pause:
            return self._draw(rule, row, cue.then, "just after a cue, ")
        first, *rest = self._model.tokenize(text).ids.tolist()
        self._since_cue = 0
        self._decided.extend((token, rule, f"{text!r} goes on", None) for token in rest)
        return row.chosen(first, None, rule.name, f"put in {text!r}")

    def _branch(self, rule: Rule, row: Row, branch: Branch) -> Choice:
        """Draw the beginnings of several continuations; keep the one whose tokens are likeliest on average."""
        kept = self._kept(row, branch.draw)
        paths = [[drawn(kept, self._rng)] for _ in range(branch.branches)]
        logprobs = [[row.logprob(path[0])] for path in paths]
        if branch.tokens > 1 and self._ahead is not None:
            self._go_ahead(branch, self._ahead(branch.branches), paths, logprobs)
        means = [float(np.mean(each)) for each in logprobs]
        best = int(np.argmax(means))
        length = len(paths[best])
        self._decided.extend(
            (token, rule, f"token {i} of {length} of the branch kept", branch.draw)
            for i, token in enumerate(paths[best][1:], 2)
        )
        why = (
            f"the best of {branch.branches} branches, mean log p {means[best]:.3g} against "
            f"{min(means):.3g} of the worst, drawn at {self._settings(branch.draw, row)}"
        )
        return row.chosen(paths[best][0], kept, rule.name, why)

    def _go_ahead(self, branch: Branch, going: Steps, paths: list[list[int]], logprobs: list[list[float]]) -> None:
        for _ in range(branch.tokens - 1):
            going.push([path[-1] for path in paths])
            for path, found, logits in zip(paths, logprobs, going.logits):
                if path[-1] in self._ends:
                    continue  # this branch has ended: what the batch reads on for it is not kept
                row = Row(logits)
                path.append(drawn(self._kept(row, branch.draw), self._rng))
                found.append(row.logprob(path[-1]))

    def _kept(self, row: Row, draw: Draw) -> NDArray[np.float64]:
        """The logits after the steps of `draw`."""
        settings = self._values(draw, row)
        return np.asarray(chain(list(settings.items())).filter(row.logits), np.float64)

    def _values(self, draw: Draw, row: Row) -> dict[str, float | int]:
        h, v = self._rules.measured(row.entropy, row.varentropy)
        values: dict[str, float | int] = {}
        for name in ("temperature", "top_k", "top_p", "min_p"):
            given = getattr(draw, name)
            if given is not None:
                values[name] = given if isinstance(given, (int, float)) else given.at(h, v)
        return values

    def _settings(self, draw: Draw, row: Row) -> str:
        return ", ".join(f"{name} {value:.3g}" for name, value in self._values(draw, row).items())

    def _measured(self, row: Row) -> str:
        unit = self._rules.unit
        h, v = self._rules.measured(row.entropy, row.varentropy)
        return f"H = {h:.3g} {unit}, V = {v:.3g} {unit}²"
