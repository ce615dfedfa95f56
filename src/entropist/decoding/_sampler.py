"""`Sampler`: a chain at work. It draws one token after the other and remembers them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.decoding._chain import MIROSTATS, Chain, mirostat_settings
from entropist.decoding._decoder import Choice
from entropist.decoding._mirostat import mirostat_1, mirostat_2
from entropist.decoding._row import Row, drawn

_MIROSTAT = {"mirostat_1": mirostat_1, "mirostat_2": mirostat_2}


class Sampler:
    """A decoder that draws from what a chain keeps, by the inverse of the cumulative probabilities, in token order.

    Made by `Chain.start`. `previous` are the ids so far; `mu` is mirostat's threshold in bits, None without one. The
    same chain, seed and logits give the same tokens.

    >>> import numpy as np
    >>> from entropist.decoding import chain
    >>> sampler = chain({"top_k": 1}).start(seed=0)
    >>> sampler.choose(np.array([0.0, 3.0, 1.0])).token
    1
    """

    def __init__(self, chain: Chain, seed: int | np.random.Generator = 0, previous: Iterable[int] = ()) -> None:
        self.chain = chain
        self.previous = [int(each) for each in previous]
        self._random = np.random.default_rng(seed)
        last = chain.steps[-1] if chain.steps else None
        self._mirostat = _MIROSTAT[last.name] if last and last.name in MIROSTATS else None
        self._tau, self._eta = mirostat_settings(last) if last and self._mirostat else (0.0, 0.0)
        self.mu: float | None = 2 * self._tau if self._mirostat else None

    def accept(self, ids: Sequence[int]) -> None:
        """Token ids that came from elsewhere: they count as previous from now on."""
        self.previous.extend(int(each) for each in ids)

    def choose(self, logits: NDArray[Any]) -> Choice:
        """The next token, drawn from `logits` (vocabulary,), the model's, masked by -inf.

        Raises `InputError` for another shape, NaN, +inf or nothing but -inf.
        """
        row = Row(logits)
        kept = self.chain.before_mirostat(np.asarray(logits), self.previous, self._random)
        if self._mirostat is not None and self.mu is not None:
            kept = self._mirostat(kept, self.mu)
        choice = row.chosen(drawn(kept, self._random), kept, "", "")
        if self.mu is not None:
            self.mu -= self._eta * (-choice.kept_logprob / math.log(2) - self._tau)
        self.previous.append(choice.token)
        return choice
