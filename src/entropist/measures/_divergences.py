"""How far one distribution is from another: cross-entropy and the Kullback–Leibler family, in nats.

    H(p, q) = Σ p_i ln(1/q_i)        KL(p‖q) = Σ p_i ln(p_i/q_i) = H(p, q) − H(p)        J = KL(p‖q) + KL(q‖p)

p, q: (..., n), of one shape, or one of them a single distribution (n,) that goes with every row of the other; the
result is (...). An outcome with q = 0 < p makes them inf, one with p = 0 adds nothing. KL is summed as
p ln(p/q) − p + q, whose terms are never negative, so that KL(p‖p) is exactly 0 and near p the digits stay.
"""

from typing import Any

import numpy as np
from array_api_compat import device, is_array_api_obj

from entropist.errors import InputError
from entropist.measures._arrays import axes_of, namespace_and_arrays, number
from entropist.measures._checks import known
from entropist.measures._entropies import not_negative, surprisal
from entropist.measures._rows import measured
from entropist.measures._terms import QUICK_FROM, log_ratio, summed_divergence


def cross_entropy(
    p: Any = None, q: Any = None, *, target: Any = None, axis: int = -1, unit: str = "nats", normalize: bool = False
) -> Any:
    """H(p, q) = Σ p_i ln(1/q_i): the mean surprisal of who expects q where p holds. Never below H(p).

    p, q: (..., n), probabilities along `axis`, of one shape, or one a single distribution (n,); the result is (...).
    One-hot short form: `cross_entropy(target=ids, q=q)` with ids (...), integers from 0 to n − 1, the outcomes that
    occurred; it is ln(1/q[id]). Give p or target, not both. inf where q = 0 < p, with gradient 0 there. Raises
    `InputError` for shapes that do not match, a target out of range, and as `entropy`.

    When this misleads: it contains the entropy of p, which no q removes; compare `kl_divergence` across sources.

    Source: Good, J. R. Stat. Soc. B 14 (1952); Cover and Thomas, Elements of Information Theory, 5.4.

    >>> print(cross_entropy([0.5, 0.5], [0.25, 0.75], unit="bits").round(6))
    1.207519
    >>> print(cross_entropy(target=[0], q=[[0.25, 0.75]], unit="bits"))
    [2.]
    """
    if q is None or (p is None) == (target is None):
        raise InputError("cross_entropy needs q and either p or target: cross_entropy(p, q) or (target=ids, q=q).")
    if target is None:
        return measured(_cross_entropy, axis=axis, normalize=normalize, unit=unit, p=p, q=q)
    xp, given = namespace_and_arrays({"q": q})
    (place,) = axes_of("q", given["q"], axis)
    ids = _target_ids(xp, target, given["q"], place)
    rows = measured(lambda xp, table: table, axis=place, normalize=normalize, pointwise=True, q=given["q"])
    chosen = xp.take_along_axis(rows, xp.expand_dims(ids, axis=place), axis=place)
    return surprisal(number(xp.squeeze(chosen, axis=place)), unit=unit)


def kl_divergence(p: Any, q: Any, *, axis: int = -1, unit: str = "nats", normalize: bool = False) -> Any:
    """Kullback–Leibler divergence KL(p‖q) = Σ p_i ln(p_i/q_i): what expecting q costs where p holds. 0 only at p = q.

    p, q: (..., n), probabilities along `axis`, of one shape, or one a single distribution (n,); the result is (...).
    inf where q = 0 < p; the gradient of such an outcome is 0. The terms are p ln(p/q) − p + q, so the gradient with
    respect to p is ln(p/q) and that with respect to q is 1 − p/q: the textbook's up to a constant, which no movement
    within the distributions sees. Raises `InputError` for shapes that do not match, and as `entropy`.

    When this misleads: it is no distance (not symmetric, no triangle inequality), and one outcome that q calls
    impossible makes it inf whatever the rest.

    Source: Kullback and Leibler, Ann. Math. Stat. 22 (1951).

    >>> print(kl_divergence([0.5, 0.5], [0.25, 0.75], unit="bits").round(6))
    0.207519
    >>> print(kl_divergence([0.5, 0.5], [1.0, 0.0]))
    inf
    """

    def kernel(xp: Any, p: Any, q: Any) -> Any:
        return summed_divergence(xp, p, q, q - p)

    return measured(kernel, axis=axis, normalize=normalize, unit=unit, quick=_quick_kl, p=p, q=q)


def jeffreys(p: Any, q: Any, *, axis: int = -1, unit: str = "nats", normalize: bool = False) -> Any:
    """Jeffreys divergence J(p, q) = KL(p‖q) + KL(q‖p) = Σ (p_i − q_i) ln(p_i/q_i): the sum, not the mean. Symmetric.

    p, q: (..., n), probabilities along `axis`, of one shape, or one a single distribution (n,); the result is (...).
    inf where exactly one of them is 0. Raises `InputError` for shapes that do not match, and as `entropy`.

    When this misleads: some authors call half of it by the same name; its square root is no metric.

    Source: Jeffreys, Proc. R. Soc. A 186 (1946).

    >>> print(jeffreys([0.5, 0.5], [0.25, 0.75], unit="bits").round(6))
    0.396241
    """

    def kernel(xp: Any, p: Any, q: Any) -> Any:
        d = q - p
        terms = xp.where((p > 0) == (q > 0), d * log_ratio(xp, p, q, d), xp.inf)
        return xp.sum(terms, axis=-1)

    return measured(kernel, axis=axis, normalize=normalize, unit=unit, p=p, q=q)


def _quick_kl(positive: bool, p: Any, q: Any) -> tuple[Any, Any]:
    """The plain sum, which is exact enough where it is not small; rows with zeros come out NaN or infinite."""
    ones = np.ones(p.shape[-1], p.dtype)
    value = np.vecdot(p, np.log(p / q)) + np.vecdot(q - p, ones)
    return value, (value > QUICK_FROM) & (value < np.inf)


def _cross_entropy(xp: Any, p: Any, q: Any) -> Any:
    terms = xp.where((p > 0) & (q <= 0), xp.inf, 0.0 - p * xp.log(xp.where(q > 0, q, 1.0)))
    return not_negative(xp, xp.sum(terms, axis=-1))


def _target_ids(xp: Any, target: Any, q: Any, place: int) -> Any:
    """The outcomes of the one-hot short form as integers of q's library, of q's shape without its axis `place`."""
    if is_array_api_obj(target):
        namespace_and_arrays({"target": target, "q": q})
        ids = target
    else:
        ids = xp.asarray(target, device=device(q))
    if not xp.isdtype(ids.dtype, "integral"):
        raise InputError(f"target must hold outcomes as integers; given {ids.dtype}.")
    shape = tuple(size for i, size in enumerate(q.shape) if i != place)
    if tuple(ids.shape) != shape:
        raise InputError(f"target has shape {tuple(ids.shape)}; q of {tuple(q.shape)} needs {shape}.")
    outcomes = q.shape[place]
    outside = (ids < 0) | (ids >= outcomes)
    if known(xp.any(outside)):
        entry = int(xp.argmax(xp.astype(xp.reshape(outside, (-1,)), xp.int32)))
        value = int(xp.reshape(ids, (-1,))[entry])
        raise InputError(f"target, entry {entry}, is {value}; the outcomes of q are 0 to {outcomes - 1}.")
    return xp.astype(ids, xp.__array_namespace_info__().default_dtypes()["integral"], copy=False)
