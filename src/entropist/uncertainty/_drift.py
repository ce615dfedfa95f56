"""Did the tokens stop following the reported distributions, and when: a chart and an alarm valid at any time.

D_t = Σ_{s ≤ t} (surprisal − entropy) is a martingale with variance Σ varentropy if the tokens are sampled
from what is reported. For any statistic X of a token and any tilt λ

    E_t = Π exp(λ X_s) / M_s(λ),    M_s(λ) = Σ_i p_i exp(λ X_i)  (exact on the grouped distribution)

has expectation 1 under sampling, and so has an average of several. Averaged are tilts of both signs of two
statistics: surprisal − entropy, which a colder text lowers, and whether the token came from beyond its
list, which a hotter one does more often. By Ville's inequality the average ever exceeds 1/α with probability
at most α, however often one looks.

Source: Ville (1939); Ramdas, Grünwald, Vovk & Shafer (2023), "Game-theoretic statistics and safe anytime-valid
inference".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from entropist.uncertainty._grouped import Grouped

_TILTS = (-3.2, -1.6, -0.8, -0.4, -0.2, -0.1, 0.1, 0.2, 0.4, 0.8)
_UNLISTED_TILTS = (-3.2, -1.6, -0.8, -0.4, 0.4, 0.8, 1.6)


@dataclass(frozen=True)
class Drift:
    """The chart: after each token of `rows` (n,), the sum of surprisal − entropy (n,) with its standard error (n,),
    nats, and the natural logarithm of the e-value (n,). `alarm` is the row of the trace where it passed
    1/`false_alarm_rate`, None if it never did."""

    rows: NDArray[np.int64]
    excess: NDArray[np.float64]
    stderr: NDArray[np.float64]
    log_e: NDArray[np.float64]
    false_alarm_rate: float
    alarm: int | None


def drift(tokens: Grouped, false_alarm_rate: float) -> Drift:
    """Chart and alarm over the tokens in their order."""
    entropy, varentropy = tokens.moments()
    excess = tokens.surprisal - entropy
    deviation = np.where(np.isfinite(tokens.logprobs), -tokens.logprobs - entropy[:, None], 0.0)
    unlisted = np.zeros_like(deviation)
    unlisted[:, -1] = 1.0
    bets = [_bets(tokens, deviation, tilt) for tilt in _TILTS]
    bets += [_bets(tokens, unlisted, tilt) for tilt in _UNLISTED_TILTS]
    running = np.logaddexp.reduce(np.cumsum(bets, axis=1), axis=0) - np.log(len(bets))
    beyond = np.flatnonzero(running >= -np.log(false_alarm_rate))
    return Drift(
        tokens.rows,
        np.cumsum(excess),
        np.sqrt(np.cumsum(varentropy)),
        running,
        false_alarm_rate,
        int(tokens.rows[beyond[0]]) if len(beyond) else None,
    )


def _bets(tokens: Grouped, statistic: NDArray[np.float64], tilt: float) -> NDArray[np.float64]:
    """ln (exp(λ X of the emitted token) / E exp(λ X)) of each token: (n,)."""
    terms = tokens.logprobs + tilt * statistic
    highest = terms.max(axis=1)
    log_mean = highest + np.log(np.exp(terms - highest[:, None]).sum(axis=1))
    # Σ p is 1 but for the rounding of the list, by which alone no bet may win.
    log_total = np.log(tokens.probabilities.sum(axis=1))
    return np.asarray(tilt * statistic[np.arange(len(terms)), tokens.chosen] - log_mean + np.minimum(0.0, log_total))
