"""Is a text what sampling from its reported distributions gives? One answer is enough to ask.

    z = Σ (surprisal − entropy) / √(Σ varentropy),

on the grouped distribution of each token (its list and one "other"), is standard normal for long texts if
the tokens were sampled from what is reported: far below 0 they are colder (greedy, T < 1, top-p), far above
hotter. Beside it the sampling temperature with its interval, whether the tail was cut, and when it drifted.

When this misleads: a text that nobody sampled (a book, a prompt) is no failure of a server; a short or a
nearly certain answer says little, and its interval says so.
"""

import math
from dataclasses import dataclass

from entropist.errors import InputError
from entropist.record import Trace
from entropist.results import Estimate
from entropist.uncertainty._cut import Cut, cuts
from entropist.uncertainty._drift import Drift, drift
from entropist.uncertainty._grouped import grouped
from entropist.uncertainty._sampling_temperature import sampling_temperature

_CUT_SIGNIFICANCE = 1e-3  # a cut is named below this


@dataclass(frozen=True)
class Consistency:
    """What one answer says about how it was sampled.

    `z` and its two-sided `p_value` (asymptotic normal); `temperature` relative to the reported numbers (1
    where they are what was sampled from); `top_rate`, how often the most likely token was emitted, and
    `expected_top_rate`; `cut`, top-k or top-p where the evidence is strong; `drift`, the chart and its alarm;
    `verdict`, "raw", "processed" or "cannot tell", with the `evidence` in words.
    """

    z: float
    p_value: float
    n: int
    temperature: Estimate
    top_rate: float
    expected_top_rate: float
    cut: Cut | None
    drift: Drift
    verdict: str
    evidence: str


def sampling_consistency(
    trace: Trace, *, declared_temperature: float | None = None, false_alarm_rate: float = 0.01
) -> Consistency:
    """Compare the emitted tokens of `trace` with the distributions reported for them.

    `declared_temperature` is the one the text was asked for, by default what the record declares. "raw": the
    log-probabilities are the model's own, before temperature and sampler; "processed": after.

    Raises `InputError` where no token has a list of alternatives.

    >>> import entropist as en
    >>> text = "The old lighthouse keeper climbed the stairs, lit the lamp, and looked out over the sea."
    >>> sampling_consistency(en.trace(text)).verdict
    'cannot tell'
    """
    if not 0 < false_alarm_rate < 1:
        raise InputError(f"false_alarm_rate {false_alarm_rate!r} must lie between 0 and 1, such as 0.01.")
    if declared_temperature is None:
        declared_temperature = _declared(trace)
    elif not declared_temperature >= 0:
        raise InputError(f"declared_temperature {declared_temperature!r} must be 0 or more.")
    tokens = grouped(trace)
    entropy, varentropy = tokens.moments()
    n, variance = len(tokens.rows), float(varentropy.sum())
    excess = float((tokens.surprisal - entropy).sum())
    z = excess / math.sqrt(variance) if variance > 0 else 0.0 if excess == 0 else math.copysign(math.inf, excess)
    temperature = sampling_temperature(tokens)
    named = [cut for cut in cuts(tokens) if cut.p_value < _CUT_SIGNIFICANCE]
    verdict, evidence = _verdict(temperature, declared_temperature)
    return Consistency(
        z=z,
        p_value=math.erfc(abs(z) / math.sqrt(2)),
        n=n,
        temperature=temperature,
        top_rate=float((tokens.chosen == 0).mean()),
        expected_top_rate=float(tokens.probabilities[:, 0].mean()),
        cut=min(named, key=lambda cut: cut.p_value, default=None),
        drift=drift(tokens, false_alarm_rate),
        verdict=verdict,
        evidence=evidence,
    )


def _declared(trace: Trace) -> float | None:
    declaration = getattr(trace.metadata, "declaration", None)
    return None if declaration is None else declaration.temperature


def _verdict(temperature: Estimate, declared: float | None) -> tuple[str, str]:
    """Raw numbers show the temperature that was asked for, processed ones show 1."""
    if not temperature.n:
        return "cannot tell", f"no sampling temperature: {temperature.reason}"
    low, high = temperature.confidence_interval()
    seen = f"the emitted tokens have temperature {temperature.value:.2f} [{low:.2f}, {high:.2f}] against these numbers"
    has_one = low <= 1 <= high
    if declared is None:
        if has_one:
            return "cannot tell", f"{seen}, which is that of processed numbers, or of raw ones sampled at 1"
        return "raw", f"{seen}: processed numbers would have 1"
    if declared == 1:
        return "cannot tell", f"{seen}; at a declared temperature of 1 raw and processed numbers are the same"
    has_declared = low <= declared <= high
    if has_declared and not has_one:
        return "raw", f"{seen}: the declared {declared:g}, and not the 1 of processed numbers"
    if has_one and not has_declared:
        return "processed", f"{seen}: 1, and not the declared {declared:g} of raw numbers"
    if has_one:
        return "cannot tell", f"{seen}, which holds both 1 and the declared {declared:g}"
    return "cannot tell", f"{seen}: neither 1 nor the declared {declared:g}, so the text was sampled in another way"
