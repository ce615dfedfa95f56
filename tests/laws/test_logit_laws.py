"""Laws of one-pass statistics that hold for every row of logits."""

import math

import numpy as np
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from certificates import certifies
from entropist.logits import statistics

pytestmark = certifies("logit_statistics")

FIELDS = ("log_normalizer", "entropy", "varentropy", "max_logprob", "surprisal")
libraries = st.sampled_from([np.asarray, torch.as_tensor])
values = st.floats(-80, 80) | st.just(-math.inf) | st.sampled_from([0.0, 1.0, 40.0])
# Multiples of 1/1024: shifts by whole numbers and scalings by powers of two are exact, so laws hold to the bit.
exact_values = st.integers(-(1 << 16), 1 << 16).map(lambda i: i / 1024)


@st.composite
def distributions(draw, entries=values):
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 37)))
    z = draw(hnp.arrays(np.float64, shape, elements=entries))
    z[:, draw(st.integers(0, shape[1] - 1))] = 0.5  # no row is masked throughout
    targets = draw(hnp.arrays(np.int64, shape[:1], elements=st.integers(0, shape[1] - 1)))
    return z, targets


def close(a, b):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-11, atol=1e-11)


@given(distributions(), libraries, st.sampled_from([0.05, 0.5, 1.0, 3.0, 20.0]))
def test_entropy_lies_between_0_and_ln_of_what_is_possible(case, make, temperature):
    z, targets = case
    found = statistics(make(z), targets, temperature=temperature)
    possible = np.isfinite(z).sum(-1)
    assert np.all(np.asarray(found.entropy) >= -1e-14)
    assert np.all(np.asarray(found.entropy) <= np.log(possible) + 1e-12)
    assert np.all(np.asarray(found.varentropy) >= 0)
    assert np.all(np.asarray(found.surprisal) >= -np.asarray(found.max_logprob))
    assert np.all(-np.asarray(found.max_logprob) <= np.asarray(found.entropy) + 1e-12), "min-entropy is the smallest"
    assert np.all((np.asarray(found.rank) == 0) == (z[range(len(z)), targets] == z.max(-1)))
    # Reeb and Wolf (2015): V <= ln²(K − 1)/4 + 1 for K possible outcomes.
    assert np.all(np.asarray(found.varentropy) <= 0.25 * np.log(np.maximum(possible - 1, 1)) ** 2 + 1)


@given(distributions(exact_values), st.integers(-(1 << 20), 1 << 20), libraries)
def test_a_shift_changes_the_normaliser_and_nothing_else(case, shift, make):
    z, targets = case
    one, two = (statistics(make(each), targets, top_k=z.shape[1]) for each in (z, z + shift))
    for name in ("entropy", "varentropy", "max_logprob", "surprisal", "rank", "top_ids", "top_logprobs"):
        np.testing.assert_array_equal(np.asarray(getattr(one, name)), np.asarray(getattr(two, name)), err_msg=name)
    close(np.asarray(one.log_normalizer) + shift, two.log_normalizer)


@given(distributions(exact_values), st.integers(-5, 5), libraries)
def test_a_temperature_divides_the_logits(case, power, make):
    z, targets = case
    one = statistics(make(z), targets, temperature=2.0**power)
    two = statistics(make(z / 2.0**power), targets)
    for name in FIELDS:
        np.testing.assert_array_equal(np.asarray(getattr(one, name)), np.asarray(getattr(two, name)), err_msg=name)


@given(distributions(), libraries)
def test_surprisal_averages_to_entropy_and_varies_by_varentropy(case, make):
    z = case[0][:1]
    size = z.shape[1]
    every = statistics(make(np.repeat(z, size, 0)), np.arange(size))
    surprisal = np.asarray(every.surprisal)
    p = np.exp(-surprisal)
    known = p > 0
    assume(known.any())
    close(p.sum(), 1.0)
    mean = (p[known] * surprisal[known]).sum()
    close(mean, every.entropy[0])
    close((p[known] * (surprisal[known] - mean) ** 2).sum(), every.varentropy[0])


@given(distributions(), libraries, st.integers(1, 50))
def test_masked_entries_do_not_matter(case, make, more):
    z, targets = case
    padded = np.concatenate([z, np.full((len(z), more), -np.inf)], axis=1)
    one, two = statistics(make(z), targets), statistics(make(padded), targets)
    for name in (*FIELDS, "rank"):
        close(getattr(one, name), getattr(two, name))


@given(distributions(), libraries, st.randoms(use_true_random=False))
def test_the_order_of_the_vocabulary_does_not_matter(case, make, random):
    z, targets = case
    order = list(range(z.shape[1]))
    random.shuffle(order)
    places = np.argsort(order)
    one, two = statistics(make(z), targets), statistics(make(z[:, order]), places[targets])
    for name in (*FIELDS, "rank"):
        close(getattr(one, name), getattr(two, name))


@given(distributions(), libraries)
def test_the_whole_list_is_the_distribution(case, make):
    z, targets = case
    found = statistics(make(z), targets, top_k=z.shape[1])
    ids, logprobs = np.asarray(found.top_ids), np.asarray(found.top_logprobs)
    np.testing.assert_array_equal(np.sort(ids, -1), np.broadcast_to(np.arange(z.shape[1]), z.shape))
    close(np.exp(logprobs).sum(-1), np.ones(len(z)))
    assert np.all(logprobs[:, :-1] >= logprobs[:, 1:])
    np.testing.assert_array_equal(logprobs[:, 0], np.asarray(found.max_logprob))
    np.testing.assert_array_equal(-logprobs[ids == targets[:, None]], np.asarray(found.surprisal))
