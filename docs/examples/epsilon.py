"""An epsilon inside the logarithm, and what it does."""

import numpy as np

import entropist as en


def with_epsilon(p, epsilon):
    """The entropy as many programs write it."""
    return -(p * np.log(p + epsilon)).sum()


certain, peaked, uniform = np.eye(4)[0], np.array([0.97, 0.01, 0.01, 0.01]), np.full(50_000, 1 / 50_000)
print(f"{'epsilon':>8} {'certain':>10} {'peaked':>10} {'50 000 equal':>13}")
print(f"{'none':>8} {en.entropy(certain):>10.6f} {en.entropy(peaked):>10.6f} {en.entropy(uniform):>13.6f}")
for epsilon in (1e-12, 1e-8, 1e-6, 1e-4):
    values = [with_epsilon(p, epsilon) for p in (certain, peaked, uniform)]
    print(f"{epsilon:>8.0e} {values[0]:>10.1e} {values[1]:>10.6f} {values[2]:>13.6f}")
