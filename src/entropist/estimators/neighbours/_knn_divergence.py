"""KL divergence between two continuous distributions, from samples of each, by nearest neighbours.

    D(p‖q) = (d/n) Σ ln(ν_i / ρ_i) + ln(m / (n − 1)),

ρ_i: distance from sample i of p to its k-th neighbour among the other n − 1, ν_i: to its k-th among the m samples of
q; the largest difference of a coordinate. p: (n,) or (n, d), q: (m,) or (m, d); nats; never clipped, negative about
half of the time where p = q.

When this misleads: where q has no samples near those of p, the truth is far above anything m samples can show. A value
that is repeated k times has no density there and raises.

Source: Wang, Kulkarni & Verdú (2009), "Divergence estimation for multidimensional densities via k-nearest-neighbor
distances".
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError
from entropist.estimators._paired import table
from entropist.estimators.neighbours._assess import assess
from entropist.estimators.neighbours._ksg import LEAST, MOST_DIMENSIONS, in_doubt, own_exponent, scales
from entropist.estimators.neighbours._neighbours import check_k, kth_distance
from entropist.results import Estimate
from entropist.units import unit_name

Floats = NDArray[np.float64]

DOMAIN = f"independent continuous samples of one dimension, {LEAST} or more of each, q nowhere much rarer than p"


_COORDINATES = 3  # the bias falls like that of three: slowly where the samples of q run out before those of p


def knn_kl_divergence(
    p_samples: ArrayLike, q_samples: ArrayLike, *, k: int = 4, unit: str = "nats", local: bool = False, seed: int = 0
) -> Estimate:
    """D(p‖q) from independent samples of p and of q, with its error.

    p_samples: (n,) or (n, d), n > k. q_samples: (m,) or (m, d), m ≥ k. The samples are not paired. local: a
    `Pointwise`, with a value for each sample of p. `n` counts the samples of p.

    Raises `InputError` for NaN or infinite values, different dimensions, too few samples, and values repeated k times.

    Source: Wang, Kulkarni & Verdú (2009).

    >>> p, q = np.random.default_rng(0).normal(size=(2, 1000))
    >>> estimate = knn_kl_divergence(p, 1 + 2 * q)                              # the truth: 0.443
    >>> bool(abs(estimate.value - 0.443) < 3 * estimate.stderr)
    True
    """
    check_k(k)
    p, q = table("p_samples", p_samples), table("q_samples", q_samples)
    if p.shape[1] != q.shape[1]:
        raise InputError(f"p_samples have {p.shape[1]} dimensions and q_samples {q.shape[1]}: they must agree.")
    if len(p) <= k or len(q) < k:
        raise InputError(f"{len(p)} samples of p and {len(q)} of q are too few for k = {k}.")
    n, both = len(p), own_exponent(np.concatenate([p, q]))  # both alike: the divergence is free of units
    both = both * scales(both, "standard")
    p, q = both[:n], both[n:]

    def of_parts(part: NDArray[np.int32], parts: int) -> Floats:
        return np.array([_local(p[part[:n] == i], q[part[n:] == i], k).mean() for i in range(parts)])

    whole = _local(p, q, k)
    reason = None
    if p.shape[1] > MOST_DIMENSIONS:
        reason = in_doubt("Wang's divergence", f"{p.shape[1]} dimensions are high: neighbours are far away")
    elif p.shape[1] > 1:
        reason = "its error is certified for one dimension"
    elif min(len(p), len(q)) < LEAST:
        reason = f"{min(len(p), len(q))} samples are fewer than the {LEAST} that its error needs"
    found = assess(
        lambda: whole, of_parts, n + len(q), f"Wang k-NN, k = {k}", reason=reason, domain=DOMAIN, seed=seed,
        coordinates=_COORDINATES, standing=0, local=local,
    )  # fmt: skip
    return type(found)(**{**vars(found), "n": n}).to(unit_name(unit))


def _local(p: Floats, q: Floats, k: int) -> Floats:
    own, other = kth_distance(p, k), kth_distance(p, k, among=q)
    repeated = int(((own == 0) | (other == 0)).sum())
    if repeated:
        raise InputError(f"{repeated} samples are repeated {k} times or more, and such a value has no density: take "
                         "more neighbours, or an estimator from counts.")  # fmt: skip
    return np.asarray(p.shape[1] * np.log(other / own) + np.log(len(q) / (len(p) - 1)), np.float64)
