"""What chooses the next token: `Decoder`, and `Choice`, what it says of every token chosen. Nats throughout."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray


@dataclass(frozen=True)
class Choice:
    """A token and what was known when it was chosen.

    `logprob`, `entropy`, `varentropy` and `rank` (0 for the most likely) are of the model's own distribution, at
    temperature 1; `kept_logprob` and `kept_entropy` of the one the chain left; `kept_mass` is the probability, under
    the model, of the `kept` tokens that the chain left. `rule` and `reason` say which rule of an adaptive decoder
    fired, and why; a plain chain leaves them empty. A rule that forces a token (the likeliest, a cue) keeps that one.
    """

    token: int
    logprob: float
    kept_logprob: float
    entropy: float
    kept_entropy: float
    varentropy: float
    kept_mass: float
    kept: int
    rank: int
    rule: str = ""
    reason: str = ""


class Decoder(Protocol):
    """Whatever picks tokens one after the other and remembers them."""

    def choose(self, logits: NDArray[Any]) -> Choice:
        """The next token, of `logits` (vocabulary,): the model's, masked by -inf. The token counts as previous."""
        ...

    def accept(self, ids: Sequence[int]) -> None:
        """Token ids that came from elsewhere, such as a prompt: they count as previous from now on."""
        ...
