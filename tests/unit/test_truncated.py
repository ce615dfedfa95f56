"""Truncated bounds: closed forms, both ends worked by hand, corners, messages, and real answers of a server."""

import json
import math
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from entropist.errors import InputError
from entropist.measures import truncated

LN2 = math.log(2)
HALF_QUARTER = [math.log(0.5), math.log(0.25)]


def close(bounds, low, high, tolerance=1e-12):
    return bounds.low == pytest.approx(low, abs=tolerance) and bounds.high == pytest.approx(high, abs=tolerance)


def exact(measure, *arguments, **options):
    return measure(*arguments, rounding=0.0, **options)


# Listed 1/2 and 1/4 of 1000: the missing 1/4 is one more atom of 1/4, or 998 equal ones.
def test_both_ends_by_hand():
    listed = 0.5 * 1 + 0.25 * 2
    assert close(
        exact(truncated.entropy, HALF_QUARTER, 1000, unit="bits"), listed + 0.5, listed + 0.25 * math.log2(998 / 0.25)
    )
    assert close(exact(truncated.surprisal, HALF_QUARTER, 1000, unit="bits"), 2, math.inf)
    low, high = (0.25 + 2 / 16, 0.25 + 1 / 16 + 998 * (0.25 / 998) ** 2)
    assert close(exact(truncated.renyi_entropy, HALF_QUARTER, 1000, order=2), -math.log(low), -math.log(high))
    assert close(exact(truncated.renyi_entropy, HALF_QUARTER, 1000, order=math.inf), LN2, LN2)
    assert close(exact(truncated.renyi_entropy, HALF_QUARTER, 1000, order=0), math.log(3), math.log(1000))
    roots = math.sqrt(0.5) + 0.5
    assert close(
        exact(truncated.renyi_entropy, HALF_QUARTER, 1000, order=0.5),
        2 * math.log(roots + 0.5), 2 * math.log(roots + math.sqrt(0.25 * 998)),
    )  # fmt: skip


def test_varentropy_by_hand():
    """Least with one atom of 1/4; most, here, with 998 equal ones."""
    found = exact(truncated.varentropy, HALF_QUARTER, 1000, unit="bits")
    tail = math.log2(998 / 0.25)
    mean = 0.5 + 0.5 + 0.25 * tail
    assert close(found, 0.25, 0.5 * (1 - mean) ** 2 + 0.25 * (2 - mean) ** 2 + 0.25 * (tail - mean) ** 2, 1e-11)
    assert found.unit == "bits²"


def test_temperature_by_hand():
    """T = 2: one more root of 1/4 at the least, 998 of them at the most."""

    def entropy(weights, counts):
        q = np.array(weights) / np.dot(weights, counts)
        return float(-(np.array(counts) * q * np.log(q)).sum())

    root, half, tiny = math.sqrt(0.5), 0.5, math.sqrt(0.25 / 998)
    assert close(
        exact(truncated.entropy_at_temperature, HALF_QUARTER, 1000, temperature=2),
        entropy([root, half], [1, 2]), entropy([root, half, tiny], [1, 1, 998]),
    )  # fmt: skip
    assert truncated.entropy_at_temperature(HALF_QUARTER, 1000, temperature=1.0) == truncated.entropy(
        HALF_QUARTER, 1000
    )


def test_perplexity_is_the_exponential_without_a_unit():
    found, entropy = truncated.perplexity(HALF_QUARTER, 1000), truncated.entropy(HALF_QUARTER, 1000)
    assert close(found, math.exp(entropy.low), math.exp(entropy.high))
    assert found.unit == ""


def test_also_is_mass_and_no_cap():
    """1/2 listed, 1/16 known below: the rest of 7/16 is one atom, not seven of 1/16."""
    found = exact(truncated.entropy, [-LN2], 1000, also=[math.log(1 / 16)], unit="bits")
    low = 0.5 + 4 / 16 + 7 / 16 * math.log2(16 / 7)
    assert close(found, low, 0.5 + 4 / 16 + 7 / 16 * math.log2(16 / 7 * 998))
    as_listed = exact(truncated.entropy, [-LN2, math.log(1 / 16)], 1000, unit="bits")
    assert as_listed.low == pytest.approx(0.5 + 8 * 4 / 16)
    assert as_listed.high == pytest.approx(found.high)


