"""How often the interval of a clustered mean covers: documents of unequal length, each with a level of its own.

A document's mean surprisal is drawn around 3, its tokens around that; longer documents may be easier. The true value is
the ratio of expectations. The error that takes tokens for independent is the negative control.
"""

import math

import numpy as np
import pytest
from scipy import stats

from campaigns import campaign
from certificates import certifies
from entropist import estimators

pytestmark = certifies("clustered_means")

LEVEL = 0.95
# How far below nominal the coverage may lie: few groups of lengths so unequal that one may hold a third of the tokens.
ALLOWED = {8: 0.025, 20: 0.025, 100: 0.015, 400: 0.008}


def documents(groups, spread, easier, generator):
    """Tokens of all documents and which document each is of; lengths are lognormal of that spread."""
    z = generator.normal(size=groups)
    lengths = np.maximum(1, np.rint(30 * np.exp(spread * z))).astype(int)
    level = 3 + 0.5 * generator.normal(size=groups) - easier * z
    owner = np.repeat(np.arange(groups), lengths)
    return level[owner] + generator.normal(size=len(owner)), owner


def truth(spread, easier):
    """E[length · level] / E[length] for a lognormal length: the level at z shifted by the spread."""
    return 3 - easier * spread


def z_score(hits, trials, probability):
    return (hits - trials * probability) / math.sqrt(trials * probability * (1 - probability))


@pytest.mark.parametrize("groups", ALLOWED)
@pytest.mark.parametrize(("spread", "easier"), [(0.0, 0.0), (0.5, 0.0), (0.5, 0.3), (0.8, 0.2)])
def test_the_interval_covers(groups, spread, easier, record_property):
    generator, trials, given, hits, naive = (
        np.random.default_rng([groups, int(10 * spread)]),
        campaign(4000, 200),
        0,
        0,
        0,
    )
    reach = stats.t.ppf(0.5 + LEVEL / 2, groups - 1)
    for _ in range(trials):
        values, owner = documents(groups, spread, easier, generator)
        found = estimators.clustered_mean(values, owner)
        error = abs(found.value - truth(spread, easier))
        naive += error <= 1.96 * values.std() / math.sqrt(len(values))
        if found.stderr is not None:
            given += 1
            hits += error <= reach * found.stderr
    record_property("coverage", hits / max(1, given))
    record_property("share_with_an_interval", given / trials)
    record_property("coverage_of_the_independent_error", naive / trials)
    assert z_score(naive, trials, LEVEL - 0.1) < -3.5
    assert z_score(given - hits, trials, 0.075) < 3.5, f"{given - hits} of {trials} intervals are wrong"
    if 2 * given > trials:
        assert z_score(hits, given, LEVEL - ALLOWED[groups]) > -3.5, f"covers {hits / given:.4f}"
        assert z_score(hits, given, LEVEL) < 4.5, f"covers {hits / given:.4f}"
