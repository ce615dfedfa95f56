"""The laws of information theory, each by its name, on random distributions with zeros, ties and certain outcomes."""

import itertools
import math

import numpy as np
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from entropist import measures as m

SLACK = 1e-12
libraries = st.sampled_from([np.asarray, torch.as_tensor])
weights = st.one_of(st.integers(0, 4).map(float), st.floats(1e-9, 1), st.floats(0, 1e-200))
orders = st.one_of(st.sampled_from([0.0, 0.5, 1.0, 2.0, math.inf]), st.floats(0.01, 50), st.floats(0.999999, 1.000001))


@st.composite
def tables(draw, *shape):
    """A joint distribution of that shape; each None is drawn."""
    shape = tuple(draw(st.integers(1, 5)) if size is None else size for size in shape)
    size = math.prod(shape)
    found = np.array(draw(st.lists(weights, min_size=size, max_size=size)))
    found[draw(st.integers(0, size - 1))] += 0.5
    return (found / found.sum()).reshape(shape)


@st.composite
def rows(draw, count, least=1):
    """`count` distributions over the same outcomes."""
    n = draw(st.integers(least, 9))
    return [draw(tables(n)) for _ in range(count)]


@st.composite
def channels(draw, n):
    """A conditional distribution, row i that of what follows i."""
    k = draw(st.integers(1, 5))
    return np.stack([draw(tables(k)) for _ in range(n)])


def value(x):
    return float(x)


def normal(p):
    return p / p.sum()


# --- entropy ----------------------------------------------------------------------------------------------------------


@given(tables(None), libraries)
def test_entropy_is_not_negative_and_uniform_is_the_maximum(p, make):
    p = make(p)
    assert 0 <= value(m.entropy(p)) <= math.log(p.shape[0]) + SLACK
    assert 1 <= value(m.perplexity(p)) <= p.shape[0] * (1 + SLACK)
    assert value(m.varentropy(p)) >= 0


@given(st.integers(2, 1000))
def test_efficiency_of_the_uniform_distribution_is_one(n):
    uniform = np.full(n, 1 / n)
    assert abs(m.efficiency(uniform) - 1) < SLACK
    assert m.varentropy(uniform) == 0


@given(tables(None, None), st.randoms(use_true_random=False), libraries)
def test_relabelling_and_reshaping_change_nothing(joint, random, make):
    order = list(range(joint.size))
    random.shuffle(order)
    flat = joint.reshape(-1)
    for measure in (m.entropy, m.varentropy, m.min_entropy, m.hartley_entropy):
        whole = value(measure(make(flat)))
        assert math.isclose(value(measure(make(flat[order]))), whole, rel_tol=1e-11, abs_tol=SLACK)
    assert value(m.joint_entropy(make(joint))) == value(m.entropy(make(flat)))
    columns = list(range(joint.shape[1]))
    random.shuffle(columns)
    for measure in (m.mutual_information, m.variation_of_information):
        assert math.isclose(value(measure(make(joint[:, columns]))), value(measure(make(joint))), rel_tol=1e-11,
                            abs_tol=SLACK)  # fmt: skip


@given(tables(None), tables(None), orders, libraries)
def test_entropies_of_independent_variables_add_up(p, q, order, make):
    assume(order >= 0.3)  # below, weights of 1e-200 count as outcomes, and their products vanish
    both = make(normal(np.outer(p, q)).reshape(-1))
    p, q = make(p), make(q)
    parts = value(m.renyi_entropy(p, order)) + value(m.renyi_entropy(q, order))
    assert math.isclose(value(m.renyi_entropy(both, order)), parts, rel_tol=1e-9, abs_tol=1e-9)


@given(rows(2), st.floats(0, 1), libraries)
def test_concavity_of_entropy(pair, share, make):
    p, q = pair
    mixed = value(m.entropy(make(normal(share * p + (1 - share) * q))))
    assert mixed >= share * value(m.entropy(make(p))) + (1 - share) * value(m.entropy(make(q))) - SLACK


