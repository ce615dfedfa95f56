"""The recipe of the built-in models: ``python -m training base`` and ``python -m training bytes``."""
