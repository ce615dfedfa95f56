"""Accounts that must balance before a trace is handed out; one that does not raises `AuditError`."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from entropist.errors import AuditError
from entropist.record._totals import total_surprisal


def audit_bytes(table: pa.Table, text_bytes: int) -> None:
    """The tokens' byte spans tile the text and hold its bytes, so bytes scored + context bytes = bytes in."""
    start, end = table["start_byte"].to_numpy(), table["end_byte"].to_numpy()
    edges = np.concatenate([[0], end])
    held = pc.binary_length(table["token_bytes"]).to_numpy()
    if len(broken := np.flatnonzero(start != edges[:-1])):
        where = f"token {broken[0]} starts at byte {start[broken[0]]} after {edges[broken[0]]}"
    elif len(broken := np.flatnonzero(end < start)):
        where = f"token {broken[0]} ends at byte {end[broken[0]]}, before it starts"
    elif len(broken := np.flatnonzero(held != end - start)):
        where = f"token {broken[0]} spans {(end - start)[broken[0]]} bytes and holds {held[broken[0]]}"
    elif edges[-1] != text_bytes:
        where = f"the tokens cover {edges[-1]} of {text_bytes} bytes"
    else:
        return
    raise AuditError(f"byte audit failed: {where}. This is a defect in Entropist; please report the text.")


def audit_tokens(table: pa.Table, tokens_in: int) -> None:
    """Every token of the text has its row, in order, and exactly the scored ones have a surprisal."""
    position = table["position"].to_numpy()
    if not np.array_equal(position, np.arange(tokens_in)):
        raise AuditError(f"token audit failed: {tokens_in} tokens went in, {len(position)} rows came out.")
    told = table["surprisal"].is_valid().to_numpy()
    if "surprisal_low" in table.schema.names:  # a censored token has bounds alone
        told = told | table["surprisal_low"].is_valid().to_numpy()
    broken = np.flatnonzero(told != table["scored"].to_numpy())
    if len(broken):
        raise AuditError(
            f"token audit failed: {len(broken)} tokens, the first {broken[0]}, are scored without a surprisal or "
            "context with one."
        )


def audit_total(table: pa.Table, log_likelihood: float) -> None:
    """The summed surprisal is the negative log-likelihood that was added up block by block while scoring."""
    total = total_surprisal(table)
    same = total == -log_likelihood or math.isclose(total, -log_likelihood, rel_tol=1e-9, abs_tol=1e-9)
    if not same:
        raise AuditError(f"total audit failed: rows sum to {total} nats, the blocks to {-log_likelihood}.")