@given(tables(None), orders, orders, libraries)
def test_renyi_entropy_never_grows_with_the_order(p, a, b, make):
    low, high = sorted((a, b))
    p = make(p)
    assert value(m.renyi_entropy(p, low)) >= value(m.renyi_entropy(p, high)) * (1 - 1e-12) - SLACK
    assert value(m.hartley_entropy(p)) >= value(m.renyi_entropy(p, low)) - SLACK
    assert value(m.min_entropy(p)) <= value(m.renyi_entropy(p, high)) + SLACK


@given(tables(None), st.floats(0.01, 20), libraries)
def test_tsallis_and_renyi_say_the_same(p, order, make):
    assume(abs(order - 1) > 1e-3)
    p = make(p)
    tsallis, renyi = value(m.tsallis_entropy(p, order)), value(m.renyi_entropy(p, order))
    assert math.isclose(math.log1p((1 - order) * tsallis) / (1 - order) if (1 - order) * tsallis > -1 + 1e-6 else renyi,
                        renyi, rel_tol=1e-6, abs_tol=1e-9)  # fmt: skip


# --- divergences ------------------------------------------------------------------------------------------------------


@given(rows(2), libraries)
def test_gibbs_inequality(pair, make):
    p, q = map(make, pair)
    assert value(m.kl_divergence(p, q)) >= 0
    assert value(m.kl_divergence(p, p)) == 0
    assert value(m.cross_entropy(p, q)) >= value(m.entropy(p)) - SLACK


@given(rows(2), libraries)
def test_entropy_and_divergence_make_cross_entropy(pair, make):
    p, q = map(make, pair)
    whole, kl = value(m.cross_entropy(p, q)), value(m.kl_divergence(p, q))
    assert math.isinf(whole) == math.isinf(kl)
    if math.isfinite(kl):
        assert math.isclose(value(m.entropy(p)) + kl, whole, rel_tol=1e-11, abs_tol=SLACK)


@given(st.lists(st.tuples(st.floats(1e-6, 10), st.floats(1e-6, 10)), min_size=1, max_size=9))
def test_log_sum_inequality(pairs):
    """Σ a ln(a/b) ≥ A ln(A/B): the divergence of the normalized is what is left after the totals."""
    a, b = np.array(pairs).T
    totals = a.sum() * math.log(a.sum() / b.sum())
    left = (a * np.log(a / b)).sum() - totals
    assert left >= -1e-10
    assert math.isclose(a.sum() * m.kl_divergence(a, b, normalize=True), left, rel_tol=1e-6, abs_tol=1e-10)


@given(rows(2), libraries)
def test_pinsker_inequality(pair, make):
    p, q = map(make, pair)
    distance = value(m.total_variation(p, q))
    assert 0 <= distance <= 1 + SLACK
    assert value(m.kl_divergence(p, q)) >= 2 * distance**2 - SLACK


@given(rows(2), libraries)
def test_hellinger_and_total_variation_bound_each_other(pair, make):
    p, q = map(make, pair)
    h, tv = value(m.hellinger(p, q)), value(m.total_variation(p, q))
    assert h**2 - SLACK <= tv <= math.sqrt(2) * h + SLACK
    assert math.isclose(value(m.renyi_divergence(p, q, 0.5)), -2 * math.log1p(-min(h**2, 1 - 1e-16)), rel_tol=1e-6,
                        abs_tol=1e-10) or h**2 > 1 - 1e-9  # fmt: skip


@given(rows(2), orders, orders, libraries)
def test_renyi_divergence_never_falls_with_the_order(pair, a, b, make):
    low, high = sorted((a, b))
    p, q = map(make, pair)
    least, most = value(m.renyi_divergence(p, q, low)), value(m.renyi_divergence(p, q, high))
    assert 0 <= least <= most * (1 + 1e-11) + SLACK
    assert value(m.renyi_divergence(p, p, a)) == 0


