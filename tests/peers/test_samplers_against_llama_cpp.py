"""Our samplers under "llama.cpp" and llama.cpp itself, through the C interface of llama-cpp-python, on the same rows.

Where logits are equal, its sorts choose any of them, so that rows are compared by the logits kept, not by their ids.
The published cases are numbers of llama.cpp's ``tests/test-sampling.cpp`` (MIT), of the release that the binding holds.
"""

import ctypes
import math

import numpy as np
import pytest

from campaigns import campaign
from entropist import decoding
from llama import needs_binding
from sampler_rows import batches, fraction

LLAMA = "llama.cpp"


@pytest.fixture(scope="module")
def lib():
    needs_binding()
    import llama_cpp

    return llama_cpp


def applied(lib, sampler, row):
    """(ids, logits, selected) that a sampler leaves of a row (vocabulary,) of float32."""
    array = (lib.llama_token_data * len(row))()
    view = np.frombuffer(array, dtype=[("id", np.int32), ("logit", np.float32), ("p", np.float32)])
    view["id"], view["logit"] = np.arange(len(row)), row
    candidates = lib.llama_token_data_array(data=array, size=len(row), selected=-1, sorted=False)
    lib.llama_sampler_apply(sampler, ctypes.byref(candidates))
    left = [candidates.data[i] for i in range(candidates.size)]
    selected = candidates.data[candidates.selected].id if candidates.selected >= 0 else None
    return np.array([each.id for each in left]), np.array([each.logit for each in left], np.float32), selected


def survivors(lib, sampler, z):
    """For each row the logits that llama.cpp keeps, ascending, without -inf."""
    for row in z:
        _, logits, _ = applied(lib, sampler, row)
        yield np.sort(logits[logits > -np.inf])


def ours_of(filtered):
    for row in filtered:
        yield np.sort(row[row > -np.inf])


SAMPLERS = {
    "top_k": (lambda lib, k: lib.llama_sampler_init_top_k(k), lambda g: int(g.integers(0, 200))),
    "top_p": (lambda lib, p: lib.llama_sampler_init_top_p(p, 0), fraction),
    "min_p": (lambda lib, p: lib.llama_sampler_init_min_p(p, 0), lambda g: fraction(g, 0.0, 1.1)),
    "typical": (lambda lib, p: lib.llama_sampler_init_typical(p, 0), fraction),
    "top_n_sigma": (lambda lib, n: lib.llama_sampler_init_top_n_sigma(n), lambda g: float(g.uniform(0, 3))),
    "xtc": (lambda lib, t: lib.llama_sampler_init_xtc(1.0, t, 0, 0), lambda g: float(g.uniform(0.001, 0.55))),
    "temperature": (
        lambda lib, t: lib.llama_sampler_init_temp(t),
        lambda g: float(g.choice([0.0, g.uniform(0.05, 3)])),
    ),
}


def run(name, z, value):
    if name == "xtc":
        return decoding.xtc(z, value, 1.0)
    return getattr(decoding, name)(z, value, profile=LLAMA)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_logits_survive(lib, name):
    make, parameter = SAMPLERS[name]
    rows = 0
    for z, g in batches(campaign(10_000), list(SAMPLERS).index(name)):
        value = parameter(g)
        sampler = make(lib, value)
        for row, theirs, ours in zip(z, survivors(lib, sampler, z), ours_of(run(name, z, value)), strict=True):
            if name == "typical" and np.isneginf(row).any():
                continue  # its entropy is NaN then: 0 · ln 0
            assert np.array_equal(theirs, ours), (name, value, row)
            rows += 1
        lib.llama_sampler_free(sampler)
    assert rows


def test_penalties_to_the_last_bit(lib):
    for z, g in batches(campaign(10_000), 20):
        repetition, frequency, presence = map(float, g.choice([0.1, 0.3, 1.1, 2.0], 3))
        last = int(g.integers(1, 40))
        sampler = lib.llama_sampler_init_penalties(z.shape[1], last, repetition, frequency, presence)
        previous = g.integers(0, min(z.shape[1], 20), 30)
        for token in previous:
            lib.llama_sampler_accept(sampler, int(token))
        ours = decoding.penalties(
            z, previous, repetition=repetition, frequency=frequency, presence=presence, last=last, profile=LLAMA
        )
        for row, found in zip(z, ours, strict=True):
            _, theirs, _ = applied(lib, sampler, row)
            assert np.array_equal(theirs, found), (repetition, frequency, presence)
        lib.llama_sampler_free(sampler)


