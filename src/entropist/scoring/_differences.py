"""Two scores of the same documents: their difference with its own error, and how much text would resolve a given one.

    Δ = θ_a − θ_b,    stderr² = (G − 1)/G · Σ_g (Δ₋g − Δ̄₋)²,    interval by t(G − 1),

Δ₋g without document g in both: what makes a document hard for both models takes itself out. Documents are paired by id.

Tokens needed to resolve Δ with a two-sided test at `level` and that `power`: the error falls as one over the root of
how many documents there are, so

    documents = G · ((t_{1−(1−level)/2} + t_power) · stderr / Δ)²,    tokens = documents · tokens a document.

When this misleads: the tokens needed suppose further documents like these. One score that dropped part of a text and
another that did not are compared on different bytes.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.estimators import MINIMUM_GROUPS
from entropist.results import Estimate
from entropist.scoring._result import Score, numerator_and_denominator


def paired_difference(score: Score, reference: Score, quantity: str = "bits_per_byte") -> Estimate:
    """`quantity` of score − reference over the documents both have; information in bits.

    Raises `InputError` where they have no document in common, or one id with other bytes.

    >>> from entropist.scoring import score
    >>> texts = ["It was the best of times.", "It was the worst of times."]
    >>> paired_difference(score(texts), score(texts)).value
    0.0
    """
    ours, theirs = _by_id(score, quantity), _by_id(reference, quantity)
    ids = [name for name in ours if name in theirs]
    if not ids:
        raise InputError("the two scores have no scored document in common: they are paired by id.")
    for name in ids:
        if ours[name][2] != theirs[name][2]:
            raise InputError(
                f"document {name!r} has {ours[name][2]} bytes in one score and {theirs[name][2]} in the other."
            )
    a, b = (np.array([table[name][:2] for name in ids], np.float64).T for table in (ours, theirs))
    value = math.fsum(a[0]) / math.fsum(a[1]) - math.fsum(b[0]) / math.fsum(b[1])
    unit, n = score.estimate(quantity).unit, len(ids)
    estimator = "paired difference of ratios, leave one document out"
    if n < MINIMUM_GROUPS:
        reason = f"{n} documents in common are fewer than the {MINIMUM_GROUPS} that an error between them needs"
        return _in_bits(Estimate(value, None, unit, n, estimator, reason=reason))
    without = _without_each(a) - _without_each(b)
    stderr = math.sqrt((n - 1) / n * float(((without - without.mean()) ** 2).sum()))
    return _in_bits(Estimate(value, stderr, unit, n, estimator, n - 1))


@dataclass(frozen=True)
class Resolution:
    """How much text it takes to tell a difference from 0."""

    documents: int
    tokens: int
    delta: float
    level: float
    power: float


def to_resolve(
    difference: Estimate, delta: float, *, tokens_per_document: float, level: float = 0.95, power: float = 0.8
) -> Resolution:
    """Documents and tokens like these that would resolve a true difference of `delta`, in the difference's unit.

    Raises `InputError` where the difference has no error, and for a `delta` of 0.

    >>> to_resolve(Estimate(0.01, 0.01, "bits/byte", 100, "x", 99), 0.005, tokens_per_document=500).documents
    3203
    """
    if difference.stderr is None:
        raise InputError(f"the difference has no error to start from: {difference.reason}.")
    if not (math.isfinite(delta) and delta != 0):
        raise InputError(f"delta must be a finite difference other than 0; given {delta!r}.")
    if not (0 < level < 1 and 0 < power < 1):
        raise InputError(f"level and power lie between 0 and 1; given {level} and {power}.")
    from scipy import stats

    degrees = difference.degrees_of_freedom or math.inf
    reach = float(stats.t.ppf(0.5 + level / 2, degrees) + stats.t.ppf(power, degrees))
    documents = math.ceil(difference.n * (reach * difference.stderr / delta) ** 2)
    return Resolution(documents, math.ceil(documents * tokens_per_document), delta, level, power)


def _by_id(score: Score, quantity: str) -> dict[str, tuple[float, float, int]]:
    ids, top, bottom, sizes = numerator_and_denominator(score, quantity)
    return {name: (float(x), float(y), int(size)) for name, x, y, size in zip(ids, top, bottom, sizes)}


def _without_each(pair: NDArray[np.float64]) -> NDArray[np.float64]:
    """θ₋g − θ of a ratio, exactly: −(x_g − θ y_g) / (Σ y − y_g)."""
    top, bottom = pair
    total = math.fsum(bottom)
    return np.asarray(-(top - math.fsum(top) / total * bottom) / (total - bottom))


def _in_bits(found: Estimate) -> Estimate:
    return found.to(found.unit.replace("nats", "bits")) if found.unit else found
