"""Estimators from nearest neighbours: KSG and its kin."""