def test_a_complete_list_leaves_nothing_open():
    p = np.array([0.5, 0.3, 0.2])
    truth = float(-(p * np.log(p)).sum())
    for measure in (truncated.entropy, truncated.varentropy):
        assert exact(measure, np.log(p), 3).width < 1e-13
    assert close(exact(truncated.entropy, np.log(p), 3), truth, truth)
    rounded = truncated.entropy(np.log(p).astype(np.float32), 3)
    assert truth in rounded
    assert 0 < rounded.width < 2e-6


@pytest.mark.parametrize(("temperature", "order"), [(0.5, 0.5), (2.0, 2.0)])
def test_an_empty_list_leaves_everything_open(temperature, order):
    for found in (
        truncated.entropy([], 1000),
        truncated.entropy_at_temperature([], 1000, temperature=temperature),
        truncated.renyi_entropy([], 1000, order=order),
    ):
        assert close(found, 0, math.log(1000))
    assert close(truncated.surprisal([], 1000), 0, math.inf)
    assert close(truncated.entropy([], 1), 0, 0)


def test_the_last_unlisted_token_is_known():
    assert close(exact(truncated.surprisal, np.log([0.6, 0.3]), 3), -math.log(0.1), -math.log(0.1), 1e-9)
    assert close(exact(truncated.surprisal, np.log([0.4, 0.25]), 4), -math.log(0.25), -math.log(0.1), 1e-9)


def test_a_certain_token_is_certain_up_to_float32():
    found = truncated.entropy([0.0], 128_256)
    assert found.low == 0
    assert 0 < found.high < 4e-6
    assert exact(truncated.entropy, [0.0], 128_256).high < 1e-12


def test_mass_above_one_is_absorbed_and_widens():
    """An excess of 5e-5 proves errors of that size, so the interval grows to hold what the list may have meant."""
    plain = truncated.entropy(np.log([0.9, 0.1]), 1000)
    excess = truncated.entropy(np.log([0.9, 0.10005]), 1000)
    assert plain.width < 1e-5 < 1e-4 < excess.width < 5e-3
    truth = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert truth in plain
    assert truth in excess


def test_rounding_widens_in_proportion():
    p = [0.5, 0.3, 0.1]
    ends = [truncated.entropy(np.log(p), 1000, rounding=rounding) for rounding in (0.0, 2**-23, 2**-16, 2**-8)]
    for narrow, wide in pairwise(ends):
        assert wide.low < narrow.low
        assert narrow.high < wide.high
    assert (ends[0].low - ends[2].low) / (ends[0].low - ends[1].low) == pytest.approx(2**7, rel=0.01)


def test_rows_are_lists_one_by_one():
    """Shorter lists filled up with -inf, one vocabulary a row, a token below the list for some, in any order."""
    lists = [np.log([0.25, 0.5]), np.log([0.7]), np.array([]), np.log([0.4, 0.3, 0.1])]
    sizes, also = [1000, 50, 7, 128_256], [-np.inf, math.log(0.01), -np.inf, math.log(0.05)]
    top = np.full((4, 3), -np.inf)
    for row, values in zip(top, lists):
        row[: len(values)] = values
    top.flags.writeable = False
    read = truncated.rows(top, sizes, also=also)
    scalars = {
        truncated.entropy: truncated.entropy_bounds(read),
        truncated.varentropy: truncated.varentropy_bounds(read),
        truncated.surprisal: truncated.surprisal_bounds(read),
    }
    for measure, (low, high) in scalars.items():
        for i, values in enumerate(lists):
            known = [also[i]] if np.isfinite(also[i]) else []
            one = measure(values, sizes[i], also=known)
            assert (one.low, one.high) == pytest.approx((low[i], high[i]), rel=1e-12), measure
    turned = truncated.rows(np.asfortranarray(top[:, ::-1]), sizes, also=np.array(also)[:, None])
    np.testing.assert_allclose(truncated.entropy_bounds(turned), truncated.entropy_bounds(read), rtol=1e-14)


def test_no_rows_give_no_bounds():
    read = truncated.rows(np.empty((0, 20)), 1000)
    for low, high in (truncated.entropy_bounds(read), truncated.varentropy_bounds(read)):
        assert low.shape == high.shape == (0,)


def test_many_rows_do_not_depend_on_their_neighbours():
    generator = np.random.default_rng(0)
    logs = np.log(generator.dirichlet(np.ones(50), 5000)[:, :])
    top = -np.sort(-logs, axis=1)[:, :20]
    read = truncated.rows(top, 50)
    for bounds in (truncated.entropy_bounds, truncated.varentropy_bounds):
        whole, part = bounds(read), bounds(truncated.rows(top[4321:4322], 50))
        assert np.array_equal(np.array(whole)[:, 4321:4322], np.array(part))


