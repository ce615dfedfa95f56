"""The truth lies inside every truncated bound, and constructed tails attain both ends of the entropy bound.

100 000 random distributions at full size: random logits from flat to peaked, Zipf's law, two modes, one large atom on a
plateau, supports smaller than the vocabulary; the k largest log-probabilities as a server in float32 would round them,
or in bfloat16, or exact; half of them with the log-probability of one token below the list. Truths come from all
probabilities in float64 (SciPy), so what is judged is judged to 1e-9.
"""

import numpy as np
import pytest
from scipy.special import entr, rel_entr, xlogy

from campaigns import campaign
from certificates import certifies
from entropist.measures import truncated

pytestmark = certifies("truncated")

ORDERS = (0.0, 0.3, 0.9, 1.5, 2.0, 10.0, np.inf)
TEMPERATURES = (0.2, 0.7, 0.95, 1.1, 2.0, 10.0)
# (vocabulary, k, distributions at full size, the list's rounding)
CASES = [
    (5, 0, 4000, "float32"), (5, 1, 8000, "float32"), (5, 3, 8000, "exact"), (5, 5, 4000, "float32"),
    (12, 1, 8000, "bfloat16"), (12, 2, 8000, "float32"), (12, 5, 8000, "exact"), (60, 1, 8000, "float32"),
    (60, 3, 8000, "exact"), (60, 20, 8000, "bfloat16"), (60, 60, 4000, "exact"), (1000, 1, 4000, "exact"),
    (1000, 5, 8000, "float32"), (1000, 20, 8000, "float32"), (20_000, 20, 4000, "float32"),
]  # fmt: skip
ROUNDING = {"exact": 0.0, "float32": truncated.FLOAT32, "bfloat16": 2.0**-8}
SLACK = 1e-9  # Σ p of a float64 distribution is 1 to about 1e-16·√V, and p^0.2 makes much of that


def distributions(n, vocabulary, generator):
    """(n, vocabulary) in descending order, of six kinds in turn."""
    normal = generator.normal(size=(n, vocabulary))
    uniform = generator.random((n, 1))
    ranks = np.log(np.arange(1.0, vocabulary + 1))
    plateau = np.where(np.arange(vocabulary) == 0, 2 + 18 * uniform, 0.0)
    modes = np.where(generator.random((n, vocabulary)) < 0.2 * uniform, 1 + 11 * uniform, 0.0) + 0.1 * normal
    partial = np.where(np.arange(vocabulary) < 1 + uniform * (vocabulary - 1), 0.3 * normal, -np.inf)
    kinds = [normal * np.exp(3 * uniform - 1), 0.05 * normal, -(0.5 + 2.5 * uniform) * ranks, modes, plateau, partial]
    logits = np.stack([np.broadcast_to(kind, normal.shape) for kind in kinds])[np.arange(n) % 6, np.arange(n)]
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return -np.sort(-p / p.sum(axis=1, keepdims=True), axis=1)


def rounded(logs, kind):
    if kind == "exact":
        return logs
    single = logs.astype(np.float32)
    if kind == "bfloat16":
        bits = single.view(np.uint32)
        single = ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    return single.astype(np.float64)


def one_below(logs, k, generator):
    """For half the rows the log-probability of a token below the list, and its place."""
    place = generator.integers(k, logs.shape[1], len(logs))
    value = np.take_along_axis(logs, place[:, None], axis=1)[:, 0]
    return np.where((generator.random(len(logs)) < 0.5) & (value > -700), value, -np.inf), place


def varentropy(p):
    surprisals = -np.log(np.where(p > 0, p, 1.0))
    return (p * (surprisals - entr(p).sum(axis=1)[:, None]) ** 2).sum(axis=1)


def renyi(p, order):
    if order == 0:
        return np.log((p > 0).sum(axis=1))
    return -np.log(p[:, 0]) if order == np.inf else np.log((p**order).sum(axis=1)) / (1 - order)


def tempered_entropy(p, temperature):
    with np.errstate(divide="ignore"):
        q = np.exp(np.log(p / p[:, :1]) / temperature)
    return entr(q / q.sum(axis=1, keepdims=True)).sum(axis=1)


def outside(bounds, truth):
    low, high = bounds
    return int(((truth < low - SLACK) | (truth > high + SLACK)).sum())


