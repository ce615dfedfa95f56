"""What an adaptive decoder can do with a token, and when: rules as data.

A rule fires where entropy H and varentropy V of the model's distribution lie inside its open intervals, in the unit of
its set (V in the unit squared); the first that fires counts, `otherwise` where none does. Varentropy is the variance
of the surprisal: high where a few likely tokens stand before a long tail.
"""

import math
from dataclasses import dataclass, field

from entropist.errors import InputError
from entropist.units import Unit, from_nats, unit_name


@dataclass(frozen=True)
class Linear:
    """base · (1 + of_entropy·H + of_varentropy·V), kept within [low, high]."""

    base: float
    of_entropy: float = 0.0
    of_varentropy: float = 0.0
    low: float = 0.0
    high: float = math.inf

    def at(self, entropy: float, varentropy: float) -> float:
        """Its value where H and V, in the unit of the set, are these."""
        value = self.base * (1 + self.of_entropy * entropy + self.of_varentropy * varentropy)
        return min(self.high, max(self.low, value))


@dataclass(frozen=True)
class InverseRoot:
    """base · √((slope·H + offset)/H), kept within [low, high]: cooler the more entropy there is."""

    base: float
    slope: float
    offset: float
    low: float
    high: float

    def at(self, entropy: float, varentropy: float) -> float:
        """Its value where H, in the unit of the set, is this."""
        value = self.base * math.sqrt((self.slope * entropy + self.offset) / entropy) if entropy > 0 else math.inf
        return min(self.high, max(self.low, value))


@dataclass(frozen=True)
class Greedy:
    """Take the likeliest token."""


@dataclass(frozen=True)
class Draw:
    """Draw after temperature, top_k, top_p and min_p, in this order; None leaves a step out."""

    temperature: float | Linear | InverseRoot = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | Linear | None = None


@dataclass(frozen=True)
class Branch:
    """Draw the beginnings of `branches` continuations of `tokens` tokens; keep the one with the best mean log p."""

    draw: Draw
    branches: int = 5
    tokens: int = 1


@dataclass(frozen=True)
class Cue:
    """Put a text in, a cue to think again; within `pause` tokens after one, draw instead."""

    then: Draw
    text: str = "..."
    pause: int = 1


@dataclass(frozen=True)
class Abstain:
    """Stop and say why, as someone who asks back instead of guessing."""

    reason: str = "the model is unsure among many tokens, none of them likelier than the rest"


Action = Greedy | Draw | Branch | Cue | Abstain

_ANY = (-math.inf, math.inf)


@dataclass(frozen=True)
class Rule:
    """`action` where entropy and varentropy lie strictly between these ends."""

    name: str
    action: Action
    entropy: tuple[float, float] = _ANY
    varentropy: tuple[float, float] = _ANY

    def fires(self, entropy: float, varentropy: float) -> bool:
        """Whether H and V, in the unit of the set, lie inside."""
        return self.entropy[0] < entropy < self.entropy[1] and self.varentropy[0] < varentropy < self.varentropy[1]


@dataclass(frozen=True)
class Thresholds:
    """A set of rules, the unit their numbers are in, and where they come from.

    >>> THRESHOLDS["entropix-v1"].rule(entropy=4.0, varentropy=7.0).name  # in nats: 5.8 bits, 14.6 bits²
    'high entropy, high varentropy'
    >>> THRESHOLDS["entropix-v3"].rule(entropy=1.0, varentropy=2.0).name
    'otherwise'
    """

    name: str
    unit: Unit
    rules: tuple[Rule, ...]
    otherwise: Action
    source: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        unit_name(self.unit)
        for rule in self.rules:
            if math.nan in (*rule.entropy, *rule.varentropy) or not (
                rule.entropy[0] < rule.entropy[1] and rule.varentropy[0] < rule.varentropy[1]
            ):
                raise InputError(f"rule {rule.name!r} can never fire: the lower end must lie below the upper one.")

    def rule(self, *, entropy: float, varentropy: float) -> Rule:
        """The rule for H in nats and V in nats²; one named "otherwise" where none of the set fires."""
        h, v = self.measured(entropy, varentropy)
        for rule in self.rules:
            if rule.fires(h, v):
                return rule
        return Rule("otherwise", self.otherwise)

    def measured(self, entropy: float, varentropy: float) -> tuple[float, float]:
        """H and V, given in nats and nats², in the unit of the set."""
        return float(from_nats(entropy, self.unit)), float(from_nats(varentropy, self.unit, power=2))


