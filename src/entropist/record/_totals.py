"""Totals over the scored tokens of a trace, each a measurement with its error."""

import math
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.estimators import mean, ratio
from entropist.results import Estimate


def total_surprisal(table: pa.Table) -> float:
    """Σ surprisal in nats, correctly rounded; 0 where nothing was scored."""
    return math.fsum(_scored(table, "surprisal"))


def mean_of(table: pa.Table, column: str) -> Estimate:
    """Mean of an information column over the scored tokens, in nats."""
    return mean(_some(table, column), unit="nats")


def perplexity(table: pa.Table) -> Estimate:
    """exp of the mean surprisal; stderr by the delta method, interval on the log scale."""
    nats = mean_of(table, "surprisal")
    if nats.value > math.log(sys.float_info.max):
        raise InputError(
            f"the mean surprisal of {nats.value:.4g} nats is too large for a perplexity: use mean_surprisal()."
        )
    value = math.exp(nats.value)
    stderr = None if nats.stderr is None else value * nats.stderr
    return replace(nats, value=value, stderr=stderr, unit="", log_scale=True)


def bits_per_byte(table: pa.Table) -> Estimate:
    """Bits over bytes, both of the scored tokens."""
    length = table["end_byte"].to_numpy() - table["start_byte"].to_numpy()
    nats = _some(table, "surprisal")
    return ratio(nats, length[table["scored"].to_numpy()], unit="nats/byte").to("bits")


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
    open_ends = int(np.isnan(values).sum())
    if open_ends:
        raise InputError(
            f"the source was cut: the {column} of {open_ends} of {len(values)} tokens has bounds and no value."
        )
    return values