@pytest.mark.parametrize(("vocabulary", "k", "full", "kind"), CASES)
def test_the_truth_lies_inside_every_bound(vocabulary, k, full, kind, record_property):
    generator = np.random.default_rng([vocabulary, k])
    n, block = campaign(full, 60), max(60, 2_000_000 // vocabulary)
    missed, width = {}, []
    for start in range(0, n, block):
        p = distributions(min(block, n - start), vocabulary, generator)
        p = p[p[:, k - 1] > 1e-300] if k else p
        with np.errstate(divide="ignore"):
            logs = np.log(p)
        also, place = one_below(logs, k, generator) if k < vocabulary else (np.full(len(p), -np.inf), None)
        read = truncated.rows(
            rounded(logs[:, :k], kind), vocabulary, also=rounded(also, kind), rounding=ROUNDING[kind]
        )  # fmt: skip
        checks = {"entropy": (truncated.entropy_bounds(read), entr(p).sum(axis=1))}
        checks["varentropy"] = truncated.varentropy_bounds(read), varentropy(p)
        for order in ORDERS:
            checks[f"renyi {order}"] = truncated.renyi_bounds(read, order), renyi(p, order)
        for temperature in TEMPERATURES:
            checks[f"T {temperature}"] = truncated.tempered_bounds(read, temperature), tempered_entropy(p, temperature)
        if k < vocabulary - 1:
            unseen = logs.copy()
            unseen[np.isfinite(also), place[np.isfinite(also)]] = np.nan
            some = truncated.surprisal_bounds(read)
            checks["surprisal of the likeliest"] = some, -np.nanmax(unseen[:, k:], axis=1)
            checks["surprisal of the rarest"] = some, -np.nanmin(unseen[:, k:], axis=1)
        for name, (bounds, truth) in checks.items():
            missed[name] = missed.get(name, 0) + outside(bounds, truth)
        width.append(np.subtract(*checks["entropy"][0][::-1]))
    record_property("distributions", n)
    record_property("outside", sum(missed.values()))
    record_property("mean_width_of_entropy", float(np.concatenate(width).mean()))
    assert not any(missed.values()), missed


def test_lists_cut_from_one_list_would_fail_without_their_tail():
    """The same judgement finds the usual point values outside, so it can fail: partial sums, and renormalised lists."""
    generator = np.random.default_rng(0)
    p = distributions(600, 1000, generator)
    p = p[p[:, 19] > 1e-300]
    read = truncated.rows(np.log(p[:, :20]), 1000)
    listed = p[:, :20]
    open_ended = 1 - listed.sum(axis=1) > 0.01
    renormalised = listed / listed.sum(axis=1, keepdims=True)
    assert outside(truncated.entropy_bounds(read), entr(listed).sum(axis=1)) >= open_ended.sum() > 200
    assert outside(truncated.entropy_bounds(read), entr(renormalised).sum(axis=1)) > 200


def test_constructed_tails_attain_both_ends_of_the_entropy(record_property):
    generator, worst, n = np.random.default_rng(1), 0.0, campaign(6000, 200)
    for _ in range(n):
        vocabulary = int(generator.choice([5, 50, 1000]))
        k = int(generator.integers(1, min(21, vocabulary)))
        top = distributions(6, vocabulary, generator)[int(generator.integers(0, 5)), :k]
        low, high = end = truncated.entropy_bounds(truncated.rows(np.log(top)[None], vocabulary, rounding=0.0))
        r, m = 1 - top.sum(), vocabulary - k
        packed = np.zeros(m + 1)
        full = min(int(r / top[-1]), m)
        packed[:full], packed[full] = top[-1], max(0.0, r - full * top[-1])
        ends = entr(top).sum() + entr(packed).sum(), entr(top).sum() + (entr(r / m) * m if r > 0 else 0.0)
        worst = max(worst, abs(low[0] - ends[0]), abs(high[0] - ends[1]))
        assert np.shape(end) == (2, 1)
    record_property("lists", n)
    record_property("largest_difference", worst)
    assert worst < 1e-11


def constructed_tails(r, cap, unseen):
    """Tails of mass r: j atoms of the cap with the rest in equal ones, and n equal atoms."""
    for n in np.unique(np.geomspace(max(1, np.ceil(r / cap)), unseen, 60).astype(int)):
        if r / n <= cap:
            yield np.full(n, r / n)
    for j in np.unique(np.linspace(0, int(r / cap), 100).astype(int)):
        for n in np.unique(np.geomspace(1, unseen - j, 12).astype(int)):
            if r - j * cap <= n * cap:
                yield np.r_[np.full(j, cap), np.full(n, (r - j * cap) / n)]


def test_constructed_tails_come_close_to_both_ends_of_the_others(record_property):
    """Varentropy and entropy at T = 1/2 and 2: what the tails reach is nearly all of the interval."""
    generator, shares = np.random.default_rng(3), []
    for _ in range(campaign(300, 15)):
        p = distributions(6, 1000, generator)[int(generator.integers(0, 4))]
        top = p[: int(generator.choice([1, 2, 5, 20]))]
        tails = list(constructed_tails(1 - top.sum(), top[-1], 1000 - len(top)))
        whole = np.zeros((len(tails), 1000))
        for row, tail in zip(whole, tails):
            row[: len(top)], row[len(top) : len(top) + len(tail)] = top, tail
        read = truncated.rows(np.log(top)[None], 1000, rounding=0.0)
        for reached, (low, high) in (
            (varentropy(whole), truncated.varentropy_bounds(read)),
            (tempered_entropy(whole, 0.5), truncated.tempered_bounds(read, 0.5)),
            (tempered_entropy(whole, 2.0), truncated.tempered_bounds(read, 2.0)),
        ):
            assert low[0] - SLACK <= reached.min() <= reached.max() <= high[0] + SLACK
            shares.append((np.ptp(reached) + 1e-6) / (high[0] - low[0] + 1e-6))
    record_property("lists", len(shares) // 3)
    record_property("median_share_reached", float(np.median(shares)))
    record_property("least_share_reached", float(min(shares)))
    assert np.median(shares) > 0.99
    assert min(shares) > 0.75


def two_lists(generator):
    """Two related distributions, their lists as {id: log-probability} and sometimes a token below each."""
    vocabulary = int(generator.choice([3, 6, 20, 200]))
    x = generator.normal(size=vocabulary) * generator.choice([0.3, 1, 4])
    y = x * generator.choice([0, 0.5, 1]) + generator.normal(size=vocabulary) * generator.choice([0.1, 1, 4])
    kind, sides = str(generator.choice(["exact", "float32"])), []
    for logits in (x, y):
        p = np.exp(logits - logits.max())
        p /= p.sum()
        order, logs = np.argsort(-p), rounded(np.log(p), kind).tolist()
        k = int(generator.integers(0, min(vocabulary, 25) + 1))
        below = order[generator.integers(k, vocabulary) :][:1] if k < vocabulary and generator.random() < 0.4 else []
        sides.append((p, {int(i): logs[i] for i in order[:k]}, {int(i): logs[i] for i in below}))
    return vocabulary, kind, *sides


def test_divergences_of_two_lists_contain_the_truth(record_property):
    """And the KL bound is never below the lumped one: all tokens but the shared in one bucket (exact lists)."""
    generator, n, finite = np.random.default_rng(2), campaign(10_000, 300), 0
    for _ in range(n):
        vocabulary, kind, (p, p_top, p_also), (q, q_top, q_also) = two_lists(generator)
        arguments = p_top, q_top, vocabulary
        options = {"p_also": p_also, "q_also": q_also, "rounding": ROUNDING[kind]}
        kl = truncated.kl_divergence(*arguments, **options)
        assert kl.low - SLACK <= rel_entr(p, q).sum() <= kl.high + SLACK
        cross = truncated.cross_entropy(*arguments, **options)
        assert cross.low - SLACK <= -xlogy(p, q).sum() <= cross.high + SLACK
        tv = truncated.total_variation(*arguments, **options)
        assert tv.low - SLACK <= abs(p - q).sum() / 2 <= tv.high + SLACK
        shared = [i for i in (*p_top, *p_also) if i in q_top or i in q_also]
        rest = 1 - p[shared].sum(), 1 - q[shared].sum()
        if kind == "exact" and min(rest) > 1e-3:
            lumped = rel_entr(p[shared], q[shared]).sum() + rel_entr(*rest)
            assert kl.low >= lumped - 1e-9
            assert tv.low >= abs(p[shared] - q[shared]).sum() / 2 + abs(rest[0] - rest[1]) / 2 - 1e-9
        finite += np.isfinite(kl.high)
    record_property("pairs", n)
    record_property("finite_above", int(finite))
    assert finite > n / 10
