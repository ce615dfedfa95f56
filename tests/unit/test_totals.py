"""Totals of a trace by hand, and the identities between them."""

import math

import numpy as np
import pytest

import records
from entropist import estimators
from entropist.errors import InputError
from entropist.record import Trace

N = 400
TOKENS = [b"first", *(b"t" * (1 + i % 5) for i in range(N))]


@pytest.fixture(scope="module")
def record():
    return records.trace(TOKENS)


@pytest.fixture(scope="module")
def nats():
    return records.values(N, 3)["surprisal"]


def test_by_hand_on_three_tokens():
    values = records.values(2, 0) | {"surprisal": np.array([math.log(8), math.log(2)])}
    record = records.trace([b"The", b" cat", b" sat"], top_k=0, **values)
    assert record.total_surprisal() == pytest.approx(4 * math.log(2), rel=1e-15)
    assert record.total_surprisal(unit="bits") == pytest.approx(4.0, rel=1e-15)
    assert record.bits_per_byte().value == pytest.approx(4 / 8, rel=1e-15)  # 4 bits over " cat sat"
    assert record.mean_surprisal(unit="bits").value == pytest.approx(2.0, rel=1e-15)
    assert record.perplexity().value == pytest.approx(4.0, rel=1e-15)
    assert record.text_bytes() == b"The cat sat"
    assert record.scored.tolist() == [False, True, True]
    assert len(record) == 3


def test_the_total_is_the_correctly_rounded_sum(record, nats):
    assert record.total_surprisal() == math.fsum(nats)
    odd = np.array([1e16, 1.0, -1e16] * 133 + [1.0])
    assert records.trace(TOKENS, **records.values(N, 3) | {"surprisal": odd}).total_surprisal() == 134.0


def test_bits_per_byte_is_nats_over_bytes_times_ln_2(record, nats):
    scored_bytes = sum(map(len, TOKENS[1:]))
    found = record.bits_per_byte()
    assert found.value == pytest.approx(math.fsum(nats) / (scored_bytes * math.log(2)), rel=1e-14)
    assert (found.unit, found.n) == ("bits/byte", N)
    by_bytes = estimators.ratio(nats / math.log(2), [len(token) for token in TOKENS[1:]], unit="bits/byte")
    assert found.stderr == pytest.approx(by_bytes.stderr, rel=1e-12)


def test_perplexity_is_the_exponential_of_the_mean(record, nats):
    mean, perplexity = record.mean_surprisal(), record.perplexity()
    assert mean.value == pytest.approx(math.fsum(nats) / N, rel=1e-15)
    assert perplexity.value == pytest.approx(math.exp(mean.value), rel=1e-15)
    assert perplexity.stderr == pytest.approx(perplexity.value * mean.stderr, rel=1e-15)
    expected = tuple(math.exp(end) for end in mean.confidence_interval())
    assert perplexity.confidence_interval() == pytest.approx(expected, rel=1e-12)
    assert perplexity.unit == ""
    assert math.log2(perplexity.value) == pytest.approx(record.mean_surprisal(unit="bits").value, rel=1e-14)


def test_mean_entropy_and_columns_in_other_units(record):
    values = records.values(N, 3)
    assert record.mean_entropy(unit="bits").value == pytest.approx(values["entropy"].mean() / math.log(2), rel=1e-14)
    for name, power in (("surprisal", 1), ("entropy", 1), ("varentropy", 2), ("max_logprob", 1), ("rank", 0)):
        found = record.column(name, unit="bits")
        assert np.isnan(found[0])
        np.testing.assert_allclose(found[1:], values[name] / math.log(2) ** power, rtol=1e-14, err_msg=name)
    with pytest.raises(InputError, match="this trace has no column 'loss': use one of document, position"):
        record.column("loss")
    with pytest.raises(InputError, match="unit 'bytes' is not known"):
        record.column("surprisal", unit="bytes")


def test_few_tokens_have_totals_without_error():
    found = records.trace([b"a"] * 50).bits_per_byte()
    assert found.stderr is None
    assert "49 values are fewer than the 200" in found.reason


@pytest.mark.parametrize("total", [Trace.perplexity, Trace.bits_per_byte, Trace.mean_surprisal, Trace.mean_entropy])
def test_a_mean_of_nothing_is_refused(total):
    record = records.trace([b"lone"])
    assert record.total_surprisal() == 0
    with pytest.raises(InputError, match="none of the 1 tokens was scored, so there is no mean"):
        total(record)


def test_an_impossible_token_has_a_total_and_no_mean():
    record = records.with_infinities()
    assert record.total_surprisal() == math.inf
    with pytest.raises(InputError, match="must be finite; value inf stands at index 2"):
        record.perplexity()


def test_a_perplexity_beyond_float64_is_refused():
    values = records.values(2, 3) | {"surprisal": np.array([700.0, 800.0])}
    with pytest.raises(InputError, match="750 nats is too large for a perplexity"):
        records.trace([b"a", b"b", b"c"], **values).perplexity()
