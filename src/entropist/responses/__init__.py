"""Answers of servers: one reader for every dialect of log-probabilities, bounds where a server cut."""

from entropist.responses._connection import KEY_VARIABLE, Connection, Stream, connect
from entropist.responses._dialects import DIALECTS
from entropist.responses._read import FindingsError, read_response, read_responses

__all__ = [
    "DIALECTS",
    "KEY_VARIABLE",
    "Connection",
    "FindingsError",
    "Stream",
    "connect",
    "read_response",
    "read_responses",
]
