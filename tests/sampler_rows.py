"""Rows of logits on which samplers are compared: smooth, tied, masked, certain and flat, float32."""

import numpy as np

VOCABULARIES = (1, 2, 3, 8, 31, 128, 997)


def smooth(g, shape):
    return g.normal(0, g.choice([0.5, 2.0, 5.0]), shape)


def zipf(g, shape):
    return g.permuted(np.broadcast_to(-1.1 * np.log1p(np.arange(shape[-1])), shape), axis=-1) + g.normal(0, 0.3, shape)


def tied(g, shape):
    return g.integers(-3, 4, shape) * 0.5


def equal(g, shape):
    return np.full(shape, g.normal())


def certain(g, shape):
    z = g.normal(0, 1, shape)
    z[..., g.integers(shape[-1])] += 25
    return z


def masked(g, shape):
    z = np.where(g.random(shape) < 0.4, -np.inf, g.normal(0, 3, shape))
    z[..., g.integers(shape[-1])] = 1.0
    return z


def few_probabilities(g, shape):
    """ln of small whole numbers, so that masses meet round thresholds to the last bit or miss them by rounding."""
    return np.log(g.integers(1, 5, shape))


KINDS = (smooth, zipf, tied, equal, certain, masked, few_probabilities)
ROUND = (0.1, 0.2, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95)


def batches(cases, seed, rows=20):
    """`cases` rows in all, in arrays (rows, vocabulary), every kind at every size; with the generator."""
    g = np.random.default_rng(seed)
    for i in range(-(-cases // rows)):
        kind = KINDS[i % len(KINDS)]
        vocabulary = VOCABULARIES[(i + i // len(KINDS)) % len(VOCABULARIES)]
        yield kind(g, (rows, vocabulary)).astype(np.float32), g


def fraction(g, low=0.02, high=0.98):
    """A share: round half of the time, so that rounding at the cut is met."""
    return float(g.choice(ROUND)) if g.random() < 0.5 else float(g.uniform(low, high))
