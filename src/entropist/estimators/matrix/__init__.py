"""Mutual information of all pairs of columns."""
