"""`Score`: the totals of a corpus, each a measurement with its error between documents.

    bits per byte   θ = Σ bits / Σ bytes           perplexity   exp(Σ nats / Σ tokens)
    calibration     θ = Σ (surprisal − entropy) / Σ tokens: 0 where the model knows how uncertain it is

all over the scored tokens. The error is a leave-one-document-out jackknife, its interval by t(G − 1). Under 8 documents
there is none between them, and the error is one within the documents, over consecutive blocks of tokens: it says how
far the figure would move on other stretches of these documents, not on other documents. `estimator` names which.

average "micro" (the default) weights a document by its length; "macro" is the mean of the documents' own figures.

When this misleads: documents that share a source (chapters of a book) are not independent, and the error is then too
small: join them, or read `by_group` and its macro average. A perplexity per token compares models of one tokenizer.
"""

import importlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.errors import FileError, InputError
from entropist.estimators import MINIMUM_GROUPS, clustered_mean, clustered_ratio
from entropist.provenance import Identity
from entropist.record import Protocol
from entropist.results import Estimate
from entropist.scoring._schemas import RANK_EDGES
from entropist.scoring._spans import SPANS_KEPT, Span, merged, spans_of_table
from entropist.scoring._store import read_manifest, saved_tables
from entropist.units import unit_name

Average = Literal["micro", "macro"]
_LARGEST_MEAN = 709.0
_MOST_BLOCKS = 32
_FEWEST_TOKENS = 200  # for an error within documents
_Block = tuple[NDArray[np.float64], NDArray[np.float64]]

QUANTITIES = {
    "bits_per_byte": ("surprisal", "scored_bytes", "nats/byte"),
    "mean_surprisal": ("surprisal", "scored_tokens", "nats"),
    "mean_entropy": ("entropy", "scored_tokens", "nats"),
    "calibration": ("surprisal-entropy", "scored_tokens", "nats"),
    "top1_rate": ("top1", "scored_tokens", ""),
}
"""The ratios that have errors: what is over what, in which unit."""


