"""A scored corpus as every view sees it: totals with intervals, what was counted, its documents in order, in bits."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from entropist.corpus import card
from entropist.corpus import protocol as make_protocol
from entropist.errors import InputError
from entropist.report._summary import Figure, grouped
from entropist.report._visible import one_line
from entropist.results import Estimate

if TYPE_CHECKING:
    from entropist.scoring._result import Score
    from entropist.scoring._spans import Span

QUANTILES = {"5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95}
_LEVEL_EDGES = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # bits per byte


@dataclass(frozen=True)
class DocumentFigure:
    """A scored document: its id, bits per byte, bytes, mean entropy and mean surprisal a token."""

    id: str
    bits_per_byte: float
    bytes: int
    entropy: float
    surprisal: float


@dataclass(frozen=True, eq=False)
class CorpusView:
    """A score under a name."""

    found: "Score"
    name: str

    @cached_property
    def bits_per_byte(self) -> Estimate:
        """The corpus's own, by length."""
        return self.found.bits_per_byte()

    @cached_property
    def figures(self) -> list[Figure]:
        """The totals, each with its interval, or the reason why it has none."""
        found = self.found
        totals: list[tuple[str, Callable[[], Estimate]]] = [
            ("bits per byte", lambda: self.bits_per_byte),
            ("perplexity a token", found.perplexity),
            ("perplexity a word", lambda: found.perplexity(per="word")),
            ("mean surprisal", lambda: found.mean_surprisal(unit="bits")),
            ("mean entropy", lambda: found.mean_entropy(unit="bits")),
            ("surprisal − entropy", lambda: found.calibration(unit="bits")),
            ("most likely token right", found.top1_rate),
            ("bits per byte, macro", lambda: found.bits_per_byte("macro")),
        ]
        return [_figure(name, measure) for name, measure in totals]

    def reasons(self) -> Iterator[str]:
        """Why a figure has no error, or is none; those that share a reason together."""
        together: dict[str, list[str]] = {}
        for figure in self.figures:
            if figure.reason:
                together.setdefault(figure.reason, []).append(figure.name)
        for reason, names in together.items():
            yield f"{'; '.join(names)}: {reason.rstrip('.')}."

    @cached_property
    def documents(self) -> list[DocumentFigure]:
        """The scored documents, the most surprising first."""
        rows = {name: self._column(name) for name in ("surprisal", "entropy", "scored_bytes", "scored_tokens")}
        ids = self.found.documents["id"].to_pylist()
        found = [
            DocumentFigure(
                id=ids[i],
                bits_per_byte=float(rows["surprisal"][i] / rows["scored_bytes"][i] / math.log(2)),
                bytes=int(rows["scored_bytes"][i]),
                entropy=float(rows["entropy"][i] / rows["scored_tokens"][i] / math.log(2)),
                surprisal=float(rows["surprisal"][i] / rows["scored_tokens"][i] / math.log(2)),
            )
            for i in np.flatnonzero(rows["scored_tokens"] > 0).tolist()
        ]
        return sorted(found, key=lambda document: -document.bits_per_byte)

    @cached_property
    def quantiles(self) -> dict[str, float]:
        """Bits per byte that so many of the documents do not exceed."""
        values = [document.bits_per_byte for document in self.documents]
        return dict(zip(QUANTILES, np.quantile(values, list(QUANTILES.values())).tolist()))

    @cached_property
    def groups(self) -> list[tuple[str, int, Estimate]]:
        """(name, documents, bits per byte) of every group, in the order found; none where there is no group column."""
        names = self.found.documents["group"].to_pylist()
        if not any(name is not None for name in names):
            return []
        return [
            ("no group" if name is None else one_line(name), estimate.n, estimate)
            for name, estimate in self.found.by_group().items()
        ]

    def macro_over_groups(self) -> str:
        """The mean of the groups' own bits per byte, in a line."""
        found = self.found.macro_over_groups()
        value, interval = shown(found)
        of = f"mean of {_plural(found.n, 'group')}, each the same weight: {value}"
        return f"{of}, 95 %: {interval}" if interval else f"{of}, no error: {found.reason}"

    @property
    def tokens(self) -> int:
        """Tokens scored."""
        return int(self._column("scored_tokens").sum())

    @property
    def altered(self) -> int:
        """Documents that their tokens do not spell: the tokenizer normalises."""
        return int((~self._column("lossless").astype(bool)).sum())

    def sentences(self) -> list[str]:
        """What the totals say, for a reader who has never seen one."""
        size, value = self.found.bytes()["scored_"], self.bits_per_byte.value
        packed = grouped(round(value * size / 8))
        said = [f"The model needed {value:.4g} bits for each byte of this text: {packed} bytes for {grouped(size)}."]
        if len(self.documents) >= 8:
            low, high = self.quantiles["25 %"], self.quantiles["75 %"]
            said.append(f"Half of the {grouped(len(self.documents))} documents lie between {low:.3g} and {high:.3g}.")
        return [*said, self._calibrated()]

    def counted(self) -> list[str]:
        """What was counted, line by line; bytes add up."""
        sizes = self.found.bytes()
        scored = self.found.scored_documents
        lines = [
            f"{_all_of(scored, self.found.documents.num_rows)}, {_plural(self.tokens, 'token')} scored",
            f"{grouped(sizes['scored_'])} bytes scored + {grouped(sizes['context_'])} context + "
            f"{grouped(sizes['dropped_'])} dropped = {grouped(sizes[''])} of input",
        ]
        if self.found.skipped:
            first = f", the first: {one_line(self.found.skip_reasons[0])}" if self.found.skip_reasons else ""
            lines.append(f"{_plural(self.found.skipped, 'document')} could not be read, skipped{first}")
        if self.altered:
            lines.append(
                f"the tokenizer normalises: the tokens of {_all_of(self.altered, self.found.documents.num_rows)} "
                "do not spell the text; its bytes are counted all the same"
            )
        return lines

    def card(self) -> str:
        """The protocol in a sentence and a picture; empty where the score does not know it."""
        cut = self.found.protocol
        if cut is None:
            return ""
        stride = cut.stride if cut.name == "strided" else None
        return card(make_protocol(cut.name, cut.window, cut.bos_id is not None, stride))

    def provenance(self) -> list[tuple[str, str]]:
        """(name, value) of everything the numbers depend on, in the order shown; safe to show."""
        model, cut, first = self.found.model, self.found.protocol, self.bits_per_byte
        pairs: list[tuple[str, str]] = []
        if model is not None:
            pairs += [
                ("model", f"{model.name} ({model.dtype}, {model.device})"),
                ("weights", model.fingerprint),
                ("tokenizer", model.tokenizer_sha256[:12]),
            ]
        if cut is not None:
            bos = "no BOS" if cut.bos_id is None else f"BOS {cut.bos_id}"
            pairs.append(("protocol", f"{cut.name}, window {cut.window}, stride {cut.stride}, {bos}"))
        pairs += [("n", f"{_plural(self.found.scored_documents, 'document')}, {_plural(self.tokens, 'token')}")]
        pairs += [("unit", "bits"), ("estimator", first.estimator)]
        if first.domain:
            pairs.append(("the interval speaks of", first.domain))
        versions = {} if model is None else model.versions
        pairs += [("entropist", version) for name, version in versions.items() if name == "entropist"]
        return [(name, one_line(value)) for name, value in pairs]

    def _calibrated(self) -> str:
        gap = self.found.calibration(unit="bits")
        if gap.stderr is None:
            return f"Surprisal − entropy is {_signed(gap.value)} bits a token, without an error to judge it by."
        low, high = gap.confidence_interval()
        if low <= 0 <= high:
            return (
                f"Surprisal − entropy is {_signed(gap.value)} bits a token, 95 % between {_signed(low)} and "
                f"{_signed(high)}: whether it was too sure or not sure enough is not resolved."
            )
        how = "surer" if low > 0 else "less sure"
        return f"It was {how} than it should be: surprisal − entropy is {_signed(gap.value)} bits a token."

    def _column(self, name: str) -> NDArray[Any]:
        return np.asarray(self.found.documents[name].to_numpy())


