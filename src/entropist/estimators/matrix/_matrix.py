"""Mutual information of all pairs of columns, for layers of thousands of neurons.

    value[i, j] = I(column i of X; column j of Y),    X (n, columns), Y likewise or absent: X with itself,

in nats unless `unit=` says otherwise. Each column is ranked or binned once; the input is never copied whole, and what
is held beside input and output is at most half of them (see `mutual_information_matrix` for when it is more).

When this misleads: of a million pairs that share nothing, fifty thousand have a p-value below 0.05: judge them by
`significant`, which bounds the share of false ones among those found. Columns that are sequences have p-values that
are too small here: every null takes samples for independent.

Source: Benjamini & Hochberg (1995) for the rate of false discoveries.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError
from entropist.estimators._binned import Binned
from entropist.estimators._copula import MOST_TIES, GaussianCopula
from entropist.estimators._gaussian import bias
from entropist.estimators._independence import all_moments, tails
from entropist.estimators.matrix import _matrix_binned as binned
from entropist.estimators.matrix import _matrix_copula as copula
from entropist.estimators.matrix import _matrix_ksg as neighbours
from entropist.estimators.matrix._columns import matrix
from entropist.estimators.neighbours._ksg import KSG
from entropist.units import from_nats, to_nats, unit_name

Array = NDArray[np.float64]
_BY_NAME: dict[str, Any] = {"copula": GaussianCopula, "binned": Binned, "ksg": KSG}


@dataclass(frozen=True)
class MatrixEstimate:
    """Mutual information of all pairs: `value` (rows, columns) in `unit`, row i for column i of X, column j for Y's.

    p_value: the same shape, how often the null gives as much or more; None without a null. null: what a pair that
    shares nothing has on average, a number or, where it depends on the bins, a matrix. n: samples. rows, columns:
    labels, where X and Y were tables with labels. symmetric: Y was X, so value[i, j] = value[j, i], and the diagonal,
    which is no pair, is infinite for continuous columns or the entropy of binned ones. reason: what is in doubt.
    """

    value: Array
    p_value: Array | None
    null: float | Array | None
    n: int
    unit: str
    estimator: str
    rows: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    symmetric: bool = False
    reason: str | None = None
    null_name: str | None = field(default=None)

    def significant(self, rate: float = 0.05) -> NDArray[np.bool_]:
        """(rows, columns): pairs that share something, of which a share of `rate` at most is expected to be false.

        By Benjamini & Hochberg over all distinct pairs; the diagonal of a symmetric matrix is never among them.
        Raises `InputError` without p-values, or for a rate outside 0 .. 1.
        """
        if self.p_value is None:
            raise InputError("there are no p-values: ask for them by null='analytic' or null='permutation'.")
        if not 0 < rate < 1:
            raise InputError(f"rate {rate!r} must lie between 0 and 1, such as 0.05.")
        pairs = np.tri(len(self.value), k=-1, dtype=bool) if self.symmetric else np.ones(self.value.shape, bool)
        p = np.sort(self.p_value[pairs])
        good = np.flatnonzero(p <= rate * np.arange(1, len(p) + 1) / len(p))
        if not len(good):
            return np.zeros(self.value.shape, bool)
        found: NDArray[np.bool_] = self.p_value <= p[good[-1]]
        return found & (pairs | pairs.T) if self.symmetric else found

    def to(self, unit: str) -> "MatrixEstimate":
        """The same measurement in another unit of information."""
        name = unit_name(unit)
        null = None if self.null is None else from_nats(to_nats(self.null, self.unit), name)
        return replace(self, value=from_nats(to_nats(self.value, self.unit), name), null=null, unit=name)

    def __str__(self) -> str:
        doubt = f"; {self.reason}" if self.reason else ""
        shape = " × ".join(map(str, self.value.shape))
        return f"{shape} pairs in {self.unit} (n = {self.n}, {self.estimator}{doubt})"


def mutual_information_matrix(
    x: ArrayLike,
    y: ArrayLike | None = None,
    estimator: str | GaussianCopula | Binned | KSG = "copula",
    null: Literal["analytic", "permutation"] | None = None,
    *,
    unit: str = "nats",
    seed: int = 0,
) -> MatrixEstimate:
    """Mutual information of every column of x with every column of y, or of x with itself.

    x: (n, columns) of real numbers, n ≥ 4; y: (n, others). Labels come from a table that has `columns`. estimator:
    "copula", "binned", "ksg", or an object such as `Binned(bins=8, strategy="frequency")`. null: "analytic" (for the
    copula the law of r² for Gaussian samples; for bins a gamma law with the exact mean), or "permutation": one null of
    9999 shuffles, pooled, because columns whose ranks or bins have the same margins share it; it needs columns without
    ties, and for bins strategy "frequency". None: no p-values, which is all that "ksg" has.

    Equal to `mutual_information` pair by pair. A constant column shares 0 under the copula and in bins. Memory beside
    input and output: half of them and a few megabytes, up to 32767 samples; with more, the copula's ranks take four
    bytes a value, which is as much again as a float32 input. "ksg" prepares columns in panels of that size.

    Raises `InputError` for NaN or infinite values, unequal lengths, unknown names, and a null that does not apply.

    >>> x = np.random.default_rng(0).normal(size=(500, 3))
    >>> x[:, 2] += x[:, 0]
    >>> mutual_information_matrix(x, null="analytic").significant(0.05).tolist()
    [[False, False, True], [False, False, False], [True, False, False]]
    """
    name = unit_name(unit)
    if null not in ("analytic", "permutation", None):
        raise InputError(f"null {null!r} is not known: use analytic, permutation, or None.")
    chosen = _BY_NAME[estimator]() if isinstance(estimator, str) and estimator in _BY_NAME else estimator
    left, rows = matrix("x", x)
    right, columns = (None, rows) if y is None else matrix("y", y)
    if right is not None and len(right) != len(left):
        raise InputError(f"x has {len(left)} samples and y {len(right)}: row i of both must belong together.")
    if isinstance(chosen, GaussianCopula):
        found = _copula(left, right, chosen, null, seed)
    elif isinstance(chosen, Binned):
        found = _binned(left, right, chosen, null, seed)
    elif isinstance(chosen, KSG):
        found = _ksg(left, right, chosen, null)
    else:
        raise InputError(
            f"estimator {estimator!r} has no matrix: use 'copula', 'binned', 'ksg', or an object of these."
        )
    return replace(found, rows=rows, columns=columns).to(name)


def _copula(
    x: NDArray[Any], y: NDArray[Any] | None, estimator: GaussianCopula, null: str | None, seed: int
) -> MatrixEstimate:
    n, symmetric = len(x), y is None
    left = copula.Ranked("x", x)
    right = None if y is None else copula.Ranked("y", y)
    ties = left.ties if right is None else np.concatenate([left.ties, right.ties])
    held = x.nbytes + (0 if y is None else y.nbytes) + 8 * x.shape[1] * (x if y is None else y).shape[1]
    used = left.ranks.nbytes + (0 if right is None else right.ranks.nbytes)
    value = copula.correlations(left, right, held // 2 - used)
    shift = copula.informations(value, n, estimator.corrected, symmetric)
    name = "Gaussian copula" if estimator.corrected else "Gaussian copula, biased (no correction)"
    doubtful = int((ties > MOST_TIES).sum())
    result = MatrixEstimate(
        value, None, None, n, "nats", name, symmetric=symmetric,
        reason=f"{doubtful} columns have more than {100 * MOST_TIES:.0f} % ties" if doubtful else None,
    )  # fmt: skip
    if null is None:
        return result
    if null == "analytic":
        p_value = copula.tails(value, n, shift, symmetric)
        return replace(result, p_value=p_value, null=bias(n, 1, 1) - shift, null_name="Beta law of r²")
    if ties.any():
        raise InputError(f"{int((ties > 0).sum())} columns have ties, so they share no null: use null='analytic'.")
    draws = copula.pooled_null(n, seed)
    return replace(
        result, p_value=_pooled(value + shift, draws), null=float(draws.mean()) - shift,
        null_name=f"{len(draws)} shuffles for all pairs",
    )  # fmt: skip


def _binned(x: NDArray[Any], y: NDArray[Any] | None, estimator: Binned, null: str | None, seed: int) -> MatrixEstimate:
    n, symmetric = len(x), y is None
    left = binned.coded("x", x, estimator)
    right = None if y is None else binned.coded("y", y, estimator)
    value, cells = binned.count(left, right)
    p_value: Array | None = None
    expected: Any = None
    null_name = None
    if null == "analytic":
        mean, variance = all_moments(left.margins, (left if right is None else right).margins)
        if symmetric:  # to the last bit, whatever the order of the sums
            mean, variance = (mean + mean.T) / 2, (variance + variance.T) / 2
        p_value = np.asarray(tails(2 * n * value, mean, variance))
        expected, null_name = mean / (2 * n), "gamma law of the plug-in"
    elif null == "permutation":
        draws = binned.pooled_null(left, right, seed)
        p_value, expected, null_name = (
            _pooled(value, draws),
            float(draws.mean()),
            f"{len(draws)} shuffles for all pairs",
        )
    if estimator.correction:
        plug_in = value.copy() if expected is not None else None
        binned.correct(value, left, right, cells)
        expected = None if plug_in is None else expected - (plug_in - value)
    most = max(int(side.kinds.max()) for side in (left, right) if side is not None)
    name = estimator.named((most, most))
    return MatrixEstimate(value, p_value, expected, n, "nats", name, symmetric=symmetric, null_name=null_name)


def _ksg(x: NDArray[Any], y: NDArray[Any] | None, estimator: KSG, null: str | None) -> MatrixEstimate:
    if null is not None:
        raise InputError(
            "a null for all pairs of neighbours would take a search for each draw and pair: leave null=None."
        )
    value = neighbours.informations(x, y, estimator)
    name = f"KSG-{estimator.variant}, k = {estimator.k}"
    return MatrixEstimate(value, None, None, len(x), "nats", name, symmetric=y is None)


def _pooled(value: Array, draws: Array) -> Array:
    """(b + 1)/(m + 1) among the ascending `draws`; a hair's breadth is rounding, not a difference."""
    above = len(draws) - np.searchsorted(draws, value - 1e-12, side="left")
    return np.asarray((1 + above) / (1 + len(draws)))
