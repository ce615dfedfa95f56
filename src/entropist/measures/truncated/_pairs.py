"""Two truncated lists over one vocabulary, sorted by who lists what.

    both:    p and q known        only_p:  p known, q ≤ c_q        only_q:  q known, p ≤ c_p        rest:  neither

The ids that P does not list (only_q and rest) share the mass r_p, those that Q does not list share r_q. Every known
value is an interval of half-width rounding·(1 + |l|) in the logarithm.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np

from entropist.errors import InputError
from entropist.measures.truncated._entropy import entropy_bounds
from entropist.measures.truncated._reading import Array
from entropist.measures.truncated._rows import FLOAT32, one

Logprobs = Mapping[Hashable, float]


@dataclass(frozen=True)
class Known:
    """Log-probabilities between `low` and `high`, (tokens,)."""

    low: Array
    high: Array


@dataclass(frozen=True)
class Side:
    """One distribution: its unlisted mass, what one unlisted token has at most and at least, its entropy."""

    r_low: float
    r_high: float
    log_cap: float
    floor: float
    entropy: tuple[float, float]


@dataclass(frozen=True)
class Pair:
    """Two lists side by side: `both_p[i]` and `both_q[i]` are one token's."""

    p: Side
    q: Side
    both_p: Known
    both_q: Known
    only_p: Known
    only_q: Known
    rest: int


def pair(
    p_top: Logprobs,
    q_top: Logprobs,
    vocabulary_size: int,
    p_also: Logprobs,
    q_also: Logprobs,
    rounding: float = FLOAT32,
) -> Pair:
    """Read and check both lists, {id: log-probability}."""
    p_side, p_known = _side("p", p_top, p_also, vocabulary_size, rounding)
    q_side, q_known = _side("q", q_top, q_also, vocabulary_size, rounding)
    both = [token for token in p_known if token in q_known]
    only_p = [token for token in p_known if token not in q_known]
    only_q = [token for token in q_known if token not in p_known]
    rest = vocabulary_size - len(both) - len(only_p) - len(only_q)
    if rest < 0:
        raise InputError(f"the two lists name {vocabulary_size - rest} tokens, more than the vocabulary of "
                         f"{vocabulary_size}: their ids are not of one vocabulary.")  # fmt: skip
    return Pair(
        p_side, q_side, _known(p_known, both), _known(q_known, both), _known(p_known, only_p), _known(q_known, only_q),
        rest,
    )  # fmt: skip


def _side(
    name: str, top: Logprobs, also: Logprobs, vocabulary_size: int, rounding: float
) -> tuple[Side, dict[Hashable, tuple[float, float]]]:
    if not (isinstance(top, Mapping) and isinstance(also, Mapping)):
        raise InputError(f"{name}_top and {name}_also must map token ids to log-probabilities; given "
                         f"{type(top).__name__} and {type(also).__name__}.")  # fmt: skip
    if twice := [token for token in also if token in top]:
        raise InputError(f"{name}_also names {twice[0]!r}, which {name}_top lists already.")
    try:
        read = one(list(top.values()), vocabulary_size, list(also.values()), rounding)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    low, high = entropy_bounds(read)
    spare = float(read.r_low[0] - (read.unseen[0] - 1.0) * np.exp(read.log_cap[0]))
    side = Side(
        float(read.r_low[0]), float(read.r_high[0]), float(read.log_cap[0]), max(0.0, spare),
        (float(low[0]), float(high[0])),
    )  # fmt: skip
    off = read.rounding[0] * (1.0 - read.logprobs[0])
    ends = zip((read.logprobs[0] - off).tolist(), np.minimum(read.logprobs[0] + off, 0.0).tolist())
    return side, dict(zip((*top, *also), ends))


def _known(values: dict[Hashable, tuple[float, float]], tokens: list[Hashable]) -> Known:
    ends = np.array([values[token] for token in tokens], np.float64).reshape(-1, 2)
    return Known(ends[:, 0], ends[:, 1])
