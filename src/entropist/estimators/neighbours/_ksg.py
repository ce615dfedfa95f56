"""KSG: mutual information from the nearest neighbours of continuous samples.

    KSG-1:  I = ψ(k) + ψ(n) − ⟨ψ(n_x + 1) + ψ(n_y + 1)⟩,          n_x: samples at less than the k-th distance in x
    KSG-2:  I = ψ(k) − 1/k + ψ(n) − ⟨ψ(n_x) + ψ(n_y)⟩,            n_x: samples up to the rectangle's half side in x

x, y: (n,) or (n, d); distance is the largest difference of a coordinate; nats; never clipped. Both coordinates are
divided by their standard deviation first (`scale`), which changes the estimate a little and makes it free of units.
A sample with k copies or more has no distance; it counts its copies instead (as Gao et al. do), nothing is jittered.

When this misleads: more than three dimensions a side (16 pairs of correlation 0.5 hold 2.30 nats, at n = 5000 it says
0.7); values that repeat; heavy tails, where it is far too low; near the ceiling ψ(n) − ψ(k), beyond which no sample of
this size can show anything; sequences, whose neighbours in time pass for neighbours. There it warns and gives no error.

Source: Kraskov, Stögbauer & Grassberger (2004); Gao, Kannan, Oh & Viswanath (2017) for copies.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError
from entropist.estimators._copula import normal_scores
from entropist.estimators._paired import paired
from entropist.estimators._warnings import unreliable
from entropist.estimators.neighbours._assess import DRAWS, assess
from entropist.estimators.neighbours._ksg_pairs import Pairs
from entropist.estimators.neighbours._ksg_search import digammas
from entropist.estimators.neighbours._neighbours import check_k, tied
from entropist.results import Estimate

Scale = Literal["standard", "normal-scores", "none"]
Floats = NDArray[np.float64]

LEAST_TO_RELY_ON = 50
"""The fewest samples without a warning."""
LEAST = 400
"""The fewest samples that get an error."""
LEAST_OF_SEQUENCES = 1000
"""The fewest samples in the order of time that get an error."""
MOST_DIMENSIONS = 3
"""The most dimensions a side that get an error."""
MOST_TIED = 0.1
"""The largest share of samples that repeat a value, where there is an error."""
MOST_TAILED = 2.5
"""The largest standard deviation over that of a normal with the same quartiles, where there is an error."""
HEADROOM = 1.7
"""How far below the ceiling ψ(n) − ψ(k) an estimate with an error lies, in nats."""
DOMAIN = (
    f"continuous samples, independent and n ≥ {LEAST} or a stationary sequence and n ≥ {LEAST_OF_SEQUENCES}, up to "
    f"{MOST_DIMENSIONS} dimensions a side, at most {MOST_TIED:.0%} repeated values, standard deviation up to "
    f"{MOST_TAILED} times that of a normal with the same quartiles, {HEADROOM} nats or more below ψ(n) − ψ(k)"
)


@dataclass(frozen=True)
class KSG:
    """The estimator of Kraskov, Stögbauer & Grassberger, for `mutual_information(x, y, KSG(k=4, variant=2))`.

    k: neighbours; more of them, less variance and more bias. variant: 1 (squares, less variance) or 2 (rectangles).
    scale: what is done to each coordinate first: `"standard"` divides by its standard deviation, `"normal-scores"`
    replaces values by the normal quantiles of their ranks, so that the estimate does not change under any rising
    function, `"none"` takes values as they are.

    >>> g = np.random.default_rng(1)
    >>> x, noise = g.normal(size=(2, 500))
    >>> estimate = KSG(variant=2).mutual_information(x, x + noise)         # the truth: 0.347 nats
    >>> low, high = estimate.confidence_interval(0.99)
    >>> low < 0.347 < high
    True
    """

    k: int = 4
    variant: int = 1
    scale: Scale = "standard"

    def __post_init__(self) -> None:
        check_k(self.k)
        if self.variant not in (1, 2):
            raise InputError(f"variant {self.variant!r} is not known: KSG has variants 1 and 2.")
        if self.scale not in get_args(Scale):
            raise InputError(f"scale {self.scale!r} is not known: use one of {', '.join(get_args(Scale))}.")

    def mutual_information(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        null: str | None = None,
        sequence: bool = False,
        seed: int = 0,
        local: bool = False,
    ) -> Estimate:
        """The estimate in nats. x, y: (n,) or (n, d), n > k; null: "permutation" or "circular-shift"."""
        left, right = paired(x, y, least=self.k + 1)
        n = len(left)
        if self.scale == "normal-scores":
            left, right = normal_scores(left), normal_scores(right)
        elif self.scale == "standard":
            left, right = own_exponent(left), own_exponent(right)
        pairs = Pairs(
            left, right, scales(left, self.scale), scales(right, self.scale), self.k, self.variant,
            times=3 + (DRAWS if null else 0),
        )  # fmt: skip
        return assess(
            lambda: pairs.local() if local else np.array([pairs.value()]),
            pairs.of_parts,
            n,
            f"KSG-{self.variant}, k = {self.k}",
            reason=self._reason(pairs, sequence),
            domain=DOMAIN,
            seed=seed,
            coordinates=left.shape[1] + right.shape[1],
            sequence=sequence,
            blocks=True,
            local=local,
            in_order=pairs.in_order,
            null=null,
            doubt=lambda value: near_ceiling("KSG", value, n, self.k),
        )

    def _reason(self, pairs: Pairs, sequence: bool) -> str | None:
        """Why there will be no error, or None; warns where the value itself is in doubt."""
        n, dimensions = len(pairs.x), max(pairs.x.shape[1], pairs.y.shape[1])
        for name, table in (("x", pairs.x), ("y", pairs.y)):
            if (np.ptp(table, axis=0) == 0).all():
                return f"{name} is constant and shares nothing"
        if dimensions > MOST_DIMENSIONS:
            return in_doubt(
                "KSG",
                f"{dimensions} dimensions a side are high: above {MOST_DIMENSIONS}, {n} samples lie so far apart "
                "that most of the information is missed; reduce them first",
            )
        ordered = pairs.ordered()
        if (ties := max(tied(side) for side in ordered)) > MOST_TIED:
            return in_doubt(
                "KSG",
                f"{ties:.0%} of the samples repeat a value and KSG is for continuous ones: use 'gao' for mixed "
                "samples, 'ross' where one side is categories, or an estimator from counts",
            )
        if max(tailed(side) for side in ordered) > MOST_TAILED:
            return in_doubt(
                "KSG",
                "far values make the standard deviation many times the spread of the bulk, whose neighbours are then "
                "missed: use KSG(scale='normal-scores')",
            )
        if n < LEAST_TO_RELY_ON:
            return in_doubt(
                "KSG", f"{n} samples are few: below {LEAST_TO_RELY_ON} chance moves it by 0.1 nats and more"
            )
        least = LEAST_OF_SEQUENCES if sequence else LEAST
        return f"{n} samples are fewer than the {least} that its error needs" if n < least else None


def near_ceiling(estimator: str, value: float, n: int, k: int) -> str | None:
    """Why a value near ψ(n) − ψ(k) has no error, or None; warns."""
    ceiling = float(digammas(n)[n] - digammas(n)[k])
    if value <= ceiling - HEADROOM:
        return None
    return in_doubt(
        estimator,
        f"{value:.2f} nats lie less than {HEADROOM} below {ceiling:.2f}, the most that {n} samples can show with "
        f"k = {k}, and the truth may be higher: take more samples, or fewer neighbours",
    )


def in_doubt(estimator: str, reason: str) -> str:
    """The reason, after a warning that gives it."""
    unreliable(f"{estimator} is unreliable here: {reason}.")
    return reason


def tailed(ordered: Floats) -> float:
    """The standard deviation over that of a normal with the same quartiles, at its largest over sorted columns (n, d).

    >>> round(tailed(np.sort(np.random.default_rng(0).normal(size=(1000, 1)), axis=0)), 1)
    1.0
    """
    n = len(ordered)
    spread = (ordered[3 * n // 4] - ordered[n // 4]) / 1.3489795  # twice the normal's third quartile
    known = spread > 0  # half of the values are the same otherwise, which is a question of ties
    return float(np.divide(ordered.std(axis=0), spread, out=np.zeros(ordered.shape[1]), where=known).max())


def own_exponent(table: Floats) -> Floats:
    """Each column times a power of two, exact, where its largest value is so large or small that squares are lost."""
    largest = np.abs(table).max(axis=0)
    extreme = (largest > 0) & ((largest < 1e-100) | (largest > 1e100))
    return np.ldexp(table, np.where(extreme, -np.frexp(largest)[1], 0)) if extreme.any() else table


def scales(table: Floats, scale: str) -> Floats:
    """The factor on the differences of each column: one over its standard deviation, or 1."""
    if scale == "none":
        return np.ones(table.shape[1])
    deviations = table.std(axis=0)
    known = (deviations > 0) & (np.ptp(table, axis=0) > 0)
    return np.asarray(np.divide(1.0, deviations, out=np.ones_like(deviations), where=known), np.float64)