@given(rows(3), libraries)
def test_js_is_at_most_ln_2_and_its_root_a_metric(three, make):
    p, q, r = map(make, three)
    js = {pair: value(m.js_divergence(*pair_of)) for pair, pair_of in
          zip(("pq", "qr", "pr", "qp"), ((p, q), (q, r), (p, r), (q, p)))}  # fmt: skip
    assert all(0 <= x <= math.log(2) * (1 + SLACK) for x in js.values())
    assert math.isclose(js["pq"], js["qp"], rel_tol=1e-12, abs_tol=1e-300)
    assert value(m.js_divergence(p, p)) == 0
    assert math.sqrt(js["pr"]) <= math.sqrt(js["pq"]) + math.sqrt(js["qr"]) + 1e-9
    assert value(m.hellinger(p, r)) <= value(m.hellinger(p, q)) + value(m.hellinger(q, r)) + SLACK


@given(rows(3), tables(3), libraries)
def test_js_is_what_a_draw_says_of_its_source(three, shares, make):
    """JS(p_1, …; w) = I(source; draw) = H(mixture) − Σ w H(p)."""
    joint = shares[:, None] * np.stack(three)
    js = value(m.js_divergence(*map(make, three), weights=shares.tolist()))
    assert math.isclose(js, value(m.mutual_information(make(normal(joint)))), rel_tol=1e-9, abs_tol=SLACK)
    assert js <= value(m.entropy(make(shares))) + SLACK


@given(rows(2), st.data(), libraries)
def test_data_processing_brings_distributions_closer(pair, data, make):
    p, q = pair
    channel = data.draw(channels(len(p)))
    after = make(normal(p @ channel)), make(normal(q @ channel))
    p, q = make(p), make(q)
    for measure in (m.kl_divergence, m.js_divergence, m.total_variation, m.hellinger, m.jeffreys):
        assert value(measure(*after)) <= value(measure(p, q)) * (1 + 1e-9) + 1e-9


# --- joint tables -----------------------------------------------------------------------------------------------------


@given(tables(None, None), libraries)
def test_chain_rule(joint, make):
    table = make(joint)
    whole = value(m.joint_entropy(table))
    for axis in (0, 1):
        marginal = value(m.entropy(make(joint.sum(1 - axis))))
        assert math.isclose(marginal + value(m.conditional_entropy(table, given=axis)), whole, rel_tol=1e-11,
                            abs_tol=SLACK)  # fmt: skip


@given(tables(None, None), libraries)
def test_subadditivity_and_conditioning_reduces_entropy(joint, make):
    x, y = value(m.entropy(make(joint.sum(1)))), value(m.entropy(make(joint.sum(0))))
    table = make(joint)
    assert value(m.joint_entropy(table)) <= x + y + SLACK
    assert 0 <= value(m.conditional_entropy(table, given=0)) <= y + SLACK


@given(tables(None, None), libraries)
def test_mutual_information_by_both_routes(joint, make):
    """The direct sum is the sum of entropies, lies within them, and is symmetric."""
    x, y = value(m.entropy(make(joint.sum(1)))), value(m.entropy(make(joint.sum(0))))
    table = make(joint)
    found = value(m.mutual_information(table))
    assert abs(x + y - value(m.joint_entropy(table)) - found) <= SLACK
    assert 0 <= found <= min(x, y) + SLACK
    assert math.isclose(value(m.mutual_information(make(joint.T.copy()))), found, rel_tol=1e-12, abs_tol=1e-300)
    pointwise = np.asarray(m.pointwise_mutual_information(table))
    assert abs(float((joint[joint > 0] * pointwise[joint > 0]).sum()) - found) <= SLACK
    assert abs(value(m.variation_of_information(table)) - (x + y - 2 * found)) <= SLACK


@given(tables(None), tables(None), libraries)
def test_mutual_information_is_0_for_independent_variables(p, q, make):
    assert value(m.mutual_information(make(normal(np.outer(p, q))))) <= 1e-30


@given(tables(None, None, None), libraries)
def test_strong_subadditivity(joint, make):
    table = make(joint)

    def h(*axes):
        return value(m.joint_entropy(make(joint.sum(tuple(i for i in range(3) if i not in axes)))))

    assert h(0, 1, 2) + h(2) <= h(0, 2) + h(1, 2) + SLACK
    found = value(m.conditional_mutual_information(table, given=2))
    assert found >= 0
    assert abs(h(0, 2) + h(1, 2) - h(0, 1, 2) - h(2) - found) <= SLACK