@pytest.mark.parametrize(
    ("values", "vocabulary", "options", "message"),
    [
        ([3.2, 1.0], 100, {}, "the list contains 3.2, and a log-probability is never positive: these look like raw"),
        ([0.6, 0.3], 100, {}, "raw logits or probabilities"),
        (np.log([0.9, 0.3]), 100, {}, "the list holds a mass of 1.2, .*raw logits in place of log-probabilities"),
        (np.log([0.1, 0.05]), 5, {}, "lists 2 tokens of mass 0.15; the 3 others of a vocabulary of 5.*cannot hold"),
        (np.log([0.1, 0.05]), 1, {}, "the list lists 2 tokens, more than the vocabulary of 1"),
        ([-1.0, -9999.0], 100, {}, "contains -9999, a server's mark for a value that it did not report"),
        ([-1.0, -3.4028234663852886e38], 100, {}, "a server's mark"),
        ([-1.0, -np.inf], 100, {}, "top_logprobs holds -inf at index 1.*leave the entry out"),
        ([-1.0, np.nan], 100, {}, "the list contains NaN"),
        ([-1.0], 100, {"also": [-9999.0]}, "a server's mark"),
        (np.log([0.5, 0.1]), 100, {"also": [math.log(0.2)]}, "also holds -1.60944, above the smallest of the list"),
        ([-1.0], 100, {"also": -2.0}, r"also must be one list of log-probabilities; given shape \(\)"),
        ([[-1.0]], 100, {}, "Many lists go through truncated.rows"),
        (["a"], 100, {}, "top_logprobs must be numbers"),
        ([-1.0], 100.5, {}, "positive whole number; given 100.5"),
        ([], 0, {}, "positive whole number; given 0"),
        ([-1.0], 100, {"rounding": 1.0}, r"rounding must lie between 0 and 2\*\*-6; given 1.0"),
        ([-1.0], 100, {"unit": "bytes"}, "unit 'bytes' is not known"),
    ],
)
def test_what_cannot_be_bounded_is_refused(values, vocabulary, options, message):
    with pytest.raises(InputError, match=message):
        truncated.entropy(values, vocabulary, **options)


def test_other_refusals_say_what_to_do():
    with pytest.raises(InputError, match="row 1 contains NaN"):
        truncated.rows([[-1.0], [np.nan]], 100)
    with pytest.raises(InputError, match="also has 3 rows and top_logprobs 2"):
        truncated.rows([[-1.0], [-1.0]], 100, also=[-2.0, -2.0, -2.0])
    with pytest.raises(InputError, match=r"one a row; given shape \(3,\) for 2 rows"):
        truncated.rows([[-1.0], [-1.0]], [10, 10, 10])
    with pytest.raises(InputError, match=r"must be \(rows, atoms\); given shape \(1,\)"):
        truncated.rows([-1.0], 10)
    with pytest.raises(InputError, match="lists every token of its vocabulary of 2"):
        truncated.surprisal(np.log([0.5, 0.5]), 2)
    with pytest.raises(InputError, match="temperature must be positive and finite; given 0"):
        truncated.entropy_at_temperature([-1.0], 10, temperature=0)
    with pytest.raises(InputError, match="between 0 and infinity; given -1"):
        truncated.renyi_entropy([-1.0], 10, order=-1)


P, Q = {1: math.log(0.5), 2: math.log(0.25)}, {1: math.log(0.25), 2: math.log(0.25)}


def test_two_lists_by_hand():
    """Shared tokens hold 1/2, 1/4 and 1/4, 1/4; the rest 1/4 and 1/2."""
    kl = exact(truncated.kl_divergence, P, Q, 1000, unit="bits")
    assert close(kl, 0.5 * 1 + 0.25 * 0 + 0.25 * -1, math.inf)
    assert close(exact(truncated.total_variation, P, Q, 1000), 0.25, 0.5, 1e-9)
    cross = exact(truncated.cross_entropy, P, Q, 1000, unit="bits")
    assert close(cross, 0.5 * 2 + 0.25 * 2 + 0.25 * 2, math.inf, 1e-9)


