"""The picture of a drift chart: the evidence E_t after each token, and the line 1/α at which it sets off the alarm.

E_t is a factor without unit (`uncertainty.Drift`), drawn on a logarithmic scale from α to 1/α³: what lies beyond runs
along the edge, and the words beside the picture say how far it came. Plain SVG with classes, read without a script and
in print; every text in it is a number or ours.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np

from entropist.report._summary import grouped
from entropist.report._verdict import factor
from entropist.uncertainty import Drift

WIDTH, HEIGHT = 340.0, 150.0
_LEFT, _RIGHT, _TOP, _FLOOR = 40.0, 332.0, 8.0, 128.0
_LOWEST, _HIGHEST = -1, 3  # in heights of the alarm above the evidence of 1
_POINTS = 400


def drift_picture(chart: Drift, tokens: int) -> str:
    """SVG of the chart of a text of so many tokens."""
    alarm = -math.log(chart.false_alarm_rate)
    seen = np.clip(chart.log_e, _LOWEST * alarm, _HIGHEST * alarm)
    low, high = min(0.0, float(seen.min())), max(alarm, float(seen.max()))
    pad = 0.06 * (high - low)

    def x(after: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * after / tokens

    def y(log_e: float) -> float:
        return _FLOOR - (_FLOOR - _TOP) * (log_e - low + pad) / (high - low + 2 * pad)

    # Of more tokens than can be told apart the most evidence of each few in a row, so that no alarm is lost.
    first = np.unique(np.linspace(0, len(seen), min(len(seen), _POINTS) + 1).astype(np.int64))[:-1]
    points = zip((chart.rows[first] + 1).tolist(), np.maximum.reduceat(seen, first).tolist())
    path = "".join(f"L{x(after):.1f} {y(value):.1f}" for after, value in points)
    parts = [*_axes(alarm, (low, high), y, tokens), f'<path class="curve" d="M{x(0):.1f} {y(0):.1f}{path}"/>']
    if chart.alarm is not None:
        parts.append(f'<circle class="alarm" cx="{x(chart.alarm + 1):.1f}" cy="{y(alarm):.1f}" r="4"/>')
    return (
        f'<svg class="drift" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="the evidence after each token, '
        f'and the line of the alarm">{"".join(parts)}</svg>'
    )


def _axes(alarm: float, ends: tuple[float, float], y: Callable[[float], float], tokens: int) -> Iterator[str]:
    """A rule at each power of 1/α inside `ends`, that of the alarm by name; below them the tokens."""
    for power in range(_LOWEST, _HIGHEST + 1):
        level = power * alarm
        if ends[0] <= level <= ends[1]:
            kind = "threshold" if power == 1 else "rule"
            yield f'<path class="{kind}" d="M{_LEFT:g} {y(level):.1f}H{_RIGHT:g}"/>'
            yield f'<text class="end" x="{_LEFT - 6:g}" y="{y(level) + 4:.1f}">{factor(level)}</text>'
    yield f'<text class="end" x="{_RIGHT:g}" y="{y(alarm) - 4:.1f}">alarm</text>'
    yield f'<text x="{_LEFT:g}" y="{_FLOOR + 16:g}">0</text>'
    yield f'<text class="end" x="{_RIGHT:g}" y="{_FLOOR + 16:g}">{grouped(tokens)} tokens</text>'
