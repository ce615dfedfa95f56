"""`Evidence`: the numbers of an answer as arrays, with what may be believed of each position.

n positions, lists padded to k. What is not told is -inf in `listed` and NaN in `logprob`. The checks in
`_checks` and `_sentinels` narrow the flags; the bounds in `_bounds` use what is left.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.record import Finding
from entropist.responses._rows import Rows
from entropist.responses._tokens import Vocabulary

_MOST_ENTRIES = 20_000_000  # of lists padded to the longest

ROUNDING = 1e-4
"""Log-probabilities and masses are compared to this: servers print four digits or more."""


@dataclass
class Evidence:
    """Positions of an answer; arrays are changed in place by the checks.

    emitted (n,), tokens (n, k): places in the vocabulary, -1 for none. logprob (n,), listed (n, k), in nats,
    lists descending. counts (n,): alternatives told. scored: something predicted the token. censored: its
    log-probability was not told. believed: the list can be a distribution's. top: no token outside of the list
    is likelier than its last. beside: the emitted token is told and not in the list. unmarked: the server does not
    mark which token was emitted. keyed: the list is an object keyed by texts. low, high (n,): bounds of the surprisal
    that hold in place of `logprob`, NaN where there are none.
    """

    emitted: NDArray[np.int32]
    tokens: NDArray[np.int32]
    logprob: NDArray[np.float64]
    listed: NDArray[np.float64]
    counts: NDArray[np.int64]
    scored: NDArray[np.bool_]
    censored: NDArray[np.bool_]
    believed: NDArray[np.bool_]
    top: NDArray[np.bool_]
    beside: NDArray[np.bool_]
    unmarked: NDArray[np.bool_]
    keyed: NDArray[np.bool_]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    findings: list[Finding]
    sentinels: dict[str, int]

    def find(self, kind: str, where: NDArray[np.bool_], message: str) -> None:
        """Add a finding about the positions `where`, if there are any."""
        if where.any():
            self.findings.append(Finding(kind, int(where.argmax()), int(where.sum()), message))


def evidence(rows: Rows, words: Vocabulary) -> Evidence:
    """The arrays of `rows`, nothing checked yet."""
    n, counts = len(rows), np.array(rows.counts, np.int64)
    k = int(counts.max(initial=0))
    if n * k > max(_MOST_ENTRIES, 8 * int(counts.sum())):
        raise InputError(
            f"one of the {n} tokens has {k} alternatives and the others far fewer: ask for as many at each token."
        )
    inside = np.arange(k) < counts[:, None]
    tokens = np.full((n, k), -1, np.int32)
    tokens[inside] = words.listed
    listed = np.full((n, k), -np.inf)
    told = np.array(rows.listed.logprobs, np.float64)
    listed[inside] = np.where(np.isnan(told), -np.inf, told)
    logprob = np.array(rows.emitted.logprobs, np.float64)
    unmarked = np.zeros(n, np.bool_)
    unmarked[rows.unmarked] = True
    logprob[unmarked] = np.nan
    keyed = np.zeros(n, np.bool_)
    for part in rows.keyed_by_text:
        keyed[part.start : part.stop] = True
    return Evidence(
        emitted=words.emitted.copy(), tokens=tokens, logprob=logprob, listed=listed, counts=counts,
        scored=~np.isnan(logprob) | (counts > 0), censored=np.zeros(n, np.bool_), believed=np.ones(n, np.bool_),
        top=np.ones(n, np.bool_), beside=np.zeros(n, np.bool_), unmarked=unmarked, keyed=keyed, low=np.full(n, np.nan),
        high=np.full(n, np.nan), findings=list(rows.findings), sentinels={},
    )  # fmt: skip
