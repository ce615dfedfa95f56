"""The totals of a trace in figures and in words: how surprised was the model, and how is it spread?"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from entropist.errors import InputError
from entropist.report._view import View
from entropist.results import Bounds, Estimate
from entropist.units import from_nats, per_nat, to_nats

Measure = Callable[[], Estimate]
Bound = Callable[[], Bounds]


@dataclass(frozen=True)
class Figure:
    """A total: its name, the value as text with its error, what it is, and why there is no error or no value."""

    name: str
    value: str
    note: str
    reason: str = ""


def figures(view: View) -> list[Figure]:
    """Bits per byte, perplexity, mean surprisal and mean entropy of the scored tokens."""
    trace, unit = view.trace, view.unit
    per_byte: tuple[Measure, Bound] = (
        lambda: trace.bits_per_byte().to(unit),
        lambda: per_byte_in(trace.bits_per_byte_bounds(), unit),
    )
    surprisal: tuple[Measure, Bound] = (
        lambda: trace.mean_surprisal(unit=unit),
        lambda: trace.mean_surprisal_bounds(unit=unit),
    )
    entropy: tuple[Measure, Bound] = (
        lambda: trace.mean_entropy(unit=unit),
        lambda: trace.mean_entropy_bounds(unit=unit),
    )
    return [
        _figure(view, f"{unit} per byte", "", "surprisal", *per_byte),
        _figure(view, "perplexity", "", "surprisal", trace.perplexity, trace.perplexity_bounds),
        _figure(view, "mean surprisal", unit, "surprisal", *surprisal),
        _figure(view, "mean entropy", unit, "entropy", *entropy),
    ]


def sentences(view: View) -> list[str]:
    """What the totals say, for a reader who has never seen one."""
    values = view.surprisal[view.trace.scored]
    total = float(np.sum(values))
    if not len(values) or not math.isfinite(total) or total <= 0:
        return [_unmeasured(len(values), total)]
    unit, n = view.unit, len(values)
    mean = total / n / per_nat(unit)
    needed = "needed at least" if view.trace.censored else "needed"
    # Beyond e^40 the number of tokens says nothing to anyone, and soon it is no number any more.
    choices = f", as if it chose among {_choices(math.exp(mean))} equally likely tokens each time" if mean < 40 else ""
    half = 1 + int(np.searchsorted(np.cumsum(np.sort(values)[::-1]), total / 2))
    return [
        f"The model {needed} {grouped(round(total))} {unit} to predict {_tokens(n)}: {total / n:.2f} {unit} each"
        f"{choices}.",
        _expected(view),
        f"Half of all the surprise sits in {grouped(half)} of the tokens ({100 * half / n:.0f} %).",
    ]


def _expected(view: View) -> str:
    """The mean entropy in words, or its bounds where the source gave the likeliest tokens only."""
    trace, unit = view.trace, view.unit
    if not view.is_cut("entropy"):
        entropy = trace.mean_entropy(unit=unit).value
        return f"Beforehand it expected {entropy:.2f} {unit} of surprise a token (its mean entropy)."
    known = trace.mean_entropy_bounds(unit=unit)
    low, high = f"{known.low:.2f}", f"{known.high:.2f}"
    between = f"{low} {unit}" if low == high else f"between {low} and {high} {unit}"
    return f"Beforehand it expected {between} of surprise a token, as far as the source's lists tell."


def counts(view: View) -> list[Figure]:
    """How many tokens were scored, how many were context, and how many bytes the text has."""
    scored = int(view.trace.scored.sum())
    context = len(view) - scored
    return [
        Figure("tokens scored", grouped(scored), f"and {grouped(context)} context" if context else "every token"),
        Figure("bytes", grouped(sum(map(len, view.token_bytes))), "of UTF-8 text"),
    ]


def measured(estimate: Estimate) -> str:
    """Value ± standard error, the error with two significant digits; the value alone where there is no error."""
    if estimate.stderr is None or not estimate.stderr > 0:
        return f"{estimate.value:.4g}" if abs(estimate.value) < 1e4 else grouped(round(estimate.value))
    decimals = min(6, max(0, 1 - math.floor(math.log10(estimate.stderr))))
    if decimals == 0:
        return f"{grouped(round(estimate.value))} ± {grouped(round(estimate.stderr))}"
    return f"{estimate.value:.{decimals}f} ± {estimate.stderr:.{decimals}f}"


def grouped(number: int) -> str:
    """Digits in groups of three, held together by no-break spaces.

    >>> grouped(12345).split()
    ['12', '345']
    """
    return f"{number:,}".replace(",", "\u00a0")


def percent(probability: float) -> str:
    """A probability for reading: three significant digits, small ones as "1 in 20 000".

    >>> percent(0.25), percent(0.00005).split()
    ('25 %', ['1', 'in', '20', '000'])
    """
    if probability >= 0.001 or probability == 0:
        return f"{100 * probability:.3g} %"
    odds = 1 / probability
    if odds >= 1e9:
        return f"{probability:.1e}"
    scale = 10 ** (math.floor(math.log10(odds)) - 1)
    return f"1 in {grouped(round(odds / scale) * scale)}"


def _figure(view: View, name: str, unit: str, column: str, measure: Measure, bound: Bound) -> Figure:
    """A total: a measurement, or what it can be where the column it comes from was cut."""
    try:
        if view.is_cut(column):
            return _bounded(name, unit, bound(), view.trace.censored)
        estimate = measure()
    except InputError as error:
        return Figure(name, "none", "", f"no {name}: {error}")
    reason = f"no error: {estimate.reason}." if estimate.reason else ""
    return Figure(name, f"{measured(estimate)} {unit}".rstrip(), estimate.estimator, reason)


def _bounded(name: str, unit: str, bounds: Bounds, censored: int) -> Figure:
    """Between two ends, or at least so much where a token was censored."""
    if math.isfinite(bounds.high):
        return Figure(name, f"{bounds.low:.4g} to {bounds.high:.4g} {unit}".rstrip(), "all the source leaves open")
    tokens = "1 token" if censored == 1 else f"{grouped(censored)} tokens"
    reason = f"A total with ≥ is a lower bound: of {tokens} the source told only how improbable at least."
    return Figure(name, f"≥ {bounds.low:.4g} {unit}".rstrip(), "a lower bound", reason)


def per_byte_in(bounds: Bounds, unit: str) -> Bounds:
    """Bounds in bits per byte as `unit` per byte."""
    low, high = (from_nats(to_nats(end, "bits"), unit) for end in (bounds.low, bounds.high))
    return Bounds(low, high, f"{unit}/byte")


def _unmeasured(n: int, total: float) -> str:
    if not n:
        return "No token was scored: a token needs one before it, or a model with a BOS token."
    if total == math.inf:
        return "The model held at least one token of this text impossible: the total surprisal is infinite."
    return "The model was certain of every token: the total surprisal is 0."


def _choices(number: float) -> str:
    return f"{number:.1f}" if number < 10 else grouped(round(number))


def _tokens(n: int) -> str:
    return f"these {grouped(n)} tokens" if n > 1 else "this one token"
