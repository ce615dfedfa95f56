"""What a sampler's parameter may be, and how it is refused."""

import math
from typing import Any

from entropist.errors import InputError


def number(name: str, value: Any, low: float, high: float = math.inf, *, open_low: bool = False) -> float:
    """`value` as a float between `low` and `high`, both included unless `open_low`; infinity is none."""
    try:
        found = math.nan if isinstance(value, (bool, str)) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if math.isnan(found):
        raise InputError(f"{name} must be a number; given {value!r}.")
    inside = (low < found if open_low else low <= found) and found <= high and math.isfinite(found)
    if not inside:
        least = "" if math.isinf(low) else f"more than {low:g} and " if open_low else f"at least {low:g} and "
        most = "finite" if math.isinf(high) else f"at most {high:g}"
        raise InputError(f"{name} must be {least}{most}; given {value!r}.")
    return found


def whole(name: str, value: Any, least: int) -> int:
    """`value` as an integer of at least `least`."""
    try:
        found = value.__index__()
    except (AttributeError, TypeError):
        raise InputError(f"{name} must be a whole number; given {value!r}.") from None
    if isinstance(value, bool) or found < least:
        raise InputError(f"{name} must be a whole number of at least {least}; given {value!r}.")
    return int(found)