def shown(estimate: Estimate, factor: float = 1) -> tuple[str, str]:
    """The value and its 95 % interval, each with as many decimals as the error calls for; no interval is empty.

    >>> shown(Estimate(2.0, 0.1, "bits", 30, "mean"))
    ('2.00', '1.80 to 2.20')
    >>> shown(Estimate(3.7e66, 1e66, "", 30, "ratio of sums"))
    ('3.7e+66', '1.74e+66 to 5.66e+66')
    """
    value = factor * estimate.value
    if estimate.stderr is None or not estimate.stderr > 0:
        return f"{value:.4g}", "" if estimate.stderr is None else f"{value:.4g} to {value:.4g}"
    decimals = min(6, max(0, 1 - math.floor(math.log10(factor * estimate.stderr))))
    low, high = estimate.confidence_interval()
    return _digits(value, decimals), f"{_digits(factor * low, decimals)} to {_digits(factor * high, decimals)}"


def _digits(number: float, decimals: int) -> str:
    if decimals or abs(number) < 1e4:
        return f"{number:.{decimals}f}"
    return grouped(round(number)) if abs(number) < 1e9 else f"{number:.3g}"


def group_interval(estimate: Estimate) -> tuple[str, str]:
    """The value and interval of a group; of fewer than 8 documents the error is one within them, and marked so."""
    value, interval = shown(estimate)
    within = "within" in estimate.estimator
    return value, f"{interval}, within" if interval and within else interval or "no error"


def span_text(span: "Span") -> str:
    """The text of a span on one line."""
    return one_line(" ".join(span.text.split()))


def level(bits_per_byte: float) -> int:
    """The ramp's level of a stretch of text."""
    return int(np.searchsorted(_LEVEL_EDGES, bits_per_byte, side="right"))


def _figure(name: str, measure: Callable[[], Estimate]) -> Figure:
    try:
        estimate = measure()
    except InputError as error:
        return Figure(name, "none", "", str(error))
    is_share = name == "most likely token right"
    value, interval = shown(estimate, 100 if is_share else 1)
    unit = " %" if is_share else "" if estimate.unit in ("bits/byte", "") else f" {estimate.unit}"
    if not interval:
        return Figure(name, value + unit, "no error", f"no error, {estimate.reason}")
    return Figure(name, value + unit, f"95 %: {interval}")


def _signed(number: float) -> str:
    return f"{number:.2g}".replace("-", "−")


def _all_of(some: int, all_: int) -> str:
    if some != all_:
        return f"{grouped(some)} of {_plural(all_, 'document')}"
    return _plural(all_, "document")


def _plural(number: int, noun: str) -> str:
    return f"{grouped(number)} {noun}{'' if number == 1 else 's'}"