def test_dry_to_the_last_bit(lib):
    penalized = 0
    for z, g in batches(campaign(10_000), 21):
        multiplier, base = float(g.uniform(0.1, 2)), float(g.uniform(1, 2))
        allowed, last = int(g.integers(1, 4)), int(g.integers(2, 50))
        sampler = lib.llama_sampler_init_dry(None, multiplier, base, allowed, last, None, 0)
        previous = g.integers(0, min(z.shape[1], 3), 40)
        for token in previous:
            lib.llama_sampler_accept(sampler, int(token))
        ours = decoding.dry(z, previous, multiplier, base=base, allowed_length=allowed, last=last)
        for row, found in zip(z, ours, strict=True):
            _, theirs, _ = applied(lib, sampler, row)
            assert np.array_equal(theirs, found), (multiplier, base, allowed, last)
            penalized += int((row != found).sum())
        lib.llama_sampler_free(sampler)
    assert penalized


def test_dynamic_temperature(lib):
    for z, g in batches(campaign(10_000), 22):
        middle, reach, exponent = float(g.uniform(0, 2)), float(g.uniform(0.05, 2)), float(g.uniform(0.2, 3))
        low = max(0.0, middle - reach)
        sampler = lib.llama_sampler_init_temp_ext(middle, reach, exponent)
        for row in z[~np.isneginf(z).any(-1)]:  # candidates that are masked count in its ln n, and not here
            ids, theirs, _ = applied(lib, sampler, row)
            ours = decoding.dynamic_temperature(row, low, middle + reach, exponent=exponent)[ids]
            assert np.array_equal(np.isneginf(ours), np.isneginf(theirs))
            np.testing.assert_allclose(ours, theirs, rtol=1e-5)  # H in float32 near certainty
        lib.llama_sampler_free(sampler)


@pytest.mark.parametrize("version", [1, 2])
def test_mirostat_keeps_as_many(lib, version):
    """At the first token, where mu = 2τ."""
    ours_of_version = {1: decoding.mirostat_1, 2: decoding.mirostat_2}[version]
    rows = overflown = 0
    for z, g in batches(campaign(10_000), 23 + version):
        tau = float(g.uniform(0.5, 8))
        kept = (ours_of_version(z, 2 * tau) > -np.inf).sum(-1)
        for row, ours in zip(z, kept, strict=True):
            if version == 1:
                sampler = lib.llama_sampler_init_mirostat(len(row), 0, tau, 0.1, 100)
            else:
                sampler = lib.llama_sampler_init_mirostat_v2(0, tau, 0.1)
            _, logits, _ = applied(lib, sampler, row)
            lib.llama_sampler_free(sampler)
            theirs = (logits > -np.inf).sum()
            if theirs != ours:  # a k beyond the integers becomes 1 there
                assert (version, theirs, ours) == (1, 1, (row > -np.inf).sum()), (tau, row)
                overflown += 1
            rows += 1
    assert overflown < rows / 3


def test_chains_keep_the_same(lib):
    """In the order of common.h, one after the other."""
    order = ["top_n_sigma", "top_k", "typical", "top_p", "min_p", "xtc", "temperature"]
    for z, g in batches(campaign(10_000), 30):
        settings = {name: SAMPLERS[name][1](g) for name in order if g.random() < 0.5}
        steps = {n: {"threshold": v, "probability": 1.0} if n == "xtc" else v for n, v in settings.items()}
        made = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        for name in order:
            if name in settings:
                lib.llama_sampler_chain_add(made, SAMPLERS[name][0](lib, settings[name]))
        ours = decoding.chain({name: steps[name] for name in g.permutation(list(steps))}, LLAMA).filter(z)
        for row, theirs, found in zip(z, survivors(lib, made, z), ours_of(ours), strict=True):
            if "typical" in settings and (np.isneginf(row).any() or settings.get("top_n_sigma", 0) > 0):
                continue  # its entropy is NaN where a candidate is masked
            assert np.array_equal(theirs, found), (settings, row)
        lib.llama_sampler_free(made)


def test_typical_of_llama_cpp_is_lost_where_a_token_has_no_mass(lib):
    """0 · ln 0 is NaN there, every distance to it is NaN, and nothing is cut; here the token counts for nothing."""
    row = np.log(np.array([0.4, 0.2, 0.2, 0.2, 1e-9], np.float32))
    row[-1] = -np.inf
    sampler = lib.llama_sampler_init_typical(0.5, 0)
    _, theirs, _ = applied(lib, sampler, row)
    lib.llama_sampler_free(sampler)
    assert len(theirs) != 3
    assert (decoding.typical(row, 0.5, profile=LLAMA) > -np.inf).tolist() == [False, True, True, True, False]


def test_the_zipf_exponent_of_mirostat_1(lib):
    """A row of Zipf's law with the exponent 1.1 over 50 257 tokens, mu = 10: k = 97.915 (computed by hand)."""
    row = (-1.1 * np.log(np.arange(1, 50258))).astype(np.float32)
    sampler = lib.llama_sampler_init_mirostat(len(row), 0, 5.0, 0.1, 100)
    ids, _, _ = applied(lib, sampler, row)
    lib.llama_sampler_free(sampler)
    assert len(ids) == 97 == int((decoding.mirostat_1(row, 10.0) > -np.inf).sum())
    assert math.isclose(len(ids), 97.915, abs_tol=1)
