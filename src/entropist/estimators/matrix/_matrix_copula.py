"""All pairs of columns under a Gaussian copula: ranks once a column, then one product of matrices.

    I_ij = −½ ln(1 − r_ij²) − b,    r_ij the correlation of normal scores, b the bias of `bias(n, 1, 1)`,    nats.

Ranks are kept in whole numbers (twice the rank, because ties share their mean rank), two or four bytes each; scores
are looked up for as many samples at a time as half of the input's and output's memory holds.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.estimators._gaussian import bias, tail
from entropist.estimators.matrix._columns import blocks
from entropist.progress import tracked

POOLED_DRAWS = 9999  # shuffled columns that make one null for all pairs
_ROWS = 128  # of the result at a time, for what is done element by element
_BLAS = 40 << 20  # bytes that a product of matrices takes for itself
_EQUAL = 1e-14  # 1 − |r| below it is rounding: one column is a monotone function of the other


class Ranked:
    """Twice the ranks, (columns, n), and each column's mean score and root of the sum of squares about it."""

    def __init__(self, name: str, x: NDArray[Any]) -> None:
        n, columns = x.shape
        self.ranks = np.empty((columns, n), np.uint16 if 2 * n < 1 << 16 else np.uint32)
        self.scores = scores(n)
        whole = self.scores[2::2]
        self.mean, self.size = np.zeros(columns), np.full(columns, np.sqrt(whole @ whole))
        self.ties = np.zeros(columns)
        places = np.arange(2, 2 * n + 1, 2, dtype=self.ranks.dtype)
        for start, block in blocks(name, x, "ranks"):
            order = np.argsort(block, axis=1)
            ordered = np.take_along_axis(block, order, axis=1)
            equal = ordered[:, 1:] == ordered[:, :-1]
            into = self.ranks[start : start + len(block)]
            for row, (where, tied) in enumerate(zip(order, equal.any(axis=1))):
                if not tied:
                    into[row, where] = places
                    continue
                first = np.concatenate([[True], ~equal[row]])
                starts = np.flatnonzero(first)
                ends = np.append(starts[1:], n)
                into[row, where] = np.repeat(starts + ends + 1, ends - starts)
                score = self.scores[into[row]]
                self.mean[start + row] = score.mean()
                self.size[start + row] = np.linalg.norm(score - score.mean()) if len(starts) > 1 else 0.0
                self.ties[start + row] = 0.0 if len(starts) == 1 else 1 - len(starts) / n

    def scored(self, begin: int, end: int) -> NDArray[np.float64]:
        """Scores of the samples begin .. end, (columns, some); column by column, because NumPy widens indices."""
        result = np.empty((len(self.ranks), min(end, self.ranks.shape[1]) - begin))
        for column, ranks in zip(result, self.ranks):
            np.take(self.scores, ranks[begin:end], out=column, mode="clip")  # which does not buffer; all are in range
        return result


def scores(n: int) -> NDArray[np.float64]:
    """Φ⁻¹(rank / (n + 1)) at twice the rank, (2n + 1,)."""
    from scipy import special  # only here: SciPy's import is slow

    table: NDArray[np.float64] = special.ndtri(np.arange(2 * n + 1) / (2 * (n + 1)))
    table[0] = 0.0  # no sample has rank 0
    return table


def correlations(left: Ranked, right: Ranked | None, budget: int) -> NDArray[np.float64]:
    """r (left columns, right columns), 0 beside a constant; right None: left with itself, the lower triangle only."""
    from scipy.linalg import blas  # adds to a matrix in place, which NumPy's product does not

    other = left if right is None else right
    (columns, n), others = left.ranks.shape, other.ranks.shape[0]
    step = max(256, (budget - _BLAS) // (8 * (columns + (0 if right is None else others))))
    product = np.zeros((others, columns), order="F")
    for begin in tracked(range(0, n, step), -(-n // step), "pairs"):
        mine = left.scored(begin, begin + step)
        if right is None:
            product = blas.dsyrk(1.0, mine.T, beta=1.0, c=product, trans=1, overwrite_c=1)
        else:
            theirs = other.scored(begin, begin + step)
            product = blas.dgemm(1.0, theirs.T, mine.T, beta=1.0, c=product, trans_a=1, overwrite_c=1)
    r: NDArray[np.float64] = product.T
    centred = left.mean.any() and other.mean.any()
    for begin in range(0, columns, _ROWS):
        piece = r[begin : begin + _ROWS]
        if centred:
            piece -= n * np.multiply.outer(left.mean[begin : begin + _ROWS], other.mean)
        # A constant column has size 0 and correlates with nothing.
        piece *= _inverse(left.size[begin : begin + _ROWS, None])
        piece *= _inverse(other.size)
    return r


def _inverse(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 0)


def informations(r: NDArray[np.float64], n: int, corrected: bool, symmetric: bool) -> float:
    """r → I in place; a triangle is mirrored on the way. Beside a constant column, where r is exactly 0, so is I.

    Returns the bias subtracted.
    """
    shift = bias(n, 1, 1) if corrected else 0.0
    for begin in range(0, len(r), _ROWS):
        end = min(len(r), begin + _ROWS)
        piece = r[begin:end, :end] if symmetric else r[begin:end]
        none, equal = piece == 0, np.abs(piece) > 1 - _EQUAL
        piece *= piece
        np.negative(piece, out=piece)
        piece[equal] = 0
        np.log1p(piece, out=piece)
        piece *= -0.5
        piece -= shift
        piece[none], piece[equal] = 0, np.inf
        if symmetric:
            mirror(r, begin, end)
    return shift


def mirror(square: NDArray[np.float64], begin: int, end: int) -> None:
    """The lower triangle's rows begin .. end into the columns of the upper one."""
    corner = square[begin:end, begin:end]
    corner[:] = np.where(np.tri(len(corner), dtype=bool), corner, corner.T)
    square[:begin, begin:end] = square[begin:end, :begin].T


def tails(value: NDArray[np.float64], n: int, shift: float, symmetric: bool) -> NDArray[np.float64]:
    """How often independent columns share as much: the analytic null, for every pair."""
    result = np.empty_like(value)
    for begin in tracked(range(0, len(value), _ROWS), -(-len(value) // _ROWS), "p-values"):
        end = min(len(value), begin + _ROWS)
        if symmetric:
            result[begin:end, :end] = tail(value[begin:end, :end] + shift, n, 1, 1)
            mirror(result, begin, end)
        else:
            result[begin:end] = tail(value[begin:end] + shift, n, 1, 1)
    return result


def pooled_null(n: int, seed: int) -> NDArray[np.float64]:
    """Raw information of shuffled ranks, (`POOLED_DRAWS`,) in ascending order: the null of all columns without ties."""
    whole = scores(n)[2::2]
    generator = np.random.default_rng(seed)
    r = np.array([whole @ generator.permutation(whole) for _ in range(POOLED_DRAWS)]) / (whole @ whole)
    return np.sort(-0.5 * np.log1p(-r * r))
