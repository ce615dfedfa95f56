"""Texts through one model: a text token by token, a corpus document by document."""

from entropist.scoring._differences import Resolution, paired_difference, to_resolve
from entropist.scoring._protocol_report import ProtocolLine, ProtocolReport, protocol_report
from entropist.scoring._result import QUANTITIES, Score
from entropist.scoring._rows import DOCUMENTS, TOKENS, WORDS
from entropist.scoring._score import score
from entropist.scoring._trace_text import trace

__all__ = [
    "DOCUMENTS",
    "QUANTITIES",
    "TOKENS",
    "WORDS",
    "ProtocolLine",
    "ProtocolReport",
    "Resolution",
    "Score",
    "paired_difference",
    "protocol_report",
    "score",
    "to_resolve",
    "trace",
]
