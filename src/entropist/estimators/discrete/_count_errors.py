"""Which error an entropy from counts has, and when it has none.

    stderr² = Σ p̂ (ln p̂ + H)² / n + max((K⁺ − 1)/2, 3) / n²

The first term is the delta method. Where shares are equal it vanishes, and the second, of the next order, remains; near
the largest entropy the interval therefore covers nearly always (3 is what keeps it at 95 % for two symbols, whatever
their shares). Grassberger's alternating terms add K⁺ · 2/n² (1988) or K⁺ · ½/n² (2003). NSB has the posterior standard
deviation instead.

No error outside the domain, which the counts themselves decide:

    n ≥ 200, and 20 samples beside the commonest symbol
    singletons f_1 / n ≤ stderr / 5        what was not seen weighs little beside the error
    |H − Chao–Wang–Jost| ≤ stderr / 4      the bias that is left weighs little as well

NSB: K known, and as many symbols in every octave of counts (1, 2, 3–4, 5–8, …) as its prior leads to expect: χ² ≤ 12.
Under 200 samples that shows too little, and an `EntropistWarning` says so.

When this misleads: nothing in n samples tells of symbols that together have less than 3/n of the mass. The certificate
`discrete_entropy` says how often the interval covers, over which sources.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.estimators._batch_means import MINIMUM_TOKENS
from entropist.estimators._warnings import unreliable
from entropist.estimators.discrete import _nsb
from entropist.estimators.discrete._count_estimators import NSB, CountEstimator, Grassberger
from entropist.estimators.discrete._counts import Counts
from entropist.estimators.discrete._plug_in import chao_wang_jost

DOMAIN = "independent samples, at least 200, few symbols unseen"
DOMAIN_NSB = "independent samples of a source like its prior, K known; at least 200 to check that"
LEAST = MINIMUM_TOKENS
BESIDE = 20
UNSEEN = 0.2
APART = 0.25
_PARITY = {1988: 2.0, 2003: 0.5}
_SURPRISING = 12.0  # χ² of the octaves; sources from the prior stay below in more than nine of ten cases


def error_of(estimator: CountEstimator, c: Counts, value: float) -> tuple[float | None, str | None, str]:
    """(stderr, None, domain) inside the domain, (None, reason, domain) outside it; nats."""
    if isinstance(estimator, NSB):
        return _posterior_error(c)
    why = too_few(c.n, c.n - c.values[-1])
    if why:
        return None, why, DOMAIN
    stderr = math.sqrt(delta_variance(c) / c.n + second_order(c.seen - 1, c.n) + parity(estimator, c.seen, c.n))
    why = unseen(c.singletons, c.n, stderr) or apart(value - chao_wang_jost(c), stderr)
    return (None, why, DOMAIN) if why else (stderr, None, DOMAIN)


def delta_variance(c: Counts) -> float:
    """Variance of ln p̂ under p̂."""
    log = np.log(c.shares)
    middle = float((c.symbols * c.shares * log).sum())
    return float((c.symbols * c.shares * (log - middle) ** 2).sum())


def second_order(freedom: float, n: float) -> float:
    """The variance that remains where the first order vanishes: (χ² of that freedom) / 2n, and never less than 3/n²."""
    return max(freedom / 2, 3.0) / n**2


def parity(estimator: CountEstimator, seen: int, n: int) -> float:
    """The variance of Grassberger's terms that change sign from a count to the next; 0 for other estimators."""
    return _PARITY[estimator.variant] * seen / n**2 if isinstance(estimator, Grassberger) else 0.0


def too_few(n: float, beside: float) -> str | None:
    """Why so many samples are not enough, or None. beside: samples that are not of the commonest symbol."""
    if n < LEAST:
        return f"{n:.0f} samples are fewer than the {LEAST} that an error needs"
    if beside < BESIDE:
        return f"only {beside:.0f} samples are not of the commonest symbol; an error needs {BESIDE}"
    return None


def unseen(singletons: int, n: int, stderr: float) -> str | None:
    """Why the share of what was not seen is too large beside the error, or None."""
    if singletons / n <= UNSEEN * stderr:
        return None
    return (f"{singletons} of {n} samples are of symbols seen once: what was not seen may weigh more than a fifth of "
            "the sampling error")  # fmt: skip


def apart(difference: float, stderr: float) -> str | None:
    """Why an estimate that far from Chao, Wang and Jost's is too biased for its error, or None."""
    if abs(difference) <= APART * stderr:
        return None
    return (f"its bias, {difference:+.2g} nats against Chao-Wang-Jost, is more than a quarter of the sampling error: "
            "'chao-wang-jost' has less")  # fmt: skip


def _posterior_error(c: Counts) -> tuple[float | None, str | None, str]:
    if not c.given:
        return None, "how many symbols there are is not known: NSB(support_size=K)", DOMAIN_NSB
    if (surprise := octaves(c)) > _SURPRISING:
        return None, f"the counts are not as its prior expects: χ² of the octaves {surprise:.0f}", DOMAIN_NSB
    if c.n < LEAST:
        unreliable(
            f"{c.n} samples are too few to tell whether the source is like NSB's prior, on which its error rests."
        )
    return _nsb.posterior(c)[1], None, DOMAIN_NSB


def octaves(c: Counts) -> float:
    """Σ (seen − expected)² / (expected + ½) over octaves of counts: symbols seen once, twice, 3–4, 5–8, … times.

    Expected under the β that the counts make most likely; the posterior predictive check of NSB.
    """
    from scipy.special import gammaln

    v, m, n, k = c.values, c.symbols, float(c.n), float(c.support)
    if c.support == 1:
        return 0.0
    t = np.linspace(*_nsb.reach(v, m, n, k), 200)
    beta = math.exp(t[int(_nsb.log_weight(t, v, m, n, k).argmax())])

    def log_rising(z: float, n: Any) -> Any:
        return _nsb.log_rising(np.full(np.shape(n), z), n)

    def expected(count: NDArray[np.float64]) -> NDArray[np.float64]:
        choose = gammaln(n + 1) - gammaln(count + 1) - gammaln(n - count + 1)
        seen, others = log_rising(beta, count), log_rising((k - 1) * beta, n - count)
        return np.asarray(k * np.exp(choose + seen + others - log_rising(k * beta, np.array(n))))

    total, low = 0.0, 0
    while low < n:
        high = min(max(1, 2 * low), int(n))
        points = np.linspace(low + 1, high, min(high - low, 64))
        hoped = float(expected(points).mean()) * (high - low)
        found = float(m[(v > low) & (v <= high)].sum())
        total += (found - hoped) ** 2 / (hoped + 0.5)
        low = high
    return total
