"""The verdict on a server's answer in words: what was found in it, how it was sampled, whether it left its own numbers.

The terminal and the page say the same rows. Evidence is the E_t of `uncertainty.Drift`: by what a bet that the text
does not follow the reported numbers has multiplied its stake after t tokens; no unit.
"""

import math
from collections.abc import Iterator

from entropist.record import Trace
from entropist.report._summary import grouped, percent
from entropist.report._visible import one_line
from entropist.uncertainty import Consistency, Drift

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def verdict_rows(trace: Trace, found: Consistency | None) -> Iterator[tuple[str, str]]:
    """(name, text) of each thing that can be said; `found` is None where no token has a list. Safe to show."""
    told = trace.metadata.declaration
    if told is None or not told.findings:
        yield "findings", "none"
    else:
        for finding in told.findings:
            yield "found", one_line(str(finding))
    if found is None:
        yield "sampling", "cannot tell: no token has a list of alternatives"
        return
    yield "numbers", f"{found.verdict}: {found.evidence}"
    yield (
        "sampling",
        f"z = {found.z:+.2f} (0 ± 1 where the text was sampled from these numbers); the likeliest token was taken "
        f"{percent(found.top_rate)} of the time, expected {percent(found.expected_top_rate)}",
    )
    if found.cut is not None:
        at = f"{found.cut.at:.0f}" if found.cut.kind == "top-k" else f"{found.cut.at:.2f} or a little more"
        yield "cut", f"{found.cut.kind} near {at} (p = {found.cut.p_value:.1g})"
    yield "drift", drift_words(found.drift)


def drift_words(chart: Drift) -> str:
    """Whether and where the alarm went off, and how far the evidence came."""
    most, at = factor(float(chart.log_e.max())), factor(-math.log(chart.false_alarm_rate))
    if chart.alarm is None:
        evidence = f"the evidence that the text does not follow these numbers was {most} at most"
        return f"no alarm: {evidence}, the alarm is at {at}"
    return (
        f"ALARM at token {grouped(chart.alarm)}: there the evidence that the text does not follow these numbers passed "
        f"{at}, the most it reached is {most} (a text that follows them sets it off in "
        f"{percent(chart.false_alarm_rate)} of cases at most)"
    )


def factor(log_value: float) -> str:
    """A factor, given its natural logarithm, for reading: three significant digits, or the nearest power of ten.

    >>> factor(0.0), factor(-4.6), factor(2302.6)
    ('1', '0.0101', '10¹⁰⁰⁰')
    """
    power = log_value / math.log(10)
    return f"{math.exp(log_value):.3g}" if abs(power) < 2.999 else f"10{str(round(power)).translate(_SUPERSCRIPT)}"
