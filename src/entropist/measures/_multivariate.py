"""What more than two variables share: one number for redundancy, synergy or both.

    TC  = Σ H(X_i) − H(X)                    >= 0, 0 where all are independent
    DTC = H(X) − Σ H(X_i|the others)         >= 0, 0 where all are independent
    O   = TC − DTC                           > 0 redundancy prevails, < 0 synergy does
    coI = I(X;Y) − I(X;Y|Z)                  > 0 redundancy, < 0 synergy; for n variables the same recursion

joint: one axis a variable, two or more; where others are batch axes, `axis` names the variables, and the result has
the shape of the batch. Each is summed from conditional mutual informations, which are never negative and keep their
digits, and not from entropies. Exclusive or (Z = X ⊕ Y of fair bits): coI −1 bit, TC 1, DTC 2, O −1.
"""

import math
from collections.abc import Callable
from itertools import chain, combinations
from typing import Any

from entropist.errors import InputError
from entropist.measures._arrays import axes_of
from entropist.measures._exact_sums import Pair, total
from entropist.measures._joint import Axes, pair, shared_information
from entropist.measures._rows import measured


def co_information(joint: Any, *, axis: Axes = None, unit: str = "nats", normalize: bool = False) -> Any:
    """Co-information coI(X;Y;Z) = I(X;Y) − I(X;Y|Z): positive is redundancy, negative is synergy. Symmetric.

    Sign: inclusion–exclusion of entropies, coI = Σ over non-empty sets T of variables of (−1)^(|T|+1) H(T), so that
    for two variables it is I(X;Y) and for exclusive or −1 bit. "Interaction information" is the same with the sign
    (−1)^n, for three the opposite. joint: two or more variables; the work doubles with each. Raises `InputError` for
    fewer than two variables, and as `entropy`.

    When this misleads: 0 is also what redundancy and synergy of equal size give; from four variables on the sign has
    no such reading.

    Source: Bell, ICA 2003; McGill, Psychometrika 19 (1954) for interaction information.

    >>> xor = [[[0.25, 0.0], [0.0, 0.25]], [[0.0, 0.25], [0.25, 0.0]]]
    >>> print(co_information(xor, unit="bits"))
    -1.0
    """
    return _several("co_information", _co_information, joint, axis, unit, normalize)


def total_correlation(joint: Any, *, axis: Axes = None, unit: str = "nats", normalize: bool = False) -> Any:
    """TC(X_1; …; X_n) = Σ H(X_i) − H(X_1, …, X_n): the divergence of the joint from independence. From 0.

    joint: two or more variables; for two it is the mutual information. Raises `InputError` for fewer than two
    variables, and as `entropy`.

    When this misleads: n copies of one bit have n − 1 bits, exclusive or has 1; it does not say how variables relate.

    Source: Watanabe, IBM J. Res. Dev. 4 (1960).

    >>> xor = [[[0.25, 0.0], [0.0, 0.25]], [[0.0, 0.25], [0.25, 0.0]]]
    >>> print(total_correlation(xor, unit="bits"))
    1.0
    """
    return _several("total_correlation", _total_correlation, joint, axis, unit, normalize)


def dual_total_correlation(joint: Any, *, axis: Axes = None, unit: str = "nats", normalize: bool = False) -> Any:
    """DTC(X_1; …; X_n) = H(X_1, …, X_n) − Σ H(X_i|all others): what is not one variable's own. From 0.

    joint: two or more variables; for two it is the mutual information. Also called binding information. Raises
    `InputError` for fewer than two variables, and as `entropy`.

    When this misleads: n copies of one bit have 1 bit, exclusive or has 2; it grows with synergy, not redundancy.

    Source: Han, Inf. Control 36 (1978).

    >>> xor = [[[0.25, 0.0], [0.0, 0.25]], [[0.0, 0.25], [0.25, 0.0]]]
    >>> print(dual_total_correlation(xor, unit="bits"))
    2.0
    """
    return _several("dual_total_correlation", _dual_total_correlation, joint, axis, unit, normalize)


def o_information(joint: Any, *, axis: Axes = None, unit: str = "nats", normalize: bool = False) -> Any:
    """O-information Ω = TC − DTC: positive where redundancy prevails, negative where synergy does.

    joint: two or more variables; for two it is 0, for three the co-information. Raises `InputError` for fewer than
    two variables, and as `entropy`.

    When this misleads: a difference of two sums; 0 is balance as well as independence. Read TC and DTC beside it.

    Source: Rosas, Mediano, Gastpar, Jensen, Phys. Rev. E 100 (2019).

    >>> xor = [[[0.25, 0.0], [0.0, 0.25]], [[0.0, 0.25], [0.25, 0.0]]]
    >>> print(o_information(xor, unit="bits"))
    -1.0
    """
    return _several("o_information", _o_information, joint, axis, unit, normalize)


def _several(
    measure: str, kernel: Callable[[Any, Any], Any], joint: Any, axis: Axes, unit: str, normalize: bool
) -> Any:
    variables = tuple(axes_of("joint", joint, axis))
    if len(variables) < 2:
        raise InputError(f"{measure} is between two or more variables; joint has {len(variables)}.")
    return measured(kernel, axes=variables, normalize=normalize, unit=unit, joint=joint)


def _total_correlation(xp: Any, table: Any) -> Any:
    """The sum over i > 1 of what X_i shares with those before it."""
    sizes, rows, value = table.shape[1:], table.shape[0], 0.0
    for i in range(1, len(sizes)):
        value = value + shared_information(
            xp, _summed(xp, xp.reshape(table, (rows, 1, math.prod(sizes[:i]), sizes[i], math.prod(sizes[i + 1 :]))))
        )
    return value


def _dual_total_correlation(xp: Any, table: Any) -> Any:
    """The sum over i < n of what X_i shares with those after it, given those before it."""
    sizes, rows, value = table.shape[1:], table.shape[0], 0.0
    for i in range(len(sizes) - 1):
        shape = (rows, math.prod(sizes[:i]), sizes[i], math.prod(sizes[i + 1 :]))
        value = value + shared_information(xp, pair(xp, xp.reshape(table, shape)))
    return value


def _o_information(xp: Any, table: Any) -> Any:
    return _total_correlation(xp, table) - _dual_total_correlation(xp, table)


def _co_information(xp: Any, table: Any) -> Any:
    """Σ over the sets T of the variables from the third on of (−1)^|T| I(X_1;X_2|X_T)."""
    sizes, rows, value = table.shape[1:], table.shape[0], 0.0
    others = range(3, len(sizes) + 1)
    for known in chain.from_iterable(combinations(others, k) for k in range(len(sizes) - 1)):
        rest = tuple(i for i in others if i not in known)
        turned = xp.permute_dims(table, (0, *known, 1, 2, *rest))
        shape = (
            rows,
            math.prod([table.shape[i] for i in known]),
            sizes[0],
            sizes[1],
            math.prod([table.shape[i] for i in rest]),
        )
        value = value + (-1) ** len(known) * shared_information(xp, _summed(xp, xp.reshape(turned, shape)))
    return value


def _summed(xp: Any, table: Any) -> Pair:
    """(rows, z, x, y, rest) with the rest summed out."""
    high, low = total(xp, pair(xp, table))
    return high[..., 0], low[..., 0]
