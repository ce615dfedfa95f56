"""Documents in, windows out, every byte accounted for."""

from entropist.corpus._text import decode, read_text
from entropist.corpus._windows import Sliding, Window

__all__ = ["Sliding", "Window", "decode", "read_text"]
