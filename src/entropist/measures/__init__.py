"""Exact measures of distributions you already have.

Arrays of NumPy, PyTorch, JAX, CuPy or any library of the array API in, the same kind out. Samples and counts go to
`entropist.estimators`, logits to `entropist.logits`.
"""

from entropist.measures import truncated
from entropist.measures._distances import hellinger, js_divergence, total_variation
from entropist.measures._divergences import cross_entropy, jeffreys, kl_divergence
from entropist.measures._entropies import (
    efficiency,
    entropy,
    hartley_entropy,
    joint_entropy,
    min_entropy,
    perplexity,
    surprisal,
    varentropy,
)
from entropist.measures._joint import (
    conditional_entropy,
    conditional_mutual_information,
    mutual_information,
    normalized_mutual_information,
    pointwise_mutual_information,
    variation_of_information,
)
from entropist.measures._markov import entropy_rate
from entropist.measures._maximum_entropy import MaximumEntropy, maximum_entropy
from entropist.measures._multivariate import (
    co_information,
    dual_total_correlation,
    o_information,
    total_correlation,
)
from entropist.measures._orders import renyi_divergence, renyi_entropy, tsallis_entropy

__all__ = [
    "MaximumEntropy",
    "co_information",
    "conditional_entropy",
    "conditional_mutual_information",
    "cross_entropy",
    "dual_total_correlation",
    "efficiency",
    "entropy",
    "entropy_rate",
    "hartley_entropy",
    "hellinger",
    "jeffreys",
    "joint_entropy",
    "js_divergence",
    "kl_divergence",
    "maximum_entropy",
    "min_entropy",
    "mutual_information",
    "normalized_mutual_information",
    "o_information",
    "perplexity",
    "pointwise_mutual_information",
    "renyi_divergence",
    "renyi_entropy",
    "surprisal",
    "total_correlation",
    "total_variation",
    "truncated",
    "tsallis_entropy",
    "varentropy",
    "variation_of_information",
]