_LOW_LOW, _HIGH_LOW = "low entropy, low varentropy", "high entropy, low varentropy"
_LOW_HIGH, _HIGH_HIGH = "low entropy, high varentropy", "high entropy, high varentropy"


def _quadrants(
    low: tuple[float, float], high: tuple[float, float], middle: float, actions: tuple[Action, Action, Action, Action]
) -> tuple[Rule, ...]:
    """Entropix's four, (entropy, varentropy) thresholds; the third is asked before the fourth, as there."""
    greedy, cue, branch, hotter = actions
    return (
        Rule(_LOW_LOW, greedy, (-math.inf, low[0]), (-math.inf, low[1])),
        Rule(_HIGH_LOW, cue, (high[0], math.inf), (-math.inf, low[1])),
        Rule(_LOW_HIGH, branch, (-math.inf, high[0]), (high[1], math.inf)),
        Rule(_HIGH_HIGH, hotter, (middle, math.inf), (high[1], math.inf)),
    )


def _actions(base: float, top_k: int, top_p: float, min_p: float) -> tuple[Action, Action, Action, Action]:
    """Entropix's four actions around a base temperature, without the terms that need attention."""

    def draw(temperature: float) -> Draw:
        return Draw(temperature, top_k, top_p, min_p)

    return (
        Greedy(),
        Cue(then=draw(min(1.5, 1.3 * base))),
        Branch(draw(min(1.5, 1.2 * base)), branches=5, tokens=3),
        draw(max(2.0, 2.0 * base)),
    )


_V3_QUADRANTS = _quadrants((0.3, 1.2), (2.5, 2.5), 1.2, _actions(0.666, 27, 0.9, 0.03))
_V3_OTHERWISE = Branch(Draw(Linear(0.666, 0.3, 0.3, high=2.0), 27, 0.9, 0.03))

THRESHOLDS = {
    each.name: each
    for each in (
        Thresholds(
            "entropix-v1",
            "bits",
            _quadrants((0.1, 0.1), (5.0, 5.0), 3.0, _actions(0.666, 27, 0.9, 0.03)),
            Branch(Draw(Linear(0.666, 0.3, 0.3), 27, 0.9, Linear(0.03, -0.5, -0.5, low=0.01, high=0.5))),
            "entropix cceeb84, 2024-10-07",
        ),
        Thresholds(
            "entropix-v2",
            "bits",
            _quadrants((0.8, 0.4), (2.5, 1.2), 1.7, _actions(0.8, 40, 0.9, 0.05)),
            Draw(InverseRoot(0.8, 1.2, 2.0, low=0.1, high=2.0), 40, 0.9, 0.05),
            "entropix 9d41be6, 2024-10-31",
        ),
        Thresholds("entropix-v3", "nats", _V3_QUADRANTS, _V3_OTHERWISE, "entropix, 2024-11; its quadrants only"),
        Thresholds(
            "abstain",
            "nats",
            tuple(
                Rule(rule.name, Abstain() if rule.name == _HIGH_LOW else rule.action, rule.entropy, rule.varentropy)
                for rule in _V3_QUADRANTS
            ),
            _V3_OTHERWISE,
            "the quadrants of entropix-v3, stopping where that one puts in a cue",
        ),
    )
}
"""The sets that `Adaptive` knows by name.

Entropix's further terms, from attention entropy, agreement and interaction, are left out: logits do not hold them.
Changed besides: the third quadrant branches, as its comment says ("exploring forks"), where the code drew once; the
set v3 had a default that its code could not reach (an argmax over four zeros is the first), here it can be reached.
"""
