"""XTC, "exclude top choices": now and then, drop all likely tokens but the least likely of them.

With the chance `probability`, independently in each row, all tokens of p_i ≥ `threshold` go, except the last of them in
descending order; where fewer than two reach it nothing goes. Rule and arithmetic are llama.cpp's. A threshold above 0.5
can never be reached by two, and turns it off. Source: p-e-w, oobabooga/text-generation-webui pull request 6335 (2024).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.decoding import _engine
from entropist.decoding._arrays import keep
from entropist.decoding._checks import number
from entropist.errors import InputError


def xtc(
    logprobs: Any, threshold: float = 0.1, probability: float = 0.5, *, seed: int | np.random.Generator | None = None
) -> Any:
    """Drop, with the chance `probability`, every token of at least `threshold` but the least likely of those.

    logprobs: logits or log-probabilities (..., vocabulary), NumPy or torch, masked by -inf; the same comes back, with
    -inf for what is dropped. seed: a number or a generator, which a `probability` other than 0 and 1 needs. Equals come
    by id: the last one stays.

    Raises `InputError` for numbers outside [0, 1], a missing seed, and a row with NaN, +inf or nothing but -inf.

    >>> import numpy as np
    >>> xtc(np.log([0.4, 0.3, 0.2, 0.1]), 0.19, 1.0) > -np.inf
    array([False, False,  True,  True])
    """
    bar = np.float32(number("xtc's threshold", threshold, 0, 1))
    chance = number("xtc's probability", probability, 0, 1)
    if seed is None and 0 < chance < 1:
        raise InputError(f"xtc draws with the probability {chance:g}: give it a seed, a number or a generator.")
    random = np.random.default_rng(seed)

    def rule(z: Any) -> NDArray[np.bool_]:
        if chance == 0 or bar > 0.5:
            return np.ones(z.shape, bool)
        active = random.random(z.shape[0]) < chance if chance < 1 else np.ones(z.shape[0], bool)
        indices = _engine.descending(z)
        likely = _engine.probabilities(np.take_along_axis(z, indices, axis=-1)) >= bar
        likely &= np.take_along_axis(z, indices, axis=-1) > -np.inf
        dropped = np.maximum(likely.sum(axis=-1) - 1, 0) * active
        return ~_engine.kept_of(indices, dropped[:, None])

    return keep(logprobs, rule, as_engine=True)