@given(tables(None, None), st.data(), libraries)
def test_data_processing_loses_information(joint, data, make):
    """X → Y → Z: I(X;Z) ≤ I(X;Y), and X says nothing of Z to one who knows Y."""
    channel = data.draw(channels(joint.shape[1]))
    chain = normal(joint[:, :, None] * channel[None])
    assert value(m.mutual_information(make(chain.sum(1)))) <= value(m.mutual_information(make(joint))) + SLACK
    assert value(m.conditional_mutual_information(make(chain), given=1)) <= SLACK


@given(tables(4, 4), libraries)
def test_fano_inequality(joint, make):
    """Guessing X by the likeliest given Y errs with e; H(X|Y) ≤ h(e) + e ln(n − 1)."""
    e = min(max(1 - joint.max(0).sum(), 0.0), 1.0)
    left = value(m.entropy(make(np.array([e, 1 - e]))))
    assert value(m.conditional_entropy(make(joint), given=1)) <= left + e * math.log(3) + SLACK


@given(tables(None, None), libraries)
def test_variants_of_normalized_mutual_information_are_ordered(joint, make):
    assume(all(value(m.entropy(joint.sum(i))) > 1e-6 for i in (0, 1)))
    found = [value(m.normalized_mutual_information(make(joint), variant=v)) for v in
             ("joint", "max", "arithmetic", "geometric", "min")]  # fmt: skip
    assert all(0 <= a <= b + SLACK for a, b in itertools.pairwise(found))
    assert found[-1] <= 1 + 1e-9


@given(tables(None, None, None), libraries)
def test_co_information_is_symmetric_and_bounded(joint, make):
    found = value(m.co_information(make(joint)))
    pair = value(m.mutual_information(make(joint.sum(2))))
    given_z = value(m.conditional_mutual_information(make(joint), given=2))
    assert abs(found - (pair - given_z)) <= SLACK
    for order in itertools.permutations(range(3)):
        assert abs(value(m.co_information(make(joint.transpose(order).copy()))) - found) <= SLACK
    assert abs(value(m.o_information(make(joint))) - found) <= SLACK


@given(tables(2, 3, 2, 2), libraries)
def test_total_and_dual_total_correlation_and_their_difference(joint, make):
    table = make(joint)
    tc, dtc = value(m.total_correlation(table)), value(m.dual_total_correlation(table))
    assert tc >= 0
    assert dtc >= 0
    assert tc <= 3 * dtc + SLACK
    assert dtc <= 3 * tc + SLACK
    assert value(m.o_information(table)) == tc - dtc
    turned = make(joint.transpose(3, 1, 0, 2).copy())
    assert abs(value(m.total_correlation(turned)) - tc) <= SLACK
    assert abs(value(m.dual_total_correlation(turned)) - dtc) <= SLACK


@given(tables(None, None), libraries)
def test_of_two_variables_they_are_the_mutual_information(joint, make):
    table = make(joint)
    found = value(m.mutual_information(table))
    for measure in (m.total_correlation, m.dual_total_correlation, m.co_information):
        assert math.isclose(value(measure(table)), found, rel_tol=1e-9, abs_tol=1e-15)
    assert abs(value(m.o_information(table))) <= SLACK


@given(st.integers(1, 5).flatmap(lambda n: st.lists(tables(n), min_size=n, max_size=n)))
def test_entropy_rate_lies_between_0_and_the_entropy_of_a_state(transition):
    chain = 0.99 * np.stack(transition) + 0.01 / len(transition)
    share = np.linalg.matrix_power(chain, 4096)[0]
    rate = m.entropy_rate(chain, normalize=True)
    assert 0 <= rate <= m.entropy(normal(share)) + 1e-9
    same = m.entropy_rate(chain, stationary=normal(share), normalize=True)
    assert math.isclose(rate, same, rel_tol=1e-9)
