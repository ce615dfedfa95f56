"""What the plug-in information of two binned columns is when they share nothing, given how full their bins are.

    E[2nI] = Σ_ab E[2 c ln(c n / (r_a s_b))],    c hypergeometric: exact over all orders of the samples,
    Var[2nI] ≈ Σ_ab (1 − r_a/n)(1 − s_b/n) Var[2(c ln(c/e) − c + e)],    c Poisson of mean e = r_a s_b / n,

and a gamma law with these two moments stands for the distribution. Where every e is large both are those of χ² with
(K_x − 1)(K_y − 1) degrees of freedom, which is far off where cells are sparse: in 15 × 15 bins of 700 samples χ² calls
a quarter of independent pairs significant at 5 %.

Source: Vinh, Epps & Bailey (2010) for the mean.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_EXACT = 16  # margins up to it are tabulated one by one, larger ones in steps
_STEP = 1.12


def moments(rows: NDArray[Any], columns: NDArray[Any]) -> tuple[float, float]:
    """Mean and variance of 2nI for margins (bins of x,) and (bins of y,), counts above 0 of the same n samples.

    >>> [round(moment, 3) for moment in moments(np.array([500, 500]), np.array([400, 600]))]
    [1.002, 2.003]
    """
    n = int(rows.sum())
    r, s = (np.unique(side, return_counts=True) for side in (rows, columns))
    mean = sum(many * others * _mean(int(a), int(b), n) for a, many in zip(*r) for b, others in zip(*s))
    variance = sum(many * others * _variance(int(a), int(b), n) for a, many in zip(*r) for b, others in zip(*s))
    return float(mean), float(variance)


def all_moments(left: list[NDArray[Any]], right: list[NDArray[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`moments` for every pair of margins, (left, right): each cell's share interpolated in its two counts."""
    from scipy import interpolate  # only here: SciPy's import is slow

    n = int(left[0].sum())
    counts = [np.unique(np.concatenate(side)) for side in (left, right)]
    grids = [_grid(each) for each in counts]
    points = np.stack(np.meshgrid(*(np.log(each) for each in counts), indexing="ij"), axis=-1)
    results = []
    for moment in (_mean, _variance):
        table = np.array([[moment(a, b, n) for b in grids[1]] for a in grids[0]])
        logs = [np.log(grid) for grid in grids]
        if min(table.shape) > 1:
            table = interpolate.RegularGridInterpolator(logs, table)(points)
        else:  # one count on a side: bins of equal frequency
            table = np.array([[moment(int(a), int(b), n) for b in counts[1]] for a in counts[0]])
        several = [_how_often(side, values) for side, values in zip((left, right), counts)]
        results.append(several[0] @ table @ several[1].T)
    return results[0], results[1]


def tails(double: Any, mean: Any, variance: Any) -> Any:
    """How often 2nI is at least `double` under a gamma law of this mean and variance; 1 where it can only be 0."""
    from scipy import special  # only here: SciPy's import is slow

    some = np.asarray(mean) > 0
    scale = np.divide(variance, mean, out=np.ones(some.shape), where=some)
    shape = np.divide(mean, scale, out=np.ones(some.shape), where=some)
    return np.where(some, special.gammaincc(shape, np.maximum(double, 0) / scale), 1.0)


def _grid(values: NDArray[Any]) -> list[int]:
    """Counts at which a moment is computed: the smallest and largest, all the small ones, and steps of 12 %."""
    low, high = int(values[0]), int(values[-1])
    grid = [low]
    while grid[-1] < high:
        grid.append(min(high, max(grid[-1] + 1, round(grid[-1] * _STEP) if grid[-1] >= _EXACT else 0)))
    return grid


def _how_often(margins: list[NDArray[Any]], values: NDArray[Any]) -> NDArray[np.float64]:
    """(margins, values): how many bins of each have that count."""
    table = np.zeros((len(margins), len(values)))
    for row, margin in zip(table, margins):
        np.add.at(row, np.searchsorted(values, margin), 1)
    return table


def _mean(a: int, b: int, n: int) -> float:
    """E[2 c ln(c n / (a b))] for the hypergeometric count c of a cell with margins a and b."""
    from scipy import special  # only here: SciPy's import is slow

    def log_choose(total: Any, chosen: Any) -> Any:
        return special.gammaln(total + 1) - special.gammaln(chosen + 1) - special.gammaln(total - chosen + 1)

    k = np.arange(max(1, a + b - n), min(a, b) + 1)
    chance = np.exp(log_choose(b, k) + log_choose(n - b, a - k) - log_choose(n, a))
    return 2 * float((k * np.log(k * n / (float(a) * float(b))) * chance).sum())


def _variance(a: int, b: int, n: int) -> float:
    from scipy import special  # only here: SciPy's import is slow

    e = a * b / n
    reach = 12 * math.sqrt(e) + 40
    c = np.arange(max(0, math.floor(e - reach)), math.ceil(e + reach))
    chance = np.exp(special.xlogy(c, e) - e - special.gammaln(c + 1))
    deviance = 2 * (special.xlogy(c, c / e) - (c - e))
    middle = float(chance @ deviance)
    return (1 - a / n) * (1 - b / n) * float(chance @ (deviance - middle) ** 2)
