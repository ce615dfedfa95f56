"""Maximum entropy against SciPy's SLSQP on random problems and dit's optimiser on joints with fixed marginals."""

import dit
import numpy as np
import pytest
from dit.algorithms import maxent_dist
from scipy.optimize import minimize
from scipy.special import xlogy

from campaigns import campaign
from entropist.measures import maximum_entropy


def problem(generator):
    """Features of a random distribution, some as values, some as bounds around it or on one side."""
    n, k = int(generator.integers(3, 10)), int(generator.integers(1, 4))
    features = generator.normal(size=(k, n))
    value = features @ generator.dirichlet(np.full(n, 2.0))
    reach = 0.3 * generator.random(k)
    kinds = generator.integers(0, 3, k)
    limits = [
        (float(v), (float(v - r), float(v + r)), (float(v - r), np.inf))[kind]
        for v, r, kind in zip(value, reach, kinds)
    ]  # fmt: skip
    return n, list(zip(features, limits))


def slsqp(n, moments):
    """−H minimised over p itself."""
    constraints = [{"type": "eq", "fun": lambda p: p.sum() - 1, "jac": np.ones_like}]
    for feature, limits in moments:
        if np.ndim(limits) == 0:
            constraints.append({"type": "eq", "fun": lambda p, f=feature, v=limits: p @ f - v})
            continue
        constraints.append({"type": "ineq", "fun": lambda p, f=feature, v=limits[0]: p @ f - v})
        if np.isfinite(limits[1]):
            constraints.append({"type": "ineq", "fun": lambda p, f=feature, v=limits[1]: v - p @ f})
    return minimize(
        lambda p: xlogy(p, p).sum(), np.full(n, 1 / n), jac=lambda p: np.log(np.maximum(p, 1e-300)) + 1,
        bounds=[(1e-12, 1)] * n, constraints=constraints, method="SLSQP", options={"ftol": 1e-13, "maxiter": 500},
    )  # fmt: skip


def test_slsqp_finds_the_same_entropy():
    generator, compared, n_problems = np.random.default_rng(0), 0, campaign(1000, 60)
    for _ in range(n_problems):
        n, moments = problem(generator)
        found, peer = maximum_entropy(range(n), moments), slsqp(n, moments)
        assert np.abs(found.residuals).max() < 1e-9
        assert found.probabilities.sum() == pytest.approx(1, abs=1e-12)
        if peer.success:
            compared += 1
            assert found.entropy == pytest.approx(-peer.fun, abs=1e-6)
            np.testing.assert_allclose(found.probabilities, peer.x, atol=2e-3)
    assert compared > 0.8 * n_problems


@pytest.mark.parametrize(
    ("outcomes", "p"),
    [
        (["000", "011", "101", "110", "111"], [0.2, 0.2, 0.2, 0.2, 0.2]),
        (["000", "001", "010", "100", "111"], [0.4, 0.1, 0.1, 0.15, 0.25]),
    ],
)
def test_dit_finds_the_same_joint_with_fixed_pairs(outcomes, p):
    joint = dit.Distribution(outcomes, p)
    peer = maxent_dist(joint, [[0, 1], [1, 2], [0, 2]])
    cells = [f"{i:03b}" for i in range(8)]
    truth = dict(zip(outcomes, p))
    moments = []
    for pair in ((0, 1), (1, 2), (0, 2)):
        for values in ("00", "01", "10", "11"):
            feature = [float("".join(cell[i] for i in pair) == values) for cell in cells]
            moments.append((feature, sum(f * truth.get(cell, 0.0) for f, cell in zip(feature, cells))))
    found = maximum_entropy(cells, moments)
    joint_of_peer = {"".join(outcome): float(p) for outcome, p in zip(peer.outcomes, peer.pmf)}
    np.testing.assert_allclose(found.probabilities, [joint_of_peer.get(cell, 0.0) for cell in cells], atol=1e-4)
