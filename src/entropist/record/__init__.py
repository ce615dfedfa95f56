"""The record of a text seen through a model: one row a token."""

from entropist.record._audits import audit_bytes, audit_tokens, audit_total
from entropist.record._bounded import bounded_table
from entropist.record._declaration import Declaration, Finding
from entropist.record._files import refuse_unsavable
from entropist.record._schema import BOUNDS, COLUMNS, FORMAT_VERSION, Column, Metadata, Protocol
from entropist.record._trace import Trace
from entropist.record._writer import TraceWriter

__all__ = [
    "BOUNDS", "COLUMNS", "FORMAT_VERSION", "Column", "Declaration", "Finding", "Metadata", "Protocol", "Trace",
    "TraceWriter",
    "audit_bytes", "audit_tokens", "audit_total", "bounded_table",
    "refuse_unsavable",
]  # fmt: skip
