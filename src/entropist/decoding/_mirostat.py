"""Mirostat: a truncation steered by feedback, so that the surprise of what is drawn comes out at τ bits on average.

Version 1 guesses the exponent s of Zipf's law from the m = 100 likeliest tokens and keeps k of them,

    s = Σ t_i b_i / Σ t_i²,   t_i = ln((i+1)/i),   b_i = ln(p_i/p_{i+1}),     k = ((s−1)·2^μ / (1 − V^−(s−1)))^(1/s).

Version 2 keeps the tokens of −log₂ p ≤ μ. Both draw from what is left, whose surprise S in bits moves μ ← μ − η(S − τ);
μ starts at 2τ. Rule and arithmetic are llama.cpp's. Source: Basu et al. 2021 (arXiv 2007.14966).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.decoding import _engine
from entropist.decoding._arrays import keep
from entropist.decoding._checks import number

_LIKELIEST = 100


def mirostat_1(logprobs: Any, mu: float) -> Any:
    """Keep the k likeliest tokens, k from the `mu` of the moment and the Zipf exponent of the row.

    logprobs: logits or log-probabilities (..., vocabulary), NumPy or torch, masked by -inf; the same comes back, with
    -inf for what is dropped. mu: in bits. Where k is infinite, as for a uniform row, all stay (llama.cpp, converting it
    to an integer, keeps one); where it has no value, one does.

    Raises `InputError` for a `mu` that is not finite, and for a row with NaN, +inf or nothing but -inf.

    >>> import numpy as np
    >>> int((mirostat_1(-1.1 * np.log(np.arange(1.0, 50258)), 10.0) > -np.inf).sum())
    97
    """
    level = np.float32(number("mu", mu, -np.inf))

    def rule(z: Any) -> NDArray[np.bool_]:
        indices = _engine.descending(z)
        probability = _engine.probabilities(np.take_along_axis(z, indices, axis=-1))
        return _engine.kept_of(indices, _zipf_count(probability, level))

    return keep(logprobs, rule, as_engine=True)


def _zipf_count(probability: NDArray[np.float32], mu: np.float32) -> NDArray[np.intp]:
    """k (rows, 1) from descending probabilities (rows, vocabulary)."""
    vocabulary = probability.shape[-1]
    size = min(_LIKELIEST, vocabulary)
    steps = np.arange(1, size, dtype=np.float32)
    t = _engine.logarithms(np.asarray((steps + 1) / steps, np.float32))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        b = _engine.logarithms(probability[..., : size - 1] / probability[..., 1:size])
        squares = _engine.added(t * t)[-1:] if size > 1 else np.zeros(1, np.float32)
        products = _engine.added(t * b)[..., -1:] if size > 1 else np.zeros((len(probability), 1), np.float32)
        s = products / squares
        excess = s - np.float32(1)
        zipf = (excess * np.exp2(mu)) / (np.float32(1) - np.power(np.float32(vocabulary), -excess))
        k = np.power(zipf, np.float32(1) / s)
    k = np.where(np.isnan(k), 1, k)
    return np.clip(k, 1, vocabulary).astype(np.intp)


def mirostat_2(logprobs: Any, mu: float) -> Any:
    """Keep the tokens whose surprisal is at most `mu` bits, and the likeliest.

    Arrays and errors as in `mirostat_1`.

    >>> import numpy as np
    >>> mirostat_2(np.log([0.4, 0.3, 0.2, 0.1]), 2.0) > -np.inf
    array([ True,  True, False, False])
    """
    level = np.float32(number("mu", mu, -np.inf))

    def rule(z: Any) -> NDArray[np.bool_]:
        indices = _engine.descending(z)
        probability = _engine.probabilities(np.take_along_axis(z, indices, axis=-1)).astype(np.float64)
        with np.errstate(divide="ignore"):
            surprisal = -np.log2(probability).astype(np.float32)
        return _engine.kept_of(indices, np.maximum((surprisal <= level).sum(axis=-1, keepdims=True), 1))

    return keep(logprobs, rule, as_engine=True)