@dataclass(frozen=True)
class Score:
    """What a corpus is worth to a model. `documents` has one row a document, in the order read."""

    documents: pa.Table
    model: Identity | None = None
    protocol: Protocol | None = None
    skipped: int = 0
    skip_reasons: tuple[str, ...] = ()
    shards_reused: int = 0
    directory: Path | None = None
    words: pa.Table | None = field(default=None, repr=False)
    extremes: pa.Table | None = field(default=None, repr=False)
    """The spans kept, like `SPANS`, where they were not saved; `spans` reads either."""

    @classmethod
    def load(cls, directory: str | Path) -> "Score":
        """The score that was saved in a directory; `FileError` where there is none, or one that was not finished."""
        path = Path(directory)
        manifest = read_manifest(path)
        if not manifest["complete"]:
            raise FileError(f"{path} was not finished: score with resume first.")
        settings = manifest["settings"]
        return cls(
            documents=pa.concat_tables(saved_tables(path, "documents")),
            model=Identity(**settings["model"]),
            protocol=Protocol(**settings["protocol"]),
            skipped=manifest["skipped"],
            directory=path,
        )

    @property
    def scored_documents(self) -> int:
        """Documents with a scored token; the others have nothing to say."""
        return int((self._column("scored_tokens") > 0).sum())

    def bits_per_byte(self, average: Average = "micro") -> Estimate:
        """Bits over bytes of the scored text: comparable between tokenizers."""
        return self.estimate("bits_per_byte", average).to("bits/byte")

    def mean_surprisal(self, average: Average = "micro", *, unit: str = "nats") -> Estimate:
        """Mean −ln p a token."""
        return self.estimate("mean_surprisal", average).to(unit_name(unit))

    def mean_entropy(self, average: Average = "micro", *, unit: str = "nats") -> Estimate:
        """Mean entropy of the distributions that predicted the tokens."""
        return self.estimate("mean_entropy", average).to(unit_name(unit))

    def calibration(self, average: Average = "micro", *, unit: str = "nats") -> Estimate:
        """Mean surprisal − mean entropy: above 0 the model is surer than it should be."""
        return self.estimate("calibration", average).to(unit_name(unit))

    def top1_rate(self, average: Average = "micro") -> Estimate:
        """Share of tokens that were the most likely one."""
        return self.estimate("top1_rate", average)

    def perplexity(self, average: Average = "micro", *, per: Literal["token", "word"] = "token") -> Estimate:
        """exp of the mean surprisal a token, or a whitespace-separated word; its interval is on the log scale.

        "macro" is exp of the mean of the documents' means, not the mean of their perplexities.
        """
        if per not in ("token", "word"):
            raise InputError(f"a perplexity is per 'token' or per 'word'; given {per!r}.")
        if per == "word":
            self._refuse_partial("a perplexity per word")
            rows = self._some()
            if not rows["words"].any():
                raise InputError("a perplexity per word needs words, and this text has none but whitespace.")
            nats = _combined(rows["surprisal"], rows["words"].astype(float), average, "nats", None)
        else:
            nats = self.mean_surprisal(average)
        if nats.value > _LARGEST_MEAN:
            raise InputError(f"the mean surprisal of {nats.value:.4g} nats is too large for a perplexity.")
        value = math.exp(nats.value)
        stderr = None if nats.stderr is None else value * nats.stderr
        return replace(nats, value=value, stderr=stderr, unit="", log_scale=True)

    def rank_histogram(self) -> dict[str, int]:
        """How many scored tokens had rank 0, 1, 2–3, 4–7, ..."""
        lists = self.documents["rank_histogram"].combine_chunks()
        counts = lists.flatten().to_numpy().reshape(-1, len(RANK_EDGES)).sum(axis=0)
        names = [str(a) if b == a + 1 else f"{a}-{b - 1}" for a, b in pairwise(RANK_EDGES)]
        return dict(zip([*names, f"{RANK_EDGES[-1]}-"], counts.tolist()))

    def bytes(self) -> dict[str, int]:
        """Bytes read, and of these scored, context and dropped: the last three add up to the first."""
        return {name: int(self._column(f"{name}bytes").sum()) for name in ("", "scored_", "context_", "dropped_")}

    def estimate(self, quantity: str, average: Average = "micro") -> Estimate:
        """One of `QUANTITIES`, in nats; see the module for its errors."""
        top, bottom, unit = _ratio(quantity)
        rows = self._some()
        blocks = None
        if average == "micro" and self.scored_documents < MINIMUM_GROUPS:
            blocks = self._blocks(quantity)
        tokens = int(rows["scored_tokens"].sum())
        return _combined(_numerator(rows, top), rows[bottom].astype(float), average, unit, blocks, tokens)

    def by_group(self, quantity: str = "bits_per_byte") -> dict[str | None, Estimate]:
        """The quantity of every group, by the group column; information in bits."""
        places: dict[str | None, list[int]] = {}
        for place, name in enumerate(self.documents["group"].to_pylist()):
            places.setdefault(name, []).append(place)
        found = {}
        for name, rows in places.items():
            part = replace(self, documents=self.documents.take(rows))
            if part.scored_documents:
                estimate = part.estimate(quantity)
                found[name] = (
                    estimate.to("bits/byte" if "byte" in estimate.unit else "bits") if estimate.unit else estimate
                )
        return found

    def macro_over_groups(self, quantity: str = "bits_per_byte") -> Estimate:
        """Mean of the groups' figures, every group the same weight; the error is between groups."""
        self.refuse_empty()
        groups = list(self.by_group(quantity).values())
        found = clustered_mean([group.value for group in groups], range(len(groups)), unit=groups[0].unit)
        return _named(found, "macro mean over groups", "leave one group out")

    def between(self, low: float, high: float) -> list[str]:
        """Ids of the documents whose bits per byte lie between two quantiles of all, both included, in their order.

        >>> from entropist.scoring import score
        >>> score(["It was the best of times.", "zqx vvk"]).between(0.0, 0.5)
        ['document:1']
        """
        return self._ids(self._between(low, high))

    def outside(self, low: float, high: float) -> list[str]:
        """Ids of all other documents: what is left when those `between` are dropped, also those without a score."""
        return self._ids(~self._between(low, high))

    def _between(self, low: float, high: float) -> NDArray[np.bool_]:
        if not 0 <= low <= high <= 1:
            raise InputError(f"quantiles lie between 0 and 1, the lower first; given {low} and {high}.")
        rows = self._some()
        own = rows["surprisal"] / rows["scored_bytes"]
        edges = np.quantile(own, [low, high])
        found = self._column("scored_tokens") > 0
        found[found] = (edges[0] <= own) & (own <= edges[1])
        return found

    def _ids(self, mask: NDArray[np.bool_]) -> list[str]:
        return list(self.documents.filter(pa.array(mask))["id"].to_pylist())

    def spans(self, count: int = 5, *, least: bool = False) -> list[Span]:
        """The stretches of text with the most bits per byte, or with the `least`, the most extreme first; at most 20.

        How text is cut into them, and when they mislead, is told where `Span` is defined.

        >>> from entropist.scoring import score
        >>> found = score(["It was the best of times, it was the worst of times, it was the age of wisdom. 8#kQ" * 2])
        >>> [(span.start_byte, span.end_byte) for span in found.spans()]
        [(0, 128)]
        """
        if not 1 <= count <= SPANS_KEPT:
            raise InputError(f"of spans 1 to {SPANS_KEPT} are kept at either end; asked for {count}.")
        table = self.extremes
        if table is None:
            table = merged([] if self.directory is None else saved_tables(self.directory, "spans"))
        return spans_of_table(table, count, least)

    def word_tables(self) -> Iterator[pa.Table]:
        """The table of words in parts, a shard at a time where they were saved; `InputError` where none were made."""
        if self.words is not None:
            yield self.words
        elif self.directory is not None and read_manifest(self.directory)["settings"]["options"]["words"]:
            yield from saved_tables(self.directory, "words")
        else:
            raise InputError("no words were made: score with words.")

    def _repr_html_(self) -> str:
        fragment = importlib.import_module("entropist.report").score_fragment  # only when a notebook asks
        return str(fragment(self))

    def totals(self) -> dict[str, Any]:
        """Everything the command prints, as plain values, None with the reason for what there is none of; in bits."""
        rows = self._some()
        values: dict[str, Any] = {
            "documents": self.documents.num_rows,
            "scored_documents": self.scored_documents,
            "tokens": int(self._column("tokens").sum()),
            "scored_tokens": int(rows["scored_tokens"].sum()),
            **{f"{name}bytes": count for name, count in self.bytes().items()},
            "not_lossless": int((~self.documents["lossless"].to_numpy()).sum()),
            "rank_histogram": self.rank_histogram(),
        }
        averages: tuple[Average, ...] = ("micro", "macro")
        for average in averages:
            for name in QUANTITIES:
                estimate = self.estimate(name, average)
                values[f"{name}_{average}"] = _plain(
                    estimate.to(estimate.unit.replace("nats", "bits")) if estimate.unit else estimate
                )
            values[f"perplexity_{average}"] = _plain_perplexity(self, average, "token")
        values["word_perplexity_micro"] = _plain_perplexity(self, "micro", "word")
        return values

    def refuse_empty(self) -> None:
        """Raise `InputError` where no token was scored."""
        if not self.scored_documents:
            raise InputError(
                f"no token was scored in {self.documents.num_rows} "
                f"document{'' if self.documents.num_rows == 1 else 's'}: empty, or too short "
                f"for {self.protocol.name if self.protocol else 'the protocol'}"
                + (f", and {self.skipped} could not be read ({self.skip_reasons[0]})" if self.skipped else "")
                + "."
            )

    def _refuse_partial(self, what: str) -> None:
        total = self.bytes()
        if total["scored_"] < total[""]:
            raise InputError(
                f"{what} needs every byte scored; {total[''] - total['scored_']} of {total['']} bytes are context or "
                "dropped. Use a protocol that scores all, with BOS, or bits per byte."
            )

    def _column(self, name: str) -> NDArray[Any]:
        return np.asarray(self.documents[name].to_numpy())

    def _some(self) -> dict[str, NDArray[Any]]:
        """Columns of the documents that have a scored token."""
        self.refuse_empty()
        keep = self._column("scored_tokens") > 0
        names = ("surprisal", "entropy", "top1", "scored_tokens", "scored_bytes", "words")
        rows = {name: self._column(name)[keep] for name in names}
        infinite = np.flatnonzero(~np.isfinite(rows["surprisal"]))
        if len(infinite):
            ids = self.documents.filter(pa.array(keep))["id"]
            raise InputError(f"document {ids[int(infinite[0])]} holds an impossible token: its surprisal is infinite.")
        return rows

    def _blocks(self, quantity: str) -> list[_Block] | None:
        top, bottom, _ = _ratio(quantity)
        keep = pa.array(self._column("scored_tokens") > 0)
        part = self.documents.filter(keep)
        columns = {
            name: part[f"block_{name}"].to_pylist() for name in ("surprisal", "entropy", "top1", "tokens", "bytes")
        }
        if any(cell is None for cell in columns["tokens"]):
            return None  # documents further down than the first eight
        found = []
        for i in range(part.num_rows):
            one = {name: np.array(cells[i]) for name, cells in columns.items()}
            found.append((_numerator(one, top), one[bottom.removeprefix("scored_")]))
        return found


