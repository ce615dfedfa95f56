"""How often the interval of a corpus's bits per byte covers, where the tokens of a document go together.

A document has a level of surprisal of its own and its tokens drift about it as an AR(1) series, φ = 0.8; lengths are
lognormal, and in one case longer documents are easier. What the corpora are drawn from is known, so the true ratio of
expectations is: E[n·level] / E[n·bytes a token]. Each corpus becomes the table of documents that `score` makes.
The error that takes tokens for independent, the one other tools print, is the negative control.

At lengths so unequal that the documents are worth too few of equal size no error is given; how often is recorded.
"""

import math

import numpy as np
import pyarrow as pa
import pytest
from scipy import signal, stats

from campaigns import SCALE, campaign
from certificates import certifies
from entropist.scoring import DOCUMENTS, QUANTITIES, Score

pytestmark = certifies("scores")

LEVEL, LEAST = 0.95, 0.925
MEAN, DRIFT, TYPICAL = 3.0, 0.8, 200  # nats a token, φ, tokens of the median document
BYTES = np.arange(1, 8)  # bytes of a token, each as likely: 4 in the mean


def corpus(documents, spread, easier, generator):
    """(tokens of each document, surprisal and bytes of every token in the order of the documents)."""
    z = generator.normal(size=documents)
    sizes = np.maximum(1, np.rint(TYPICAL * np.exp(spread * z))).astype(int)
    level = MEAN + 0.5 * generator.normal(size=documents) - easier * z
    # One series through all documents: what is left of it in the next one is φ^n of its last value.
    steps = generator.normal(size=sizes.sum())
    drift = signal.lfilter([0.5], [1.0, -DRIFT], steps)
    return sizes, np.repeat(level, sizes) + drift, generator.choice(BYTES, len(drift))


def truth(spread, easier):
    """Nats a byte: a document drawn by its length has the level at z shifted by the spread."""
    return (MEAN - easier * spread) / BYTES.mean()


def table(sizes, surprisal, lengths):
    """The table of documents of a corpus of which every token was scored."""
    starts = np.cumsum(sizes) - sizes
    nats, size = np.add.reduceat(surprisal, starts), np.add.reduceat(lengths, starts)
    count, none = len(sizes), np.zeros(len(sizes), np.int64)
    known = {
        "index": np.arange(count), "id": [f"d{i}" for i in range(count)], "group": [None] * count,
        "bytes": size, "scored_bytes": size, "tokens": sizes, "scored_tokens": sizes, "lossless": [True] * count,
        "surprisal": nats, "entropy": nats, "varentropy": nats, "recipe_nats": nats, "recipe_tokens": sizes,
        "rank_histogram": [[0]] * count,
    }  # fmt: skip
    columns = []
    for field in DOCUMENTS:
        values = known.get(field.name, none if field.type == pa.int64() else [None] * count)
        columns.append(pa.array(values, field.type))
    return pa.table(columns, schema=DOCUMENTS)


def independent_error(surprisal, lengths, ratio):
    """The error of a ratio of sums over independent tokens, by the delta method."""
    return math.sqrt(((surprisal - ratio * lengths) ** 2).sum()) / lengths.sum()


def z_score(hits, trials, probability):
    return (hits - trials * probability) / math.sqrt(trials * probability * (1 - probability))


@pytest.mark.parametrize(
    ("documents", "spread", "easier"),
    [(20, 0.4, 0.0), (20, 0.4, 0.2), (50, 0.5, 0.0), (50, 0.5, 0.2), (200, 0.5, 0.0), (200, 0.5, 0.2), (200, 0.9, 0.0)],
)
def test_the_interval_between_documents_covers(documents, spread, easier, record_property):
    generator = np.random.default_rng([documents, int(10 * spread), int(10 * easier)])
    trials, given, hits, naive = campaign(1000, 100), 0, 0, 0
    nats_per_byte = truth(spread, easier)
    near = stats.norm.ppf(0.5 + LEVEL / 2)
    for _ in range(trials):
        sizes, surprisal, lengths = corpus(documents, spread, easier, generator)
        found = Score(documents=table(sizes, surprisal, lengths)).bits_per_byte()
        ratio = found.value * math.log(2)
        naive += abs(ratio - nats_per_byte) <= near * independent_error(surprisal, lengths, ratio)
        if found.stderr is not None:
            given += 1
            low, high = found.confidence_interval(LEVEL)
            hits += low <= nats_per_byte / math.log(2) <= high
    record_property("corpora", trials)
    record_property("coverage", hits / max(1, given))
    record_property("share_with_an_interval", given / trials)
    record_property("coverage_of_the_independent_error", naive / trials)
    assert naive < 0.8 * trials, f"the independent error covers {naive / trials:.3f}"
    assert given > 0.8 * trials, f"{given} of {trials} corpora got an interval"
    assert z_score(hits, given, LEAST) > -3.5, f"covers {hits / given:.4f}"
    assert z_score(hits, given, LEVEL) < 4.5, f"covers {hits / given:.4f}"
    if SCALE >= 1:
        assert hits >= LEAST * given, f"covers {hits / given:.4f}"


@pytest.mark.parametrize("quantity", sorted(QUANTITIES))
def test_every_ratio_has_the_error_between_documents(quantity):
    """The jackknife by its definition: every figure again without each document."""
    sizes, surprisal, lengths = corpus(20, 0.4, 0.0, np.random.default_rng(1))
    rows = table(sizes, surprisal, lengths)
    whole = Score(documents=rows).estimate(quantity)
    keep = np.arange(rows.num_rows)
    without = [Score(documents=rows.take(np.delete(keep, g))).estimate(quantity).value for g in keep]
    spread = ((np.array(without) - np.mean(without)) ** 2).sum()
    assert whole.stderr == pytest.approx(math.sqrt(19 / 20 * spread), rel=1e-9, abs=1e-15)
    assert whole.degrees_of_freedom == 19
