"""KL(p‖q) of a sparsely kept p and a whole q, without bias and with its error.

With d = ln p − ln q, t the mass of p outside of the top, Q that of q inside:

    row = Σ_top p d + t·mean over the draws (d + e^{−d} − 1) − [(1 − Q) − t]

E over draws from the tail, p/t: t·E d is the tail of the KL, and t·E e^{−d} = 1 − Q where q has no mass that p lacks.
So a row is KL(p‖q) on average. d + e^{−d} − 1 ≥ 0 is of second order in d, which is where the small noise comes from:
the known masses stand as a control variate. The draws' own spread gives the variance of a row. The top alone is biased,
and may be negative.

Source: the k3 form of Schulman (2020), "Approximating KL divergence", on the tail alone.
"""

from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from entropist.basefile._rows import SparseRows, _numpy
from entropist.errors import InputError
from entropist.logits import statistics
from entropist.results import Estimate

DOMAIN = "the same tokens: the error is of the draws from the tail, not of the text"


def sparse_kl_rows(top_logp: Any, top_logq: Any, tail_logp: Any, tail_logq: Any, tail_mass: Any) -> tuple[Any, Any]:
    """(row, variance of the row over draws), each (rows,), nats and nats².

    top_logp, top_logq: (rows, k); tail_logp, tail_logq: (rows, m), of the draws; tail_mass (rows,). NumPy or torch,
    float64, differentiable by the logs of q. A variance of one draw is 0: m of 2 at least tells.

    >>> half = np.log([[0.5]])
    >>> sparse_kl_rows(half, np.log([[0.25]]), np.log([[0.25]]), np.log([[0.375]]), np.array([0.5]))[0].round(6)
    array([0.143841])
    """
    xp = array_namespace(top_logp)
    p = xp.exp(top_logp)
    head = xp.sum(p * _difference(xp, top_logp, top_logq), axis=-1)
    d = _difference(xp, tail_logp, tail_logq)
    # Where t is 0 nothing was drawn, and what stands there is not read.
    terms = xp.where((tail_mass > 0)[:, None], d + xp.expm1(-d), xp.zeros_like(d))
    draws = max(1, terms.shape[-1])
    mean = xp.sum(terms, axis=-1) / draws
    spread = xp.sum((terms - mean[:, None]) ** 2, axis=-1) / max(1, draws - 1) / draws
    value = head + tail_mass * mean - ((1 - xp.sum(xp.exp(top_logq), axis=-1)) - tail_mass)
    return value, tail_mass**2 * spread


def kl_divergence(base: SparseRows, logits: Any) -> Estimate:
    """Mean KL(base‖model) over rows, in nats, from sparse rows of the base and the model's logits on the same tokens.

    logits: (rows, vocabulary), NumPy or torch. The error is that of the draws from the tail (normal, from the spread
    within rows; none where a row has one draw); a text's own error is between documents, and is another. For many
    blocks: `sparse_kl_rows`.

    Raises `InputError` for another number of rows, or of entries a row.

    >>> from entropist.basefile import sparse_rows
    >>> z = np.random.default_rng(0).normal(size=(100, 50))
    >>> abs(kl_divergence(sparse_rows(z, z.argmax(1), k=20, m=10), z).value) < 1e-6
    True
    """
    value, variance = rows_against(base, logits)
    n = len(value)
    top, draws = base.top_ids.shape[1], base.tail_ids.shape[1]
    alone = draws == 1 and bool((base.tail_mass > 0).any())
    return Estimate(
        float(np.mean(value)), None if alone else float(np.sqrt(variance.sum())) / n, "nats", n,
        f"top {top} and {draws} draws", domain=DOMAIN,
        reason="one draw a row has no spread: keep m of 2 or more" if alone else None,
    )  # fmt: skip


def rows_against(base: SparseRows, logits: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(rows,) of KL(base‖model) and of its variance over draws."""
    if getattr(logits, "ndim", 0) != 2 or logits.shape[0] != len(base) or not len(base):
        raise InputError(
            f"logits must be ({len(base)}, vocabulary), a row for each of the base and one at least; given shape "
            f"{tuple(getattr(logits, 'shape', ()))}."
        )
    if logits.shape[1] != base.vocabulary:
        raise InputError(
            f"the base has {base.vocabulary} entries and the model {logits.shape[1]}: another vocabulary. Where one is "
            "padded, cut the padding off its logits."
        )
    normalizer, z = _numpy(statistics(logits).log_normalizer), _numpy(logits)

    def log_q(ids: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.take_along_axis(z, ids.astype(np.int64), axis=1) - normalizer[:, None], np.float64)

    found = sparse_kl_rows(
        base.top_logprobs.astype(np.float64), log_q(base.top_ids), base.tail_logprobs.astype(np.float64),
        log_q(base.tail_ids), base.tail_mass.astype(np.float64),
    )  # fmt: skip
    return np.asarray(found[0]), np.asarray(found[1])


def _difference(xp: Any, logp: Any, logq: Any) -> Any:
    """ln p − ln q, and 0 where p is 0."""
    return xp.where(logp == -np.inf, xp.zeros_like(logq), logp - logq)
