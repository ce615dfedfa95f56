"""The totals of a trace in figures and in words: how surprised was the model, and how is it spread?"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from entropist.errors import InputError
from entropist.report._view import View
from entropist.results import Estimate


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
    asked: list[tuple[str, str, Callable[[], Estimate]]] = [
        (f"{unit} per byte", "", lambda: trace.bits_per_byte().to(unit)),
        ("perplexity", "", trace.perplexity),
        ("mean surprisal", unit, lambda: trace.mean_surprisal(unit=unit)),
        ("mean entropy", unit, lambda: trace.mean_entropy(unit=unit)),
    ]
    return [_figure(name, shown_unit, measure) for name, shown_unit, measure in asked]


def sentences(view: View) -> list[str]:
    """What the totals say, for a reader who has never seen one."""
    values = view.surprisal[view.trace.scored]
    total = float(np.sum(values))
    if not len(values) or not math.isfinite(total) or total <= 0:
        return [_unmeasured(len(values), total)]
    unit, n = view.unit, len(values)
    mean = view.trace.mean_surprisal().value
    # Beyond e^40 the number of tokens says nothing to anyone, and soon it is no number any more.
    choices = (
        f", as if it chose among {grouped(round(math.exp(mean)))} equally likely tokens each time" if mean < 40 else ""
    )
    half = 1 + int(np.searchsorted(np.cumsum(np.sort(values)[::-1]), total / 2))
    return [
        f"The model needed {grouped(round(total))} {unit} to predict {_tokens(n)}: {total / n:.2f} {unit} each"
        f"{choices}.",
        _expected(view),
        f"Half of all the surprise sits in {grouped(half)} of the tokens ({100 * half / n:.0f} %).",
    ]


def _expected(view: View) -> str:
    """The mean entropy in words, or its bounds where the source gave the likeliest tokens only."""
    trace, unit = view.trace, view.unit
    if "entropy_low" not in trace.table.schema.names:
        entropy = trace.mean_entropy(unit=unit).value
        return f"Beforehand it expected {entropy:.2f} {unit} of surprise a token (its mean entropy)."
    low, high = (float(np.nanmean(trace.column(f"entropy_{end}", unit=unit))) for end in ("low", "high"))
    return f"Beforehand it expected between {low:.2f} and {high:.2f} {unit} of surprise a token: the source was cut."


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


def _figure(name: str, unit: str, measure: Callable[[], Estimate]) -> Figure:
    try:
        estimate = measure()
    except InputError as error:
        return Figure(name, "none", "", f"no {name}: {error}")
    reason = f"no error: {estimate.reason}." if estimate.reason else ""
    return Figure(name, f"{measured(estimate)} {unit}".rstrip(), estimate.estimator, reason)


def _unmeasured(n: int, total: float) -> str:
    if not n:
        return "No token was scored: a token needs one before it, or a model with a BOS token."
    if total == math.inf:
        return "The model held at least one token of this text impossible: the total surprisal is infinite."
    return "The model was certain of every token: the total surprisal is 0."


def _tokens(n: int) -> str:
    return f"these {grouped(n)} tokens" if n > 1 else "this one token"
