"""Totals over the scored tokens of a trace: measurements with their error, or bounds where the source was cut.

A column with bounds low_t <= x_t <= high_t bounds what is monotone in it: mean x lies in
[mean low, mean high], the perplexity in [exp(mean low), exp(mean high)]. A censored token has
surprisal_high = inf, so that perplexity and bits per byte are then lower bounds.
"""

import math
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.estimators import mean, ratio
from entropist.results import Bounds, Estimate
from entropist.units import from_nats


def total_surprisal(table: pa.Table) -> float:
    """Σ surprisal in nats, correctly rounded; 0 where nothing was scored, NaN where a token has none."""
    return math.fsum(_scored(table, "surprisal"))


def mean_of(table: pa.Table, column: str) -> Estimate:
    """Mean of an information column over the scored tokens, in nats."""
    return mean(_some(table, column), unit="nats")


def perplexity(table: pa.Table) -> Estimate:
    """exp of the mean surprisal; stderr by the delta method, interval on the log scale."""
    nats = mean_of(table, "surprisal")
    if nats.value > _LARGEST_MEAN:
        raise InputError(
            f"the mean surprisal of {nats.value:.4g} nats is too large for a perplexity: use mean_surprisal()."
        )
    value = math.exp(nats.value)
    stderr = None if nats.stderr is None else value * nats.stderr
    return replace(nats, value=value, stderr=stderr, unit="", log_scale=True)


def bits_per_byte(table: pa.Table) -> Estimate:
    """Bits over bytes, both of the scored tokens."""
    nats = _some(table, "surprisal")
    return ratio(nats, _scored_bytes(table), unit="nats/byte").to("bits")


def total_bounds(table: pa.Table) -> Bounds:
    """What Σ surprisal can be, in nats."""
    return Bounds(math.fsum(_end(table, "surprisal", "low")), math.fsum(_end(table, "surprisal", "high")), "nats")


def mean_bounds(table: pa.Table, column: str) -> Bounds:
    """What the mean of an information column can be, in nats."""
    _some(table, "scored")
    low, high = (_end(table, column, end) for end in ("low", "high"))
    return Bounds(math.fsum(low) / len(low), math.fsum(high) / len(high), "nats")


def perplexity_bounds(table: pa.Table) -> Bounds:
    """exp of what the mean surprisal can be; the upper one is infinite where a token is censored."""
    nats = mean_bounds(table, "surprisal")
    if nats.low > _LARGEST_MEAN:
        raise InputError(
            f"the mean surprisal of {nats.low:.4g} nats or more is too large for a perplexity: use "
            "mean_surprisal_bounds()."
        )
    return Bounds(math.exp(nats.low), math.exp(nats.high) if nats.high <= _LARGEST_MEAN else math.inf, "")


def bits_per_byte_bounds(table: pa.Table) -> Bounds:
    """What bits over bytes of the scored tokens can be."""
    _some(table, "scored")
    total, length = total_bounds(table), int(_scored_bytes(table).sum())
    if not length:
        raise InputError("the scored tokens hold no bytes, so there are no bits per byte: the source told no text.")
    low, high = (float(from_nats(end, "bits")) / length for end in (total.low, total.high))
    return Bounds(low, high, "bits/byte")


def censored(table: pa.Table) -> int:
    """How many scored tokens have a lower bound in place of a surprisal."""
    if "surprisal_high" not in table.schema.names:
        return 0
    return int((np.isnan(_scored(table, "surprisal")) & (_scored(table, "surprisal_high") == math.inf)).sum())


_LARGEST_MEAN = math.log(sys.float_info.max)


def _end(table: pa.Table, column: str, end: str) -> NDArray[np.float64]:
    """One end of a column over the scored tokens: the column itself where the source was not cut."""
    name = f"{column}_{end}" if f"{column}_{end}" in table.schema.names else column
    values = _scored(table, name)
    refuse_open(values, name)
    return values


def _scored_bytes(table: pa.Table) -> NDArray[np.int64]:
    length = table["end_byte"].to_numpy() - table["start_byte"].to_numpy()
    return np.asarray(length[table["scored"].to_numpy()], np.int64)


def _scored(table: pa.Table, column: str) -> NDArray[np.float64]:
    values = table[column].to_numpy()
    return np.asarray(values[table["scored"].to_numpy()], dtype=np.float64)


def _some(table: pa.Table, column: str) -> NDArray[np.float64]:
    values = _scored(table, column)
    if not len(values):
        raise InputError(
            f"none of the {table.num_rows} tokens was scored, so there is no mean: a token needs one before it, "
            "or a model with a BOS token."
        )
    refuse_open(values, column)
    return values


def refuse_open(values: NDArray[np.float64], column: str) -> None:
    """Raise `InputError` where some of the scored tokens have bounds in place of a value."""
    open_ends = int(np.isnan(values).sum())
    if open_ends:
        raise InputError(
            f"the source was cut: the {column} of {open_ends} of {len(values)} tokens has bounds and no value. "
            "The totals named ..._bounds() say what is known."
        )
