"""What a server's answer says of itself: totals with bounds, what is missing, what was found, how it was sampled.

One answer is told in words with its most uncertain tokens in their places; several make a table; two a
comparison.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from rich.cells import cell_len, set_cell_size

from entropist.errors import InputError
from entropist.record import Trace
from entropist.report._provenance import declared, provenance
from entropist.report._scales import ends
from entropist.report._summary import Figure, counts, figures, grouped, per_byte_in, percent
from entropist.report._verdict import verdict_rows
from entropist.report._view import View
from entropist.report._visible import one_line, shortened, visible
from entropist.results import Bounds, Estimate
from entropist.uncertainty import Consistency, sampling_consistency

_BEFORE, _AFTER = 32, 16  # cells of the text around a token
_NAME = 36  # characters of a file's name


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """An answer under the name it was given by, seen in a unit of information."""

    name: str
    trace: Trace
    unit: str

    @cached_property
    def view(self) -> View:
        """The answer as every picture sees it."""
        return View(self.trace, self.unit)

    @cached_property
    def consistency(self) -> Consistency | None:
        """How it was sampled; None where no token has a list."""
        try:
            return sampling_consistency(self.trace)
        except InputError:
            return None

    @cached_property
    def missing(self) -> NDArray[np.float64]:
        """The probability beyond each token's list: (tokens,), NaN where there is no list."""
        lists = self.trace.table["top_logprobs"]
        lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0), np.int64)
        mass = np.exp(np.asarray(pc.list_flatten(lists), np.float64))
        sums = np.zeros(len(lengths))
        np.add.at(sums, np.repeat(np.arange(len(lengths)), lengths), mass)
        return np.where(lengths > 0, np.maximum(0.0, 1 - sums), np.nan)

    @property
    def missing_mass(self) -> Figure | None:
        """The mean of `missing` and its largest; None where no token has a list."""
        known = self.missing[~np.isnan(self.missing)]
        if not len(known):
            return None
        return Figure(
            "missing mass", f"{percent(float(known.mean()))} a token", f"{percent(float(known.max()))} at most"
        )

    def bounds(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What the surprisal or entropy of each token can be: (tokens,) twice."""
        return ends(self.trace, name, self.unit)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON; infinite ends are null."""
        trace, told, found = self.trace, self.trace.metadata.declaration, self.consistency
        totals = {
            "bits_per_byte": trace.bits_per_byte_bounds(),
            "perplexity": trace.perplexity_bounds(),
            "mean_surprisal": trace.mean_surprisal_bounds(unit=self.unit),
            "mean_entropy": trace.mean_entropy_bounds(unit=self.unit),
        }
        answer: dict[str, Any] = {
            "name": self.name,
            "unit": self.unit,
            "tokens": int(trace.scored.sum()),
            "censored": trace.censored,
            **{name: _plain(bounds) for name, bounds in totals.items()},
            "missing_mass": _mean(self.missing),
        }
        if told is not None:
            answer["declaration"] = dict(declared(told))
            answer["findings"] = [vars(finding) for finding in told.findings]
        if found is not None:
            low, high = found.temperature.confidence_interval() if found.temperature.n else (math.nan, math.nan)
            answer["sampling"] = {
                "z": _number(found.z),
                "temperature": [_number(found.temperature.value), _number(low), _number(high)],
                "verdict": found.verdict,
                "evidence": found.evidence,
                "cut": None if found.cut is None else vars(found.cut),
                "alarm": found.drift.alarm,
            }
        return answer


def diagnosis_lines(diagnosis: Diagnosis, top: int = 5) -> Iterator[str]:
    """One answer in words, aligned."""
    view, trace = diagnosis.view, diagnosis.trace
    for name, value in provenance(view):
        if name not in ("estimator", "null", "entropist", "findings", "unit"):
            yield f"{name:<16} {one_line(value)}"
    yield ""
    for figure in [*figures(view), *counts(view)[1:]]:
        yield f"{figure.name:<16} {figure.value}"
    if (missing := diagnosis.missing_mass) is not None:
        yield f"{missing.name:<16} {missing.value}, {missing.note}"
    yield from dict.fromkeys(f"{'':<16} {figure.reason}" for figure in figures(view) if figure.reason)
    yield ""
    yield from (f"{name:<16} {text}" for name, text in verdict_rows(trace, diagnosis.consistency))
    low, high = diagnosis.bounds("entropy")
    width = high - low
    if np.nanmax(width, initial=0.0) > 0:
        yield from _places(diagnosis, f"widest entropy bounds, {diagnosis.unit}", width, top)
    yield from _places(diagnosis, f"most uncertain, at least so many {diagnosis.unit} of entropy", low, top)


def table_lines(diagnoses: Iterable[Diagnosis]) -> Iterator[str]:
    """Several answers, all in one unit, one a row."""
    every = list(diagnoses)
    if not every:
        return
    unit = every[0].unit
    head = ("answer", "tokens", f"{unit}/byte", f"entropy, {unit}", "missing", "censored", "findings", "temperature")
    rows = [(*head, "numbers")]
    for each in every:
        told = each.trace.metadata.declaration
        found = each.consistency
        rows.append(
            (
                shortened(one_line(each.name), _NAME),
                grouped(int(each.trace.scored.sum())),
                between(per_byte_in(each.trace.bits_per_byte_bounds(), unit)),
                between(each.trace.mean_entropy_bounds(unit=unit)),
                _missing(each),
                grouped(each.trace.censored),
                str(len(told.findings)) if told else "0",
                "-" if found is None else temperature_text(found.temperature),
                "-" if found is None else found.verdict,
            )
        )
    yield from _aligned(rows)


def comparison_lines(first: Diagnosis, second: Diagnosis) -> Iterator[str]:
    """Two answers side by side, with what their difference can be."""
    pair = (first, second)
    found = [each.consistency for each in pair]
    per_byte = [per_byte_in(each.trace.bits_per_byte_bounds(), each.unit) for each in pair]
    surprisal = [each.trace.mean_surprisal_bounds(unit=each.unit) for each in pair]
    entropy = [each.trace.mean_entropy_bounds(unit=each.unit) for each in pair]
    rows: list[tuple[str, ...]] = [
        ("", *(shortened(one_line(each.name), _NAME) for each in pair), "second − first"),
        (f"{first.unit} per byte", *map(between, per_byte), _difference(*per_byte)),
        (f"mean surprisal, {first.unit}", *map(between, surprisal), _difference(*surprisal)),
        (f"mean entropy, {first.unit}", *map(between, entropy), _difference(*entropy)),
        ("perplexity", *(between(each.trace.perplexity_bounds()) for each in pair), ""),
        ("missing mass", *map(_missing, pair), ""),
        ("tokens", *(grouped(int(each.trace.scored.sum())) for each in pair), ""),
        ("temperature", *("-" if each is None else temperature_text(each.temperature) for each in found), ""),
        ("numbers", *("-" if each is None else each.verdict for each in found), ""),
    ]
    yield from _aligned(rows)
    yield ""
    a, b = (each.view.token_bytes for each in pair)
    shared = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    if shared == len(a) == len(b):
        yield "the same text, token by token"
    elif not shared:
        yield "they differ from the first token on"
    else:
        yield f"the first {grouped(shared)} tokens are the same" if shared > 1 else "the first token is the same"


def between(bounds: Bounds) -> str:
    """Bounds in few characters: a value, two ends, or what it is at least."""
    if bounds.high == math.inf:
        return f"≥ {bounds.low:.3g}"
    return (
        f"{bounds.low:.3g}" if f"{bounds.low:.3g}" == f"{bounds.high:.3g}" else f"{bounds.low:.3g} to {bounds.high:.3g}"
    )


def temperature_text(estimate: Estimate) -> str:
    """A sampling temperature with its 95 % interval."""
    if not estimate.n:
        return "-"
    low, high = estimate.confidence_interval()
    return f"{estimate.value:.2f} [{low:.2f}, {high:.2f}]"


def _places(diagnosis: Diagnosis, title: str, values: NDArray[np.float64], top: int) -> Iterator[str]:
    """The tokens with the largest values, each in its place in the text."""
    known = np.flatnonzero(~np.isnan(values))
    chosen = known[np.argsort(-values[known], kind="stable")[:top]].tolist()
    if not chosen:
        return
    yield ""
    yield title
    for token in chosen:
        before = _flat(diagnosis.view.texts[max(0, token - _BEFORE) : token])
        before = set_cell_size(before[::-1], _BEFORE)[::-1]  # its last cells
        after = set_cell_size(_flat(diagnosis.view.texts[token + 1 : token + 1 + _AFTER]), _AFTER).rstrip()
        name = shortened(diagnosis.view.name(token), 24)
        yield f"{values[token]:>8.3f}  token {token:<6} {before}[{name}]{after}"


def _flat(texts: Sequence[str]) -> str:
    return "".join(texts).replace("\n", visible("\n")).replace("\t", " ")


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(set_cell_size(cell, width) for cell, width in zip(row, widths)).rstrip()


def _difference(first: Bounds, second: Bounds) -> str:
    """What second − first can be."""
    low, high = second.low - first.high, second.high - first.low
    if math.isinf(low) or math.isinf(high):
        return "anything" if low == -high else f"≥ {low:+.3g}" if high == math.inf else f"≤ {high:+.3g}"
    return f"{low:+.3g}" if f"{low:.3g}" == f"{high:.3g}" else f"{low:+.3g} to {high:+.3g}"


def _missing(each: Diagnosis) -> str:
    mean = _mean(each.missing)
    return "-" if mean is None else percent(mean)


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _plain(bounds: Bounds) -> list[float | None]:
    return [_number(bounds.low), _number(bounds.high)]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
