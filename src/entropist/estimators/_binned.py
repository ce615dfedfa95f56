"""Binned mutual information: the two columns cut into bins, then the plug-in, with its bias taken off and shown.

    I = Σ_ab p(a, b) ln(p(a, b) / p(a) p(b)) − c,    c = (K_xy − K_x − K_y + 1) / (2n)    (Miller–Madow),

K the numbers of occupied cells and bins, nats. c is `correction` in the result. Without it the estimate is what most
programs print; its name then says that it is biased: two independent columns of 90 samples in 15 × 15 bins already
show about 0.7 nats.

stderr² = var(ln p(a, b)/p(a)p(b))/n + max(2, k/2)/n², k = (K_x − 1)(K_y − 1): that of the information *of the bins*.
It is given from n = 20·K_x·K_y on. The analytic null is a gamma law for 2n(I + c) with the exact mean over all orders
of the samples; `null` is what the estimate would be on average if nothing were shared, with these bins and this c.

When this misleads: bins lose information, so for fine structure it is too low whatever n; with few samples in many
bins it is too high, and the correction only mends that while most cells are occupied. What is left over changes sign
with n and with the dependence, so that values from different n cannot be compared.

Source: Miller (1955); Madow (1948); Panzeri, Senatore, Montemurro & Petersen (2007) for the bias of information.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError
from entropist.estimators import _bins
from entropist.estimators._batch_means import MINIMUM_TOKENS
from entropist.estimators._independence import moments, tails
from entropist.estimators._nulls import effective_n, p_value, resampled
from entropist.estimators._paired import paired, table
from entropist.estimators._pointwise import Pointwise
from entropist.units import from_nats, to_nats, unit_name

_DENSE = 1 << 16  # cells that are faster counted in a table than by sorting the pairs
_SAMPLES_A_CELL = 20  # below it neither the correction nor the error can be trusted


@dataclass(frozen=True)
class BinnedEstimate(Pointwise):
    """An `Estimate` with the `correction` subtracted from the plug-in, in its unit, and the occupied bins a side."""

    correction: float = 0.0
    bins: tuple[int, ...] = ()

    def to(self, unit: str) -> "BinnedEstimate":
        """The same measurement, its correction and local values included, in another unit of information."""
        moved: Any = super().to(unit)
        return replace(moved, correction=from_nats(to_nats(self.correction, self.unit), unit_name(unit)))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Binned:
    """Bins and what is done about their bias, for `mutual_information(x, y, Binned(bins=15))`; also `"binned"`.

    bins: how many, or their edges. strategy: "width", "frequency" or "freedman-diaconis" (which chooses the number
    itself). correction: "miller-madow", or None for the classic biased estimate.

    >>> x = np.linspace(-1, 1, 400)
    >>> estimate = Binned(bins=4, correction=None).mutual_information(x, x**2)
    >>> estimate.estimator
    'plug-in of 4 × 4 bins of equal width, biased (no correction)'
    """

    bins: int | Sequence[float] = 15
    strategy: _bins.Strategy = "width"
    correction: Literal["miller-madow"] | None = "miller-madow"

    def codes(self, x: NDArray[Any]) -> NDArray[np.intp]:
        """The cell of every row of a table (n, d): columns are cut one by one."""
        self.check()
        columns = [_bins.code(column, self.bins, self.strategy) for column in x.T]
        if len(columns) == 1:
            return np.unique(columns[0], return_inverse=True)[1]
        return np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1].ravel()

    def check(self) -> None:
        """Raise `InputError` for parameters that make no sense."""
        _bins.check(self.bins, self.strategy)
        if self.correction not in ("miller-madow", None):
            raise InputError(f"correction {self.correction!r} is not known: use 'miller-madow' or None.")

    def mutual_information(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        null: str | None = None,
        sequence: bool = False,
        seed: int = 0,
        local: bool = False,
    ) -> BinnedEstimate:
        """The estimate in nats. x, y: (n,) or (n, d); null: "analytic", "permutation" or "circular-shift"."""
        left, right = paired(x, y)
        a, b = self.codes(left), self.codes(right)
        n, sides = len(a), (int(a.max()) + 1, int(b.max()) + 1)
        plug_in, occupied, parts = _information(a, b)
        shift = (occupied - sum(sides) + 1) / (2 * n) if self.correction else 0.0
        free = (sides[0] - 1) * (sides[1] - 1)
        expected, chance = self._null(null, a, b, plug_in, shift, seed)
        result = BinnedEstimate(
            plug_in - shift, None, "nats", n, self.named(sides), null=expected, p_value=chance,
            correction=shift, bins=sides, local=parts - shift if local else np.empty(0),
        )  # fmt: skip
        return _with_error(result, parts, sides, free, sequence, corrected=self.correction is not None)

    def entropy(self, x: ArrayLike) -> BinnedEstimate:
        """Differential entropy of x, (n,) or (n, d), from a histogram, nats: Σ p ln(volume / p) + (K − 1)/(2n).

        Only for bins that have a width ("width", "freedman-diaconis", edges). It has no stderr: what a histogram
        smooths away is not in it. `InputError` for "frequency" and for a constant column, which has no density.
        """
        columns = table("x", x)
        self.check()
        if self.strategy == "frequency":
            raise InputError("bins of equal frequency have no width of their own: use strategy='width'.")
        if (np.ptp(columns, axis=0) == 0).any():
            raise InputError("a constant column has no density: its differential entropy is −inf.")
        volumes = np.ones(len(columns))
        for column in columns.T:
            edges = _bins.edges_of(column, self.bins, self.strategy)
            volumes *= np.diff(edges)[_bins.code(column, self.bins, self.strategy)]
        cells = self.codes(columns)
        counts, n = np.bincount(cells), len(cells)
        parts = np.log(volumes * n / counts[cells])
        shift = -(len(counts) - 1) / (2 * n) if self.correction else 0.0
        return BinnedEstimate(
            math.fsum(parts) / n - shift, None, "nats", n, self.named((len(counts),)).replace("plug-in", "histogram"),
            reason="what a histogram smooths away is not in its error", correction=shift, bins=(len(counts),),
        )  # fmt: skip

    def named(self, sides: tuple[int, ...]) -> str:
        """What a result with these bins a side is called."""
        kind = {"width": "of equal width", "frequency": "of equal frequency"}.get(self.strategy, "by Freedman–Diaconis")
        kind = kind if isinstance(self.bins, int | np.integer) else "with given edges"
        bias = "Miller–Madow" if self.correction else "biased (no correction)"
        return f"plug-in of {' × '.join(map(str, sides))} bins {kind}, {bias}"

    def _null(
        self, null: str | None, a: NDArray[Any], b: NDArray[Any], plug_in: float, shift: float, seed: int
    ) -> tuple[float | None, float | None]:
        """Judged by the plug-in: a correction that depends on the cells would let chance move the scale."""
        if null is None:
            return None, None
        n = len(a)
        if null == "analytic":
            mean, variance = moments(np.bincount(a), np.bincount(b))
            return mean / (2 * n) - shift, float(tails(2 * n * plug_in, mean, variance))
        draws = resampled(_shuffled(a, b), null, n, seed)
        return float(draws.mean()) - shift, p_value(plug_in, draws)


def _information(a: NDArray[Any], b: NDArray[Any]) -> tuple[float, int, NDArray[np.float64]]:
    """Plug-in information in nats, occupied cells, and the value of every sample. Codes have no gaps."""
    n, width = len(a), int(b.max()) + 1
    _, cell, counts = np.unique(a * width + b, return_inverse=True, return_counts=True)
    expected = np.bincount(a)[a].astype(np.float64) * np.bincount(b)[b]
    parts = np.log(counts[cell] * float(n) / expected)
    # The exact sum does not depend on the order of terms, hence not on which of the two is x.
    return math.fsum(parts) / n, len(counts), parts


def _shuffled(a: NDArray[Any], b: NDArray[Any]) -> Callable[[NDArray[np.intp]], float]:
    """The plug-in information as a function of the order of b: margins stay, so only the cells are counted anew."""
    n, width = len(a), int(b.max()) + 1
    cells = (int(a.max()) + 1) * width

    def summed(counts: NDArray[Any]) -> float:
        return float(counts @ np.log(np.maximum(counts, 1)))

    margins = summed(np.bincount(a)) + summed(np.bincount(b))

    def information(order: NDArray[np.intp]) -> float:
        pairs = a * width + b[order]
        counts = np.bincount(pairs, minlength=cells) if cells <= n + _DENSE else np.unique(pairs, return_counts=True)[1]
        return math.log(n) + (summed(counts) - margins) / n

    return information


def _with_error(
    result: BinnedEstimate, parts: NDArray[Any], sides: tuple[int, int], free: int, sequence: bool, corrected: bool
) -> BinnedEstimate:
    n, cells = result.n, sides[0] * sides[1]
    if free == 0:
        return replace(result, reason="one side has a single bin and shares nothing")
    if not corrected:
        return replace(result, reason="the estimate is biased by more than a standard error could say")
    effective = float(n)
    if sequence:
        if n < MINIMUM_TOKENS:
            return replace(result, reason=f"{n} samples are fewer than the {MINIMUM_TOKENS} that a sequence needs")
        effective = effective_n(parts)
        result = replace(result, effective_n=effective)
    if effective < _SAMPLES_A_CELL * cells:
        reason = f"{effective:.0f} samples are fewer than {_SAMPLES_A_CELL} for each of {cells} cells"
        return replace(result, reason=reason)
    stderr = math.sqrt(float(parts.var()) / effective + max(2.0, free / 2) / effective**2)
    inside = f"the information of the bins, at least {_SAMPLES_A_CELL} samples a cell"
    return replace(result, stderr=stderr, domain=f"{inside}, {'stationary' if sequence else 'independent'}")
