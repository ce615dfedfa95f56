"""Samplers that put the tokens in an order and keep the first of them: here engines differ in ties and at the cut.

    top-k      descending probability      k                           Fan et al. 2018
    top-p      descending probability      until the mass reaches p    Holtzman et al. 2020
    typical    ascending |−ln p_i − H|     until the mass reaches p    Meister et al. 2023
    top-h      descending, the first 100   while Σ −p ln p ≤ h · H     Potraghloo et al. 2025

The papers are arXiv 1805.04833, 1904.09751, 2202.00666 and 2509.02510. Where the profiles part:

* top-k: all equals of the k-th stay under "huggingface"; exactly k under "llama.cpp".
* top-p: "huggingface" drops from the least likely upwards while the dropped mass is ≤ 1 − p; "llama.cpp" takes from the
  likeliest downwards until the mass is ≥ p. They differ by rounding where a sum meets p.
* typical: "huggingface" stops at the mass p and keeps all that are as far from H as the last one; "llama.cpp" stops
  beyond p and keeps none more.

The first of the order always stays.
"""

from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array
from numpy.typing import NDArray

from entropist.decoding import _engine
from entropist.decoding._arrays import Profile, cumulative, keep, log_softmax, order, profile_name, softmax, unsort
from entropist.decoding._checks import number, whole

_MOST_OF_TOP_H = 100


def greedy(logprobs: Any) -> Any:
    """Keep the likeliest token, of equals the one with the smallest id.

    logprobs: logits or log-probabilities (..., vocabulary), NumPy or torch, masked by -inf; the same comes back, with
    -inf for what is dropped. Raises `InputError` for a row with NaN, +inf or nothing but -inf.

    >>> import numpy as np
    >>> greedy(np.array([0.0, 2.0, 2.0, 1.0])) > -np.inf
    array([False,  True, False, False])
    """

    def rule(z: Any) -> Any:
        xp = array_namespace(z)
        tops = xp.astype(z == xp.max(z, axis=-1, keepdims=True), xp.int64)
        return (tops == 1) & (xp.cumulative_sum(tops, axis=-1) == 1)

    return keep(logprobs, rule)


def top_k(logprobs: Any, k: int, *, profile: Profile = "huggingface") -> Any:
    """Keep the `k` likeliest tokens; 0 keeps all, and so does a `k` beyond the vocabulary.

    Arrays as in `greedy`. Equals of the k-th all stay under "huggingface"; under "llama.cpp" only as many as make k,
    here those with the smallest ids. Raises `InputError` for a negative `k`.

    >>> import numpy as np
    >>> top_k(np.array([0.0, 1.0, 1.0, 2.0]), 2).tolist()
    [-inf, 1.0, 1.0, 2.0]
    >>> top_k(np.array([0.0, 1.0, 1.0, 2.0]), 2, profile="llama.cpp").tolist()
    [-inf, 1.0, -inf, 2.0]
    """
    most = whole("top_k", k, 0)
    if profile_name(profile) == "llama.cpp":
        return keep(logprobs, lambda z: _exactly(z, min(most or z.shape[-1], z.shape[-1])), as_engine=True)

    def rule(z: Any) -> Any:
        count = min(most or z.shape[-1], z.shape[-1])
        if is_torch_array(z):
            return z >= z.topk(count, dim=-1).values[..., -1:]
        return z >= _kth(z, count)

    return keep(logprobs, rule)


def _kth(z: Any, k: int) -> Any:
    """The k-th largest (rows, 1)."""
    return np.partition(z, z.shape[-1] - k, axis=-1)[..., z.shape[-1] - k, None]


def _exactly(z: Any, k: int) -> Any:
    last = _kth(z, k)
    above, equal = z > last, z == last
    return above | (equal & (equal.cumsum(axis=-1) <= k - above.sum(axis=-1, keepdims=True)))


def top_p(logprobs: Any, p: float, *, profile: Profile = "huggingface") -> Any:
    """Keep the fewest of the likeliest tokens that hold a mass of `p`; 1 keeps all.

    Arrays as in `greedy`. Equals at the cut: the smallest ids go first under "huggingface", stay under "llama.cpp".
    Raises `InputError` for a `p` outside [0, 1].

    >>> import numpy as np
    >>> top_p(np.log([0.1, 0.2, 0.3, 0.4]), 0.7).tolist() == top_p(np.log([0.1, 0.2, 0.3, 0.4]), 0.65).tolist()
    True
    """
    mass = number("top_p", p, 0, 1)
    if profile_name(profile) == "llama.cpp":
        return keep(logprobs, lambda z: _nucleus(z, mass), as_engine=True)

    def rule(z: Any) -> Any:
        if mass == 1:
            return z == z
        indices = order(z)
        found = cumulative(softmax(_taken(z, indices))) > 1 - mass
        found[..., -1] = True
        return unsort(found, indices)

    return keep(logprobs, rule)


