"""Laws of truncated bounds: what more knowledge, another order or another unit may do to an interval."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from entropist.measures import truncated

LN2 = math.log(2)
HUNDREDTHS = st.integers(0, 400).map(lambda n: n / 100)


@st.composite
def distributions(draw, most=40):
    """A distribution in descending order, without zeros."""
    logits = draw(st.lists(st.floats(-12, 12), min_size=2, max_size=most))
    p = np.exp(np.array(logits) - max(logits))
    return -np.sort(-p / p.sum())


def inside(narrow, wide, slack=1e-12):
    return wide.low - slack <= narrow.low and narrow.high <= wide.high + slack


MEASURES = {
    "entropy": truncated.entropy,
    "perplexity": truncated.perplexity,
    "collision": lambda *a, **o: truncated.renyi_entropy(*a, order=2, **o),
    "half": lambda *a, **o: truncated.renyi_entropy(*a, order=0.5, **o),
    "support": lambda *a, **o: truncated.renyi_entropy(*a, order=0, **o),
    "hot": lambda *a, **o: truncated.entropy_at_temperature(*a, temperature=2, **o),
}


@given(distributions(), st.data())
def test_a_longer_list_narrows_every_interval(p, data):
    """Where both ends are attained; the low end at T = 2 is attained up to a fraction of an atom."""
    shorter = data.draw(st.integers(0, len(p) - 1))
    longer = data.draw(st.integers(shorter, len(p)))
    for name, measure in MEASURES.items():
        wide = measure(np.log(p[:shorter]), len(p), rounding=0.0)
        narrow = measure(np.log(p[:longer]), len(p), rounding=0.0)
        assert inside(narrow, wide, 1e-9 if name != "hot" else 1e-9 + 0.05 * wide.width), name


@given(distributions(), st.data())
def test_an_atom_known_below_the_list_narrows_the_entropy(p, data):
    k = data.draw(st.integers(0, len(p) - 1))
    place = data.draw(st.integers(k, len(p) - 1))
    wide = truncated.entropy(np.log(p[:k]), len(p), rounding=0.0)
    narrow = truncated.entropy(np.log(p[:k]), len(p), also=[math.log(p[place])], rounding=0.0)
    assert inside(narrow, wide, 1e-10)


@given(distributions(), st.integers(1, 10**6), st.data())
def test_a_larger_vocabulary_raises_only_the_high_end(p, more, data):
    top = np.log(p[: data.draw(st.integers(1, len(p)))])
    small, large = truncated.entropy(top, len(p) + 1), truncated.entropy(top, len(p) + 1 + more)
    assert abs(large.low - small.low) <= 1e-9
    assert large.high >= small.high


@given(distributions(), st.data())
def test_order_of_the_list_does_not_matter(p, data):
    top = np.log(p[: data.draw(st.integers(1, len(p)))])
    turned = np.array(data.draw(st.permutations(top.tolist())))
    for measure in (truncated.entropy, truncated.varentropy):
        one, other = measure(top, len(p)), measure(turned, len(p))
        np.testing.assert_allclose([one.low, one.high], [other.low, other.high], rtol=1e-9, atol=1e-12)


@given(distributions(), HUNDREDTHS, HUNDREDTHS, st.data())
def test_both_ends_fall_with_the_order_and_rise_with_the_temperature(p, first, second, data):
    top = np.log(p[: data.draw(st.integers(0, len(p)))])
    a, b = sorted((first, second))
    lower, higher = (truncated.renyi_entropy(top, len(p), order=order, rounding=0.0) for order in (a, b))
    assert lower.low >= higher.low - 1e-7
    assert lower.high >= higher.high - 1e-7
    if a >= 0.05:
        cold, hot = (truncated.entropy_at_temperature(top, len(p), temperature=t, rounding=0.0).high for t in (a, b))
        assert cold <= hot + 1e-7


@given(distributions(), st.data())
def test_units_scale(p, data):
    top = np.log(p[: data.draw(st.integers(0, len(p)))])
    for measure, power in ((truncated.entropy, 1), (truncated.varentropy, 2)):
        nats, bits = measure(top, len(p)), measure(top, len(p), unit="bits")
        np.testing.assert_allclose([nats.low, nats.high], np.array([bits.low, bits.high]) * LN2**power, rtol=1e-12)


@given(distributions(most=12), distributions(most=12), st.data())
def test_kl_is_at_least_pinskers_and_cross_entropy_is_entropy_and_kl(p, q, data):
    n = max(len(p), len(q))
    lists = []
    for one in (p, q):
        ids = data.draw(st.permutations(range(n)))
        lists.append({i: math.log(x) for i, x in zip(ids, one[: data.draw(st.integers(0, len(one)))])})
    kl = truncated.kl_divergence(*lists, n)
    assert 0 <= kl.low <= kl.high
    assert truncated.kl_divergence(lists[0], lists[0], n).low <= 1e-5
    tv = truncated.total_variation(*lists, n)
    assert kl.high >= 2 * tv.low**2 - 1e-5
    swapped = truncated.total_variation(*lists[::-1], n)
    np.testing.assert_allclose([tv.low, tv.high], [swapped.low, swapped.high], atol=1e-12)
    cross = truncated.cross_entropy(*lists, n)
    own = truncated.entropy(list(lists[0].values()), n)
    assert cross.low >= own.low + kl.low - 1e-9
    assert cross.high + 1e-9 >= own.low + kl.low
