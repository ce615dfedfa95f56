"""When to believe an answer: what its own tokens say about how it was sampled."""

from entropist.uncertainty._consistency import Consistency, sampling_consistency
from entropist.uncertainty._cut import Cut
from entropist.uncertainty._drift import Drift

__all__ = ["Consistency", "Cut", "Drift", "sampling_consistency"]
