"""`Generation`: what was generated, and for every token what the chain made of the model's distribution.

It is a `Trace` (the prompt is context, each sample a document) and beside it, row for row, what a trace has no place
for: `kept_logprob` and `kept_entropy` of the distribution that was drawn from, the mass and the number of tokens the
chain kept, how many positions the model saw, and which rule chose and why. All in nats, of natural probabilities.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from entropist.decoding import _generation_files
from entropist.errors import FileError, InputError
from entropist.record import Trace
from entropist.units import from_nats

CHAIN = pa.schema(
    [
        pa.field("kept_logprob", pa.float64()),
        pa.field("kept_entropy", pa.float64()),
        pa.field("kept_mass", pa.float64()),
        pa.field("kept", pa.int32()),
        pa.field("seen", pa.int32()),
        pa.field("rule", pa.string()),
        pa.field("reason", pa.string()),
    ]
)
"""Columns beside those of the trace; null for the prompt."""

_KEY = b"entropist.generation"
_VERSION = 1


@dataclass(frozen=True)
class Settings:
    """How a generation was asked for, and how each sample ended.

    `stopped` is one of "end" (the model's own end token), "stop" (a text asked for), "length", "interrupted",
    "caller" (a loop that was only recorded), or "abstained: " with the reason. `seed` is None where it is not known.
    `slides` counts how often the context was full and the window moved on. `chat`: the prompt was a user's turn.
    """

    prompt: str
    sampler: str
    seed: int | None
    max_tokens: int
    stopped: tuple[str, ...]
    slides: int
    chat: bool = False


@dataclass(frozen=True, eq=False)
class Generation:
    """Generated texts with their record.

    `trace` has one row a token, prompt included (as context), each sample a document; `chain` one row for each of
    those with the columns of `CHAIN`; `settings` what was asked for.

    When this misleads: its totals are the model's, at temperature 1, of a text that the sampler chose; low ones praise
    the sampler's caution, not the text.

    >>> from entropist.decoding import generate
    >>> found = generate("It was the best of", sampler="top_k=2", max_tokens=4)
    >>> found.steps["kept"].to_pylist(), len(found.trace)
    ([2, 2, 2, 2], 9)
    """

    trace: Trace
    chain: pa.Table
    settings: Settings

    def __post_init__(self) -> None:
        if self.chain.schema != CHAIN or self.chain.num_rows != len(self.trace):
            raise InputError(f"a generation has the columns {CHAIN.names}, and a row for every row of its trace.")

    def __len__(self) -> int:
        return len(self.settings.stopped)

    @property
    def text(self) -> str:
        """What was generated, without the prompt: that of the first sample."""
        return self.texts[0]

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """What each sample generated, without the prompt; bytes that are no UTF-8 are shown as U+FFFD."""
        steps = self.steps
        found = [b""] * len(self)
        for sample, piece in zip(steps["sample"].to_pylist(), steps["token_bytes"].to_pylist()):
            found[sample] += piece
        return tuple(each.decode("utf-8", "replace") for each in found)

    @cached_property
    def token_ids(self) -> tuple[tuple[int, ...], ...]:
        """The generated tokens of each sample."""
        steps = self.steps
        found: list[list[int]] = [[] for _ in range(len(self))]
        for sample, token in zip(steps["sample"].to_pylist(), steps["token_id"].to_pylist()):
            found[sample].append(token)
        return tuple(map(tuple, found))

    @cached_property
    def steps(self) -> pa.Table:
        """One row a generated token, in nats: sample, step, token_id, token_bytes, the numbers of its distribution
        before the chain (logprob, entropy, varentropy, rank), and the columns of `CHAIN`."""
        rows = self.trace.scored
        table, chain = self.trace.table.filter(pa.array(rows)), self.chain.filter(pa.array(rows))
        sample = table["document"].to_numpy()
        step = np.arange(len(sample)) - np.searchsorted(sample, sample) if len(sample) else sample
        columns: dict[str, Any] = {
            "sample": table["document"],
            "step": pa.array(step.astype(np.int32)),
            "token_id": table["token_id"],
            "token_bytes": table["token_bytes"],
            "logprob": pa.array(0.0 - table["surprisal"].to_numpy()),
            **{name: table[name] for name in ("entropy", "varentropy", "rank")},
            **{name: chain[name] for name in CHAIN.names},
        }
        return pa.table(columns)

    def sample(self, number: int) -> Trace:
        """The trace of one sample, prompt included."""
        if not 0 <= number < len(self):
            raise InputError(f"there is no sample {number}: this generation has {len(self)}, counted from 0.")
        table = self.trace.table.filter(pa.array(self.trace.column("document") == number))
        zero = pa.array(np.zeros(table.num_rows, np.int32))
        table = table.set_column(0, self.trace.table.schema.field("document"), zero)
        return Trace(table.combine_chunks(), self.trace.metadata, self.trace.pieces)

    def to_arrow(self) -> pa.Table:
        """The trace's columns and those of `CHAIN` in one table; metadata travels in its schema."""
        table = self.trace.to_arrow()
        pairs = {**table.schema.metadata, _KEY: json.dumps({"version": _VERSION, **asdict(self.settings)}).encode()}
        for name in CHAIN.names:
            table = table.append_column(CHAIN.field(name), self.chain[name])
        return table.replace_schema_metadata(pairs)

    @classmethod
    def from_arrow(cls, table: pa.Table) -> "Generation":
        """The inverse of `to_arrow`."""
        pairs: Mapping[bytes, bytes] = table.schema.metadata or {}
        if _KEY not in pairs:
            raise FileError("this table holds no generation: give one that Generation.save wrote.")
        values = json.loads(pairs[_KEY])
        if values.pop("version", None) != _VERSION:
            raise FileError("this generation was written by another version of Entropist: generate it again.")
        settings = Settings(**{**values, "stopped": tuple(values["stopped"])})
        trace = Trace.from_arrow(table.drop_columns(CHAIN.names))
        return cls(trace, table.select(CHAIN.names).replace_schema_metadata(None).cast(CHAIN), settings)

    def save(self, path: Path | str) -> Path:
        """Write to .parquet, .arrow (IPC) or .jsonl, whole or not at all; returns the path."""
        return _generation_files.save(self.to_arrow(), Path(path))

    @classmethod
    def load(cls, path: Path | str) -> "Generation":
        """Read what `save` wrote."""
        return _generation_files.load(Path(path), cls.from_arrow, CHAIN)

    def to_json(self, *, unit: str = "nats") -> str:
        """Settings, texts, the record and the chain's columns as one JSON object, information in `unit`."""
        chain: dict[str, list[Any]] = {name: self.chain[name].to_pylist() for name in CHAIN.names}
        for name in ("kept_logprob", "kept_entropy"):
            chain[name] = [None if value is None else from_nats(value, unit) for value in chain[name]]
        values = {
            "format": "entropist.generation",
            "format_version": _VERSION,
            "unit": unit,
            **asdict(self.settings),
            "texts": self.texts,
            "chain": chain,
            "trace": json.loads(self.trace.to_json(unit=unit)),
        }
        return json.dumps(values, allow_nan=False)

    def _repr_html_(self) -> str:
        return self.trace._repr_html_()
