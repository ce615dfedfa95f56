"""Estimators from counts of categories."""
