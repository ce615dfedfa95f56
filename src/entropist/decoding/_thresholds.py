"""Samplers that keep every token whose probability, or logit, reaches a bar: no order, so no ties to break.

    min-p      p_i ≥ min_p · max p                       Nguyen et al. 2024 (arXiv 2407.01082)
    epsilon    p_i ≥ ε                                   Hewitt et al. 2022 (arXiv 2210.15191)
    eta        p_i ≥ min(ε, √ε · e^−H)                   the same
    p-less     p_i ≥ Σ p², the collision probability     Tan et al. 2025 (arXiv 2509.23234)
    top-nσ     z_i ≥ max z − n · σ(z)                    Tang et al. 2024 (arXiv 2411.07641)

with σ² = Σ (z − z̄)²/m over the m unmasked logits. The likeliest tokens always stay.
"""

import math
from typing import Any, cast

import numpy as np
from array_api_compat import array_namespace, is_torch_array
from numpy.typing import NDArray

from entropist.decoding import _engine
from entropist.decoding._arrays import Profile, keep, profile_name, softmax
from entropist.decoding._checks import number


def min_p(logprobs: Any, p: float = 0.05, *, profile: Profile = "huggingface") -> Any:
    """Keep tokens at least `p` times as probable as the likeliest one.

    logprobs: logits or log-probabilities (..., vocabulary), NumPy or torch, masked by -inf; the same comes back, with
    -inf for what is dropped. "huggingface" compares probabilities, "llama.cpp" logits with max z + ln p, in float32:
    the two differ where p_i / max p is `p` to rounding. Under "llama.cpp" a `p` above 1 keeps the likeliest only.

    Raises `InputError` for a `p` outside [0, 1], and for a row with NaN, +inf or nothing but -inf.

    >>> import numpy as np
    >>> min_p(np.log([0.1, 0.2, 0.3, 0.4]), 0.6) > -np.inf
    array([False, False,  True,  True])
    """
    bar = number("min_p", p, 0, 1 if profile_name(profile) == "huggingface" else math.inf)
    if profile == "llama.cpp":
        return keep(logprobs, lambda z: _min_p_of_logits(z, bar), as_engine=True)

    def rule(z: Any) -> Any:
        probability = softmax(z)
        return probability >= bar * _largest(probability)

    return keep(logprobs, rule)


def _min_p_of_logits(z: Any, p: float) -> Any:
    if p == 0:
        return z > -np.inf
    largest = z.max(axis=-1, keepdims=True)
    bar = largest + np.float32(math.log(np.float32(p)))
    reached = z >= bar
    return (
        reached
        if reached.any(axis=-1).all()
        else np.where(bar > largest, _engine.kept_of(_engine.descending(z), 1), reached)
    )


def epsilon(logprobs: Any, cutoff: float) -> Any:
    """Keep tokens of probability `cutoff` or more, and the likeliest. The paper uses 0.0003 to 0.0009.

    Arrays as in `min_p`. Raises `InputError` for a cutoff outside [0, 1).

    >>> import numpy as np
    >>> epsilon(np.log([0.1, 0.2, 0.3, 0.4]), 0.25) > -np.inf
    array([False, False,  True,  True])
    """
    bar = number("epsilon", cutoff, 0, math.nextafter(1, 0))
    return keep(logprobs, lambda z: (softmax(z) >= bar) | (z == _largest(z)))


def eta(logprobs: Any, cutoff: float) -> Any:
    """Keep tokens of probability min(ε, √ε·e^−H) or more, ε = `cutoff` and H the entropy in nats, and the likeliest.

    Arrays as in `min_p`. The docstring of Transformers says √(ε·e^−H); its code, and this, are √ε·e^−H as the paper.
    Raises `InputError` for a cutoff outside [0, 1).

    >>> import numpy as np
    >>> eta(np.log([0.05, 0.15, 0.3, 0.5]), 0.16) > -np.inf  # √ε·e^−H = 0.4 · 0.319
    array([False,  True,  True,  True])
    """
    exact = number("eta", cutoff, 0, math.nextafter(1, 0))

    def rule(z: Any) -> Any:
        xp = array_namespace(z)
        single = xp.asarray(exact, dtype=xp.float32)  # in which Transformers holds ε and its root
        bars = xp.minimum(single, xp.sqrt(single) * xp.exp(-_entropy(z)))
        return (softmax(z) >= bars) | (z == _largest(z))

    return keep(logprobs, rule)


