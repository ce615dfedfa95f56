"""The entropy of whole continuations, from samples of them.

    H(Y) = E[−ln p(Y)] = E[Σ_t H(Y_t | Y_<t)]

so that two means over sampled continuations estimate it: of −ln p, and of the sum of the exact entropies of the
distributions met on the way. By the chain rule they have the same expectation; in the second the chance of each single
draw is averaged out given what came before it, as Rao and Blackwell do. That makes its variance smaller as a rule and
not always: what is averaged away may have balanced the rest, as where a surprising token leads to a predictable ending.
`variance_ratio` tells which case this is.

Y ends at its end token or after the most tokens allowed: of continuations that were cut, H is the entropy of their
beginnings. Each continuation must be drawn from the distributions whose entropies and log-probabilities are given:
those after the chain (`kept_entropy`, `kept_logprob`), which are the model's own for a plain sampler at temperature 1.

Source: Casella & Robert (1996), "Rao-Blackwellisation of sampling schemes"; the same step for KL in Amini, Vieira &
Cotterell (2025), "Better estimation of the KL divergence between language models", arXiv 2504.10637.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entropist.errors import InputError
from entropist.estimators import clustered_mean, clustered_ratio
from entropist.results import Estimate


@dataclass(frozen=True)
class SequenceEntropy:
    """Entropy of a continuation in nats: `rao_blackwell` and `sampled`, both with errors over continuations.

    `per_token` is Σ H_t over the number of tokens; `variance_ratio` the variance of −ln p over that of Σ H_t (None
    where either does not vary or there is one sample); `tokens` the number drawn in all.
    """

    rao_blackwell: Estimate
    sampled: Estimate
    per_token: Estimate
    variance_ratio: float | None
    tokens: int


def sequence_entropy(entropies: Sequence[ArrayLike], logprobs: Sequence[ArrayLike]) -> SequenceEntropy:
    """The entropy of sampled continuations.

    entropies, logprobs: of every continuation (tokens,), nats: the entropy of each distribution that a token was drawn
    from, and the log-probability that the drawn one had in it. An error needs 8 continuations.

    Raises `InputError` for none at all, unequal lengths, empty ones, or values that are not finite.

    >>> half = [[0.6931471805599453] * 3] * 8
    >>> found = sequence_entropy(half, [[-0.6931471805599453] * 3] * 8)
    >>> round(found.rao_blackwell.to("bits").value, 6), round(found.per_token.to("bits").value, 6)
    (3.0, 1.0)
    """
    if not len(entropies) or len(entropies) != len(logprobs):
        raise InputError(
            f"entropies and log-probabilities of the same continuations are needed, one at least; given "
            f"{len(entropies)} and {len(logprobs)}."
        )
    pairs = [_pair(number, *pair) for number, pair in enumerate(zip(entropies, logprobs))]
    exact = np.array([math.fsum(entropy) for entropy, _ in pairs])
    drawn = np.array([-math.fsum(logprob) for _, logprob in pairs])
    lengths = np.array([len(entropy) for entropy, _ in pairs])
    label = np.arange(len(pairs))
    return SequenceEntropy(
        rao_blackwell=replace(clustered_mean(exact, label), estimator="mean of Σ H over continuations"),
        sampled=replace(clustered_mean(drawn, label), estimator="mean of −ln p over continuations"),
        per_token=replace(
            clustered_ratio(exact, lengths, label, unit="nats"), estimator="Σ H over tokens, by continuations"
        ),
        variance_ratio=_ratio(drawn, exact),
        tokens=int(lengths.sum()),
    )


def _pair(number: int, entropies: ArrayLike, logprobs: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    pair = np.asarray(entropies, np.float64), np.asarray(logprobs, np.float64)
    if pair[0].ndim != 1 or pair[0].shape != pair[1].shape or not len(pair[0]):
        raise InputError(
            f"continuation {number} needs one entropy and one log-probability a token, and a token at least; given "
            f"shapes {pair[0].shape} and {pair[1].shape}."
        )
    if not (np.isfinite(pair[0]).all() and np.isfinite(pair[1]).all()):
        raise InputError(f"continuation {number} holds an entropy or log-probability that is not finite.")
    return pair


def _ratio(drawn: NDArray[np.float64], exact: NDArray[np.float64]) -> float | None:
    if len(drawn) < 2 or not exact.var() or not drawn.var():
        return None
    return float(drawn.var() / exact.var())
