"""The change test keeps its promised false-alarm rate over noisy servers, and finds a change soon."""

import numpy as np
import pytest

from campaigns import campaign
from certificates import certifies
from entropist.errors import InputError
from entropist.uncertainty import model_change

pytestmark = certifies("model_change")

SERVERS = campaign(1000, least=60)


def rounds(rng, base, count, noise):
    """Rounds of two canaries from a server whose logits jitter, as batching makes them."""
    made = []
    for _ in range(count):
        canaries = []
        for logits in base:
            z = logits + noise * rng.standard_normal(len(logits))
            z -= np.logaddexp.reduce(z)
            canaries.append({f"t{i}": z[i] for i in np.argsort(-z)[:8]})
        made.append(canaries)
    return made


def base(rng):
    return [rng.normal(0, 2, 30) for _ in range(2)]


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_false_alarms_are_as_rare_as_promised(noise, record_property):
    alarms = 0
    for seed in range(SERVERS):
        rng = np.random.default_rng(seed)
        alarms += model_change(rounds(rng, base(rng), 40, noise), false_alarm_rate=0.05, seed=seed).alarm is not None
    record_property("false alarms at 0.05", alarms / SERVERS)
    assert alarms / SERVERS <= 0.05 + 3 * (0.05 * 0.95 / SERVERS) ** 0.5


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_change_is_found_within_ten_rounds(noise, record_property):
    delays = []
    for seed in range(max(30, SERVERS // 5)):
        rng = np.random.default_rng(seed)
        before = base(rng)
        after = [logits + 0.3 * rng.standard_normal(len(logits)) for logits in before]
        change = model_change(rounds(rng, before, 40, noise) + rounds(rng, after, 12, noise), seed=seed)
        delays.append(np.inf if change.alarm is None else change.alarm - 39)
    record_property("median delay in rounds", float(np.median(delays)))
    assert np.mean(np.array(delays) <= 10) > 0.95
    assert np.mean(np.array(delays) <= 0) <= 0.05


def test_p_values_are_uniform_without_a_change():
    from scipy import stats

    values = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        values.extend(model_change(rounds(rng, base(rng), 30, 0.02), seed=seed).p_values[5:])
    assert stats.kstest(values, "uniform").pvalue > 1e-3


def test_equal_rounds_and_equal_seeds_give_equal_answers():
    rng = np.random.default_rng(0)
    made = rounds(rng, base(rng), 12, 0.02)
    first, second = model_change(made), model_change(made)
    np.testing.assert_array_equal(first.log_e, second.log_e)
    assert model_change([]).alarm is None
    with pytest.raises(InputError, match="same canaries"):
        model_change([made[0], made[1][:1]])
    with pytest.raises(InputError, match="false_alarm_rate"):
        model_change(made, false_alarm_rate=1.0)
