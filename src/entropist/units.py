"""Units of information: nats inside, nats, bits or dits on the way out.

One nat is 1/ln 2 = 1.4427 bits (shannons) and 1/ln 10 = 0.4343 dits (bans, hartleys). A variance of
information, such as varentropy, converts with the square (``power=2``).
"""

import math
from typing import Any, Literal, cast, get_args

from entropist.errors import InputError

Unit = Literal["nats", "bits", "dits"]
"""The units of information that `unit=` takes; "shannons", "bans" and "hartleys" are understood as well."""

_SYNONYMS = {"shannons": "bits", "bans": "dits", "hartleys": "dits"}
_NATS: dict[str, float] = {"nats": 1.0, "bits": math.log(2), "dits": math.log(10)}


def unit_name(unit: str) -> Unit:
    """The name under which results carry `unit`; an unknown one raises `InputError`.

    >>> unit_name("shannons")
    'bits'
    """
    name = _SYNONYMS.get(unit, unit)
    if name not in _NATS:
        known = ", ".join((*get_args(Unit), *_SYNONYMS))
        raise InputError(f"unit {unit!r} is not known: use one of {known}.")
    return cast(Unit, name)


def per_nat(unit: str) -> float:
    """How many of `unit` one nat is; an unknown unit raises `InputError`.

    >>> round(per_nat("bits"), 6)
    1.442695
    """
    return 1 / _nats(unit)


def from_nats(value: Any, unit: str, *, power: int = 1) -> Any:
    """`value` (a number or an array, in nats to the `power`) in `unit` to the same power.

    >>> from_nats(math.log(8), "bits")
    3.0
    """
    size = _nats(unit) ** power
    return value if size == 1.0 else value / size


def to_nats(value: Any, unit: str, *, power: int = 1) -> Any:
    """`value` in `unit` to the `power`, in nats to the same power: the inverse of `from_nats`.

    >>> to_nats(3.0, "bits") == 3 * math.log(2)
    True
    """
    size = _nats(unit) ** power
    return value if size == 1.0 else value * size


def _nats(unit: str) -> float:
    return _NATS[unit_name(unit)]
