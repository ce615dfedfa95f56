"""The columns and the metadata of a trace: the one place that names them."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from entropist.errors import FileError
from entropist.provenance import Identity
from entropist.record._declaration import Declaration

FORMAT_VERSION = 1
"""Stands in every file; a program reads the version it knows and refuses others."""


class Column(NamedTuple):
    """A column of the record: its Arrow type, whether it may be null, and what it says."""

    name: str
    type: pa.DataType
    nullable: bool
    meaning: str


COLUMNS = (
    Column("document", pa.int32(), False, "number of the document, from 0"),
    Column("position", pa.int32(), False, "number of the token in its document, from 0; BOS is not counted"),
    Column("token_id", pa.int32(), False, "id in the model's vocabulary"),
    Column("token_bytes", pa.binary(), False, "the bytes of the original text that this token covers"),
    Column("start_byte", pa.int64(), False, "first byte in the document's UTF-8 text"),
    Column("end_byte", pa.int64(), False, "byte after the last"),
    Column("scored", pa.bool_(), False, "false for context: a token that nothing predicted"),
    Column("surprisal", pa.float64(), True, "-ln p(token | what came before), nats"),
    Column("entropy", pa.float64(), True, "entropy of the distribution that predicted the token, nats"),
    Column("varentropy", pa.float64(), True, "variance of the surprisal under that distribution, nats squared"),
    Column("rank", pa.int32(), True, "how many tokens were strictly more likely"),
    Column("max_logprob", pa.float64(), True, "ln p of the most likely token"),
    Column("top_ids", pa.list_(pa.int32()), True, "the most likely tokens, descending"),
    Column("top_logprobs", pa.list_(pa.float32()), True, "their ln p"),
)
"""The columns of every trace, in their order."""

BOUNDS = tuple(
    Column(
        f"{quantity}_{end}", pa.float64(), True, f"{side} bound of the {quantity} that the source's cut leaves, {unit}"
    )
    for quantity, unit in (("surprisal", "nats"), ("entropy", "nats"), ("varentropy", "nats squared"))
    for end, side in (("low", "lower"), ("high", "upper"))
)
"""Further columns where a source gives only the largest probabilities; the point column is null there."""

POWERS = {"surprisal": 1, "entropy": 1, "varentropy": 2, "max_logprob": 1}
POWERS |= {column.name: POWERS[column.name.partition("_")[0]] for column in BOUNDS}
"""The columns that are information, in nats to this power."""


def schema_of(names: Iterable[str]) -> pa.Schema:
    """The schema of a trace with the columns `names`: with the bounds where one of them is a bound."""
    columns = COLUMNS + BOUNDS if {column.name for column in BOUNDS} & set(names) else COLUMNS
    return pa.schema([pa.field(column.name, column.type, column.nullable) for column in columns])


SCHEMA = schema_of(())


@dataclass(frozen=True)
class Protocol:
    """How the text was cut for the model: windows in tokens (BOS included), the step between them, the BOS.

    `bos_id` is None where nothing preceded the first token, which is then context. Of a server's answer
    (name "server") the window and stride are not known and 0.
    """

    name: str
    window: int
    stride: int
    bos_id: int | None


@dataclass(frozen=True)
class Metadata:
    """What a trace says of itself.

    `probabilities` tells whether they are the model's own ("raw") or changed by a sampler
    ("processed"), "unknown" where a server does not say. `lossless` is false where the tokenizer
    normalises, so that a token's bytes are those of the text it covers and not those of its vocabulary
    entry, and where a server did not tell the bytes. `declaration` is what a server's answer says of itself.
    """

    model: Identity
    protocol: Protocol
    vocabulary_size: int
    lossless: bool = True
    dialect: str = "weights"
    probabilities: str = "raw"
    unit: str = "nats"
    format_version: int = FORMAT_VERSION
    declaration: Declaration | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values; without `declaration` where there is none, as in files before it existed."""
        values = asdict(self)
        if self.declaration is None:
            del values["declaration"]
        return values

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str | bytes) -> "Metadata":
        """The inverse of `to_json`; a version this program does not know raises `FileError`."""
        values: dict[str, Any] = json.loads(text)
        if not isinstance(values, dict):
            raise FileError(f"the metadata of a trace is a JSON object; given {str(values)[:40]!r}.")
        if values.get("format_version") != FORMAT_VERSION:
            raise FileError(
                f"trace format {values.get('format_version')!r} is not {FORMAT_VERSION}, the one this version reads: "
                "use the Entropist that wrote it, or trace the text again."
            )
        values["model"] = Identity(**values["model"])
        values["protocol"] = Protocol(**values["protocol"])
        if values.get("declaration") is not None:
            values["declaration"] = Declaration.from_values(values["declaration"])
        return cls(**values)
