"""The exact measures against SciPy, dit, torch.distributions and scikit-learn, on random distributions and joints."""

import math

import dit
import numpy as np
import pytest
import torch
from scipy import special, stats
from scipy.spatial import distance
from sklearn import metrics

from campaigns import campaign
from entropist import measures as m

VARIABLES = "WXYZ"


def distributions(seed, rows=40, n=23):
    generator = np.random.default_rng(seed)
    found = generator.dirichlet(np.full(n, generator.choice([0.05, 0.5, 5.0])), rows)
    found[::3, ::4] = 0
    return found / found.sum(-1, keepdims=True)


def close(found, wanted, rtol=1e-12, atol=1e-14):
    np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=rtol, atol=atol)


@pytest.mark.parametrize("seed", range(4))
def test_scipy(seed):
    p, q = distributions(seed), distributions(seed + 100)
    with np.errstate(divide="ignore", invalid="ignore"):
        close(m.entropy(p), stats.entropy(p, axis=-1))
        close(m.entropy(p.T.copy(), axis=0, unit="bits"), stats.entropy(p, axis=-1, base=2))
        close(m.entropy(p), special.entr(p).sum(-1))
        close(m.kl_divergence(p, q), stats.entropy(p, q, axis=-1), atol=1e-13)
        close(m.kl_divergence(p, q), special.rel_entr(p, q).sum(-1), atol=1e-13)
        close(m.cross_entropy(p, q), special.entr(p).sum(-1) + special.rel_entr(p, q).sum(-1))
    close(np.sqrt(m.js_divergence(p, q)), distance.jensenshannon(p, q, axis=-1), rtol=1e-9)
    close(m.total_variation(p, q), [distance.cityblock(a, b) / 2 for a, b in zip(p, q)])
    close(m.hellinger(p, q), [distance.euclidean(a**0.5, b**0.5) / math.sqrt(2) for a, b in zip(p, q)])


def test_scipys_entropy_of_known_distributions():
    k = np.arange(2000)
    for frozen in (stats.geom(0.03, loc=-1), stats.poisson(40), stats.binom(1999, 0.2)):
        close(m.entropy(frozen.pmf(k), normalize=True), frozen.entropy(), rtol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_torch_distributions(seed):
    p, q = (torch.from_numpy(distributions(seed + s)).clamp_min(1e-6) for s in (0, 50))
    p, q = p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True)
    one, two = torch.distributions.Categorical(probs=p), torch.distributions.Categorical(probs=q)
    torch.testing.assert_close(m.entropy(p), one.entropy(), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(m.perplexity(p), one.perplexity(), rtol=1e-12, atol=1e-13)
    kl = torch.distributions.kl_divergence(one, two)
    torch.testing.assert_close(m.kl_divergence(p, q), kl, rtol=1e-11, atol=1e-13)
    targets = torch.randint(0, 23, (40,), generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(m.cross_entropy(target=targets, q=q), -two.log_prob(targets), rtol=1e-12, atol=1e-13)
    nll = torch.nn.functional.cross_entropy(q.log(), p, reduction="none")
    torch.testing.assert_close(m.cross_entropy(p, q), nll, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("seed", range(3))
def test_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    x = generator.integers(0, 5, 300)
    y = (x + generator.integers(0, 2, 300) * generator.integers(0, 4, 300)) % 7
    joint = metrics.cluster.contingency_matrix(x, y) / 300
    close(m.mutual_information(joint), metrics.mutual_info_score(x, y))
    for variant in ("min", "geometric", "arithmetic", "max"):
        wanted = metrics.normalized_mutual_info_score(x, y, average_method=variant)
        close(m.normalized_mutual_information(joint, variant=variant), wanted)
    homogeneity = metrics.homogeneity_score(x, y)  # 1 − H(X|Y)/H(X)
    close(1 - m.conditional_entropy(joint, given=1) / m.entropy(joint.sum(1)), homogeneity)


def in_dit(joint):
    outcomes = [places for places in np.ndindex(joint.shape) if joint[places] > 0]
    found = dit.Distribution(["".join(map(str, places)) for places in outcomes], [joint[places] for places in outcomes])
    found.set_rv_names(VARIABLES[: joint.ndim])
    return found


def joints(count):
    for seed in range(count):
        generator = np.random.default_rng([seed, 9])
        shape = generator.integers(2, 4, int(generator.integers(2, 5)))
        joint = generator.random(shape) ** 3 * (generator.random(shape) < 0.8)
        joint[(0,) * len(shape)] += 0.1
        yield joint / joint.sum()


def test_dit_on_joints_of_two_to_four_variables():
    seen = set()
    for joint in joints(campaign(400)):
        d, names = in_dit(joint), VARIABLES[: joint.ndim]
        seen.add(joint.ndim)
        rest = list(names[1:])

        def bits(function, table=joint, **options):
            return function(table, unit="bits", **options)

        close(bits(m.joint_entropy), dit.shannon.entropy(d), atol=1e-12)
        close(bits(m.conditional_entropy, given=0), dit.shannon.conditional_entropy(d, rest, [names[0]]), atol=1e-12)
        close(bits(m.total_correlation), dit.multivariate.total_correlation(d), atol=1e-12)
        close(bits(m.dual_total_correlation), dit.multivariate.dual_total_correlation(d), atol=1e-12)
        close(bits(m.co_information), dit.multivariate.coinformation(d), atol=1e-12)
        close(bits(m.o_information), dit.multivariate.o_information(d), atol=1e-12)
        pair = joint.sum(tuple(range(2, joint.ndim)))
        close(m.mutual_information(pair, unit="bits"), dit.shannon.mutual_information(d, ["W"], ["X"]), atol=1e-12)
        if joint.ndim == 3:
            wanted = dit.multivariate.coinformation(d, ["W", "X"], ["Y"])
            close(bits(m.conditional_mutual_information, given=2), wanted, atol=1e-12)
        if joint.ndim == 4:
            wanted = dit.multivariate.coinformation(d, ["W", "X"], ["Y", "Z"])
            close(bits(m.conditional_mutual_information, given=(2, 3)), wanted, atol=1e-12)
    assert seen == {2, 3, 4}


@pytest.mark.parametrize("order", [0, 0.5, 1, 2, 3.7, math.inf])
def test_dit_on_orders_and_divergences(order):
    for joint in joints(campaign(100, 5)):
        p = joint.reshape(-1)
        close(m.renyi_entropy(p, order, unit="bits"), dit.other.renyi_entropy(in_dit(joint), order), atol=1e-12)
        if order < math.inf:
            close(m.tsallis_entropy(p, order), dit.other.tsallis_entropy(in_dit(joint), order), atol=1e-12)


def test_dit_on_jensen_shannon():
    for seed in range(5):
        tables = np.random.default_rng(seed).dirichlet(np.ones(6), 3)
        weights = np.random.default_rng(seed).dirichlet(np.ones(3))
        given = [in_dit(p) for p in tables]
        wanted = dit.divergences.jensen_shannon_divergence(given, weights)
        close(m.js_divergence(*tables, weights=weights, unit="bits"), wanted, atol=1e-12)