def p_less(logprobs: Any) -> Any:
    """Keep tokens at least as probable as two draws are to agree: p_i ≥ Σ p². It has no parameter.

    Arrays as in `min_p`.

    >>> import numpy as np
    >>> p_less(np.log([0.2, 0.2, 0.28, 0.32])) > -np.inf  # Σ p² = 0.2608
    array([False, False,  True,  True])
    """

    def rule(z: Any) -> Any:
        probability = softmax(z)
        xp = array_namespace(z)
        return (probability >= xp.sum(probability * probability, axis=-1, keepdims=True)) | (z == _largest(z))

    return keep(logprobs, rule)


def top_n_sigma(logprobs: Any, n: float, *, profile: Profile = "huggingface") -> Any:
    """Keep logits within `n` standard deviations of the largest; 0 keeps all, as in llama.cpp.

    Arrays as in `min_p`. A temperature before it changes nothing. "llama.cpp" adds up in float32; Transformers has no
    such sampler, and that profile computes in float64.

    >>> import numpy as np
    >>> top_n_sigma(np.log([0.1, 0.2, 0.3, 0.4]), 1.0) > -np.inf
    array([False, False,  True,  True])
    """
    width = number("top_n_sigma", n, 0)
    if profile_name(profile) == "llama.cpp":
        return keep(logprobs, lambda z: _within_sigma_added_in_turn(z, width), as_engine=True)

    return keep(logprobs, lambda z: _within_sigma(z, width))


def _within_sigma(z: Any, n: float) -> Any:
    xp = array_namespace(z)
    valid = z > -math.inf
    if n == 0:
        return valid
    exact = xp.astype(z, xp.float64)
    count = xp.sum(xp.astype(valid, xp.float64), axis=-1, keepdims=True)
    mean = xp.sum(xp.where(valid, exact, xp.zeros_like(exact)), axis=-1, keepdims=True) / count
    deviation = xp.where(valid, exact - mean, xp.zeros_like(exact))
    return exact >= _largest(exact) - n * xp.sqrt(xp.sum(deviation * deviation, axis=-1, keepdims=True) / count)


def _within_sigma_added_in_turn(z: NDArray[np.float32], n: float) -> NDArray[np.bool_]:
    valid = z > -np.inf
    if n == 0:
        return valid
    count = valid.sum(axis=-1, keepdims=True).astype(np.float32)
    mean = _engine.added(np.where(valid, z, np.float32(0)))[..., -1:] / count
    deviation = np.where(valid, z, mean) - mean
    variance = _engine.added(deviation * deviation)[..., -1:] / count
    return cast(NDArray[np.bool_], z >= z.max(axis=-1, keepdims=True) - np.float32(n) * np.sqrt(variance))


def _largest(values: Any) -> Any:
    return array_namespace(values).max(values, axis=-1, keepdims=True)


def _entropy(z: Any) -> Any:
    """H (rows, 1) in nats, in the rows' precision; on tensors by the steps of torch's Categorical."""
    if is_torch_array(z):
        import torch

        normalized = (z - z.logsumexp(dim=-1, keepdim=True)).clamp(min=torch.finfo(z.dtype).min)
        return -(normalized * normalized.softmax(dim=-1)).sum(-1, keepdim=True)
    return _numpy_entropy(z)


def _numpy_entropy(z: Any) -> Any:
    below = z - z.max(axis=-1, keepdims=True).astype(np.float64)
    mass = np.exp(below)
    total = mass.sum(axis=-1, keepdims=True)
    mean = (mass * np.where(mass > 0, below, 0)).sum(axis=-1, keepdims=True) / total
    return (np.log(total) - mean).astype(z.dtype)
