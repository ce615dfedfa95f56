"""Forking tokens: where a continuation could have gone elsewhere."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError


def forking_tokens(entropies: ArrayLike, share: float = 0.2) -> NDArray[np.bool_]:
    """Which tokens have an entropy in the top `share` of all: H_t ≥ the (1 − share) quantile, linearly interpolated.

    entropies: (tokens,), finite, of the distributions that the tokens were drawn from. Equal entropies at the quantile
    are all taken, so that more than `share` may come back: all of them where every entropy is the same.

    When this misleads: the share is of this text, so that a text without any choice has its forks as well; look at the
    entropies beside them.

    Raises `InputError` for no entropy at all, one that is not finite, and a share outside (0, 1].

    Source: Wang et al. (2025), "Beyond the 80/20 rule: high-entropy minority tokens drive effective reinforcement
    learning for LLM reasoning", arXiv 2506.01939.

    >>> forking_tokens([0.1, 2.0, 0.0, 0.3, 0.2]).tolist()
    [False, True, False, False, False]
    """
    values = np.asarray(entropies, np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise InputError(f"entropies must be finite and (tokens,), one at least; given shape {values.shape}.")
    if not 0 < share <= 1:
        raise InputError(f"share must lie above 0 and up to 1; given {share!r}.")
    return np.asarray(values >= np.quantile(values, 1 - share))
