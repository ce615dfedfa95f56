"""Laws that hold for every row of logits and every sampler that cuts."""

import numpy as np
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from entropist import decoding
from entropist.decoding import chain
from entropist.logits import statistics

PROFILES = st.sampled_from(["huggingface", "llama.cpp"])
# Multiples of 1/8 between −16 and 16: a shift by a whole number keeps every difference to the last bit.
values = st.integers(-128, 128).map(lambda i: i / 8) | st.just(-np.inf)
shares = st.floats(0.01, 0.99)
# name -> the parameter for a share in (0, 1): the larger the share, the more is kept.
CUTS = {
    "top_k": lambda share: 1 + round(share * 40),
    "top_p": lambda share: share,
    "min_p": lambda share: 1 - share,
    "typical": lambda share: share,
    "epsilon": lambda share: 1 - share,
    "eta": lambda share: 1 - share,
    "top_h": lambda share: share,
    "top_n_sigma": lambda share: 3 * share,
}
WITHOUT_PROFILE = ("epsilon", "eta", "top_h")
cuts = st.sampled_from(sorted(CUTS))


@st.composite
def rows(draw, unique=False):
    z = draw(hnp.arrays(np.float32, st.integers(1, 33), elements=values, unique=unique))
    if not np.isfinite(z).any():
        z[0] = 0.0
    return z


def kept(name, z, share, profile):
    return np.asarray(chain([(name, CUTS[name](share))], profile).filter(z)) > -np.inf


@given(cuts, rows(), shares, PROFILES)
def test_something_is_kept_and_nothing_unmasked(name, z, share, profile):
    found = kept(name, z, share, profile)
    assert found.any()
    assert not (found & np.isneginf(z)).any()


@given(cuts, rows(), shares, PROFILES, st.integers(-50, 50))
def test_a_shift_of_all_logits_changes_nothing(name, z, share, profile, shift):
    if name == "top_n_sigma" or (name, profile) == ("min_p", "llama.cpp"):
        z, share = z.astype(np.float64), 0.4  # rounding of what is compared moves with the size of the logits
        assume(name != "min_p" or not np.isclose(z - z.max(), np.log(0.6), atol=1e-4).any())
        deviation = z[np.isfinite(z)].std()
        assume(name != "top_n_sigma" or not np.isclose(z.max() - z, 1.2 * deviation, atol=1e-4).any())
    assert np.array_equal(kept(name, z, share, profile), kept(name, z + np.float32(shift), share, profile))


@given(cuts, rows(), shares, shares, PROFILES)
def test_a_wider_cut_keeps_what_a_narrower_one_keeps(name, z, one, other, profile):
    narrow, wide = sorted((one, other))
    assert not (kept(name, z, narrow, profile) & ~kept(name, z, wide, profile)).any()


@given(cuts, rows(unique=True), shares, PROFILES, st.randoms(use_true_random=False))
def test_a_permutation_of_the_tokens_permutes_what_is_kept(name, z, share, profile, random):
    order = np.array(random.sample(range(len(z)), len(z)))
    p = np.exp(z - z.max(), dtype=np.float64)
    p /= p.sum()
    cut = CUTS[name](share)
    sums = np.cumsum(np.sort(p)[::-1])
    # Sums in another order may round to the other side of a cut that they meet.
    assume(name != "top_p" or not np.isclose(sums, cut, atol=1e-5).any())
    logs = np.log(p[p > 0])
    far = np.sort(np.abs(-logs + (p[p > 0] * logs).sum()))
    assume(name != "typical" or (np.diff(far) > 1e-4).all())
    if name == "typical":
        nearest = p[p > 0][np.argsort(np.abs(-logs + (p[p > 0] * logs).sum()))]
        assume(not np.isclose(np.cumsum(nearest), cut, atol=1e-5).any())
    if name in ("epsilon", "eta", "min_p"):
        bar = {"epsilon": cut, "min_p": cut * p.max(), "eta": min(cut, np.sqrt(cut) * np.exp((p[p > 0] * logs).sum()))}
        assume(not np.isclose(p, bar[name], rtol=1e-5).any())
    if name == "top_h":
        terms = -np.sort(p[p > 0])[::-1] * np.log(np.sort(p[p > 0])[::-1])
        assume(not np.isclose(np.cumsum(terms), cut * terms.sum(), atol=1e-5).any())
    if name == "top_n_sigma":
        assume(not np.isclose(z.max() - z, cut * z[np.isfinite(z)].std(), atol=1e-4).any())
    assert np.array_equal(kept(name, z, share, profile)[order], kept(name, z[order], share, profile))


@given(st.sampled_from(sorted(set(CUTS) - set(WITHOUT_PROFILE))), rows(), shares)
def test_numpy_and_torch_agree_under_llama_cpp_to_the_last_bit(name, z, share):
    """There both go the same way; tests/peers says how near they are under "huggingface"."""
    made = chain([(name, CUTS[name](share))], "llama.cpp")
    assert np.array_equal(made.filter(z), made.filter(torch.from_numpy(z)).numpy())


@given(rows(), st.floats(0, 4))
def test_target_entropy_is_met_or_the_nearest_that_can_be(z, nats):
    tops, unmasked = (z == z.max()).sum(), np.isfinite(z).sum()
    wanted = min(max(nats, np.log(tops)), np.log(unmasked))
    found = float(statistics(decoding.target_entropy(z, nats)).entropy)
    assert abs(found - wanted) < 1e-6


@given(rows(), st.floats(0.05, 20), st.floats(0.05, 20))
def test_temperatures_multiply(z, first, second):
    once = decoding.temperature(z.astype(np.float64), first * second)
    twice = chain([("temperature", first), ("temperature", second)]).filter(z.astype(np.float64))
    np.testing.assert_allclose(once, twice, rtol=1e-12)


@given(rows(), st.lists(st.integers(0, 32), max_size=20), st.floats(1, 3), st.floats(0, 2), st.floats(0, 2))
def test_penalties_lower_previous_tokens_only(z, previous, repetition, frequency, presence):
    previous = [each for each in previous if each < len(z)]
    found = decoding.penalties(z, previous, repetition=repetition, frequency=frequency, presence=presence)
    assert (found <= z).all()
    others = np.setdiff1d(np.arange(len(z)), previous)
    assert np.array_equal(found[others], z[others])


@given(st.lists(st.integers(0, 2), max_size=25), st.integers(1, 4), st.lists(st.integers(0, 2), max_size=1))
def test_dry_finds_the_longest_repeat_by_looking_everywhere(previous, allowed, breakers):
    found = decoding.dry(np.zeros(3), previous, 1.0, base=2.0, allowed_length=allowed, breakers=breakers)
    for token in range(3):
        assert found[token] == -fall(previous, token, allowed, breakers), (token, previous)


def fall(previous, token, allowed, breakers):
    """By comparing every earlier place of the token with the end."""
    longest = 0
    for i, each in enumerate(previous):
        length = 0
        while each == token and length < i and previous[i - 1 - length] == previous[-1 - length]:
            if previous[-1 - length] in breakers:
                break
            length += 1
        longest = max(longest, length)
    return 0 if longest < allowed or token in breakers else 2.0 ** (longest - allowed)
