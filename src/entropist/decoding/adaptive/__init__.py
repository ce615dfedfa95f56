"""Decoding that does another thing where the model is sure than where it is not."""
