"""Bounds for truncated distributions: what the k largest log-probabilities and a vocabulary size leave open."""

from entropist.measures.truncated._divergences import cross_entropy, kl_divergence, total_variation
from entropist.measures.truncated._entropy import entropy, entropy_bounds, perplexity
from entropist.measures.truncated._renyi import renyi_bounds, renyi_entropy
from entropist.measures.truncated._rows import FLOAT32, Rows, rows
from entropist.measures.truncated._temperature import entropy_at_temperature, tempered_bounds
from entropist.measures.truncated._unlisted import surprisal, surprisal_bounds
from entropist.measures.truncated._varentropy import varentropy, varentropy_bounds

__all__ = [
    "FLOAT32",
    "Rows",
    "cross_entropy",
    "entropy",
    "entropy_at_temperature",
    "entropy_bounds",
    "kl_divergence",
    "perplexity",
    "renyi_bounds",
    "renyi_entropy",
    "rows",
    "surprisal",
    "surprisal_bounds",
    "tempered_bounds",
    "total_variation",
    "varentropy",
    "varentropy_bounds",
]
