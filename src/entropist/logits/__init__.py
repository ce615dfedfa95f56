"""Statistics of next-token distributions from logits, in one pass.

Of torch tensors that ask for it the results carry gradients, once: create_graph=True is refused.
"""

from entropist.logits._compare import PairStatistics, compare
from entropist.logits._compiling import compile_kernels
from entropist.logits._head import head_compare, head_statistics
from entropist.logits._statistics import LogitStatistics, statistics
from entropist.logits._temperature import TemperatureCurve, entropy_at_temperature, temperature_for_entropy

__all__ = [
    "LogitStatistics",
    "PairStatistics",
    "TemperatureCurve",
    "compare",
    "compile_kernels",
    "entropy_at_temperature",
    "head_compare",
    "head_statistics",
    "statistics",
    "temperature_for_entropy",
]
