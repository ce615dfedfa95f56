"""Compiled search for the nearest neighbours of n points in the plane, and for the counts in each margin.

Distance is max(|x_i − x_j|·a, |y_i − y_j|·b): the difference first, so that an offset costs nothing and equal steps
stay equal. Points are dealt by rank of x into strips of about √n, in the order of y, so that each strip is born
sorted; each point searches outward from its own place, in strip after strip, until the strip's own distance exceeds
the k-th. Counts in a margin start from a table of where each of 4n equal cells of the value range begins in the sorted
column; a short bisection decides on differences. Nothing about a column depends on its partner: it is prepared once
for all pairs.

Everything is indexed by rank, so that memory is read nearly in order: n log n in time, whatever n
(`benchmarks/ksg.py`). This file is long for its kind because a compiled loop cannot be cut without cost; it is
imported only where one runs.
"""

from typing import Any

import numpy as np
from numba import njit

CELLS_A_VALUE = 4
_ALWAYS_INSERT = 6  # up to here a branch that is guessed wrong costs more than the insertion it saves


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def prepare(column: Any, order: Any, ordered: Any, rank: Any, table: Any) -> Any:
    """Fill `ordered`, `rank` and `table` of a column in its `order`; returns cells per unit of value, or 0."""
    for r in range(len(column)):
        ordered[r] = column[order[r]]
        rank[order[r]] = r
    return _tabulate(ordered, table)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _tabulate(ordered: Any, table: Any) -> Any:
    """Fill `table` with the lowest rank in or above each cell; returns cells per unit of value, or 0."""
    n, cells = len(ordered), len(table) - 2
    width = ordered[n - 1] - ordered[0]
    per_unit = cells / width if width > 0 else 0.0
    if not np.isfinite(per_unit):
        per_unit = 0.0
    r = 0
    for c in range(cells + 2):
        while r < n and int((ordered[r] - ordered[0]) * per_unit) < c:
            r += 1
        table[c] = r
    return per_unit


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def radii(
    x_ordered: Any, y_ordered: Any, x_rank: Any, y_order: Any, a: float, b: float, k: int, variant: int,
    x_radius: Any, y_radius: Any, copies: Any,
) -> None:  # fmt: skip
    """Fill `x_radius` by rank of x, `y_radius` and `copies` by rank of y: how far to count around each point.

    variant 1: the k-th smallest distance, in both margins. variant 2: half the sides of the rectangle that holds
    every point up to that distance. Where that distance is 0 both radii are −1 and `copies` is how many points are
    the same, the point itself included; elsewhere `copies` is 0.
    """
    n = len(x_ordered)
    shift = 2
    while 1 << (2 * shift) < 1.4 * n:
        shift += 1
    width = 1 << shift
    strips = (n + width - 1) // width
    filled, passed = np.empty(strips, np.int32), np.empty(strips, np.int32)
    for s in range(strips):
        filled[s] = passed[s] = s * width
    xs, ys = np.empty(strips * width), np.empty(strips * width)
    place, ranks = np.empty(n, np.int32), np.empty(n, np.int32)
    for r in range(n):
        rank = x_rank[y_order[r]]
        p = filled[rank >> shift]
        filled[rank >> shift] = p + 1
        xs[p], ys[p], place[r], ranks[r] = x_ordered[rank], y_ordered[r], p, rank
    few, coincide = k <= _ALWAYS_INSERT, False
    best = np.empty(k)
    for r in range(n):
        own = place[r]
        xi, yi, home = xs[own], ys[own], own >> shift
        for j in range(k):
            best[j] = np.inf
        radius = np.inf
        passed[home] = own + 1  # the walk is in the order of y: here every strip ends, for what lies below
        s, step = home, 1
        up, down = own + 1, own - 1
        while True:
            p, end = up, filled[s]
            while p < end:
                dy = (ys[p] - yi) * b
                if dy >= radius:
                    break
                d = max(abs(xs[p] - xi) * a, dy)
                if few or d < radius:
                    for j in range(k):
                        kept = best[j]
                        best[j] = min(kept, d)
                        d = max(kept, d)
                    radius = best[k - 1]
                p += 1
            p, begin = down, s << shift
            while p >= begin:
                dy = (yi - ys[p]) * b
                if dy >= radius:
                    break
                d = max(abs(xs[p] - xi) * a, dy)
                if few or d < radius:
                    for j in range(k):
                        kept = best[j]
                        best[j] = min(kept, d)
                        d = max(kept, d)
                    radius = best[k - 1]
                p -= 1
            s += step
            if step == 1 and (s == strips or (x_ordered[s << shift] - xi) * a >= radius):
                s, step = home - 1, -1
            if step == -1 and (s < 0 or (xi - x_ordered[(s << shift) + width - 1]) * a >= radius):
                break
            up = passed[s]
            down = up - 1
        copies[r] = 0
        x_side = y_side = radius
        if radius == 0:
            x_side = y_side = -1.0
            coincide = True
        elif variant == 2:
            x_side, y_side = _sides(xs, ys, x_ordered, filled, passed, home, shift, xi, yi, a, b, radius)
        x_radius[ranks[r]], y_radius[r] = x_side, y_side
    if coincide:
        _count_copies(x_ordered, y_ordered, ranks, y_radius, copies)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _sides(
    xs: Any, ys: Any, x_ordered: Any, filled: Any, passed: Any, home: int, shift: int, xi: float, yi: float,
    a: float, b: float, radius: float,
) -> tuple[float, float]:  # fmt: skip
    """Half the sides of the rectangle about a point that holds every point up to `radius` away."""
    x_side, y_side = 0.0, 0.0
    for step in (1, -1):
        s = home if step == 1 else home - 1
        while 0 <= s < len(filled):
            edge = s << shift if step == 1 else ((s + 1) << shift) - 1
            if abs(x_ordered[edge] - xi) * a > radius and s != home:
                break
            for way in (1, -1):
                p = passed[s] if way == 1 else passed[s] - 1
                while s << shift <= p < filled[s]:
                    dy = abs(ys[p] - yi) * b
                    if dy > radius:
                        break
                    dx = abs(xs[p] - xi) * a
                    if dx <= radius:
                        x_side, y_side = max(x_side, dx), max(y_side, dy)
                    p += way
            s += step
    return x_side, y_side


