"""The entropy rate of a Markov chain: h = Σ_i π_i H(P_i), nats a step.

transition P: (n, n), row i the distribution of what follows state i; π is the stationary distribution, π P = π.
π comes from eliminating one state after the other (Grassmann, Taksar, Heyman 1985), which adds, multiplies and
divides but never subtracts, so that it is right to the last digits for nearly decomposable chains as well.
"""

from typing import Any

from array_api_compat import device

from entropist.errors import InputError
from entropist.measures._arrays import namespace_and_arrays, number
from entropist.measures._checks import known, tolerance
from entropist.measures._entropies import entropy_of
from entropist.measures._rows import measured
from entropist.units import from_nats, unit_name


def entropy_rate(transition: Any, *, stationary: Any = None, unit: str = "nats", normalize: bool = False) -> Any:
    """h = Σ_i π_i H(P_i): the entropy a step of a stationary Markov chain, given all that came before.

    transition: (n, n), each row a distribution over the next state (rows are "from"); `normalize=True` divides rows
    by their sums. stationary: (n,), π; None computes it. Transient states have π = 0 and count nothing. Raises
    `InputError` for a table that is not square, a chain with several closed classes (then π depends on the start;
    give it), a `stationary` that one step changes, and rows that are no distributions.

    When this misleads: the entropy of π, H(π), is that of a state seen alone, and larger; and a chain fitted to
    counts has a rate biased downward.

    Source: Shannon 1948, section 7; Cover and Thomas, 4.2; Grassmann, Taksar, Heyman, Oper. Res. 33 (1985).

    >>> print(f"{entropy_rate([[0.9, 0.1], [0.5, 0.5]], unit='bits'):.4f}")
    0.5575
    """
    unit_name(unit)
    given = {"transition": transition} if stationary is None else {"transition": transition, "stationary": stationary}
    xp, arrays = namespace_and_arrays(given)
    shape = tuple(arrays["transition"].shape)
    if len(shape) != 2 or shape[0] != shape[1] or not shape[0]:
        raise InputError(f"transition must be a square table (states, states); given shape {shape}.")
    if stationary is not None and tuple(arrays["stationary"].shape) != shape[:1]:
        raise InputError(f"stationary has shape {tuple(arrays['stationary'].shape)}; expected {shape[:1]}.")

    def same(xp: Any, table: Any) -> Any:
        return table

    # Checked row by row, and then taken as a whole, because π needs all rows at once.
    rows = measured(same, axis=-1, normalize=normalize, pointwise=True, transition=arrays["transition"])
    kind = rows.dtype
    if xp.finfo(kind).bits < 32:
        rows = xp.astype(rows, xp.float32)
    if stationary is None:
        share = _stationary(xp, rows)
    else:
        share = measured(same, axis=-1, normalize=normalize, pointwise=True, stationary=arrays["stationary"])
        share = _unchanged(xp, xp.astype(share, rows.dtype, copy=False), rows, tolerance(xp, kind))
    value = xp.sum(share * entropy_of(xp, rows), axis=-1)
    return number(xp.astype(from_nats(value, unit), kind, copy=False))


def _unchanged(xp: Any, share: Any, rows: Any, limit: float) -> Any:
    change = xp.max(xp.abs(share @ rows - share))
    if known(change > limit):
        raise InputError(f"stationary is changed by a step, by up to {float(change):.3g}; expected π P = π.")
    return share


def _stationary(xp: Any, rows: Any) -> Any:
    """π of a chain with one closed class."""
    states = rows.shape[0]
    home = _state_reached_by_all(xp, rows)
    # The state every other reaches comes first: each of the others can then be eliminated, for it leads onward.
    order = (xp.arange(states, device=device(rows)) + home) % states
    left = xp.take(xp.take(rows, order, axis=0), order, axis=1)
    arrivals = []
    for _ in range(states - 1):
        onward = left[-1, :-1]
        arrival = left[:-1, -1] / xp.sum(onward)
        arrivals.append(arrival)
        left = left[:-1, :-1] + arrival[:, None] * onward[None, :]
    weights = xp.ones_like(rows[0, :1])
    for arrival in reversed(arrivals):
        weights = xp.concat([weights, xp.sum(weights * arrival, axis=0, keepdims=True)])
    share = weights / xp.sum(weights)
    back = (xp.arange(states, device=device(rows)) - home) % states
    return xp.take(share, back, axis=0)


def _state_reached_by_all(xp: Any, rows: Any) -> Any:
    """The first state that every state leads to; `InputError` where there is none."""
    states = rows.shape[0]
    reach = xp.astype((rows > 0) | xp.astype(xp.eye(states, device=device(rows)), xp.bool), rows.dtype)
    steps = 1
    while steps < states:
        reach = xp.astype(reach @ reach > 0, rows.dtype)
        steps *= 2
    reached = xp.min(reach, axis=0)
    if known(xp.max(reached) <= 0):
        raise InputError("the chain has several closed classes, so its stationary distribution depends on where it "
                         "starts; give stationary=, or the rows of one class.")  # fmt: skip
    return xp.argmax(reached)
