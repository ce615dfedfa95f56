"""Bounded distances between distributions: Jensen–Shannon, total variation, Hellinger.

    JS(p_1, …; w) = Σ_k w_k KL(p_k‖m), m = Σ_k w_k p_k        0 … H(w) <= ln K
    TV(p, q) = ½ Σ |p_i − q_i|                                0 … 1
    Hel(p, q) = √(½ Σ (√p_i − √q_i)²)                         0 … 1

Distributions: (..., n), of one shape, or some of them a single one (n,) that goes with every row of the others; the
result is (...). JS is an information and has a `unit`, the other two have none.
"""

from collections.abc import Sequence
from typing import Any

from entropist.errors import InputError
from entropist.measures._rows import measured
from entropist.measures._terms import positive, summed_divergence


def js_divergence(
    *distributions: Any,
    weights: Sequence[float] | None = None,
    axis: int = -1,
    unit: str = "nats",
    normalize: bool = False,
) -> Any:
    """Jensen–Shannon divergence Σ_k w_k KL(p_k‖m) from the mixture m = Σ_k w_k p_k, of two or more distributions.

    distributions: (..., n) each, probabilities along `axis`; weights: one a distribution, from 0, with sum 1 (equal
    ones if None). The result is (...), from 0 to H(w), never inf: it is the information a draw from the mixture
    gives about which distribution it came from. With two and equal weights its square root is a metric and its
    maximum ln 2, one bit. Raises `InputError` for fewer than two, weights that do not fit, and as `kl_divergence`.

    When this misleads: "Jensen–Shannon distance" (SciPy's `jensenshannon`) is the square root of this.

    Source: Lin, IEEE Trans. Inf. Theory 37 (1991); Endres and Schindelin, same journal 49 (2003) for the metric.

    >>> print(js_divergence([1.0, 0.0], [0.0, 1.0], unit="bits"))
    1.0
    >>> print(f"{js_divergence([0.5, 0.5], [0.25, 0.75], weights=[0.9, 0.1]):.6f}")
    0.011831
    """
    shares = _weights(weights, len(distributions))

    def kernel(xp: Any, *tables: Any) -> Any:
        return sum(w * _from_mixture(xp, k, tables, shares) for k, w in enumerate(shares) if w > 0)

    given = {f"distribution {k}": table for k, table in enumerate(distributions)}
    return measured(kernel, axis=axis, normalize=normalize, unit=unit, **given)


def total_variation(p: Any, q: Any, *, axis: int = -1, normalize: bool = False) -> Any:
    """Total variation TV(p, q) = ½ Σ |p_i − q_i|: the largest difference in the probability of any event. No unit.

    p, q: (..., n), probabilities along `axis`, of one shape, or one a single distribution (n,); the result is (...),
    from 0 to 1. Where p_i = q_i the gradient is 0. Raises `InputError` for shapes that do not match, and as `entropy`.

    When this misleads: it counts a change from 0.500 to 0.501 as much as one from 0 to 0.001, which makes something
    impossible possible; KL tells them apart.

    Source: Levin and Peres, Markov Chains and Mixing Times, chapter 4.

    >>> print(total_variation([0.5, 0.5], [0.25, 0.75]))
    0.25
    """

    def kernel(xp: Any, p: Any, q: Any) -> Any:
        return xp.sum(xp.abs(p - q), axis=-1) / 2

    return measured(kernel, axis=axis, normalize=normalize, p=p, q=q)


def hellinger(p: Any, q: Any, *, axis: int = -1, normalize: bool = False) -> Any:
    """Hellinger distance √(½ Σ (√p_i − √q_i)²), a metric from 0 to 1. No unit.

    p, q: (..., n), probabilities along `axis`, of one shape, or one a single distribution (n,); the result is (...).
    At p = q, where the distance has a corner, the gradient is 0. Raises `InputError` for shapes that do not match,
    and as `entropy`.

    When this misleads: some leave out the ½, and have √2 as the maximum, or the square root, and have the square.

    Source: Hellinger, J. reine angew. Math. 136 (1909); Le Cam for its use.

    >>> print(hellinger([0.5, 0.5], [0.25, 0.75]).round(6))
    0.184592
    """

    def kernel(xp: Any, p: Any, q: Any) -> Any:
        # √p − √q = (p − q)/(√p + √q), which does not cancel.
        roots = _root(xp, p) + _root(xp, q)
        difference = (p - q) / xp.where(roots > 0, roots, 1.0)
        return _root(xp, xp.sum(difference * difference, axis=-1) / 2)

    return measured(kernel, axis=axis, normalize=normalize, p=p, q=q)


def _from_mixture(xp: Any, k: int, tables: tuple[Any, ...], shares: list[float]) -> Any:
    """KL of distribution k from the mixture; their difference is that of the distributions, which keeps its digits."""
    p = tables[k]
    mixture = sum(w * table for w, table in zip(shares, tables))
    d = sum(w * (table - p) for w, table in zip(shares, tables))
    return summed_divergence(xp, p, positive(xp, mixture, p), d)


def _root(xp: Any, x: Any) -> Any:
    """√x with the gradient 0 at 0."""
    return xp.where(x > 0, xp.sqrt(xp.where(x > 0, x, 1.0)), 0.0)


def _weights(weights: Sequence[float] | None, count: int) -> list[float]:
    if count < 2:
        raise InputError(f"js_divergence compares two or more distributions; given {count}.")
    if weights is None:
        return [1 / count] * count
    shares = [float(w) for w in weights]
    if len(shares) != count or not all(w >= 0 for w in shares) or not abs(sum(shares) - 1) <= 1e-6:
        raise InputError(f"weights must be {count} numbers from 0 that sum to 1, one a distribution; given {shares}.")
    return shares
