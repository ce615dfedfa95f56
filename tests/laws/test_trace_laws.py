"""A trace of any bytes and any numbers comes back from every file as it went in, and its audits hold."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import records
from certificates import certifies
from entropist.record import Trace, audit_bytes, audit_tokens, audit_total

pytestmark = certifies("record")

numbers = st.floats(0, 1e300) | st.just(math.inf)
tokens = st.lists(st.binary(max_size=6) | st.sampled_from(records.HOSTILE_TOKENS), max_size=12)


@st.composite
def traces(draw):
    given_tokens = draw(tokens)
    context = draw(st.integers(0, 1))
    n, k = max(0, len(given_tokens) - context), draw(st.integers(0, 3))
    values = records.values(n, k)
    for name in ("surprisal", "entropy", "varentropy"):
        values[name] = np.array(draw(st.lists(numbers, min_size=n, max_size=n)), np.float64)
    return records.trace(given_tokens, context=context, top_k=k, **values)


@given(traces(), st.sampled_from([".parquet", ".arrow", ".jsonl"]))
def test_save_and_load(tmp_path_factory, record, ending):
    path = tmp_path_factory.mktemp("law") / f"x{ending}"
    assert Trace.load(record.save(path)) == record


@given(traces())
def test_audits_hold(record):
    audit_bytes(record.table, len(record.text_bytes()))
    audit_tokens(record.table, len(record))
    audit_total(record.table, -record.total_surprisal())
