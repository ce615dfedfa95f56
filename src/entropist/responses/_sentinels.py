"""Numbers that stand for "not said": a bound, never a value.

| number | who writes it |
|---|---|
| -9999.0 | OpenAI and vLLM, where the emitted token is not listed or was -inf |
| -3.4028235e38, the lowest float32 | llama.cpp, where a probability is 0 |
| -inf | Hugging Face `scores`, masked tokens |
| below -745.13 | e to it is 0 in float64: masks such as -1e10 or -65504, and nothing a sampler emits |
| -100.0 exactly | clients that fill gaps (lm-polygraph) |

-100.0 is taken for a gap only where no other log-probability of the answer lies below it: among values such as
-99.9 and -100.1 it is one of them. Taking a true -100 for a gap costs nothing but width, for its
surprisal lies inside the bound.
"""

import numpy as np
from numpy.typing import NDArray

from entropist.responses._evidence import Evidence
from entropist.responses._json import MINUS_INFINITY

UNDERFLOW = -745.13
"""e to a number below this is 0 in float64."""
_GAP = -100.0


def censor(evidence: Evidence) -> None:
    """Take the sentinels out of `logprob` and `listed`, and keep which there were."""
    gap = not any(bool(((v < _GAP) & (v >= UNDERFLOW)).any()) for v in (evidence.logprob, evidence.listed))
    with np.errstate(invalid="ignore"):
        emitted = (evidence.logprob < UNDERFLOW) | (gap & (evidence.logprob == _GAP))
        listed = ((evidence.listed < UNDERFLOW) | (gap & (evidence.listed == _GAP))) & (evidence.tokens >= 0)
    _keep(np.concatenate([evidence.logprob[emitted], evidence.listed[listed]]), evidence)
    evidence.listed[listed] = -np.inf
    evidence.tokens[listed] = -1
    evidence.logprob[emitted] = np.nan
    rows = np.flatnonzero(listed.any(axis=1))
    order = np.argsort(listed[rows], axis=1, kind="stable")  # the gaps go to the end
    for values in (evidence.tokens, evidence.listed):
        values[rows] = np.take_along_axis(values[rows], order, axis=1)
    evidence.counts -= listed.sum(axis=1)
    evidence.censored |= evidence.scored & np.isnan(evidence.logprob) & ~evidence.unmarked


def _keep(values: NDArray[np.float64], evidence: Evidence) -> None:
    for value, count in zip(*np.unique(values, return_counts=True)):
        name = _name(float(value))
        evidence.sentinels[name] = evidence.sentinels.get(name, 0) + int(count)


def _name(value: float) -> str:
    if value == MINUS_INFINITY:
        return "-inf"
    if value == -np.inf:
        return "null"
    if -3.5e38 < value < -3.4e38:
        return "-3.4028235e38"
    return f"{value:g}"
