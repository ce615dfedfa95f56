"""What a server's answer declares of itself, and what was found wrong with it.

A log-probability from a server means little alone: it may be raw or changed by the sampler, the list may be
cut after k tokens, and a number such as -9999 may stand for "not said". A `Declaration` keeps what is known
of this, what was assumed, and each `Finding`; it travels in the metadata of the record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """Something in an answer that log-probabilities cannot be, or that was lost on the way.

    `kind` is its name, `position` the first row of the record it concerns (None: the whole answer), `count`
    how many rows it concerns, `message` what was given, what was expected, and what was made of it.
    """

    kind: str
    position: int | None
    count: int
    message: str

    def __str__(self) -> str:
        where = "" if self.position is None else f" at token {self.position}"
        more = f" and {self.count - 1} more" if self.position is not None and self.count > 1 else ""
        return f"{self.kind}{where}{more}: {self.message}"


@dataclass(frozen=True)
class Declaration:
    """Who gave the log-probabilities of a record, and under which conditions.

    `probabilities` is "raw" (the model's own), "processed" (after temperature or another sampler) or
    "unknown"; `vocabulary_source` tells whether the size comes from the "model name", was "given" or is
    "assumed"; `ids` are the "server"'s or "local" numbers, given here in the order of appearance; `parts`
    names each document of the record; `sentinels` are the numbers that stood for "not said", `censored` how
    many tokens have a bound in place of a surprisal; `rounding` is the error of a log-probability relative to 1 + its
    size, from the digits given. `temperature` and `k` (alternatives a token) are None where not told.
    """

    server: str
    dialect: str
    model: str
    probabilities: str
    temperature: float | None
    k: int | None
    vocabulary_size: int
    vocabulary_source: str
    rounding: float
    ids: str
    parts: tuple[str, ...]
    sentinels: tuple[str, ...]
    censored: int
    findings: tuple[Finding, ...]

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "Declaration":
        """The inverse of `dataclasses.asdict`, lists read from JSON for tuples."""
        findings = tuple(Finding(**finding) for finding in values["findings"])
        tuples = {name: tuple(values[name]) for name in ("parts", "sentinels")}
        return cls(**{**values, **tuples, "findings": findings})