@njit(cache=True)  # type: ignore[untyped-decorator]
def _count_copies(x_ordered: Any, y_ordered: Any, ranks: Any, y_radius: Any, copies: Any) -> None:
    """Fill `copies` where the radius is −1. Points of one y are sorted by x: a stable count sort, linear in n."""
    n = len(ranks)
    group, starts, by_x = np.empty(n, np.int32), np.zeros(n + 1, np.int32), np.empty(n, np.int32)
    level = 0
    for r in range(n):
        if r and y_ordered[r] != y_ordered[r - 1]:
            level += 1
        group[r] = level
        starts[level + 1] += 1
        by_x[ranks[r]] = r
    for c in range(n):
        starts[c + 1] += starts[c]
    sorted_ = np.empty(n, np.int32)
    for q in range(n):
        r = by_x[q]
        sorted_[starts[group[r]]] = r
        starts[group[r]] += 1
    begin = 0
    for t in range(1, n + 1):
        first = sorted_[begin]
        if t == n or group[sorted_[t]] != group[first] or x_ordered[ranks[sorted_[t]]] != x_ordered[ranks[first]]:
            for u in range(begin, t):
                if y_radius[sorted_[u]] < 0:
                    copies[sorted_[u]] = t - begin
            begin = t


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator]
def _inside(gap: float, scale: float, radius: float, strict: bool) -> bool:
    return gap * scale < radius if strict else gap * scale <= radius


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator]
def _bracket(value: float, ordered: Any, table: Any, per_unit: float) -> tuple[int, int]:
    """The ranks among which the table says `value` lies."""
    cells = len(table) - 2
    spot = (value - ordered[0]) * per_unit
    cell = 0 if not spot > 0 else cells if spot > cells else int(spot)
    return table[cell], table[cell + 1]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def margin(ordered: Any, table: Any, per_unit: float, scale: float, radius: Any, variant: int, count: Any) -> None:
    """Fill `count`, by rank: the argument of ψ for each value of a sorted column.

    variant 1: the value itself and all within less than the radius. variant 2: all others up to the radius.
    Where the radius is negative: the values that are the same, itself included.
    """
    n, inverse = len(ordered), 1.0 / scale
    for r in range(n):
        value, reach = ordered[r], max(radius[r], 0.0)
        same = radius[r] < 0
        strict = variant == 1 and not same
        low, high = _bracket(value - reach * inverse, ordered, table, per_unit)
        # Rounding may put the table off, so that both ends are tried on differences.
        if low > 0 and _inside(value - ordered[low - 1], scale, reach, strict):
            low, high = 0, low - 1
        elif high < n and not _inside(value - ordered[high], scale, reach, strict):
            low, high = high + 1, n
        while low < high:
            middle = (low + high) >> 1
            if _inside(value - ordered[middle], scale, reach, strict):
                high = middle
            else:
                low = middle + 1
        first = low
        low, high = _bracket(value + reach * inverse, ordered, table, per_unit)
        if low > 0 and not _inside(ordered[low - 1] - value, scale, reach, strict):
            low, high = 0, low - 1
        elif high < n and _inside(ordered[high] - value, scale, reach, strict):
            low, high = high + 1, n
        while low < high:
            middle = (low + high) >> 1
            if _inside(ordered[middle] - value, scale, reach, strict):
                low = middle + 1
            else:
                high = middle
        count[r] = low - first - (0 if variant == 1 or same else 1)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def total(x_count: Any, y_count: Any, copies: Any, digamma: Any, base: float) -> float:
    """Σ of the local values less ψ(n); `base` stands for ψ(k) of a point without copies. Symmetric in x and y."""
    own = x_sum = y_sum = 0.0
    for r in range(len(copies)):
        own += base if copies[r] == 0 else digamma[copies[r]]
        x_sum += digamma[x_count[r]]
        y_sum += digamma[y_count[r]]
    return own - (x_sum + y_sum)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def one_with_many(
    x_ordered: Any, x_rank: Any, x_table: Any, x_per_unit: float, a: float,
    y_ordered: Any, y_order: Any, y_table: Any, y_per_unit: Any, b: Any,
    k: int, variant: int, digamma: Any, base: float, result: Any,
) -> None:  # fmt: skip
    """Fill `result` with the estimate for one column and each of the rows of the y arrays."""
    n = len(x_ordered)
    x_radius, y_radius, copies = np.empty(n), np.empty(n), np.empty(n, np.int32)
    x_count, y_count = np.empty(n, np.int32), np.empty(n, np.int32)
    for j in range(len(result)):
        radii(x_ordered, y_ordered[j], x_rank, y_order[j], a, b[j], k, variant, x_radius, y_radius, copies)
        margin(x_ordered, x_table, x_per_unit, a, x_radius, variant, x_count)
        margin(y_ordered[j], y_table[j], y_per_unit[j], b[j], y_radius, variant, y_count)
        result[j] = digamma[n] + total(x_count, y_count, copies, digamma, base) / n


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def of_parts(
    x_ordered: Any, x_order: Any, a: float, y_ordered: Any, y_order: Any, b: float, k: int, variant: int,
    digamma: Any, base: float, part: Any, result: Any,
) -> None:  # fmt: skip
    """Fill `result` with the estimate from the samples of each part; `part` (n,) names it, −1 for a sample left out.

    What is sorted as a whole is sorted in its parts: nothing is sorted again.
    """
    n, parts = len(part), len(result)
    starts, place = np.zeros(parts + 1, np.int32), np.empty(n, np.int32)
    for i in range(n):
        if part[i] >= 0:
            place[i] = starts[part[i] + 1]
            starts[part[i] + 1] += 1
    for p in range(parts):
        starts[p + 1] += starts[p]
    xs, ys = np.empty(starts[parts]), np.empty(starts[parts])
    x_ranks, y_orders = np.empty(starts[parts], np.int32), np.empty(starts[parts], np.int32)
    x_filled, y_filled = starts.copy(), starts.copy()
    for r in range(n):
        i, j = x_order[r], y_order[r]
        p, q = part[i], part[j]
        if p >= 0:
            xs[x_filled[p]] = x_ordered[r]
            x_ranks[starts[p] + place[i]] = x_filled[p] - starts[p]
            x_filled[p] += 1
        if q >= 0:
            ys[y_filled[q]], y_orders[y_filled[q]] = y_ordered[r], place[j]
            y_filled[q] += 1
    for p in range(parts):
        begin, end = starts[p], starts[p + 1]
        size = end - begin
        x_values, y_values = xs[begin:end], ys[begin:end]
        x_table, y_table = np.empty(CELLS_A_VALUE * size + 2, np.int32), np.empty(CELLS_A_VALUE * size + 2, np.int32)
        x_per_unit, y_per_unit = _tabulate(x_values, x_table), _tabulate(y_values, y_table)
        x_radius, y_radius, copies = np.empty(size), np.empty(size), np.empty(size, np.int32)
        x_count, y_count = np.empty(size, np.int32), np.empty(size, np.int32)
        radii(x_values, y_values, x_ranks[begin:end], y_orders[begin:end], a, b, k, variant, x_radius, y_radius, copies)
        margin(x_values, x_table, x_per_unit, a, x_radius, variant, x_count)
        margin(y_values, y_table, y_per_unit, b, y_radius, variant, y_count)
        result[p] = digamma[size] + total(x_count, y_count, copies, digamma, base) / size
