"""The tasks of Czyż et al. (2023), "Beyond normal: on the evaluation of mutual information estimators", as samplers.

`TASKS` and `HIGH_DIMENSIONAL` name a task, its sampler and its mutual information in nats. A sampler takes a NumPy
generator and n and returns x and y, (n, d) each. Definitions and values are facts of the paper; the values are also
those of section 4.1 of the reference, most of them in closed form. The first are those of at most 3 dimensions a side.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg, stats

Sampler = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Task:
    name: str
    sample: Sampler
    information: float
    kind: str = "continuous"


def multinormal(covariance, d):
    root = np.linalg.cholesky(np.asarray(covariance, float))

    def sample(g, n):
        z = g.normal(size=(n, len(root))) @ root.T
        return z[:, :d], z[:, d:]

    return sample, -0.5 * (np.linalg.slogdet(covariance)[1] - sum(
        np.linalg.slogdet(np.asarray(covariance)[side, side])[1] for side in (slice(None, d), slice(d, None))
    ))  # fmt: skip


def dense(d, off=0.5):
    return multinormal(np.full((2 * d, 2 * d), off) + (1 - off) * np.eye(2 * d), d)


def pairs(d, how_many=2, correlation=0.8):
    covariance = np.eye(2 * d)
    for i in range(how_many):
        covariance[i, d + i] = covariance[d + i, i] = correlation
    return multinormal(covariance, d)


def student(d, df):
    def sample(g, n):
        z = g.normal(size=(n, 2 * d)) / np.sqrt(g.chisquare(df, (n, 1)) / df)
        return z[:, :d], z[:, d:]

    # Of an identity dispersion only the shared radius is left: the constant of Arellano-Valle et al. (2013).
    from scipy.special import digamma as psi
    from scipy.special import gammaln

    one, both = df + d, df + 2 * d
    information = (
        gammaln(df / 2) + gammaln(both / 2) - 2 * gammaln(one / 2)
        + one * psi(one / 2) - df / 2 * psi(df / 2) - both / 2 * psi(both / 2)
    )  # fmt: skip
    return sample, information


def additive_uniform(eps):
    def sample(g, n):
        x = g.uniform(size=(n, 1))
        return x, x + g.uniform(-eps, eps, (n, 1))

    return sample, eps - math.log(2 * eps) if eps <= 0.5 else 1 / (4 * eps)


def through(made, f, h=None):
    sample, information = made
    return (lambda g, n: tuple(t(side) for t, side in zip((f, h or f), sample(g, n)))), information


def half_cube(x):
    return x * np.sqrt(np.abs(x))


def wiggly_x(x):
    return x + 0.4 * np.sin(x) + 0.2 * np.sin(1.7 * x + 1) + 0.03 * np.sin(3.3 * x - 2.5)


def wiggly_y(x):
    return x - 0.4 * np.sin(0.4 * x) + 0.17 * np.sin(1.3 * x + 3.5) + 0.02 * np.sin(4.3 * x - 2.5)


def bimodal(weight, low, high):
    grid = np.linspace(low - 9, high + 9, 200_001)
    cumulative = weight * stats.norm.cdf(grid, low) + (1 - weight) * stats.norm.cdf(grid, high)
    return lambda x: np.interp(stats.norm.cdf(x), cumulative, grid)


def swissroll(x):
    t = 1.5 * math.pi * (1 + 2 * stats.norm.cdf(x[:, 0]))
    return np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / 21


def spiral(first, second, speed=1 / 3):
    def turn(x):
        d = x.shape[1]
        generator = np.zeros((d, d))
        generator[first, second], generator[second, first] = -1, 1
        angle = (x * x).sum(axis=1) * speed / d
        turned = x.copy()
        for i, a in enumerate(angle):
            turned[i] = linalg.expm(generator * a) @ x[i] if d > 2 else [
                math.cos(a) * x[i, 0] - math.sin(a) * x[i, 1], math.sin(a) * x[i, 0] + math.cos(a) * x[i, 1],
            ]  # fmt: skip
        return turned

    return turn


def gao_mixture(m):
    def sample(g, n):
        x = g.integers(0, m, (n, 1))
        return x, x + g.uniform(0, 2, (n, 1))

    return sample, math.log(m) - (m - 1) / m * math.log(2)


def zero_inflated_poisson(p):
    def sample(g, n):
        x = g.exponential(size=(n, 1))
        return x, np.where(g.random((n, 1)) < p, 0, g.poisson(x))

    # Of y = Poisson(x), x exponential, y is geometric: H(y) = 2 ln 2, less the mean entropy of a Poisson.
    return sample, (1 - p) * 0.301244773


NORMAL = multinormal([[1, 0.75], [0.75, 1]], 1)

TASKS = [
    Task("normal 1x1", *NORMAL),
    Task("normal CDF 1x1", *through(NORMAL, stats.norm.cdf)),
    Task("bimodal 1x1", *through(NORMAL, bimodal(0.3, 0, 5), bimodal(0.5, -1, 3))),
    Task("wiggly 1x1", *through(NORMAL, wiggly_x, wiggly_y)),
    Task("half-cube 1x1", *through(NORMAL, half_cube)),
    Task("swissroll 2x1", *through(NORMAL, swissroll, stats.norm.cdf)),
    Task("additive uniform 0.1", *additive_uniform(0.1)),
    Task("additive uniform 0.75", *additive_uniform(0.75)),
    Task("Student 1x1 df=1", *student(1, 1)),
    Task("asinh Student 1x1 df=1", *through(student(1, 1), np.arcsinh)),
    Task("Student 2x2 df=1", *student(2, 1)),
    Task("asinh Student 2x2 df=1", *through(student(2, 1), np.arcsinh)),
    Task("Student 2x2 df=2", *student(2, 2)),
    Task("Student 3x3 df=2", *student(3, 2)),
    Task("asinh Student 3x3 df=2", *through(student(3, 2), np.arcsinh)),
    Task("Student 3x3 df=3", *student(3, 3)),
    Task("multinormal dense 2x2", *dense(2)),
    Task("multinormal dense 3x3", *dense(3)),
    Task("multinormal 2-pair 2x2", *pairs(2)),
    Task("multinormal 2-pair 3x3", *pairs(3)),
    Task("half-cube 2-pair 3x3", *through(pairs(3), half_cube)),
    Task("normal CDF 2-pair 3x3", *through(pairs(3), stats.norm.cdf)),
    Task("spiral 2-pair 3x3", *through(pairs(3), spiral(0, 1), spiral(1, 2))),
]

HIGH_DIMENSIONAL = [
    Task("multinormal dense 5x5", *dense(5)),
    Task("multinormal dense 25x25", *dense(25)),
    Task("multinormal dense 50x50", *dense(50)),
    Task("multinormal 2-pair 5x5", *pairs(5)),
    Task("multinormal 2-pair 25x25", *pairs(25)),
    Task("half-cube 2-pair 25x25", *through(pairs(25), half_cube)),
    Task("normal CDF 2-pair 5x5", *through(pairs(5), stats.norm.cdf)),
    Task("Student 5x5 df=2", *student(5, 2)),
    Task("asinh Student 5x5 df=2", *through(student(5, 2), np.arcsinh)),
    Task("Student 5x5 df=3", *student(5, 3)),
]

MIXED = [
    *(Task(f"mixture of {m}", *gao_mixture(m), "mixed") for m in (2, 3, 5, 10)),
    *(Task(f"zero-inflated Poisson {p}", *zero_inflated_poisson(p), "mixed") for p in (0, 0.15, 0.7)),
]
