"""Entropy and what is read from the same sum: H(p) = Σ p_i ln(1/p_i), one number a distribution.

p has shape (..., n); `axis` names the axis of the n outcomes. Nats unless `unit` says bits or dits. 0 ln 0 = 0
without an epsilon, and at p_i = 0 the gradient is 0 (the masked-entry convention; the one-sided limit is infinite).
"""

from typing import Any

import numpy as np

from entropist.errors import InputError
from entropist.measures._arrays import axes_of, namespace_and_arrays, number, quiet
from entropist.measures._checks import flat, known, tolerance
from entropist.measures._rows import measured
from entropist.measures._terms import information
from entropist.units import from_nats, unit_name


def surprisal(probability: Any, *, unit: str = "nats") -> Any:
    """The information ln(1/p) of an event of probability p.

    probability: any shape, each entry the probability of one event, in [0, 1]; entries need not sum to 1. The result
    has its shape, dtype and device. An impossible event is infinitely surprising, with gradient 0; a probability above
    1 by rounding counts as 1. Raises `InputError` for NaN, a negative number or one above 1.

    When this misleads: probabilities that were rounded to 0 give inf, where their log-probabilities still held the
    answer; take it from `entropist.logits.statistics` then.

    Source: Shannon 1948; Tribus 1961 for the name.

    >>> print(surprisal(0.25, unit="bits"))
    2.0
    """
    unit_name(unit)
    xp, given = namespace_and_arrays({"probability": probability})
    p = given["probability"]
    kind = p.dtype
    limit = tolerance(xp, kind)
    if xp.finfo(kind).bits < 32:
        p = xp.astype(p, xp.float32)
    outside = ~((p >= 0) & (p <= 1 + limit))
    if known(xp.any(outside)):
        flat = xp.reshape(p, (-1,))
        entry = int(xp.argmax(xp.astype(xp.reshape(outside, (-1,)), xp.int32)))
        raise InputError(f"probability, entry {entry}, is {float(flat[entry]):.9g}; a probability lies in [0, 1].")
    possible = p > 0
    inside = xp.where(possible & (p < 1), p, 1.0)
    with quiet(p):
        value = xp.where(possible, 0.0 - xp.log(inside), xp.inf)
        return number(xp.astype(from_nats(value, unit), kind, copy=False))


def entropy(p: Any, *, axis: int = -1, unit: str = "nats", normalize: bool = False) -> Any:
    """Shannon entropy H(p) = Σ p_i ln(1/p_i): the mean surprisal, from 0 (certain) to ln n (uniform).

    p: (..., n), probabilities along `axis`; the result is (...), of the same library, dtype and device. Half
    precision is computed in float32. `normalize=True` divides by the sum first. Raises `InputError` for a negative
    entry, NaN, or a sum off 1 by more than 1e-6 (float64) or 1e-4 (float32 and half), naming the row and the sum.
    Where the call is traced (``jax.jit``, ``torch.compile``, ``vmap``) values cannot be looked at and none is refused.

    When this misleads: of a histogram of samples this is the entropy of the sample, on average about (n − 1)/2N nats
    below that of the source; `entropist.estimators` corrects it. Of a top-k list it is not a bound of anything; see
    `entropist.measures.truncated`.

    Source: Shannon, Bell Syst. Tech. J. 27 (1948), section 6.

    >>> print(entropy([0.5, 0.5], unit="bits"))
    1.0
    >>> print(f"{entropy([0.9, 0.1], unit='bits'):.3f} {entropy([1.0, 0.0]):.1f}")
    0.469 0.0
    """
    return measured(entropy_of, axis=axis, normalize=normalize, unit=unit, quick=_quick_entropy, p=p)


def efficiency(p: Any, *, axis: int = -1, normalize: bool = False) -> Any:
    """Entropy over its maximum, H(p)/ln n: 1 for the uniform distribution, 0 for a certain outcome. No unit.

    p: (..., n), n >= 2, probabilities along `axis`; the result is (...). One minus it is the redundancy. Errors as
    in `entropy`; a single outcome raises, because its maximum is 0.

    When this misleads: n counts outcomes of probability 0 too. Padding a vocabulary lowers the efficiency.

    Source: Shannon 1948, section 7 (relative entropy of a source, in his words).

    >>> print(f"{efficiency([0.9, 0.1]):.3f}")
    0.469
    """

    def kernel(xp: Any, table: Any) -> Any:
        outcomes = table.shape[-1]
        if outcomes == 1:
            raise InputError("efficiency of one outcome is 0/0: its entropy and its maximum are 0. Give two or more.")
        return entropy_of(xp, table) / float(np.log(outcomes))

    return measured(kernel, axis=axis, normalize=normalize, p=p)


def varentropy(p: Any, *, axis: int = -1, unit: str = "nats", normalize: bool = False) -> Any:
    """The variance of surprisal, V(p) = Σ p_i (ln(1/p_i) − H)²; in the square of `unit`.

    p: (..., n), probabilities along `axis`; the result is (...). 0 where all possible outcomes are equally likely.
    Errors as in `entropy`. An outcome of probability 0 has no effect, in value and in gradient.

    When this misleads: low varentropy goes with a certain outcome and with a uniform distribution alike; read it
    beside the entropy.

    Source: Kontoyiannis and Verdú, IEEE Trans. Inf. Theory 60 (2014); the name is theirs.

    >>> print(f"{varentropy([0.5, 0.25, 0.25], unit='bits'):.2f}")
    0.25
    """
    return measured(_varentropy, axis=axis, normalize=normalize, unit=unit, power=2, p=p)


