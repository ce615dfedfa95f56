"""The table of exact measures: every public measure, its definition at 50 digits, and the cases it must be right on.

An `Entry` pairs a call with an oracle: the textbook's formula over mpmath numbers, written without any of the
rearrangements that the implementation makes. Probabilities of the cases are multiples of a power of two that sum to
exactly 1, so that the formula has one value. `tests/unit/test_measures_table.py` runs every entry on every backend and
fails for a public measure without an entry; what gives bounds or searches has its oracle `ELSEWHERE`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from entropist import measures

DIGITS = 50


@dataclass(frozen=True)
class Entry:
    """`call(*arrays)` gives what `oracle(*arrays)` gives at 50 digits, on the cases of `kind`.

    `scale` is the size its error is relative to, where that is not the value's own (differences of two sums).
    """

    measure: str
    kind: str
    call: Callable[..., Any]
    oracle: Callable[..., Any]
    label: str = ""
    scale: Callable[..., Any] | None = None
    has_gradient: bool = True
    digits: int = DIGITS

    @property
    def name(self) -> str:
        return f"{self.measure}{self.label}"


# --- cases ------------------------------------------------------------------------------------------------------------


def exact(weights, bits=50):
    """Multiples of 2^-bits near the weights' shares that sum to exactly 1; a weight of 0 stays 0."""
    weights = np.asarray(weights, np.float64)
    units = np.rint(weights / weights.sum() * 2.0**bits).astype(np.int64).reshape(-1)
    units[np.argmax(units)] += 2**bits - int(units.sum())
    assert (units >= 0).all()
    return (units / 2.0**bits).reshape(weights.shape)


def _sparse(generator, shape):
    weights = generator.random(shape) * (generator.random(shape) < 0.6)
    weights.reshape(-1)[generator.integers(weights.size)] = 0.5
    return exact(weights)


def _distributions(g):
    yield "certain", np.array([0.0, 1.0, 0.0])
    yield "one outcome", np.array([1.0])
    yield "fair coin", np.array([0.5, 0.5])
    yield "nearly certain", np.array([1 - 2.0**-40, 2.0**-40])
    yield "all but certain", np.array([2.0**-53, 1 - 2.0**-53])
    yield "uniform", np.full(64, 1 / 64)
    yield "nearly uniform", exact(1 + 1e-7 * g.normal(size=37))
    yield "nearly uniform by the last digits", np.array([0.25 + 2.0**-50, 0.25 - 2.0**-50, 0.25, 0.25])
    yield "tiny", np.array([1.0, 2.0**-500, 2.0**-1060])
    yield "geometric", exact(2.0 ** -np.arange(45.0))
    for n in (2, 3, 7, 31, 101):
        yield f"random {n}", exact(g.random(n))
        yield f"peaked {n}", exact(g.random(n) ** 12)
        yield f"sparse {n}", _sparse(g, n)


def _large_distributions(g):
    """262 144 entries of five kinds, so that the oracle needs five terms."""
    units = np.repeat([1, 2, 700, 3, 0], [200000, 30000, 144, 30000, 2000]).astype(np.float64)
    yield "large", g.permutation(exact(units))
    yield "large uniform", np.full(1 << 18, 2.0**-18)


def _pairs(g):
    for name, p in _distributions(g):
        yield f"equal, {name}", (p, p.copy())
        if (p > 0).sum() > 1:
            yield f"reversed, {name}", (p, p[::-1].copy())
            first, second = np.nonzero(p)[0][np.argsort(p[p > 0])[-2:]]
            q, step = p.copy(), 2.0**-30 if p[first] > 2.0**-25 else p[first] / 2
            q[first], q[second] = q[first] - step, q[second] + step
            if q[second] - p[second] == step:
                yield f"near, {name}", (p, q)
        if len(p) > 1:
            yield f"random, {name}", (p, exact(g.random(len(p))))
            yield f"from random, {name}", (exact(g.random(len(p))), p)
    yield "disjoint", (np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.0, 0.0, 0.25, 0.75]))
    yield "far apart", (np.array([1.0, 2.0**-1060]), np.array([2.0**-1060, 1.0]))
    for exponent in (8, 16, 24, 40):
        p, turn = exact(g.random(16), 44), 2.0**-exponent * np.tile([1.0, -1.0], 8) / 64
        yield f"nearly equal, 2^-{exponent}", (p, p + turn * (p > 2.0**-9))
    for share in (0.15, 0.19, 0.21, 0.26, 0.6, 1.4):
        yield f"apart by {share}", (np.array([0.25, 0.75]), exact([0.25 * (1 + share), 0.75 - 0.25 * share]))


