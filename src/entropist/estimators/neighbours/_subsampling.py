"""How far an estimate would move on other samples, from the same estimate on parts of these.

The samples are cut at random into 8 parts of n/8, twice; from n = 8000 on 16 parts of n/32 are taken, once. An estimate
whose variance falls like 1/n has Var(parts)·size/n; the mean of the parts shows how it drifts with n. With bias
b·n^(−1/D), D coordinates in all, what is missing at n is the drift over (n/size)^(1/D) − 1, so that

    stderr² = Var(parts)·size/n + (1.75 · missing)² + (standing · value)²,

by Student's t with (parts − 1) · cuts degrees of freedom. 1.75 because drift and estimate err together; the last term
is for bias that does not drift, see `standing_bias`: Gaussian samples come out up to 1 % too high at every n. For
sequences a cut in the order of time is added, and the larger variance taken.

When this misleads: where the bias falls more slowly than that, and where the parts are too few samples to
behave like the whole.

Source: Holmes & Nemenman (2019), "Estimation of mutual information for real-valued data with error bars and controlled
bias" (parts, and the drift as a check); the two terms of bias are ours, certified by `certificates/neighbours.json`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LARGE = 8000
_DRIFT = 1.75


@dataclass(frozen=True)
class Spread:
    """An error, its degrees of freedom, the drift from a part to the whole, and what n is worth in a sequence."""

    stderr: float
    degrees_of_freedom: float
    drift: float
    effective_n: float | None


def standing_bias(coordinates: int) -> float:
    """The share of a mutual information that its bias may have without drifting: 1 % for two coordinates, 5 % each
    above.

    Student samples of 3 + 3 dimensions and 3 degrees of freedom lose 40 % at n = 5000 and no less at n = 600.
    """
    return 0.01 if coordinates <= 2 else 0.05 * coordinates


class Cuts:
    """n samples cut into parts; `labels` has a row a cut, (cuts, n): the number of each sample's part, or −1."""

    def __init__(self, n: int, coordinates: int, *, sequence: bool, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self.parts, self.size, self.random = (16, n // 32, 1) if n >= _LARGE else (8, n // 8, 2)
        self.sequence, self.coordinates = sequence, coordinates
        block = np.arange(n, dtype=np.int32) // self.size
        # Where only half of the samples are used, every other block is: their neighbours would resemble them.
        apart = 2 if n >= _LARGE else 1
        in_turn = np.where((block % apart == 0) & (block < apart * self.parts), block // apart, np.int32(-1))
        rows = [generator.permutation(in_turn) for _ in range(self.random)]
        self.labels = np.array([*rows, in_turn] if sequence else rows)

    def spread(self, value: float, values: NDArray[np.float64], standing: float) -> Spread:
        """The spread of an estimate that is `value` on all samples and `values`, (cuts, parts), on the parts.

        standing: the share of the value that its bias may have at any n.
        """
        n = self.labels.shape[1]
        variances = values.var(axis=1, ddof=1) * self.size / n
        drift = value - float(values[: self.random].mean())
        variance, freedom, effective = float(variances[: self.random].mean()), (self.parts - 1) * self.random, None
        if self.sequence:
            blocks = float(variances[-1])
            effective = n * min(1.0, variance / blocks) if blocks > 0 else float(n)
            variance, freedom = max(variance, blocks), self.parts - 1
        missing = _DRIFT * drift / ((n / self.size) ** (1 / self.coordinates) - 1)
        return Spread(math.sqrt(variance + missing**2 + (standing * value) ** 2), freedom, drift, effective)
