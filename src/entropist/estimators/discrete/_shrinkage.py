"""Entropies of observed shares drawn towards equal ones.

    p_i = (1 − λ) c_i / n + λ / K,    H = −Σ p ln p over all K symbols, the unseen ones included, in nats.

    Dirichlet    λ = aK / (n + aK): every symbol is taken to have been seen a times before
    James–Stein  λ = (1 − Σ p̂²) / ((n − 1) Σ (1/K − p̂)²), within 0 and 1: what estimated variance makes best

λ of a joint table draws its margins by the same λ, so mutual information is that of one drawn table and never negative.

Source: Hausser & Strimmer (2009) for James–Stein; Agresti & Hitchcock (2005) for the choices of a.
"""

import math

from entropist.estimators.discrete._counts import Counts


def drawn_entropy(c: Counts, weight: float) -> float:
    """The entropy of the shares of `c` drawn towards 1/K by `weight`."""
    p = [(1 - weight) * float(share) + weight / c.support for share in c.shares]
    seen = [-float(many) * x * math.log(x) for many, x in zip(c.symbols, p)]
    rest = weight / c.support
    unseen = -(c.support - c.seen) * rest * math.log(rest) if rest > 0 else 0.0
    return max(0.0, math.fsum([*seen, unseen]))


def dirichlet_weight(c: Counts, a: float | str) -> float:
    """λ for pseudo-counts a; "1/K" (Perks) and "sqrt(n)/K" (minimax) depend on the counts."""
    each = a if isinstance(a, float | int) else (1.0 if a == "1/K" else math.sqrt(c.n)) / c.support
    return each * c.support / (c.n + each * c.support)


def james_stein_weight(c: Counts) -> float:
    """λ that minimises the expected squared error, as estimated; 1 for one sample, or shares that are equal already."""
    squares = math.fsum(c.symbols * c.shares**2)
    # Σ over all K of (p̂ − 1/K)², as a sum of squares: a difference would lose all digits where shares are nearly equal.
    seen = math.fsum(c.symbols * (c.shares - 1 / c.support) ** 2)
    distance = (c.n - 1) * (seen + (c.support - c.seen) / c.support**2)
    return min(1.0, (1 - squares) / distance) if distance > 0 else 1.0
