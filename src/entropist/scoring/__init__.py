"""Texts through one model: a text token by token, a corpus document by document."""

from entropist.scoring._differences import Resolution, paired_difference, to_resolve
from entropist.scoring._filter import documents_between
from entropist.scoring._protocol_report import ProtocolLine, ProtocolReport, protocol_report
from entropist.scoring._result import QUANTITIES, Score
from entropist.scoring._schemas import DOCUMENTS, SPANS, TOKENS, WORDS
from entropist.scoring._score import score
from entropist.scoring._spans import Span
from entropist.scoring._trace_text import trace
from entropist.scoring._write_base import write_base

__all__ = [
    "DOCUMENTS",
    "QUANTITIES",
    "SPANS",
    "TOKENS",
    "WORDS",
    "ProtocolLine",
    "ProtocolReport",
    "Resolution",
    "Score",
    "Span",
    "documents_between",
    "paired_difference",
    "protocol_report",
    "score",
    "to_resolve",
    "trace",
    "write_base",
]
