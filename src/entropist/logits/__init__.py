"""Statistics of next-token distributions from logits, in one pass."""

from entropist.logits._statistics import LogitStatistics, statistics

__all__ = ["LogitStatistics", "statistics"]
