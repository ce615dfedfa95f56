"""Chains of samplers: an explicit order, or an engine's own.

A list is taken as it stands: ``chain([("top_p", 0.9), ("temperature", 0.7)])``. A mapping has no order and takes the
profile's: "huggingface" warms first and then cuts (penalties, temperature, top-h, top-k, top-p, min-p, typical,
epsilon, eta), "llama.cpp" cuts first and warms last (penalties, DRY, top-nσ, top-k, typical, top-p, min-p, XTC,
temperature).
As text, a chain reads ``"xtc(threshold=0.1, probability=0.5), temperature=0.7"``, in the order written.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entropist.decoding._arrays import Profile, checked_rows, profile_name
from entropist.decoding._checks import number
from entropist.decoding._steps import KINDS, ORDERS
from entropist.errors import InputError

if TYPE_CHECKING:
    from entropist.decoding._sampler import Sampler

MIROSTATS = ("mirostat_1", "mirostat_2")
_RATE = 0.1


@dataclass(frozen=True)
class ChainStep:
    """One sampler of a chain: its name and its parameters by name."""

    name: str
    parameters: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        kind, given = KINDS[self.name], self.parameters
        if not given:
            return self.name
        if len(given) == 1 and given[0][0] == kind.value:
            return f"{self.name}={_text(given[0][1])}"
        return f"{self.name}({', '.join(f'{name}={_text(value)}' for name, value in given)})"


@dataclass(frozen=True)
class Chain:
    """Samplers one after the other, under a profile. Made by `chain` or `parse_chain`, which reads what it prints."""

    steps: tuple[ChainStep, ...]
    profile: Profile = "huggingface"

    def filter(self, logits: Any, *, previous: Any = (), seed: int | np.random.Generator | None = None) -> Any:
        """The logits (..., vocabulary) after all steps; NumPy or torch, the same kind comes back, -inf where dropped.

        previous: token ids for the penalties, (n,) or (..., n). seed: a number or a generator, for XTC. Pure: nothing
        is remembered, so that mirostat, which learns from what was drawn, is refused; `start` a sampler for it.
        """
        if self.steps and self.steps[-1].name in MIROSTATS:
            raise InputError(
                f"{self.steps[-1].name} learns from every token drawn: start the chain and use its sampler."
            )
        return self.before_mirostat(logits, previous, seed)

    def before_mirostat(self, logits: Any, previous: Any, seed: int | np.random.Generator | None) -> Any:
        """As `filter`, short of a mirostat at the end."""
        checked_rows(logits)
        random = None if seed is None else np.random.default_rng(seed)
        for step in self.steps:
            if step.name not in MIROSTATS:
                logits = self._apply(step, logits, previous, random)
        return logits

    def _apply(self, step: ChainStep, logits: Any, previous: Any, random: np.random.Generator | None) -> Any:
        kind = KINDS[step.name]
        parameters = dict(step.parameters)
        if kind.has_profile:
            parameters["profile"] = self.profile
        if kind.draws:
            parameters["seed"] = random
        given = (logits, previous) if kind.reads_previous else (logits,)
        return kind.sampler(*given, **parameters)

    def start(self, seed: int | np.random.Generator = 0, previous: Iterable[int] = ()) -> "Sampler":
        """A decoder that draws token after token, from its own generator; `previous` are the ids before."""
        from entropist.decoding._sampler import Sampler

        return Sampler(self, seed, previous)

    def __str__(self) -> str:
        return ", ".join(map(str, self.steps)) or "temperature=1"


def chain(steps: Sequence[tuple[str, Any]] | Mapping[str, Any], profile: str = "huggingface") -> Chain:
    """A chain from (name, value) pairs, in their order, or from {name: value}, in the profile's order.

    A value is the sampler's number, or a mapping of its parameters; None for one without. Names are those of the
    samplers in this room. Mirostat takes `tau` (bits) and `eta` (its rate, by default 0.1) and comes last.

    Raises `InputError` for an unknown name or parameter, a value out of range, and a mirostat that is not last.

    >>> print(chain({"temperature": 0.8, "min_p": 0.05}, profile="llama.cpp"))
    min_p=0.05, temperature=0.8
    >>> print(chain([("temperature", 0.8), ("xtc", {"threshold": 0.1, "probability": 0.5})]))
    temperature=0.8, xtc(threshold=0.1, probability=0.5)
    """
    known = profile_name(profile)
    if isinstance(steps, str):
        raise InputError(f"{steps!r} is text: parse_chain reads it; a chain takes pairs or a mapping.")
    if isinstance(steps, Mapping):
        for name in steps:
            _refuse_unknown(name)
        pairs = [(name, steps[name]) for name in ORDERS[known] if name in steps]
    else:
        pairs = [_pair(each) for each in steps]
    found = Chain(tuple(_step(name, value) for name, value in pairs), known)
    _try(found)
    return found


def parse_chain(text: str, profile: str = "huggingface") -> Chain:
    """The chain that `text` spells, in the order written: names, each with ``=value`` or ``(name=value, ...)``.

    >>> parse_chain("min_p=0.05,temperature=0.8").steps[1]
    ChainStep(name='temperature', parameters=(('T', 0.8),))
    >>> print(parse_chain("greedy"))
    greedy

    Raises `InputError` as `chain` does, and for text that cannot be read.
    """
    pairs = []
    for part in re.split(r",(?![^(]*\))", text):
        match = re.fullmatch(r"\s*(\w+)\s*(?:=\s*([^()=,\s]+)|\(([^()]*)\))?\s*", part)
        if not match:
            raise InputError(
                f"{part.strip()!r} is no step of a chain: write name, name=value or name(parameter=value, ...), "
                "with commas between steps."
            )
        name, value, inside = match.groups()
        pairs.append((name, _read(value) if inside is None else dict(_inside(name, inside))))
    return chain(pairs, profile)


def _inside(step: str, text: str) -> Iterable[tuple[str, Any]]:
    for part in filter(None, map(str.strip, text.split(","))):
        name, found, value = part.partition("=")
        if not found:
            raise InputError(f"{part!r} in {step}({text}) is no parameter: write parameter=value.")
        yield name.strip(), _read(value.strip())


def _read(text: str | None) -> Any:
    if text is None:
        return None
    if "/" in text:  # ids, such as those of breakers
        return tuple(_read(part) for part in text.split("/") if part)
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{text!r} is no number.") from None


def _text(value: Any) -> str:
    return "".join(f"{each}/" for each in value) if isinstance(value, tuple) else f"{value}"


def _pair(given: Any) -> tuple[str, Any]:
    if isinstance(given, str):
        return given, None
    if not (isinstance(given, Sequence) and len(given) == 2 and isinstance(given[0], str)):
        raise InputError(f"a step of a chain is a pair (name, value) or a name; given {given!r}.")
    return given[0], given[1]


def _step(name: str, value: Any) -> ChainStep:
    _refuse_unknown(name)
    kind = KINDS[name]
    allowed = (*([kind.value] if kind.value else []), *kind.parameters)
    if value is None:
        return ChainStep(name)
    if not isinstance(value, Mapping):
        if kind.value is None:
            takes = f"a mapping with {', '.join(allowed)}" if allowed else "no value"
            raise InputError(f"{name} takes {takes}; given {value!r}.")
        value = {kind.value: value}
    for each in value:
        if each not in allowed:
            raise InputError(f"{name} has no parameter {each!r}; it has {', '.join(allowed) or 'none'}.")
    return ChainStep(name, tuple((each, _plain(value[each])) for each in allowed if each in value))


def _plain(value: Any) -> Any:
    """A number as Python's own, so that the chain prints as text that can be read; ids as a tuple."""
    if hasattr(value, "item"):
        return value.item()
    return tuple(map(_plain, value)) if isinstance(value, (Sequence, set, frozenset)) else value


def _refuse_unknown(name: Any) -> None:
    if name not in KINDS:
        raise InputError(f"there is no sampler {name!r}: use {', '.join(KINDS)}.")


def _try(given: Chain) -> None:
    """Refuse bad values when the chain is made, not at the first token."""
    for i, step in enumerate(given.steps):
        if step.name in MIROSTATS:
            if i < len(given.steps) - 1:
                raise InputError(f"{step.name} draws the token itself: it must be the last step of a chain.")
            mirostat_settings(step)
            continue
        try:
            given._apply(step, np.zeros((1, 2)), (), np.random.default_rng(0))
        except TypeError:
            raise InputError(f"{step.name} needs a value: it has {_parameters_of(step.name)}.") from None


def _parameters_of(name: str) -> str:
    kind = KINDS[name]
    return ", ".join((*([kind.value] if kind.value else []), *kind.parameters))


def mirostat_settings(step: ChainStep) -> tuple[float, float]:
    """τ in bits and the rate η of a mirostat step."""
    parameters = dict(step.parameters)
    if "tau" not in parameters:
        raise InputError(f"{step.name} needs tau, its target in bits.")
    return number("tau", parameters["tau"], 0), number("eta", parameters.get("eta", _RATE), 0)
