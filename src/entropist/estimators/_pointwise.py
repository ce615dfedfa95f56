"""`Pointwise`: an estimate together with the value of every single sample.

    value = mean over the samples of local_i,    local_i = ln p(x_i, y_i) / (p(x_i) p(y_i)) as the estimator sees it,

in the same unit. `local` is (n,), in the order of the samples; single values may well be negative.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from entropist.results import Estimate
from entropist.units import from_nats, to_nats, unit_name


@dataclass(frozen=True)
class Pointwise(Estimate):
    """An `Estimate` with `local`, one value a sample, (n,), in the same unit; their mean is `value`.

    >>> Pointwise(1.0, None, "bits", 2, "ksg", local=np.array([0.5, 1.5])).to("nats").local.round(4).tolist()
    [0.3466, 1.0397]
    """

    local: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), repr=False, compare=False)

    def to(self, unit: str) -> "Pointwise":
        """The same measurement, its local values included, in another unit of information."""
        moved = super().to(unit)
        local = from_nats(to_nats(self.local, self.unit), unit_name(unit))
        return replace(moved, local=local)  # type: ignore[return-value, call-arg]
