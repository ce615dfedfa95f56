"""What one variable says about another: conditional entropy and mutual information of a joint table.

    H(Y|X) = Σ p(x,y) ln(p(x)/p(x,y))            I(X;Y) = Σ p(x,y) ln(p(x,y)/(p(x)p(y))) = H(X) + H(Y) − H(X,Y)
    I(X;Y|Z) = Σ p(x,y,z) ln(p(z)p(x,y,z)/(p(x,z)p(y,z)))

joint: one axis a variable; where others are batch axes, `axis` names the variables, and the result has the shape of
the batch. Nats unless `unit` says bits or dits. The sums are direct, not differences of entropies, and marginals are
kept in two parts, so that a nearly independent table keeps its digits.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from entropist.errors import InputError
from entropist.measures._arrays import axes_of
from entropist.measures._checks import flat, known, row_name
from entropist.measures._entropies import entropy_of, not_negative
from entropist.measures._exact_sums import Pair, difference, product, total
from entropist.measures._rows import measured
from entropist.measures._terms import QUICK_FROM, information, log_ratio, positive, summed_divergence

Axes = int | tuple[int, ...] | None


def conditional_entropy(
    joint: Any, given: int | tuple[int, ...], *, axis: Axes = None, unit: str = "nats", normalize: bool = False
) -> Any:
    """H(rest|given) = Σ p ln(p(given)/p): what is left to learn of the other variables once `given` is known.

    joint: one axis a variable (`axis` names them where others are batch axes); `given` names the axis or axes of the
    known variables, in joint's own count. The result has the shape of the batch, from 0 to H(rest). Raises
    `InputError` where `given` is no variable or leaves none, and as `entropy`.

    When this misleads: the entropy of the rows' mean is not the mean entropy of the rows; this is the latter.

    Source: Shannon 1948, section 6; Cover and Thomas, 2.2.

    >>> print(conditional_entropy([[0.25, 0.25], [0.5, 0.0]], given=0, unit="bits"))
    0.5
    """
    variables = axes_of("joint", joint, axis)
    apart = _given("conditional_entropy", joint, given, variables, rest=1)
    kernel = _conditional_entropy(len(apart))
    return measured(kernel, axes=_first(apart, variables), normalize=normalize, unit=unit, joint=joint)


def mutual_information(joint: Any, *, axis: Axes = None, unit: str = "nats", normalize: bool = False) -> Any:
    """I(X;Y) = Σ p(x,y) ln(p(x,y)/(p(x)p(y))): what X says of Y, and Y of X. 0 only where they are independent.

    joint: (x, y), a table of probabilities; with batch axes, `axis=(i, j)` names the two variables. The result has
    the shape of the batch, from 0 to min(H(X), H(Y)). Raises `InputError` for other than two variables, and as
    `entropy`.

    When this misleads: of a table of counts this is biased upward by about (|X| − 1)(|Y| − 1)/2N nats, and never 0;
    `entropist.estimators` corrects it and says whether it is resolved.

    Source: Shannon 1948; Cover and Thomas, 2.3.

    >>> print(mutual_information([[0.5, 0.0], [0.0, 0.5]], unit="bits"))
    1.0
    """
    variables = _two("mutual_information", joint, axis)
    return measured(
        _mutual_information, axes=variables, normalize=normalize, unit=unit, quick=_quick_information, joint=joint
    )


def conditional_mutual_information(
    joint: Any, given: int | tuple[int, ...], *, axis: Axes = None, unit: str = "nats", normalize: bool = False
) -> Any:
    """I(X;Y|Z) = Σ p(x,y,z) ln(p(z)p(x,y,z)/(p(x,z)p(y,z))): what X says of Y to one who knows Z.

    joint: one axis a variable (`axis` names them where others are batch axes); `given` names the axis or axes of Z,
    and exactly two variables are left. The result has the shape of the batch, from 0. Raises `InputError` where
    `given` is no variable or does not leave two, and as `entropy`.

    When this misleads: it can be larger than I(X;Y) (two causes of one effect) and smaller (one cause of both); see
    `co_information`.

    Source: Cover and Thomas, 2.5.

    >>> xor = [[[0.25, 0.0], [0.0, 0.25]], [[0.0, 0.25], [0.25, 0.0]]]
    >>> print(conditional_mutual_information(xor, given=2, unit="bits"))
    1.0
    """
    variables = axes_of("joint", joint, axis)
    apart = _given("conditional_mutual_information", joint, given, variables, rest=2)
    if len(variables) != len(apart) + 2:
        raise InputError(f"conditional_mutual_information is between two variables; given={given!r} leaves "
                         f"{len(variables) - len(apart)}. Sum the others out, or name them in given.")  # fmt: skip

    def kernel(xp: Any, table: Any) -> Any:
        return shared_information(
            xp, pair(xp, xp.reshape(table, (table.shape[0], math.prod(table.shape[1:-2]), *table.shape[-2:])))
        )

    return measured(kernel, axes=_first(apart, variables), normalize=normalize, unit=unit, joint=joint)


def normalized_mutual_information(joint: Any, *, variant: str, axis: Axes = None, normalize: bool = False) -> Any:
    """I(X;Y) over what it could be, from 0 to 1. No unit.

    `variant` names the denominator: "arithmetic" (H(X) + H(Y))/2, "geometric" √(H(X)H(Y)), "min" and "max" of the
    two, "joint" H(X,Y). joint and `axis` as in `mutual_information`. Raises `InputError` for an unknown variant, a
    denominator of 0 (a variable with one possible value, so that there is nothing to share), and as
    `mutual_information`.

    When this misleads: the variants differ by a lot on the same table, and of samples all grow with the number of
    values; name the variant with the number.

    Source: Strehl and Ghosh, J. Mach. Learn. Res. 3 (2002); Vinh, Epps, Bailey, same journal 11 (2010).

    >>> print(f"{normalized_mutual_information([[0.5, 0.0], [0.25, 0.25]], variant='arithmetic'):.4f}")
    0.3437
    """
    if variant not in _VARIANTS:
        raise InputError(f"variant {variant!r} is not known: use one of {', '.join(_VARIANTS)}.")
    variables = _two("normalized_mutual_information", joint, axis)
    value = measured(_normalized(variant), axes=variables, normalize=normalize, joint=joint)
    xp = array_namespace(value)
    if known(xp.any(xp.isnan(value))):
        row = int(xp.argmax(xp.astype(xp.reshape(xp.isnan(value), (-1,)), xp.int32)))
        where = f"joint, {row_name(row, tuple(value.shape))}," if value.ndim else "joint"
        raise InputError(f"{where} has the {variant!r} entropy 0: a variable with one possible value shares nothing, "
                         "and 0/0 has no answer. Leave it out, or take mutual_information.")  # fmt: skip
    return value


def variation_of_information(joint: Any, *, axis: Axes = None, unit: str = "nats", normalize: bool = False) -> Any:
    """VI(X,Y) = H(X|Y) + H(Y|X) = H(X) + H(Y) − 2 I(X;Y), a metric between variables: 0 where each tells the other.

    joint and `axis` as in `mutual_information`. The result has the shape of the batch, from 0 to H(X,Y). Errors as
    in `mutual_information`.

    When this misleads: it is large for variables of many values, related or not.

    Source: Meilă, J. Multivar. Anal. 98 (2007).

    >>> print(variation_of_information([[0.25, 0.25], [0.25, 0.25]], unit="bits"))
    2.0
    """
    variables = _two("variation_of_information", joint, axis)

    def kernel(xp: Any, table: Any) -> Any:
        left = _conditional_entropy(1)
        return left(xp, table) + left(xp, xp.permute_dims(table, (0, 2, 1)))

    return measured(kernel, axes=variables, normalize=normalize, unit=unit, joint=joint)


def pointwise_mutual_information(joint: Any, *, axis: Axes = None, unit: str = "nats", normalize: bool = False) -> Any:
    """ln(p(x,y)/(p(x)p(y))) of every pair (x, y); its mean under the joint is the mutual information.

    joint and `axis` as in `mutual_information`; the result has joint's shape. A pair that never occurs has −inf; where
    x or y alone never occurs the ratio is 0/0, and the entry is NaN. Both have gradient 0. Errors as in
    `mutual_information`.

    When this misleads: of counts, the largest values belong to the rarest pairs, seen once by accident.

    Source: Fano, Transmission of Information (1961); Church and Hanks, Comput. Linguist. 16 (1990).

    >>> print(pointwise_mutual_information([[0.5, 0.0], [0.25, 0.25]], unit="bits").round(3))
    [[ 0.415   -inf]
     [-0.585  1.   ]]
    """
    variables = _two("pointwise_mutual_information", joint, axis)

    def kernel(xp: Any, table: Any) -> Any:
        p, q, d = _against_independence(xp, pair(xp, xp.expand_dims(table, axis=1)))
        possible = (xp.sum(table, axis=2, keepdims=True) > 0) & (xp.sum(table, axis=1, keepdims=True) > 0)
        value = 0.0 - log_ratio(xp, p, q, d)[:, 0, ...]
        return xp.where(table > 0, value, xp.where(possible, -xp.inf, xp.full_like(table, xp.nan)))

    return measured(kernel, axes=variables, normalize=normalize, unit=unit, pointwise=True, joint=joint)


def pair(xp: Any, table: Any) -> Pair:
    """A table as the pair that stands for it."""
    return table, xp.zeros_like(table)


def shared_information(xp: Any, table: Pair) -> Any:
    """I(X;Y|Z) in nats of a pair of tables (rows, z, x, y)."""
    p, q, d = _against_independence(xp, table)
    return summed_divergence(xp, *(flat(xp, part) for part in (p, q, d)))


def _against_independence(xp: Any, table: Pair) -> tuple[Any, Any, Any]:
    """p(x,y,z), what it would be were X and Y independent given Z, q = p(x,z)p(y,z)/p(z), and q − p."""
    of_x = total(xp, table)
    turned = total(xp, (_turned(xp, table[0]), _turned(xp, table[1])))
    of_y = _turned(xp, turned[0]), _turned(xp, turned[1])
    of_z = total(xp, of_y)
    apart = product(xp, of_x, of_y)
    whole = xp.where(of_z[0] > 0, of_z[0], 1.0)
    d = difference(apart, product(xp, table, of_z)) / whole
    return table[0], positive(xp, apart[0] / whole, table[0]), d


def _turned(xp: Any, array: Any) -> Any:
    return xp.permute_dims(array, (0, 1, 3, 2))


def _mutual_information(xp: Any, table: Any) -> Any:
    return shared_information(xp, pair(xp, xp.expand_dims(table, axis=1)))


def _quick_information(positive: bool, p: Any) -> tuple[Any, Any]:
    """The plain sum, which is exact enough where it is not small."""
    of_x, of_y = p.sum(axis=2, keepdims=True), p.sum(axis=1, keepdims=True)
    ratio = p / (of_x * of_y)
    log = np.log(ratio if positive else np.where(p > 0, ratio, 1.0)).reshape(len(p), -1)
    rows = p.reshape(len(p), -1)
    whole = of_x.sum(axis=(1, 2))
    value = np.vecdot(rows, log) + whole * np.log(whole)
    return value, (value > QUICK_FROM) & (value < np.inf)


def _conditional_entropy(leading: int) -> Callable[[Any, Any], Any]:
    """The kernel of H(rest|the first `leading` variables)."""

    def kernel(xp: Any, table: Any) -> Any:
        p = xp.reshape(
            table, (table.shape[0], math.prod(table.shape[1 : leading + 1]), math.prod(table.shape[leading + 1 :]))
        )
        marginal = total(xp, pair(xp, p))
        terms = p * log_ratio(xp, p, marginal[0], difference(marginal, pair(xp, p)))
        return not_negative(xp, xp.sum(flat(xp, terms), axis=-1))

    return kernel


_VARIANTS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "arithmetic": lambda xp, x, y, both: (x + y) / 2,
    "geometric": lambda xp, x, y, both: xp.sqrt(xp.where((x > 0) & (y > 0), x * y, 0.0 * x)),
    "min": lambda xp, x, y, both: xp.minimum(x, y),
    "max": lambda xp, x, y, both: xp.maximum(x, y),
    "joint": lambda xp, x, y, both: both,
}


def _normalized(variant: str) -> Callable[[Any, Any], Any]:
    def kernel(xp: Any, table: Any) -> Any:
        x = _entropy_of_pair(xp, total(xp, pair(xp, table)))
        y = _entropy_of_pair(xp, total(xp, pair(xp, xp.permute_dims(table, (0, 2, 1)))))
        both = entropy_of(xp, flat(xp, table))
        return _mutual_information(xp, table) / _VARIANTS[variant](xp, x, y, both)

    return kernel


def _entropy_of_pair(xp: Any, marginal: Pair) -> Any:
    """The entropy of marginals (rows, n, 1), right also where one of them is 1 but for what high cannot hold."""
    high, low = marginal
    terms = information(xp, high) - low * (1 + xp.log(xp.where(high > 0, high, 1.0)))
    return not_negative(xp, xp.sum(terms[..., 0], axis=-1))


def _two(measure: str, joint: Any, axis: Axes) -> tuple[int, ...]:
    variables = tuple(axes_of("joint", joint, axis))
    if len(variables) != 2:
        raise InputError(f"{measure} is between two variables; joint has {len(variables)}. Name two with axis=(i, j), "
                         "or give a table of two.")  # fmt: skip
    return variables


def _given(measure: str, joint: Any, given: int | tuple[int, ...], variables: list[int], rest: int) -> list[int]:
    named = axes_of("joint", joint, given)
    if not set(named) < set(variables) or len(variables) - len(named) < rest:
        raise InputError(f"{measure}: given={given!r} must name variables of joint and leave {rest} or more; "
                         f"its variables are the axes {tuple(variables)}.")  # fmt: skip
    return named


def _first(known: list[int], variables: list[int]) -> tuple[int, ...]:
    return (*known, *(i for i in variables if i not in known))
