"""Marginals and products kept in two parts (high, low), so that what is left after a subtraction is right.

A nearly independent table differs from the product of its marginals by less than the marginals' rounding. A pair
(high, low) stands for their sum with twice the digits. Knuth's sum and Dekker's product give the rounding error of
an addition or multiplication exactly, in any precision and with nothing but additions and multiplications:

    a + b = s + e,    s = fl(a + b)           a · b = p + e,    p = fl(a · b)

Sources: Knuth, TAOCP 2, 4.2.2; Dekker, Numer. Math. 18 (1971) 224; Ogita, Rump, Oishi, SIAM J. Sci. Comput. 26 (2005).
"""

import math
from typing import Any

Pair = tuple[Any, Any]


def total(xp: Any, pair: Pair) -> Pair:
    """The sum over the last axis, which stays with length 1."""
    high, low = pair
    while high.shape[-1] > 1:
        half = high.shape[-1] // 2
        left, right, odd = high[..., :half], high[..., half : 2 * half], high[..., 2 * half :]
        summed, error = _add(left, right)
        error = error + (low[..., :half] + low[..., half : 2 * half])
        if odd.shape[-1]:
            summed = xp.concat([summed, odd], axis=-1)
            error = xp.concat([error, low[..., 2 * half :]], axis=-1)
        high, low = summed, error
    return high, low


def product(xp: Any, a: Pair, b: Pair) -> Pair:
    """a · b; shapes broadcast."""
    high = a[0] * b[0]
    (ah, al), (bh, bl) = _split(xp, a[0]), _split(xp, b[0])
    error = ((ah * bh - high) + ah * bl + al * bh) + al * bl
    return high, error + (a[0] * b[1] + a[1] * b[0])


def difference(a: Pair, b: Pair) -> Any:
    """a − b as one number, right even where the high parts agree to the last digit."""
    high, error = _add(a[0], -b[0])
    return high + (error + (a[1] - b[1]))


def _add(a: Any, b: Any) -> Pair:
    high = a + b
    part = high - a
    return high, (a - (high - part)) + (b - part)


def _split(xp: Any, a: Any) -> Pair:
    """Two halves of half the digits each."""
    digits = 1 - round(math.log2(float(xp.finfo(a.dtype).eps)))
    scaled = a * (2.0 ** ((digits + 1) // 2) + 1)
    high = scaled - (scaled - a)
    return high, a - high
