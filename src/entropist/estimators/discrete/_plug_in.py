"""Entropies that correct the plug-in one, each a formula of a few lines.

With counts c_i of K⁺ symbols seen, n samples, p̂_i = c_i / n, f_1 and f_2 symbols seen once and twice, in nats:

    plug-in           H = −Σ p̂ ln p̂                       too low by about (K − 1) / 2n
    Miller–Madow      H + (K⁺ − 1) / 2n
    Panzeri–Treves    H + (R − 1) / 2n,  R the symbols that can occur, by a Bayes count
    jackknife         n H − (n − 1) · mean of H without one sample
    Grassberger 1988  Σ p̂ (ln n − ψ(c) − (−1)^c / (c + 1))
    Grassberger 2003  ln n − Σ p̂ G(c),  G(c) = ψ(c) + ½ (−1)^c (ψ((c + 1)/2) − ψ(c/2))
    Zhang             Σ p̂ (ψ(n) − ψ(c))
    Chao–Shen         −Σ p̃ ln p̃ / (1 − (1 − p̃)^n),  p̃ = p̂ (1 − f_1/n)
    Chao–Wang–Jost    Zhang + f_1/n · ∫_0^1 (1 − A) t^(n−1) / (1 − (1 − A) t) dt,  A from f_1 and f_2

A function takes `Counts` and returns a float.

Source: Miller (1955); Panzeri & Treves (1996); Zahl (1977); Grassberger (1988), (2003, arXiv:physics/0307138);
Zhang (2012); Chao & Shen (2003); Chao, Wang & Jost (2013).
"""

import math
from functools import lru_cache

import numpy as np

from entropist.estimators.discrete._counts import Counts


def plug_in(c: Counts) -> float:
    """−Σ p̂ ln p̂, as ln n − Σ c ln c / n for one symbol seen only: then 0 exactly."""
    p = c.shares
    return max(0.0, -math.fsum(c.symbols * p * np.log(p)))


def miller_madow(c: Counts) -> float:
    """The plug-in entropy and its first-order bias, taking the symbols seen for all there are."""
    return plug_in(c) + (c.seen - 1) / (2 * c.n)


def panzeri_treves(c: Counts) -> float:
    """As Miller–Madow, with the symbols that can occur counted by Bayes' rule among the K there are."""
    return plug_in(c) + (relevant_symbols(c) - 1) / (2 * c.n)


def jackknife(c: Counts) -> float:
    """n H − (n − 1) H₍₎, H₍₎ the mean of the entropies without one of the n samples.

    As H − (n − 1) ln(1 − 1/n) + Σ p̂ (c − 1) ln(1 − 1/c): a difference of two large numbers would lose all digits.
    """
    if c.n == 1:
        return 0.0
    each = (c.values - 1) * np.log1p(-1 / np.maximum(c.values, 2))
    return plug_in(c) - (c.n - 1) * math.log1p(-1 / c.n) + math.fsum(c.symbols * c.shares * each)


def grassberger_1988(c: Counts) -> float:
    """Σ p̂ (ln n − ψ(c) − (−1)^c / (c + 1))."""
    from scipy.special import digamma

    sign = 1 - 2 * (c.values % 2)
    return math.fsum(c.symbols * c.shares * (math.log(c.n) - digamma(c.values) - sign / (c.values + 1)))


def grassberger_2003(c: Counts) -> float:
    """ln n − Σ p̂ G(c): unbiased for a symbol of Poisson counts up to what is exponentially small."""
    from scipy.special import digamma

    v, sign = c.values, 1 - 2 * (c.values % 2)
    g = digamma(v) + 0.5 * sign * (digamma((v + 1) / 2) - digamma(v / 2))
    return math.fsum(c.symbols * c.shares * (math.log(c.n) - g))


def zhang(c: Counts) -> float:
    """Σ p̂ (ψ(n) − ψ(c)), the closed form of Zhang's sum; its bias is −Σ_{v ≥ n} (1/v) Σ p (1 − p)^v."""
    from scipy.special import digamma

    return math.fsum(c.symbols * c.shares * (digamma(float(c.n)) - digamma(c.values)))


def chao_shen(c: Counts) -> float:
    """Good–Turing coverage and Horvitz–Thompson weights. All singletons: the coverage is taken as 1/n, not 0."""
    p = (1 - min(c.singletons, c.n - 1) / c.n) * c.shares
    with np.errstate(divide="ignore"):  # the only symbol seen has p = 1
        weight = -np.expm1(c.n * np.log1p(-p))
    return max(0.0, -math.fsum(c.symbols * p * np.log(p) / weight))


def chao_wang_jost(c: Counts) -> float:
    """Zhang's entropy and, from singletons and doubletons, what its bias is."""
    once = c.singletons
    if not once or c.n == 1:
        return zhang(c)
    twice = c.seen_times(2)
    pairs = 2 * twice if twice else 2.0 if once > 1 else math.inf
    ratio = pairs / ((c.n - 1) * (once if twice else once - 1)) if math.isfinite(pairs) else math.inf
    return zhang(c) + once / c.n * _unseen(c.n, ratio)


@lru_cache(maxsize=256)
def _unseen(n: int, ratio: float) -> float:
    """∫_0^1 (1 − A) t^(n−1) / (1 − (1 − A) t) dt with A = ratio / (1 + ratio), by t = exp(−e^u / n).

    The trapezoid in u converges at once, because the integrand falls to 0 like e^u below and exp(−e^u) above.
    """
    if not math.isfinite(ratio):
        return 0.0
    a, step = ratio / (1 + ratio), 0.05
    s = np.exp(np.arange(math.log(min(1.0, n * a)) - 40, 4.5, step))
    return float(step * (s / n * np.exp(-s) / (a - np.expm1(-s / n) * (1 - a))).sum() / (1 + ratio))


def relevant_symbols(c: Counts) -> float:
    """Panzeri and Treves' count of the symbols that can occur: the number R for which as many are expected in n
    samples as were seen, the unseen ones sharing the mass γ = (R − K⁺)(1 − (n / (n + K⁺))^(1/n))."""
    seen, n, p = c.seen, c.n, c.shares

    each = -math.expm1(-math.log1p(seen / n) / n)  # the mass of one unseen symbol

    def expected(extra: int) -> float:
        p_seen = (1 - extra * each) / (n + seen) * (p * n + 1)
        return float((c.symbols * -np.expm1(n * np.log1p(-p_seen))).sum() - extra * math.expm1(n * math.log1p(-each)))

    if c.support == seen:
        return seen
    off = float((c.symbols * (1 - p) ** n).sum())  # by how many the symbols seen fall short of themselves
    if abs(seen - expected(1)) >= off:
        return seen
    low, high = 1, min(c.support - seen, math.floor(1 / each))
    while low < high:  # the first number of extra symbols that makes as many expected as were seen, or the most
        middle = (low + high) // 2
        enough = expected(middle) >= seen or expected(middle + 1) <= expected(middle)
        low, high = (low, middle) if enough else (middle + 1, high)
    return seen + min((abs(seen - expected(extra)), extra) for extra in (max(1, low - 1), low))[1]
