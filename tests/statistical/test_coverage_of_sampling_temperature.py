"""The temperature interval covers, z is standard normal and the alarm keeps its rate, on texts from builtin:base."""

from functools import cache

import numpy as np
import pytest
from scipy import stats

from campaigns import campaign
from certificates import certifies
from entropist.uncertainty._cut import cuts
from entropist.uncertainty._drift import drift
from entropist.uncertainty._sampling_temperature import sampling_temperature
from samples import as_grouped, sampled_lists

pytestmark = certifies("sampling_consistency")

TEXTS = campaign(1000, least=40)
FEW = min(TEXTS, 250)
TEMPERATURES = [0.3, 0.5, 0.7, 1.0, 1.3, 1.5]


@cache
def texts(temperature, count=TEXTS, **options):
    parts = [
        sampled_lists(min(250, count - start), 300, temperature, seed=start + round(1000 * temperature), **options)
        for start in range(0, count, 250)
    ]
    return [np.concatenate(part) for part in zip(*parts)]


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_temperature_interval_covers(temperature, record_property):
    lists, chosen = texts(temperature)
    for k in (5, 20):
        for length in (100, 300):
            hits = 0
            for row in range(TEXTS):
                estimate = sampling_temperature(as_grouped(lists[row], chosen[row], k, length))
                low, high = estimate.confidence_interval()
                hits += low <= temperature <= high
            record_property(f"coverage, k={k}, {length} tokens", hits / TEXTS)
            # 92.5 % at the full size; fewer texts scatter, so a small campaign allows three standard errors of 95 %.
            assert hits / TEXTS >= min(0.925, 0.95 - 3 * (0.95 * 0.05 / TEXTS) ** 0.5)


def test_z_is_standard_normal_and_the_alarm_keeps_its_rate(record_property):
    lists, chosen = texts(1.0)
    scores, alarms = [], 0
    for row in range(TEXTS):
        tokens = as_grouped(lists[row], chosen[row], 20, 300)
        entropy, varentropy = tokens.moments()
        scores.append((tokens.surprisal - entropy).sum() / np.sqrt(varentropy.sum()))
        alarms += drift(tokens, 0.05).alarm is not None
    record_property("sd of z", float(np.std(scores)))
    record_property("false alarms at 0.05", alarms / TEXTS)
    assert stats.kstest(scores, "norm").pvalue > 1e-3
    assert alarms / TEXTS <= 0.05 + 3 * (0.05 * 0.95 / TEXTS) ** 0.5


@pytest.mark.parametrize("temperature", [0.5, 1.5])
def test_another_temperature_sets_off_the_alarm(temperature, record_property):
    lists, chosen = texts(temperature)
    alarms = [drift(as_grouped(lists[row], chosen[row], 20, 300), 0.01).alarm for row in range(TEXTS)]
    record_property("alarms at 0.01", np.mean([alarm is not None for alarm in alarms]))
    assert np.mean([alarm is not None for alarm in alarms]) > 0.9


def test_cuts_are_found_where_they_are_and_not_where_they_are_not(record_property):
    def rates(row_texts, least=1e-3):
        lists, chosen = row_texts
        found = []
        for row in range(FEW):
            tokens = as_grouped(lists[row], chosen[row], 20, 300)
            found.append([cut.p_value < least for cut in cuts(tokens)])
        return np.mean(found, axis=0)

    for temperature in (0.7, 1.0, 1.3):
        assert max(rates(texts(temperature))) <= 0.01 + 3 * (0.01 / TEXTS) ** 0.5
    with_top_k = rates(texts(1.0, FEW, top_k=5))
    with_top_p = rates(texts(1.0, FEW, top_p=0.5))
    record_property("top-k 5 found", float(with_top_k[0]))
    record_property("top-p 0.5 found", float(with_top_p[1]))
    assert with_top_k[0] > 0.9
    assert with_top_p[1] > 0.9
