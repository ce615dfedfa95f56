"""Mutual information where one side is categories, or where samples are part continuous and part repeated.

    Ross:  I = ψ(N) + ⟨ψ(k_i)⟩ − ⟨ψ(N_i)⟩ − ⟨ψ(m_i)⟩
    Gao:   I = ⟨ψ(k_i) + ln n − ψ(n_x) − ψ(n_y)⟩

Ross: x (n,) or (n, d) numbers, y (n,) categories (or the other way round). N_i samples share the category of i, m_i
samples of any lie nearer than its k-th neighbour of that category, both with i itself; a category of one sample is
left out. Gao: x, y (n,) or (n, d) numbers; n_x and n_y count the samples, i itself included, at less than the k-th
distance, and k_i is k; where that distance is 0 they count those that are equal, and k_i the copies.
Largest-coordinate distances, nats, never clipped.

When this misleads: as for KSG in many dimensions and near the ceiling. Ross: a category with few samples counts with
few neighbours. Gao: steps between repeated values are distances like any other, so that where nearly equal values take
the place of equal ones it is KSG, and biased as that is.

Source: Ross (2014); Gao, Kannan, Oh & Viswanath (2017), as in the authors' program: the paper's algorithm 1 has ln and
counts up to the k-th distance instead, which is 0.2 nats too low for k = 4.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError
from entropist.estimators._paired import paired, table
from entropist.estimators._samples import coded
from entropist.estimators.neighbours._assess import DRAWS, assess, each_part
from entropist.estimators.neighbours._ksg import LEAST, MOST_DIMENSIONS, MOST_TIED, in_doubt, near_ceiling, own_exponent
from entropist.estimators.neighbours._ksg_pairs import Pairs
from entropist.estimators.neighbours._ksg_search import digammas
from entropist.estimators.neighbours._neighbours import check_k, kth_distance, tied, within
from entropist.results import Estimate

Floats = NDArray[np.float64]

ROSS_DOMAIN = (
    f"independent samples, one side continuous, up to {MOST_DIMENSIONS} dimensions, the other categories; n ≥ {LEAST}"
)


@dataclass(frozen=True)
class Ross:
    """Between numbers and categories, for `mutual_information(x, y, Ross(k=4, categories="y"))`.

    >>> g = np.random.default_rng(0)
    >>> side = g.integers(0, 2, 600)
    >>> estimate = Ross().mutual_information(g.normal(size=600) + 10 * side, side)       # the truth: ln 2 = 0.693
    >>> round(estimate.value, 2)
    0.69
    """

    k: int = 4
    categories: Literal["x", "y"] = "y"

    def __post_init__(self) -> None:
        check_k(self.k)
        if self.categories not in ("x", "y"):
            raise InputError(f"categories = {self.categories!r} must name the side that holds them, 'x' or 'y'.")

    def mutual_information(
        self, x: ArrayLike, y: ArrayLike, *, null: str | None = None, sequence: bool = False, seed: int = 0,
        local: bool = False,
    ) -> Estimate:  # fmt: skip
        """The estimate in nats; `n` counts the samples that are not alone in their category."""
        numbers, labels = (x, y) if self.categories == "y" else (y, x)
        points = table("y" if self.categories == "x" else "x", numbers)
        codes, width = coded(self.categories, labels)
        if len(points) != len(codes):
            raise InputError(f"{len(points)} numbers and {len(codes)} categories: row i of both must belong together.")
        together = np.bincount(codes, minlength=width)[codes] > 1
        if not together.any():
            raise InputError("every category has one sample only: nothing can be said about what they share.")
        if local and not together.all():
            raise InputError("a category has one sample only, so that its local value is not defined: leave it out.")
        points, codes = own_exponent(points)[together], codes[together]
        points = points * binary_scale(points)
        n, reason = len(points), None
        if points.shape[1] > MOST_DIMENSIONS:
            reason = in_doubt("Ross", f"{points.shape[1]} dimensions are high: most of the information may be missed")
        elif len(set(codes.tolist())) == 1 or (np.ptp(points, axis=0) == 0).all():
            reason = "one side is constant and shares nothing"
        elif (ties := tied(np.sort(points, axis=0))) > MOST_TIED:
            reason = in_doubt("Ross", f"{ties:.0%} of the numbers repeat; use 'gao', or an estimator from counts")
        elif n < LEAST:
            reason = f"{n} samples are fewer than the {LEAST} that its error needs"

        def mean_of(rows: NDArray[Any]) -> float:
            some, kinds = points[rows], codes[rows]
            return float(self._local(some, kinds).mean())

        return assess(
            lambda: self._local(points, codes), each_part(mean_of), n, f"Ross, k = {self.k}", reason=reason,
            domain=ROSS_DOMAIN, seed=seed, coordinates=points.shape[1] + 1, sequence=sequence, local=local, null=null,
            in_order=lambda order: float(self._local(points, codes[order]).mean()),
            doubt=lambda value: near_ceiling("Ross", value, n, self.k),
        )  # fmt: skip

    def _local(self, points: Floats, codes: NDArray[Any]) -> Floats:
        sizes = np.bincount(codes)[codes]
        points, codes, sizes = points[sizes > 1], codes[sizes > 1], sizes[sizes > 1]
        n = len(points)
        near, radius = np.minimum(self.k, sizes - 1), np.zeros(n)
        by_kind = np.argsort(codes, kind="stable")
        for rows in np.split(by_kind, np.flatnonzero(np.diff(codes[by_kind])) + 1):
            if len(rows):
                radius[rows] = kth_distance(points[rows], int(near[rows[0]]))
                same = rows[radius[rows] == 0]
                if len(same):
                    near[same] = within(points[rows], np.zeros(len(same)), False, np.isin(rows, same))
        digamma = digammas(n)
        count = within(points, radius, True)
        if (zero := radius == 0).any():
            count[zero] = within(points, radius[zero], False, zero)
        return np.asarray(digamma[n] + digamma[near] - digamma[sizes] - digamma[count], np.float64)


@dataclass(frozen=True)
class Gao:
    """Between mixtures of continuous and repeated values, for `mutual_information(x, y, Gao(k=4))`.

    Each coordinate is first multiplied by the power of two nearest to one over its standard deviation: exact, so that
    equal steps between repeated values stay equal.

    >>> x = np.random.default_rng(0).integers(0, 2, 600)
    >>> round(Gao().mutual_information(x, x).value, 3)                     # the truth: ln 2 = 0.693
    0.692
    """

    k: int = 4

    def __post_init__(self) -> None:
        check_k(self.k)

    def mutual_information(
        self, x: ArrayLike, y: ArrayLike, *, null: str | None = None, sequence: bool = False, seed: int = 0,
        local: bool = False,
    ) -> Estimate:  # fmt: skip
        """The estimate in nats. There is no certified error, with the reason."""
        left, right = (own_exponent(side) for side in paired(x, y, least=self.k + 1))
        pairs = Pairs(left, right, binary_scale(left), binary_scale(right), self.k, 1, times=1 + (DRAWS if null else 0))
        if (dimensions := max(left.shape[1], right.shape[1])) > MOST_DIMENSIONS:
            in_doubt("Gao", f"{dimensions} dimensions a side are high: most of the information may be missed")
        n = len(left)
        beyond = float(np.log(n) - digammas(n)[n])  # KSG-1 has ψ(n)
        return assess(
            lambda: pairs.local() + beyond, pairs.of_parts, n, f"Gao, k = {self.k}", domain="",
            reason="its bias depends on how much of the samples repeats, so that no error is certified",
            seed=seed, coordinates=left.shape[1] + right.shape[1], sequence=sequence, local=local, null=null,
            in_order=lambda order: pairs.in_order(order) + beyond,
        )  # fmt: skip


def binary_scale(values: Floats) -> Floats:
    """For each column the power of two nearest to one over its standard deviation, (d,); 1 for a constant."""
    deviations = values.std(axis=0)
    known = (deviations > 0) & (np.ptp(values, axis=0) > 0)
    return np.asarray(np.exp2(-np.round(np.log2(deviations, out=np.zeros_like(deviations), where=known))), np.float64)
