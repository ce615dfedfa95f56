"""Quantities from samples: estimates with their errors."""

from entropist.estimators._batch_means import MINIMUM_TOKENS, mean, ratio

__all__ = ["MINIMUM_TOKENS", "mean", "ratio"]