def perplexity(p: Any, *, axis: int = -1, normalize: bool = False) -> Any:
    """exp H(p): how many equally likely outcomes are as uncertain; from 1 to n. No unit.

    p: (..., n), probabilities along `axis`; the result is (...). Errors as in `entropy`.

    When this misleads: this is the perplexity of a distribution. The perplexity of a model on a text is exp of the
    mean surprisal of its tokens, `entropist.trace(...).perplexity()`, and depends on the tokenizer.

    Source: Jelinek, Mercer, Bahl, Baker, J. Acoust. Soc. Am. 62 (1977).

    >>> print(f"{perplexity([0.25, 0.25, 0.25, 0.25]):.6f}")
    4.000000
    """
    return measured(lambda xp, table: xp.exp(entropy_of(xp, table)), axis=axis, normalize=normalize, p=p)


def min_entropy(p: Any, *, axis: int = -1, unit: str = "nats", normalize: bool = False) -> Any:
    """H_inf(p) = ln(1/max p_i): the surprisal of the likeliest outcome, the smallest of the Rényi entropies.

    p: (..., n), probabilities along `axis`; the result is (...). exp(−H_inf) is the chance of the best single guess.
    Errors as in `entropy`.

    When this misleads: it ignores everything but the largest probability.

    Source: Rényi 1961, order infinity.

    >>> print(min_entropy([0.5, 0.25, 0.25], unit="bits"))
    1.0
    """
    return measured(min_entropy_of, axis=axis, normalize=normalize, unit=unit, p=p)


def hartley_entropy(p: Any, *, axis: int = -1, unit: str = "nats", normalize: bool = False) -> Any:
    """H_0(p) = ln #{i : p_i > 0}: the logarithm of the number of possible outcomes, the largest Rényi entropy.

    p: (..., n), probabilities along `axis`; the result is (...). A count has no gradient. Errors as in `entropy`.

    When this misleads: a softmax has no exact zeros but for underflow, and then this counts the dtype.

    Source: Hartley, Bell Syst. Tech. J. 7 (1928).

    >>> print(hartley_entropy([0.5, 0.25, 0.25, 0.0], unit="bits") == hartley_entropy([1 / 3] * 3, unit="bits"))
    True
    """
    return measured(hartley_of, axis=axis, normalize=normalize, unit=unit, p=p)


def joint_entropy(
    joint: Any, *, axis: int | tuple[int, ...] | None = None, unit: str = "nats", normalize: bool = False
) -> Any:
    """H(X, Y, …) = Σ p(x, y, …) ln(1/p(x, y, …)) of a table with one axis a variable, any number of them.

    joint: a table of probabilities that sum to 1. Every axis is a variable; where others are batch axes `axis` names
    the variables. The result has the shape of the batch. Errors as in `entropy`.

    When this misleads: the table of two variables measured at different times is not their joint distribution.

    Source: Shannon 1948, section 6.

    >>> print(joint_entropy([[0.25, 0.25], [0.25, 0.25]], unit="bits"))
    2.0
    """
    axes = tuple(axes_of("joint", joint, axis))

    def kernel(xp: Any, table: Any) -> Any:
        return entropy_of(xp, flat(xp, table))

    def quick(positive: bool, table: Any) -> tuple[Any, Any]:
        return _quick_entropy(positive, flat(np, table))

    return measured(kernel, axes=axes, normalize=normalize, unit=unit, quick=quick, joint=joint)


def entropy_of(xp: Any, p: Any) -> Any:
    """The entropy of rows (rows, n). Probabilities above 1 by rounding do not make it negative."""
    return not_negative(xp, xp.sum(information(xp, p), axis=-1))


def _quick_entropy(positive: bool, p: Any) -> tuple[Any, Any]:
    value = not_negative(np, 0.0 - np.vecdot(p, np.log(p if positive else np.where(p > 0, p, 1.0))))
    return value, np.ones(len(p), bool)


def min_entropy_of(xp: Any, p: Any) -> Any:
    """−ln of the largest entry of rows (rows, n)."""
    return not_negative(xp, 0.0 - xp.log(xp.max(p, axis=-1)))


def hartley_of(xp: Any, p: Any) -> Any:
    """The logarithm of the number of positive entries of rows (rows, n)."""
    return xp.log(xp.sum(xp.astype(p > 0, p.dtype), axis=-1))


def not_negative(xp: Any, value: Any) -> Any:
    """`value`, and 0 where rounding took what cannot be negative below it; NaN stays, and −0 becomes 0."""
    return xp.where(value < 0, 0.0, value) + 0.0


def _varentropy(xp: Any, p: Any) -> Any:
    # Logarithms relative to the largest entry: a common shift changes nothing, and near-uniform rows keep their digits.
    largest = xp.max(p, axis=-1, keepdims=True)
    possible = p > 0
    inside = xp.where(possible, p, largest)
    ratio = inside / largest
    log = xp.where(ratio < 0.5, xp.log(ratio), xp.log1p(xp.where(ratio < 0.5, 0.0, inside - largest) / largest))
    mean = xp.sum(p * log, axis=-1, keepdims=True) / xp.sum(p, axis=-1, keepdims=True)
    deviation = xp.where(possible, log - mean, 0.0)
    return xp.sum(p * deviation * deviation, axis=-1)
