"""`Trace`: one row a token of a text seen through a model, with what is needed to believe it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.record import _export, _files, _totals
from entropist.record._schema import POWERS, SCHEMA, Metadata, schema_of
from entropist.results import Bounds, Estimate
from entropist.units import from_nats, unit_name


@dataclass(frozen=True, eq=False)
class Trace:
    """One row a token, the metadata, and the bytes of every token named.

    The columns are those of `entropist.record.COLUMNS` and, where a source truncates, of `BOUNDS`.

    Row t is about token t: its surprisal and entropy come from the distribution that predicted it.
    `pieces` maps the ids that occur, in the text or among the alternatives, to the bytes of their
    vocabulary entries.
    """

    table: pa.Table
    metadata: Metadata
    pieces: Mapping[int, bytes]

    def __post_init__(self) -> None:
        if not self.table.schema.equals(schema_of(self.table.schema.names)):
            raise InputError(f"not the columns of a trace: given {self.table.schema.names}, expected {SCHEMA.names}.")

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Trace)
            and self.metadata == other.metadata
            and dict(self.pieces) == dict(other.pieces)
            and bool(self.table.equals(other.table))
        )

    __hash__ = None  # type: ignore[assignment]

    def to_arrow(self) -> pa.Table:
        """The rows as a pyarrow table; metadata and pieces travel in its schema."""
        return _files.to_arrow(self._contents())

    @classmethod
    def from_arrow(cls, table: pa.Table) -> "Trace":
        """The inverse of `to_arrow`."""
        return cls(*_files.from_arrow(table))

    def save(self, path: Path | str) -> Path:
        """Write to .parquet, .arrow (IPC) or .jsonl, whole or not at all; returns the path."""
        return _files.save(self._contents(), Path(path))

    @classmethod
    def load(cls, path: Path | str) -> "Trace":
        """Read what `save` wrote; equal to what was saved, to the last byte."""
        return cls(*_files.load(Path(path)))

    def column(self, name: str, *, unit: str = "nats") -> NDArray[Any]:
        """A column as a NumPy array, null as NaN; those that are information are given in `unit`."""
        if name not in self.table.schema.names:
            raise InputError(f"this trace has no column {name!r}: use one of {', '.join(self.table.schema.names)}.")
        values: NDArray[Any] = self.table[name].to_numpy()
        return np.asarray(from_nats(values, unit, power=POWERS[name])) if name in POWERS else values

    def to_json(self, *, unit: str = "nats") -> str:
        """The whole record as one JSON object, columnar and versioned (`trace.schema.json`), information in `unit`."""
        return _export.to_json(self, unit)

    def to_frame(self) -> Any:
        """The rows as a pandas data frame, or a polars one where pandas is absent; information in nats."""
        return _export.to_frame(self)

    def text_bytes(self) -> bytes:
        """The original text, put together from the bytes of its tokens."""
        return b"".join(self.table["token_bytes"].to_pylist())

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Which tokens were predicted: (tokens,)."""
        return np.asarray(self.table["scored"].to_numpy(), dtype=np.bool_)

    def total_surprisal(self, *, unit: str = "nats") -> float:
        """Σ surprisal over the scored tokens: the negative log-likelihood of the text; a censored token raises."""
        _totals.refuse_open(self.column("surprisal")[self.scored], "surprisal")
        return float(from_nats(_totals.total_surprisal(self.table), unit))

    def mean_surprisal(self, *, unit: str = "nats") -> Estimate:
        """Mean surprisal of a scored token (cross-entropy of text and model), batch-means error."""
        return _totals.mean_of(self.table, "surprisal").to(unit)

    def mean_entropy(self, *, unit: str = "nats") -> Estimate:
        """Mean entropy of the predicting distributions, batch-means error."""
        return _totals.mean_of(self.table, "entropy").to(unit)

    def perplexity(self) -> Estimate:
        """exp(mean surprisal in nats); the interval is that of the mean, exponentiated. No unit."""
        return _totals.perplexity(self.table)

    def bits_per_byte(self) -> Estimate:
        """Σ surprisal / (ln 2 · bytes of the scored tokens), with the batch-means error of a ratio."""
        return _totals.bits_per_byte(self.table)

    @property
    def censored(self) -> int:
        """How many scored tokens have a lower bound in place of a surprisal: the source did not tell it."""
        return _totals.censored(self.table)

    def total_surprisal_bounds(self, *, unit: str = "nats") -> Bounds:
        """What the total surprisal can be, given what the source told; low = high where it told all."""
        return _in_unit(_totals.total_bounds(self.table), unit)

    def mean_surprisal_bounds(self, *, unit: str = "nats") -> Bounds:
        """What the mean surprisal of a scored token can be; the high one is infinite where a token is censored."""
        return _in_unit(_totals.mean_bounds(self.table, "surprisal"), unit)

    def mean_entropy_bounds(self, *, unit: str = "nats") -> Bounds:
        """What the mean entropy can be: [mean of the lower bounds, mean of the upper ones]."""
        return _in_unit(_totals.mean_bounds(self.table, "entropy"), unit)

    def perplexity_bounds(self) -> Bounds:
        """What the perplexity can be: exp of the bounds of the mean surprisal. No unit."""
        return _totals.perplexity_bounds(self.table)

    def bits_per_byte_bounds(self) -> Bounds:
        """What Σ surprisal / (ln 2 · bytes of the scored tokens) can be, in bits/byte."""
        return _totals.bits_per_byte_bounds(self.table)

    def _contents(self) -> _files.Contents:
        return _files.Contents(self.table, self.metadata, self.pieces)

    def _repr_html_(self) -> str:
        from entropist.report import html_fragment  # the one upward call: only when a notebook asks

        return html_fragment(self)


def _in_unit(bounds: Bounds, unit: str) -> Bounds:
    name = unit_name(unit)
    return Bounds(float(from_nats(bounds.low, name)), float(from_nats(bounds.high, name)), name)