def numerator_and_denominator(
    score: Score, quantity: str
) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Of every scored document: id, what the quantity sums, over what, and its bytes."""
    top, bottom, _ = _ratio(quantity)
    rows = score._some()
    keep = score._column("scored_tokens") > 0
    ids = score.documents.filter(pa.array(keep))["id"].to_pylist()
    return ids, _numerator(rows, top), rows[bottom].astype(float), score._column("bytes")[keep]


def _ratio(quantity: str) -> tuple[str, str, str]:
    if quantity not in QUANTITIES:
        raise InputError(f"{quantity!r} is not one of {', '.join(QUANTITIES)}.")
    return QUANTITIES[quantity]


def _numerator(rows: dict[str, NDArray[Any]], name: str) -> NDArray[np.float64]:
    if name == "surprisal-entropy":
        return np.asarray(rows["surprisal"] - rows["entropy"], np.float64)
    return rows[name].astype(np.float64)


def _combined(
    top: NDArray[np.float64],
    bottom: NDArray[np.float64],
    average: str,
    unit: str,
    blocks: Sequence[_Block] | None,
    tokens: int = 0,
) -> Estimate:
    """Ratio of sums or mean of ratios over documents; from blocks where documents are too few."""
    if average not in ("micro", "macro"):
        raise InputError(f"average is 'micro' or 'macro'; given {average!r}.")
    groups = np.arange(len(top))
    if average == "macro":
        found = _of_documents(clustered_mean(top / bottom, groups, unit=unit))
        return _named(found, "mean over documents", "leave one document out")
    found = _of_documents(clustered_ratio(top, bottom, groups, unit=unit))
    if blocks is None:
        return _named(found, "ratio of sums", "leave one document out")
    return _within(found, blocks, unit, tokens)


def _within(between: Estimate, blocks: Sequence[_Block], unit: str, tokens: int) -> Estimate:
    """The error within documents: leave one block of consecutive tokens out, at most 32 blocks a document."""
    pairs = [_merged(top, bottom) for top, bottom in blocks]
    top, bottom = (np.concatenate([pair[i] for pair in pairs]) for i in (0, 1))
    within = clustered_ratio(top, bottom, np.arange(len(top)), unit=unit)
    why = f"within them {within.reason}".replace("groups", "blocks")
    if tokens < _FEWEST_TOKENS:
        within, why = replace(within, stderr=None), f"one within them {_FEWEST_TOKENS} tokens: there are {tokens}"
    reason = None if within.stderr is not None else f"{between.reason}, and {why}"
    domain = None if within.stderr is None else "further text of the same documents, not other documents"
    found = replace(
        between, stderr=within.stderr, degrees_of_freedom=within.degrees_of_freedom, reason=reason, domain=domain
    )
    documents = "one document" if len(blocks) == 1 else f"{len(blocks)} documents"
    return _named(found, "ratio of sums", f"leave one block of tokens out within {documents}")


def _of_documents(estimate: Estimate) -> Estimate:
    """The estimate, and what is said of groups said of documents, for that is what they are here."""
    texts = ((text or "").replace("1 groups are", "1 document is") for text in (estimate.reason, estimate.domain))
    reason, domain = (text.replace("groups", "documents") or None for text in texts)
    return replace(estimate, reason=reason, domain=domain)


def _named(estimate: Estimate, value: str, error: str) -> Estimate:
    """How the value came about and, where there is one, its error."""
    return replace(estimate, estimator=value if estimate.stderr is None else f"{value}, {error}")


def _merged(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> _Block:
    """Blocks put together until there are at most 32, each worth more tokens."""
    size = -(-len(top) // _MOST_BLOCKS)
    starts = np.arange(0, max(1, len(top) // size) * size, size)
    return np.add.reduceat(top, starts), np.add.reduceat(bottom, starts)


def _plain_perplexity(score: Score, average: Average, per: Literal["token", "word"]) -> dict[str, Any]:
    """A text without spaces is one word of thousands of nats: the totals are told all the same."""
    try:
        return _plain(score.perplexity(average, per=per))
    except InputError as error:
        return dict.fromkeys(_plain(score.mean_surprisal(average))) | {"reason": str(error)}


def _plain(estimate: Estimate) -> dict[str, Any]:
    low, high = (None, None) if estimate.stderr is None else estimate.confidence_interval()
    return {
        "value": estimate.value, "stderr": estimate.stderr, "low_95": low, "high_95": high, "unit": estimate.unit,
        "n": estimate.n, "estimator": estimate.estimator, "domain": estimate.domain, "reason": estimate.reason,
    }  # fmt: skip
