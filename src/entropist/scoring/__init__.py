"""Texts through one model."""

from entropist.scoring._trace_text import trace

__all__ = ["trace"]
