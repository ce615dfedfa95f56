"""Totals of a corpus from rows made by hand: values in closed form, and which error they get."""

import math

import numpy as np
import pyarrow as pa
import pytest

from entropist.errors import InputError
from entropist.estimators import clustered_ratio
from entropist.results import Estimate
from entropist.scoring import DOCUMENTS, Score, paired_difference, to_resolve
from score_rows import row


def score(rows):
    return Score(documents=pa.Table.from_pylist(rows, schema=DOCUMENTS))


def many(count=12, seed=0):
    g = np.random.default_rng(seed)
    return [row(i, int(n), float(n * x), float(n * 2.5), group="ab"[i % 2], top1=int(n // 4))
            for i, (n, x) in enumerate(zip(g.integers(40, 60, count), g.normal(3, 0.3, count)))]  # fmt: skip


def test_micro_and_macro():
    rows = many()
    found = score(rows)
    nats, tokens, size = (np.array([r[name] for r in rows], float) for name in ("surprisal", "tokens", "bytes"))
    expected = clustered_ratio(nats, size, range(12), unit="nats/byte").to("bits")
    micro = found.bits_per_byte()
    assert micro.value == pytest.approx(nats.sum() / size.sum() / math.log(2), rel=1e-14)
    assert micro.stderr == pytest.approx(expected.stderr, rel=1e-12)
    assert (micro.degrees_of_freedom, micro.n) == (11, 12)
    assert "leave one document out" in micro.estimator
    macro = found.bits_per_byte("macro")
    assert macro.value == pytest.approx((nats / size).mean() / math.log(2), rel=1e-14)
    assert macro.stderr == pytest.approx((nats / size).std(ddof=1) / math.sqrt(12) / math.log(2), rel=1e-12)
    perplexity = found.perplexity()
    assert perplexity.value == pytest.approx(math.exp(nats.sum() / tokens.sum()), rel=1e-14)
    low, high = perplexity.confidence_interval()
    assert math.sqrt(low * high) == pytest.approx(perplexity.value, rel=1e-12)
    assert found.perplexity(per="word").value == pytest.approx(math.exp(nats.sum() / (tokens // 2).sum()), rel=1e-14)
    assert found.mean_entropy().value == pytest.approx(2.5, rel=1e-14)
    assert found.mean_entropy().stderr == pytest.approx(0, abs=1e-12)
    assert found.calibration().value == pytest.approx(nats.sum() / tokens.sum() - 2.5, rel=1e-12)
    assert found.top1_rate().value == pytest.approx((tokens // 4).sum() / tokens.sum())
    assert found.rank_histogram()["0"] == (tokens // 4).sum()
    plain = found.totals()["perplexity_micro"]
    assert (plain["low_95"], plain["high_95"]) == (low, high)
    assert plain["domain"] == "independent documents of like size, at least 8"
    assert score(rows[:3]).totals()["bits_per_byte_macro"]["high_95"] is None


def test_groups():
    rows = many()
    found = score(rows)
    by_group = found.by_group()
    for name in "ab":
        own = [r for r in rows if r["group"] == name]
        value = sum(r["surprisal"] for r in own) / sum(r["bytes"] for r in own) / math.log(2)
        assert by_group[name].value == pytest.approx(value, rel=1e-14)
    macro = found.macro_over_groups()
    assert macro.value == pytest.approx((by_group["a"].value + by_group["b"].value) / 2, rel=1e-14)
    assert macro.stderr is None, "two groups have no error between them"
    assert macro.estimator == "macro mean over groups"
    some = score(
        [row(i, 10, 30.0 + i, 1.0, group=[None, "a"][i % 2]) for i in range(6)] + [row(6, 0, 0.0, 0.0, group="z")]
    )
    assert list(some.by_group()) == [None, "a"], "in the order found, those that have a score"
    assert [each.n for each in some.by_group().values()] == [3, 3]
    with pytest.raises(InputError, match="no token was scored in 1 document: "):
        score([row(0, 0, 0.0, 0.0, group="z")]).macro_over_groups()


def blocks(n, seed):
    g = np.random.default_rng(seed)
    return {"tokens": [10.0] * n, "bytes": [40.0] * n, "surprisal": g.normal(30, 4, n).tolist(),
            "entropy": [25.0] * n, "top1": [3.0] * n}  # fmt: skip


def test_few_documents_get_an_error_within_them():
    parts = [blocks(20, 0), blocks(12, 1)]
    rows = [row(i, 10 * len(b["tokens"]), math.fsum(b["surprisal"]), 1.0, blocks=b) for i, b in enumerate(parts)]
    found = score(rows).mean_surprisal()
    top = np.concatenate([b["surprisal"] for b in parts])
    expected = clustered_ratio(top, np.full(32, 10.0), range(32), unit="nats")
    assert found.stderr == pytest.approx(expected.stderr, rel=1e-12)
    assert found.degrees_of_freedom == 31
    assert "within 2 documents" in found.estimator
    assert "not other documents" in found.domain
    macro = score(rows).mean_surprisal("macro")
    assert macro.stderr is None
    assert macro.estimator == "mean over documents"
    assert "2 documents are fewer than the 8 that an error between documents needs" in macro.reason


def test_blocks_are_put_together_to_32():
    part = blocks(64, 0)
    found = score([row(0, 640, math.fsum(part["surprisal"]), 1.0, blocks=part)]).mean_surprisal()
    top = np.array(part["surprisal"]).reshape(32, 2).sum(1)
    assert found.stderr == pytest.approx(
        clustered_ratio(top, np.full(32, 20.0), range(32), unit="nats").stderr, rel=1e-12
    )


def test_few_tokens_get_no_error():
    found = score([row(0, 150, 450.0, 1.0, blocks=blocks(15, 0))]).bits_per_byte()
    assert found.stderr is None
    assert found.reason.startswith("1 document is fewer than the 8")
    assert found.reason.endswith("needs, and one within them 200 tokens: there are 150")
    assert found.estimator == "ratio of sums", "there is no error, so none that was left out to get it"


def test_blocks_too_unequal_are_the_reason_they_are():
    part = blocks(40, 0) | {"bytes": [40.0] * 39 + [4e4]}
    found = score([row(0, 400, 1200.0, 1.0, blocks=part, size=41560)]).bits_per_byte()
    assert found.stderr is None
    assert "needs, and within them 20 blocks so unequal are worth 1.1 of equal size" in found.reason


def test_empty_documents_take_no_part():
    rows = [*many(), row(12, 0, 0.0, 0.0)]
    assert score(rows).bits_per_byte() == score(rows[:-1]).bits_per_byte()
    assert score(rows).bits_per_byte("macro") == score(rows[:-1]).bits_per_byte("macro")
    assert score(rows).scored_documents == 12


def test_what_is_refused():
    found = score(many())
    impossible = score([row(0, 10, math.inf, 1.0)])
    partial = score([row(0, 2, 2.0, 1.0) | {"bytes": 20, "dropped_bytes": 12}])
    bare = Estimate(1, None, "bits", 3, "x", reason="few")
    cases = (
        (lambda: found.estimate("bits"), "is not one of bits_per_byte"),
        (lambda: found.bits_per_byte("mean"), "'micro' or 'macro'"),
        (lambda: found.perplexity(per="line"), "'token' or per 'word'"),
        (lambda: found.between(0.5, 0.1), "the lower first"),
        (lambda: impossible.bits_per_byte(), "d0 holds an impossible token"),
        (lambda: score([row(0, 2, 2000.0, 1.0)]).perplexity(), "too large for a perplexity"),
        (lambda: partial.perplexity(per="word"), "every byte scored"),
        (lambda: score([]).bits_per_byte(), "no token was scored in 0 documents"),
        (lambda: paired_difference(found, score([row(0, 5, 9.0, 1.0, name="z")])), "no scored document in common"),
        (lambda: paired_difference(found, score([row(0, 5, 9.0, 1.0)])), "bytes in one score"),
        (lambda: to_resolve(bare, 0.1, tokens_per_document=5), "no error to start"),
        (lambda: to_resolve(found.bits_per_byte(), 0.0, tokens_per_document=5), "other than 0"),
    )  # fmt: skip
    for call, message in cases:
        with pytest.raises(InputError, match=message):
            call()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([row(0, 300, 900.0, 1.0) | {"words": 1}], "mean surprisal of 900 nats is too large for a perplexity"),
        ([row(0, 300, 900.0, 1.0) | {"words": 0}], "needs words, and this text has none but whitespace"),
        ([row(0, 300, 900.0, 1.0), row(1, 3, 9.0, 1.0) | {"words": 0}], "zero without one of the groups"),
        ([row(0, 300, 900.0, 1.0) | {"bytes": 1300, "context_bytes": 100}], "needs every byte scored"),
    ],
)
def test_totals_without_a_perplexity_a_word(rows, reason):
    """A text in a script without spaces is one word; what else there is of it is told."""
    found = score(rows)
    with pytest.raises(InputError, match=reason):
        found.perplexity(per="word")
    totals = found.totals()
    assert totals["word_perplexity_micro"]["value"] is None
    assert reason in totals["word_perplexity_micro"]["reason"]
    assert totals["perplexity_micro"]["value"] == pytest.approx(math.e**3)
    assert set(totals["word_perplexity_micro"]) == set(totals["perplexity_micro"])


def test_what_resolves_a_difference_resolves_it():
    """At the number of documents it names, the test has its power: simulated."""
    g = np.random.default_rng(0)
    pilot = g.normal(0.02, 0.1, 400)
    first = Estimate(float(pilot.mean()), float(pilot.std(ddof=1) / 20), "bits/byte", 400, "x", 399)
    needed = to_resolve(first, 0.02, tokens_per_document=10)
    assert needed.tokens == 10 * needed.documents
    draws = g.normal(0.02, 0.1, (4000, needed.documents))
    z = draws.mean(1) / (draws.std(1, ddof=1) / math.sqrt(needed.documents))
    assert abs((z > 1.96).mean() - 0.8) < 0.05


def test_quantiles_keep_the_documents_between_them():
    rows = [row(i, 50, 50.0 * (i + 1), 1.0) for i in range(11)]
    assert score(rows).between(0.2, 0.5) == ["d2", "d3", "d4", "d5"]
    assert score(rows).between(0, 1) == [f"d{i}" for i in range(11)]


def test_what_is_not_between_is_outside():
    rows = [row(i, 50 * (i != 3), 50.0 * (i + 1) * (i != 3), 1.0) for i in range(12)]  # the fourth has no score
    found = score(rows)
    for low, high in ((0.2, 0.5), (0, 1), (0.9, 1), (0.4, 0.4)):
        kept, dropped = found.between(low, high), found.outside(low, high)
        assert sorted(kept + dropped) == sorted(f"d{i}" for i in range(12))
        assert "d3" in dropped
    assert found.outside(0.2, 1) == ["d0", "d1", "d3"]