def _nucleus(z: Any, p: float) -> NDArray[np.bool_]:
    if p == 1:
        return np.ones(z.shape, bool)
    indices = _engine.descending(z)
    mass = _engine.added(np.take_along_axis(_engine.probabilities(z), indices, axis=-1))
    return _engine.kept_of(indices, _engine.first(mass >= np.float32(p)))


def typical(logprobs: Any, p: float, *, profile: Profile = "huggingface") -> Any:
    """Keep the tokens whose surprisal is nearest to the entropy, until they hold a mass of `p`; 1 keeps all.

    Arrays as in `greedy`. The likeliest token may go. Raises `InputError` for a `p` that is not above 0 and at most 1.

    >>> import numpy as np
    >>> typical(np.log([0.4, 0.2, 0.2, 0.2]), 0.5) > -np.inf
    array([False,  True,  True,  True])
    >>> (typical(np.zeros(4), 0.5) > -np.inf).sum(), (typical(np.zeros(4), 0.5, profile="llama.cpp") > -np.inf).sum()
    (np.int64(4), np.int64(3))
    """
    mass = number("typical", p, 0, 1, open_low=True)
    if profile_name(profile) == "llama.cpp":
        return keep(logprobs, lambda z: _locally_typical(z, mass), as_engine=True)

    def rule(z: Any) -> Any:
        if mass == 1:
            return z == z
        xp = array_namespace(z)
        logs = log_softmax(z)
        parts = logs * xp.exp(logs) if is_torch_array(z) else np.exp(logs) * np.where(logs > -np.inf, logs, 0)
        entropy = -(parts.nansum(-1, keepdim=True) if is_torch_array(z) else parts.sum(axis=-1, keepdims=True))
        far = xp.abs(-logs - entropy)
        indices = order(far)
        held = xp.astype(cumulative(softmax(_taken(z, indices))) < mass, xp.int64)
        last = xp.clip(xp.sum(held, axis=-1, keepdims=True), 0, z.shape[-1] - 1)
        return far <= _taken(_taken(far, indices), last)

    return keep(logprobs, rule)


def _locally_typical(z: Any, p: float) -> NDArray[np.bool_]:
    if p == 1:
        return np.ones(z.shape, bool)
    likeliest = _engine.descending(z)
    probability = _engine.probabilities(np.take_along_axis(z, likeliest, axis=-1))
    far = np.abs(-_engine.logarithms(probability) - _engine.entropies(probability))
    indices = np.argsort(far, axis=-1, kind="stable")
    mass = _engine.added(np.take_along_axis(probability, indices, axis=-1))
    count = _engine.first(mass > np.float32(p))
    return _engine.kept_of(np.take_along_axis(likeliest, indices, axis=-1), count)


def top_h(logprobs: Any, h: float) -> Any:
    """Keep the likeliest tokens while their −p ln p add up to at most `h` of the entropy; of the likeliest 100 only.

    Arrays as in `greedy`. Raises `InputError` for an `h` that is not above 0 and at most 1.

    >>> import numpy as np
    >>> top_h(np.log([0.1, 0.2, 0.3, 0.4]), 0.8) > -np.inf
    array([False, False,  True,  True])
    """
    share = number("top_h", h, 0, 1, open_low=True)

    def rule(z: Any) -> Any:
        count = min(_MOST_OF_TOP_H, z.shape[-1])
        xp = array_namespace(z)
        if is_torch_array(z):
            import torch

            values, indices = z.topk(count, dim=-1)
            found = torch.distributions.Categorical(logits=values, validate_args=False)
            probability, entropy = found.probs, found.entropy()[..., None]  # type: ignore[no-untyped-call]
        else:
            indices = np.argsort(-z, axis=-1, kind="stable")[..., :count]
            values = np.take_along_axis(z, indices, axis=-1)
            probability = softmax(values)
            logs = np.log(np.where(probability > 0, probability, 1))
            entropy = -(probability * logs).sum(axis=-1, keepdims=True)
        some = probability > 0
        terms = -probability * xp.log(xp.where(some, probability, xp.ones_like(probability)))
        stay = some & (cumulative(terms) <= entropy * share)
        stay[..., 0] = True
        mask = xp.zeros_like(z, dtype=xp.bool)
        return mask.scatter(-1, indices, stay) if is_torch_array(z) else _put(mask, indices, stay)

    return keep(logprobs, rule)


def _put(mask: Any, indices: Any, values: Any) -> Any:
    np.put_along_axis(mask, indices, values, axis=-1)
    return mask


def _taken(values: Any, indices: Any) -> Any:
    return array_namespace(values).take_along_axis(values, indices, axis=-1)
