"""The two extreme ways to share the mass r among m tokens of at most c each.

Concentrated: n = ⌊r/c⌋ tokens of c and one of q = r − n·c, the others 0; uniform: m tokens of r/m. A sum Σ f(x) over
the tail with f concave and f(0) = 0 is smallest for the first and largest for the second; with f convex the reverse.
(Any tail is a convex combination of permutations of the first, and the uniform one is the mean of its permutations.)
"""

import numpy as np

from entropist.measures.truncated._reading import Array
from entropist.measures.truncated._rows import Rows


def concentrated(r: Array, log_cap: Array, unseen: Array) -> tuple[Array, Array]:
    """n and q of the concentrated tail. r: (rows,), 0 where nothing is left."""
    cap = np.exp(log_cap)
    with np.errstate(divide="ignore", invalid="ignore"):
        n = np.where(cap > 0, np.minimum(np.floor(r / cap), unseen), 0.0)
    return n, np.minimum(np.maximum(r - n * cap, 0.0), cap)


def times_log(p: Array, log_p: Array) -> Array:
    """−p·log p, 0 at p = 0, where log p is -inf."""
    return np.where(p > 0, -p * np.where(p > 0, log_p, 0.0), 0.0)


def log(p: Array) -> Array:
    """ln p, -inf at 0 without a warning."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(p))


def log_unseen(read: Rows) -> Array:
    """ln m; 0 where no token is unseen, and r is 0 as well."""
    return np.asarray(np.log(np.maximum(read.unseen, 1.0)))