def _large_pairs(g):
    kinds = np.array([(1, 1), (2, 3), (700, 1), (3, 2), (0, 5), (1, 2)], np.float64)
    rows = g.permutation(np.repeat(kinds, [150000, 30000, 144, 30000, 2000, 50000], axis=0))
    yield "large", tuple(exact(column) for column in rows.T)


def _nearly_independent(g, shape, exponent):
    """A product of coarse marginals plus a turn of 2^-exponent that leaves them as they are; exact throughout."""
    table = np.ones(())
    for size in shape:
        table = np.multiply.outer(table, exact(g.random(size) + 0.2, 12))
    turn = np.ones(())
    for size in shape:
        sign = np.zeros(size)
        sign[:2] = 1, -1
        turn = np.multiply.outer(turn, sign)
    return table + turn * 2.0**-exponent


def _joints(g, shapes):
    for shape in shapes:
        yield f"random {shape}", exact(g.random(shape))
        yield f"peaked {shape}", exact(g.random(shape) ** 9)
        yield f"sparse {shape}", _sparse(g, shape)
        yield f"independent {shape}", _nearly_independent(g, shape, 1100)
        for exponent in (14, 24, 34, 44):
            yield f"nearly independent {shape} 2^-{exponent}", _nearly_independent(g, shape, exponent)
        certain = np.zeros(shape)
        certain[tuple(0 for _ in shape)] = 1.0
        yield f"certain {shape}", certain
        copies = np.zeros(shape)
        copies[tuple(np.arange(2) for _ in shape)] = [0.25, 0.75]
        yield f"copies {shape}", copies
        nearly = copies * 2.0**-40
        nearly[tuple(0 for _ in shape)] = 1 - 0.75 * 2.0**-40
        yield f"nearly certain {shape}", nearly
    yield from ()


