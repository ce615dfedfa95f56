"""Each audit passes what is right and kills each kind of tampering."""

import math

import numpy as np
import pyarrow as pa
import pytest

import records
from entropist.errors import AuditError
from entropist.record import TraceWriter, audit_bytes, audit_tokens, audit_total

TOKENS = [b"It", b" was", b"", b" the", b"\xe3", b"\x81\x82", b" end"]
BYTES = sum(map(len, TOKENS))


def good(**options):
    return records.table(TOKENS, **options)


def changed(table, column, row, value):
    values = table[column].to_pylist()
    values[row] = value(values[row]) if callable(value) else value
    index = table.schema.get_field_index(column)
    return table.set_column(index, table.schema.field(index), pa.array(values, table.schema.field(index).type))


def without_row(table, row):
    return pa.concat_tables([table.slice(0, row), table.slice(row + 1)])


def likelihood(table):
    return -math.fsum(v for v in table["surprisal"].to_pylist() if v is not None)


@pytest.mark.parametrize("context", [0, 1, len(TOKENS)])
def test_what_is_right_passes(context):
    table = good(context=context)
    audit_bytes(table, BYTES)
    audit_tokens(table, len(TOKENS))
    audit_total(table, likelihood(table))


def test_nothing_passes_for_nothing():
    table = records.table([], context=0)
    audit_bytes(table, 0)
    audit_tokens(table, 0)
    audit_total(table, 0.0)
    with pytest.raises(AuditError, match="the tokens cover 0 of 1 bytes"):
        audit_bytes(table, 1)


BYTE_DAMAGE = {
    "a start": lambda t: changed(t, "start_byte", 3, lambda b: b + 1),
    "an end": lambda t: changed(t, "end_byte", 3, lambda b: b - 1),
    "the first start": lambda t: changed(t, "start_byte", 0, 1),
    "the last end": lambda t: changed(t, "end_byte", 6, lambda b: b + 1),
    "a boundary": lambda t: changed(changed(t, "end_byte", 3, lambda b: b - 1), "start_byte", 4, lambda b: b - 1),
    "a span backwards": lambda t: changed(changed(t, "end_byte", 1, 1), "start_byte", 2, 1),
    "a byte too many": lambda t: changed(t, "token_bytes", 4, b"\xe3\x81"),
    "the first row": lambda t: without_row(t, 0),
    "a row in the midst": lambda t: without_row(t, 3),
    "the last row": lambda t: without_row(t, 6),
    "two rows swapped": lambda t: t.take([0, 3, 2, 1, 4, 5, 6]),
}


@pytest.mark.parametrize("damage", BYTE_DAMAGE)
def test_byte_tampering_is_found(damage):
    with pytest.raises(AuditError, match="byte audit failed"):
        audit_bytes(BYTE_DAMAGE[damage](good()), BYTES)


def test_tokens_that_end_before_they_start_are_found():
    table = TraceWriter(np.arange(3, dtype=np.int32), np.array([3, 2, 4]), b"abcd", top_k=0).table()
    with pytest.raises(AuditError, match="token 1 ends at byte 2, before it starts"):
        audit_bytes(table, 4)


@pytest.mark.parametrize("bytes_in", [BYTES - 1, BYTES + 1, 0])
def test_bytes_that_are_lost_or_won_are_found(bytes_in):
    with pytest.raises(AuditError, match=f"the tokens cover {BYTES} of {bytes_in} bytes"):
        audit_bytes(good(), bytes_in)


TOKEN_DAMAGE = {
    "a row in the midst": lambda t: without_row(t, 3),
    "the last row": lambda t: without_row(t, 6),
    "a row twice": lambda t: t.take([0, 1, 2, 3, 3, 4, 5, 6]),
    "the order": lambda t: t.take([0, 2, 1, 3, 4, 5, 6]),
    "a position": lambda t: changed(t, "position", 2, 7),
    "a scored token called context": lambda t: changed(t, "scored", 2, False),
    "context called scored": lambda t: changed(t, "scored", 0, True),
    "both at once": lambda t: changed(changed(t, "scored", 2, False), "scored", 0, True),
    "a surprisal gone": lambda t: changed(t, "surprisal", 2, None),
    "a surprisal moved": lambda t: changed(changed(t, "surprisal", 2, None), "surprisal", 0, 1.0),
}


@pytest.mark.parametrize("damage", TOKEN_DAMAGE)
def test_token_tampering_is_found(damage):
    with pytest.raises(AuditError, match="token audit failed"):
        audit_tokens(TOKEN_DAMAGE[damage](good()), len(TOKENS))


@pytest.mark.parametrize("tokens_in", [0, len(TOKENS) - 1, len(TOKENS) + 1])
def test_tokens_that_are_lost_or_won_are_found(tokens_in):
    with pytest.raises(AuditError, match=f"{tokens_in} tokens went in, {len(TOKENS)} rows came out"):
        audit_tokens(good(), tokens_in)


@pytest.mark.parametrize("value", [0.0, lambda s: s + 1e-6, lambda s: -s, math.inf, math.nan])
@pytest.mark.parametrize("row", [1, 6])
def test_a_changed_surprisal_is_found(row, value):
    table = good()
    with pytest.raises(AuditError, match="total audit failed"):
        audit_total(changed(table, "surprisal", row, value), likelihood(table))


def test_an_impossible_token_is_infinite_on_both_sides():
    values = records.values(6, 3)
    values["surprisal"][2] = np.inf
    table = good(**values)
    audit_total(table, -math.inf)
    for other in (-1e300, math.inf, math.nan):
        with pytest.raises(AuditError, match="total audit failed"):
            audit_total(table, other)


def test_a_defect_of_ours_exits_with_1():
    assert AuditError.exit_code == 1
