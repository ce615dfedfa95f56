"""From local values to an `Estimate`: the mean, its error from parts, its null from other orders.

Every estimator of nearest neighbours is a mean of local values; what differs is how they are found. The searches run in
threads, all of them in nats.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.estimators._nulls import orders, p_value
from entropist.estimators._pointwise import Pointwise
from entropist.estimators.neighbours._ksg_search import in_threads
from entropist.estimators.neighbours._subsampling import Cuts, standing_bias
from entropist.results import Estimate

DRAWS = 199  # a search of neighbours each: p-values down to 1/200

Floats = NDArray[np.float64]


def assess(
    whole: Callable[[], Floats],
    of_parts: Callable[[NDArray[np.int32], int], Floats],
    n: int,
    name: str,
    *,
    reason: str | None,
    domain: str,
    seed: int,
    coordinates: int,
    standing: float | None = None,
    sequence: bool = False,
    blocks: bool = False,
    local: bool = False,
    in_order: Callable[[NDArray[np.intp]], float] | None = None,
    null: str | None = None,
    doubt: Callable[[float], str | None] = lambda value: None,
) -> Estimate:
    """The estimate in nats.

    whole: the local values, or their mean alone, of all n samples. of_parts: the estimate from each part of a cut, see
    `Cuts`. coordinates: how many x and y have together. standing: see `Cuts.spread`, by default that of a mutual
    information. blocks: whether the error of a `sequence` is certified. reason: why there is no error, where that is
    known beforehand; `doubt` finds one in the value. in_order: the estimate with the second table in another order,
    for the `null`.
    """
    if seed < 0:
        raise InputError(f"seed {seed} must be 0 or more.")
    if sequence and not blocks:
        reason = reason or "its error is certified for independent samples, not for sequences"
    cuts = None if reason else Cuts(n, coordinates, sequence=sequence, seed=seed)
    searches: list[Callable[[], Floats]] = [whole]
    if cuts is not None:
        searches += [lambda part=part: of_parts(part, cuts.parts) for part in cuts.labels]  # type: ignore[misc]
    parts, *values = in_threads(lambda search: search(), searches)
    value = float(parts.mean())
    reason = reason or doubt(value)
    error: dict[str, Any] = {}
    if cuts is not None and reason is None:
        found = cuts.spread(value, np.array(values), standing_bias(coordinates) if standing is None else standing)
        error = {"degrees_of_freedom": found.degrees_of_freedom, "effective_n": found.effective_n, "domain": domain}
        error["stderr"] = found.stderr
    if null is not None and in_order is not None:
        draws = np.array(in_threads(in_order, list(orders(null, n, seed, DRAWS))))
        error |= {"null": float(draws.mean()), "p_value": p_value(value, draws)}
    common = {"value": value, "unit": "nats", "n": n, "estimator": name, "reason": reason, "stderr": None, **error}
    return Pointwise(**common, local=parts) if local else Estimate(**common)


def each_part(estimate: Callable[[NDArray[np.bool_]], float]) -> Callable[[NDArray[np.int32], int], Floats]:
    """`of_parts` from a function of the rows to keep, (n,) booleans."""
    return lambda part, parts: np.array([estimate(part == p) for p in range(parts)])
