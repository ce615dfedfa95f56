"""Rows of logits on the CPU."""

from typing import Any

import numpy as np
from array_api_compat import array_namespace

from entropist.logits._compare import pair_chunk
from entropist.logits._statistics import _chunk


def statistics_rows(z: Any, targets: Any, temperature: float, top_k: int, offset: int = 0) -> tuple[Any, ...]:
    """The fields of `LogitStatistics`, in their order, of rows z (n, vocabulary)."""
    return _chunk(array_namespace(z), z, targets, temperature, top_k, offset)


def compare_rows(p: Any, q: Any, targets: Any, offset: int = 0) -> tuple[Any, ...]:
    """The fields of `PairStatistics`, in their order, of rows p and q (n, vocabulary)."""
    return pair_chunk(array_namespace(p), p, q, targets, offset)