def _chains(g):
    yield "coin", np.full((2, 2), 0.5)
    yield "two states", np.array([[0.875, 0.125], [0.5, 0.5]])
    yield "cycle", np.eye(5)[:, [1, 2, 3, 4, 0]]
    yield "transient", np.array([[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [0.0, 0.25, 0.75]])
    yield "absorbing first", np.array([[1.0, 0.0], [0.5, 0.5]])
    yield "absorbing last", np.array([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
    yield "nearly apart", np.array([[1 - 2.0**-45, 2.0**-45], [2.0**-40, 1 - 2.0**-40]])
    for n in (3, 8):
        yield f"random {n}", np.stack([exact(g.random(n)) for _ in range(n)])
    yield "birth and death", np.stack([exact(np.exp(-3.0 * np.abs(np.arange(6) - i)) * (np.abs(np.arange(6) - i) < 2))
                                       for i in range(6)])  # fmt: skip


def _several(g):
    for n in (2, 5, 31):
        yield f"random {n}", tuple(exact(g.random(n)) for _ in range(3))
        yield f"sparse {n}", tuple(_sparse(g, n) for _ in range(3))
        p = exact(g.random(n) + 0.1, 40)
        turn = np.zeros(n)
        turn[:2] = 2.0**-20, -(2.0**-20)
        yield f"near {n}", (p, p + turn, p - turn / 4)
    yield "disjoint", tuple(np.eye(3))


_KINDS = {
    "distribution": lambda g: [(name, (p,)) for name, p in (*_distributions(g), *_large_distributions(g))],
    "two or more outcomes": lambda g: [(name, (p,)) for name, p in _distributions(g) if len(p) > 1],
    "pair": lambda g: [*_pairs(g), *_large_pairs(g)],
    "several": lambda g: list(_several(g)),
    "event": lambda g: [(name, (p,)) for name, p in _distributions(g)],
    "joint of 2": lambda g: [(name, (p,)) for name, p in _joints(g, [(2, 2), (3, 5), (7, 2), (11, 13)])],
    "joint of 3": lambda g: [(name, (p,)) for name, p in _joints(g, [(2, 2, 2), (3, 2, 5), (5, 7, 3)])],
    "joint": lambda g: [(name, (p,)) for name, p in _joints(g, [(2, 2), (3, 2, 5), (2, 2, 2), (3, 2, 5, 2)])],
    "chain": lambda g: [(name, (p,)) for name, p in _chains(g)],
}


@cache
def cases(kind):
    """(name, arrays) of a kind, the same on every run."""
    return _KINDS[kind](np.random.default_rng(sorted(_KINDS).index(kind)))


# --- definitions at 50 digits -----------------------------------------------------------------------------------------


def total(term, *arrays):
    """Σ term(entries) over distinct entries with their number; each array divided by its sum."""
    rows = np.stack([np.asarray(a, np.float64).reshape(-1) for a in arrays], axis=1)
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    sums = [mpmath.fsum(int(count) * mpf(x) for x, count in zip(column.tolist(), counts)) for column in distinct.T]
    shares = ((mpf(x) / s for x, s in zip(row, sums)) for row in distinct.tolist())
    return mpmath.fsum(int(count) * term(*row) for row, count in zip(shares, counts))


def plogp(p):
    return p * mpmath.log(p) if p else mpf(0)


def shannon(p):
    return -total(plogp, p)


def plogpq(p, q):
    return mpf(0) if not p else mpmath.inf if not q else p * mpmath.log(p / q)


def kl(p, q):
    return total(plogpq, p, q)


def ce(p, q):
    return total(lambda p, q: mpf(0) if not p else mpmath.inf if not q else -p * mpmath.log(q), p, q)


def information_variance(p):
    mean = shannon(p)
    return total(lambda x: x * (mpmath.log(x) + mean) ** 2 if x else mpf(0), p)


def power_sum(p, order):
    return total(lambda x: x ** mpf(order) if x else mpf(0), p)


def renyi(p, order):
    if order == 1:
        return shannon(p)
    if order == np.inf:
        return -mpmath.log(mpf(float(p.max())))
    return mpmath.log(power_sum(p, order)) / (1 - mpf(order))


def tsallis(p, order):
    return shannon(p) if order == 1 else (1 - power_sum(p, order)) / (mpf(order) - 1)


def renyi_kl(p, q, order):
    if order == 1:
        return kl(p, q)
    if order > 1 and ((p > 0) & (q == 0)).any():
        return mpmath.inf
    if order == np.inf:
        return mpmath.log(max(mpf(float(a)) / mpf(float(b)) for a, b in zip(p, q) if a))
    order = mpf(order)
    shared = total(lambda a, b: a**order * b ** (1 - order) if a and b else mpf(0), p, q)
    return mpmath.log(shared) / (order - 1) if shared else mpmath.inf


def exact_marginal(joint, keep):
    """A dictionary from the values of the variables `keep` to their probability, as mpmath numbers."""
    found = {}
    for place, p in np.ndenumerate(joint):
        key = tuple(place[i] for i in keep)
        found[key] = found.get(key, mpf(0)) + mpf(float(p))
    return found


def h(joint, *variables):
    return -mpmath.fsum(plogp(p) for p in exact_marginal(joint, variables).values())


def every(joint):
    return tuple(range(joint.ndim))


def h_given(joint, given):
    rest = tuple(i for i in every(joint) if i != given)
    return h(joint, *rest, given) - h(joint, given)


def mi(joint):
    return h(joint, 0) + h(joint, 1) - h(joint, 0, 1)


def cmi(joint, given):
    x, y = (i for i in range(3) if i != given)
    return h(joint, x, given) + h(joint, y, given) - h(joint, 0, 1, 2) - h(joint, given)


def share(joint, variant):
    x, y, both = h(joint, 0), h(joint, 1), h(joint, 0, 1)
    most = {"arithmetic": (x + y) / 2, "geometric": mpmath.sqrt(x * y), "min": min(x, y), "max": max(x, y),
            "joint": both}[variant]  # fmt: skip
    return mi(joint) / most if most else None


def pmi(joint):
    of_x, of_y = exact_marginal(joint, (0,)), exact_marginal(joint, (1,))
    out = np.empty(joint.shape, object)
    for (x, y), p in np.ndenumerate(joint):
        apart = of_x[(x,)] * of_y[(y,)]
        out[x, y] = mpmath.nan if not apart else -mpmath.inf if not p else mpmath.log(mpf(float(p)) / apart)
    return out


def tc(joint):
    return mpmath.fsum(h(joint, i) for i in every(joint)) - h(joint, *every(joint))


def dtc(joint):
    whole = h(joint, *every(joint))
    others = [h(joint, *(j for j in every(joint) if j != i)) for i in every(joint)]
    return whole - mpmath.fsum(whole - other for other in others)


def coi(joint):
    sets = [s for k in range(1, joint.ndim + 1) for s in combinations(every(joint), k)]
    return mpmath.fsum((-1) ** (len(s) + 1) * h(joint, *s) for s in sets)


def js(tables, weights):
    mixture = [mpmath.fsum(mpf(w) * mpf(float(p[i])) for w, p in zip(weights, tables)) for i in range(len(tables[0]))]
    return mpmath.fsum(mpf(w) * mpmath.fsum(plogpq(mpf(float(a)), m) for a, m in zip(p, mixture))
                       for w, p in zip(weights, tables))  # fmt: skip


def rate(transition):
    """π from the null space by Gauss's elimination at 50 digits (π is unique in the cases)."""
    n = len(transition)
    system = mpmath.matrix(n + 1, n)
    for i in range(n):
        for j in range(n):
            system[j, i] = mpf(float(transition[i, j])) - (i == j)
        system[n, i] = mpf(1)
    right = mpmath.matrix([0] * n + [1])
    share = mpmath.lu_solve(system.T * system, system.T * right)
    return mpmath.fsum(share[i] * shannon(transition[i]) for i in range(n))


# --- the table --------------------------------------------------------------------------------------------------------

NEAR_ONE = [1 - 1e-3, 1 - 1e-9, 1.0, 1 + 2.0**-52, 1 + 1e-9, 1 + 1e-3]
ORDERS = [0.0, 1e-200, 1e-9, 0.3, 0.5, *NEAR_ONE, 1.7, 2.0, 30.0, 1e6, 1e300, np.inf]
VARIANTS = ["arithmetic", "geometric", "min", "max", "joint"]
WEIGHTS = [0.5, 0.125, 0.375]

_of_orders = [
    entry
    for order in ORDERS
    for entry in (
        Entry("renyi_entropy", "distribution", lambda p, a=order: measures.renyi_entropy(p, a),
              lambda p, a=order: renyi(p, min(a, 1e30) if a < np.inf else a), f"(order={order})", digits=100,
              has_gradient=order > 0),
        Entry("tsallis_entropy", "distribution", lambda p, a=order: measures.tsallis_entropy(p, a),
              lambda p, a=order: tsallis(p, a) if a < 1e20 else mpf(0), f"(order={order})", digits=100,
              has_gradient=1e-8 < order < 1e20),
        Entry("renyi_divergence", "pair", lambda p, q, a=order: measures.renyi_divergence(p, q, a),
              lambda p, q, a=order: renyi_kl(p, q, a if a < 1e20 else np.inf), f"(order={order})",
              digits=300 if order < 1e-100 else 100, has_gradient=order > 1e-100),
    )
]  # fmt: skip

TABLE = [
    Entry("surprisal", "event", measures.surprisal,
          lambda p: np.array([-mpmath.log(mpf(x)) if x else mpmath.inf for x in p.tolist()], object)),
    Entry("entropy", "distribution", measures.entropy, shannon),
    Entry("efficiency", "two or more outcomes", measures.efficiency, lambda p: shannon(p) / mpmath.log(len(p))),
    Entry("varentropy", "distribution", measures.varentropy, information_variance),
    Entry("perplexity", "distribution", measures.perplexity, lambda p: mpmath.exp(shannon(p))),
    Entry("min_entropy", "distribution", measures.min_entropy, lambda p: -mpmath.log(mpf(float(p.max())))),
    Entry("hartley_entropy", "distribution", measures.hartley_entropy, lambda p: mpmath.log(int((p > 0).sum())),
          has_gradient=False),
    *_of_orders,
    Entry("cross_entropy", "pair", measures.cross_entropy, ce),
    Entry("cross_entropy", "distribution", lambda q: measures.cross_entropy(target=0, q=q),
          lambda q: -mpmath.log(mpf(float(q[0]))) if q[0] else mpmath.inf, "(target=0)"),
    Entry("kl_divergence", "pair", measures.kl_divergence, kl),
    Entry("jeffreys", "pair", measures.jeffreys, lambda p, q: kl(p, q) + kl(q, p)),
    Entry("js_divergence", "pair", measures.js_divergence, lambda p, q: total(
        lambda a, b: (plogpq(a, (a + b) / 2) + plogpq(b, (a + b) / 2)) / 2, p, q)),
    Entry("js_divergence", "several", lambda *tables: measures.js_divergence(*tables, weights=WEIGHTS),
          lambda *tables: js(tables, WEIGHTS), "(weights)"),
    Entry("total_variation", "pair", measures.total_variation,
          lambda p, q: total(lambda a, b: abs(a - b) / 2, p, q)),
    Entry("hellinger", "pair", measures.hellinger,
          lambda p, q: mpmath.sqrt(total(lambda a, b: (mpmath.sqrt(a) - mpmath.sqrt(b)) ** 2 / 2, p, q))),
    Entry("joint_entropy", "joint", measures.joint_entropy, shannon),
    Entry("conditional_entropy", "joint", lambda t: measures.conditional_entropy(t, given=0),
          lambda t: h_given(t, 0), "(given=0)"),
    Entry("conditional_entropy", "joint", lambda t: measures.conditional_entropy(t, given=-1),
          lambda t: h_given(t, t.ndim - 1), "(given=-1)"),
    Entry("mutual_information", "joint of 2", measures.mutual_information, mi),
    *(Entry("conditional_mutual_information", "joint of 3",
            lambda t, z=z: measures.conditional_mutual_information(t, given=z),
            lambda t, z=z: cmi(t, z), f"(given={z})") for z in range(3)),
    *(Entry("normalized_mutual_information", "joint of 2",
            lambda t, v=v: measures.normalized_mutual_information(t, variant=v),
            lambda t, v=v: share(t, v), f"({v})") for v in VARIANTS),
    Entry("variation_of_information", "joint of 2", measures.variation_of_information,
          lambda t: h_given(t, 0) + h_given(t, 1)),
    Entry("pointwise_mutual_information", "joint of 2", measures.pointwise_mutual_information, pmi),
    Entry("co_information", "joint", measures.co_information, coi, scale=dtc),
    Entry("total_correlation", "joint", measures.total_correlation, tc),
    Entry("dual_total_correlation", "joint", measures.dual_total_correlation, dtc),
    Entry("o_information", "joint", measures.o_information, lambda t: tc(t) - dtc(t), scale=lambda t: tc(t) + dtc(t)),
    Entry("entropy_rate", "chain", measures.entropy_rate, rate),
]  # fmt: skip


# Measures whose results are no arrays of numbers stand against their oracles in tests of their own: the sub-room or
# measure, and the files that name each of its functions beside the truth.
ELSEWHERE = {
    "maximum_entropy": ["peers/test_maximum_entropy_oracles.py"],
    "truncated": ["statistical/test_truncated_containment.py", "unit/test_truncated.py"],
}
