"""From evidence and bounds to the rows of a `Trace`, its bound columns filled.

The point columns hold what is exactly known: a told surprisal, an entropy whose bounds meet, the rank of a
token in a list that is the top. Lists are kept as far as they are believed.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.record import bounded_table
from entropist.responses._bounds import Intervals
from entropist.responses._evidence import Evidence
from entropist.responses._rows import Rows
from entropist.responses._tokens import Vocabulary


def table(rows: Rows, words: Vocabulary, found: Evidence, bounds: Intervals, pieces: list[bytes]) -> pa.Table:
    """The rows of the record, one a position, documents one after the other."""
    n, scored = len(rows), found.scored
    stops = [part.stop for part in rows.parts]
    document = np.searchsorted(np.array(stops), np.arange(n), side="right").astype(np.int32)
    inside = np.arange(found.listed.shape[1]) < found.counts[:, None]
    values = {
        name: np.where(low == high, low, np.nan)
        for name, (low, high) in zip(("surprisal", "entropy", "varentropy"), bounds)
    }
    values |= {f"{name}_{end}": pair[i] for name, pair in zip(values, bounds) for i, end in enumerate(("low", "high"))}
    listed = (found.counts > 0) & found.top & found.believed
    values["max_logprob"] = np.where(listed, found.listed[:, :1].max(axis=1, initial=-np.inf), np.nan)
    return bounded_table(
        document=document,
        ids=words.ids[found.emitted],
        pieces=pieces,
        scored=scored,
        values=values,
        ranks=_ranks(rows, found, listed),
        counts=found.counts,
        top_ids=words.ids[found.tokens[inside]],
        top_logprobs=found.listed[inside],
    )


def _ranks(rows: Rows, found: Evidence, listed: NDArray[np.bool_]) -> NDArray[Any]:
    """How many tokens were strictly likelier, -1 where that is not known."""
    same = found.tokens == found.emitted[:, None]
    known = listed & same.any(axis=1) & found.scored & ~np.isnan(found.logprob) & np.isnan(found.low)
    with np.errstate(invalid="ignore"):
        likelier = (found.listed > found.logprob[:, None] + 1e-12).sum(axis=1)
    ranks = np.where(known, likelier, -1)
    for row, rank in rows.ranks.items():
        if rank >= 1 and found.scored[row]:
            ranks[row] = rank - 1
    return ranks