def test_two_complete_lists_leave_nothing_open():
    p, q = {"a": math.log(0.5), "b": math.log(0.5)}, {"b": math.log(0.75), "a": math.log(0.25)}
    truth = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    assert close(exact(truncated.kl_divergence, p, q, 2), truth, truth, 1e-12)
    assert close(exact(truncated.cross_entropy, p, q, 2), truth + LN2, truth + LN2, 1e-12)
    assert close(exact(truncated.total_variation, p, q, 2), 0.25, 0.25, 1e-12)


def test_caps_raise_the_divergence_above_the_lumped_one():
    """Each lists what the other does not: P's certain token has at most 0.1 under Q, where lumping sees nothing."""
    found = exact(truncated.kl_divergence, {1: math.log(0.9)}, {2: math.log(0.1)}, 1000)
    assert found.low > 0.9 * math.log(0.9 / 0.1) + 0.1 * math.log(0.1 / 0.9) - 1e-6
    assert exact(truncated.total_variation, {1: math.log(0.9)}, {2: math.log(0.1)}, 1000).low == pytest.approx(0.8)


def test_two_lists_refuse():
    with pytest.raises(InputError, match="the two lists name 4 tokens, more than the vocabulary of 3"):
        truncated.kl_divergence(P, {3: math.log(0.5), 4: math.log(0.25)}, 3)
    with pytest.raises(InputError, match="p_also names 1, which p_top lists already"):
        truncated.kl_divergence(P, Q, 100, p_also={1: -9.0})
    with pytest.raises(InputError, match="must map token ids to log-probabilities; given list and dict"):
        truncated.total_variation([-1.0], Q, 100)
    with pytest.raises(InputError, match="q: the list contains 2, and a log-probability is never positive"):
        truncated.cross_entropy(P, {1: 2.0}, 100)


@pytest.fixture(scope="module")
def answer():
    """150 tokens of GPT-4o-mini with their 20 largest log-probabilities; one emitted token is -9999."""
    shared = os.environ.get("ENTROPIST_SHARED")
    if not shared:
        pytest.skip("ENTROPIST_SHARED names no place with data/api/domain_creative.json")
    document = json.loads((Path(shared) / "data/api/domain_creative.json").read_text(encoding="utf-8"))
    tokens = document["choices"][0]["logprobs"]["content"]
    top = np.array([[entry["logprob"] for entry in token["top_logprobs"]] for token in tokens])
    emitted = np.array([token["logprob"] for token in tokens])
    return -np.sort(-top, axis=1), emitted


# Recomputed with plain NumPy from A − n·c ln c − q ln q and A − r ln(r/m), V = 128256, the emitted token as an extra
# atom where it lies below the list and is no sentinel.
CREATIVE = {20: (1.3684, 1.6011), 10: (1.3156, 1.8585), 5: (1.2316, 2.3576), 3: (1.1252, 2.9023), 1: (0.7983, 4.8543)}


@pytest.mark.parametrize("k", CREATIVE)
def test_mean_entropy_of_a_real_answer(answer, k):
    top, emitted = answer
    also = np.where((emitted < top[:, k - 1]) & (emitted > -9999), emitted, -np.inf)
    low, high = truncated.entropy_bounds(truncated.rows(top[:, :k], 128_256, also=also))
    assert (low.mean() / LN2, high.mean() / LN2) == pytest.approx(CREATIVE[k], abs=6e-5)


def test_a_real_answer_has_mass_above_one_and_a_censored_token(answer):
    top, emitted = answer
    assert (np.exp(top).sum(axis=1) > 1).sum() == 9
    censored = int(np.argmin(emitted))
    found = truncated.surprisal(top[censored], 128_256)
    assert found.low == pytest.approx(-math.log(0.011786), abs=1e-4)
    assert found.high == math.inf
    with pytest.raises(InputError, match="a server's mark"):
        truncated.entropy(top[censored], 128_256, also=[emitted[censored]])


def test_what_others_report_lies_outside(answer):
    """The partial sum misses by over 0.01 bit at 75 of 150 tokens and by up to 1.69, the renormalised one at 75 too."""
    top, _ = answer
    p = np.exp(top)
    low, high = truncated.entropy_bounds(truncated.rows(top, 128_256))
    below = (low + (p * top).sum(axis=1)) / LN2
    assert ((below > 0.01).sum(), below.max()) == (75, pytest.approx(1.6859, abs=1e-3))
    share = p / p.sum(axis=1, keepdims=True)
    renormalised = -(share * np.log(share)).sum(axis=1)
    outside = np.maximum(low - renormalised, renormalised - high) / LN2
    assert ((outside > 0.01).sum(), outside.max()) == (75, pytest.approx(0.9726, abs=1e-3))
