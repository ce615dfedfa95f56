"""Documents in, windows out, every byte accounted for."""

from entropist.corpus._documents import Document, Documents
from entropist.corpus._protocols import PROTOCOLS, Disjoint, HalfWindow, Strided, Whole, WindowProtocol, card, protocol
from entropist.corpus._text import decode, read_text
from entropist.corpus._windows import Sliding, Window
from entropist.corpus._words import word_spans

__all__ = [
    "PROTOCOLS",
    "Disjoint",
    "Document",
    "Documents",
    "HalfWindow",
    "Sliding",
    "Strided",
    "Whole",
    "Window",
    "WindowProtocol",
    "card",
    "decode",
    "protocol",
    "read_text",
    "word_spans",
]
