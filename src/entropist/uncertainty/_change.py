"""Has the model behind a name changed? A test that may be looked at after every round.

The same canary prompts are asked round after round. A round's score is its median distance to the other
rounds (mean total variation of the lists, "other" being one entry), so that while nothing changes the
rounds are exchangeable and the conformal p-value of each new round,

    p_t = (#{s ≤ t : score_s > score_t} + U · #{s ≤ t : score_s = score_t}) / t,    U uniform,

is uniform and independent of those before. A change makes new rounds strange and p small. Bets on small p,
e_δ(p) = 0.1 + 0.9·1[p < δ]/δ, started at every round k with weight w_k = 1/(k(k + 1)), are a martingale

    M_t = Σ_{k ≤ t} w_k Π_{s=k..t} e(p_s) + (1 − Σ_{k ≤ t} w_k),

averaged over several δ. By Ville's inequality M_t ever reaches 1/α with probability at most α while the
model stays the same, whatever noise the server has.

When this misleads: rounds must be alike but for the model: another region, hardware or batch size at a
fixed hour is a change as well. A change after few rounds is hard to tell from chance: at α = 0.01 one after 30
rounds takes some six more, one after 20 three times that, and one after 10 may never be found.

Source: Vovk, Nouretdinov & Gammerman (2003), "Testing exchangeability on-line"; Ville (1939).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError

_LEVELS = (0.05, 0.1, 0.25, 0.5)
_STAKE = 0.9

Round = Sequence[Mapping[str, float]]
"""One round: for each canary, the log-probabilities of the listed tokens."""


@dataclass(frozen=True)
class Change:
    """`log_e` (rounds,): the natural logarithm of the martingale after each round; `p_values` (rounds,); `alarm`:
    the round (from 0) at which it reached 1/`false_alarm_rate`, None if it never did; `distance` (rounds,): the
    median total variation of each round from the others."""

    log_e: NDArray[np.float64]
    p_values: NDArray[np.float64]
    distance: NDArray[np.float64]
    false_alarm_rate: float
    alarm: int | None


def model_change(rounds: Sequence[Round], *, false_alarm_rate: float = 0.01, seed: int = 0) -> Change:
    """Test rounds of canary answers, in their order, for a change of the model.

    rounds: each a list with one mapping (token to ln p, the server's list) for every canary. `seed` draws the U
    of ties, the same for the same rounds.

    Raises `InputError` where rounds have different numbers of canaries.

    >>> same, other = [{"a": -0.1, "b": -2.5}], [{"a": -2.5, "b": -0.1}]
    >>> model_change([same] * 30 + [other] * 10).alarm
    35
    """
    if not 0 < false_alarm_rate < 1:
        raise InputError(f"false_alarm_rate {false_alarm_rate!r} must lie between 0 and 1, such as 0.01.")
    sizes = {len(canaries) for canaries in rounds}
    if len(sizes) > 1 or 0 in sizes:
        raise InputError(f"every round needs the same canaries, one at least; given rounds of {sorted(sizes)}.")
    draw = np.random.default_rng(seed)
    n = len(rounds)
    distances = np.zeros((n, n))
    p_values = np.ones(n)
    final = np.zeros(n)
    for t in range(n):
        for s in range(t):
            distances[s, t] = distances[t, s] = _distance(rounds[s], rounds[t])
        final[: t + 1] = scores = _scores(distances[: t + 1, : t + 1])
        ties = int((scores == scores[t]).sum())
        p_values[t] = ((scores > scores[t]).sum() + draw.uniform() * ties) / (t + 1)
    log_e = _log_martingale(p_values)
    beyond = np.flatnonzero(log_e >= -np.log(false_alarm_rate))
    return Change(log_e, p_values, final, false_alarm_rate, int(beyond[0]) if len(beyond) else None)


def _scores(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median distance of each round to the others; rounded, so that equal rounds tie."""
    n = len(distances)
    if n == 1:
        return np.zeros(1)
    others = distances[~np.eye(n, dtype=bool)].reshape(n, n - 1)
    return np.round(np.median(others, axis=1), 12)


def _distance(first: Round, second: Round) -> float:
    return float(np.mean([_total_variation(a, b) for a, b in zip(first, second)]))


def _total_variation(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """½ Σ |p − q| over the tokens on both lists, the rest of each being one entry."""
    shared = first.keys() & second.keys()
    p = np.exp([first[token] for token in sorted(shared)])
    q = np.exp([second[token] for token in sorted(shared)])
    return float(0.5 * (np.abs(p - q).sum() + abs(p.sum() - q.sum())))


def _log_martingale(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    begun = np.full(len(_LEVELS), -np.inf)  # ln Σ_k w_k Π e, for each δ
    log_e = np.empty(len(p_values))
    for t, p in enumerate(p_values, start=1):
        bets = np.log([1 - _STAKE + (_STAKE / level if p < level else 0.0) for level in _LEVELS])
        begun = np.logaddexp(begun, -np.log(t * (t + 1.0))) + bets
        log_e[t - 1] = np.logaddexp.reduce(np.logaddexp(begun, -np.log(t + 1.0))) - np.log(len(_LEVELS))
    return log_e
