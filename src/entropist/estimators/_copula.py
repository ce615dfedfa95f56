"""Gaussian-copula mutual information: the Gaussian one after every column has been made Gaussian by its ranks.

    z_i = Φ⁻¹(rank_i / (n + 1)),    I = Gaussian information of z_x and z_y (n, d each), less its bias, in nats.

It depends on ranks only, so any monotone change of a column leaves it exactly as it is. For one column a side it is a
lower bound in the limit: of all dependences with this correlation of z, the Gaussian one shares least.

When this misleads: a dependence that is not monotone is missed (y = x² has 0, y = |x| too). Ties share their mean rank
and make the estimate too low; they are reported, and above a tenth there is no error.

Source: Ince, Giordano, Kayser, Rousselet, Gross & Schyns (2017), "A statistical framework for neuroimaging data
analysis based on mutual information estimated via a Gaussian copula".
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.estimators._gaussian import Domain, estimate
from entropist.estimators._paired import paired
from entropist.results import Estimate

COPULA = Domain("samples of a Gaussian copula", 100, 0.85)
MOST_TIES = 0.1  # share of samples that repeat a value, above which ranks say too little


@dataclass(frozen=True)
class GaussianCopula:
    """The Gaussian-copula estimator; `"copula"` is a name for it. corrected: subtract the bias.

    The interval is certified for samples whose copula is Gaussian, whatever their margins.

    >>> x, y = [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0, 2.0, 5.0, 4.0]
    >>> same = GaussianCopula().mutual_information(x, y), GaussianCopula().mutual_information(np.exp(x), y)
    >>> same[0].value == same[1].value
    True
    """

    corrected: bool = True

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
        """The estimate in nats. x, y: (n,) or (n, d); null: "analytic", "permutation" or "circular-shift"."""
        left, right = paired(x, y, least=4)
        tied = max(_ties(left), _ties(right))
        name, reason = "Gaussian copula", None
        if tied:
            name += f", {100 * tied:.2g} % ties"
        if tied > MOST_TIES:
            reason = f"{100 * tied:.0f} % of a column repeat a value: ranks need continuous samples"
        return estimate(
            normal_scores(left), normal_scores(right), name, COPULA, self.corrected, null, sequence, seed,
            local, reason,
        )  # fmt: skip


def normal_scores(x: NDArray[Any]) -> NDArray[np.float64]:
    """Φ⁻¹(rank / (n + 1)) of each column of (n, d), mean ranks for ties."""
    from scipy import special, stats  # only here: SciPy's import is slow

    scores: NDArray[np.float64] = special.ndtri(stats.rankdata(x, axis=0) / (len(x) + 1))
    return scores


def _ties(x: NDArray[Any]) -> float:
    """The largest share of a column that repeats an earlier value; a constant column has no ranks to tie."""
    repeated = (np.diff(np.sort(x, axis=0), axis=0) == 0).sum(axis=0)
    return float(np.where(repeated == len(x) - 1, 0, repeated).max()) / len(x)
