"""What the rooms above may ask of a language model, wherever its weights come from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from entropist.provenance import Identity


@dataclass(frozen=True)
class Tokens:
    """A text in tokens: ids (tokens,), the byte after each token's last one (tokens,), and whether
    the tokens' vocabulary entries put together are the text itself."""

    ids: NDArray[np.int32]
    end_bytes: NDArray[np.int64]
    lossless: bool

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Head:
    """The last step of a model: logits = softcap·tanh(z / softcap), z = scale·(hidden · weightᵀ + bias).

    weight: (vocabulary, hidden); bias: (vocabulary,) or None; `softcap` None for none.
    """

    weight: Any
    bias: Any = None
    softcap: float | None = None
    scale: float = 1.0

    def __call__(self, hidden: Any) -> Any:
        """Logits (tokens, vocabulary) of hidden states (tokens, hidden)."""
        z = hidden @ self.weight.T
        if self.bias is not None:
            z = z + self.bias
        if self.scale != 1.0:
            z = z * self.scale
        return z if self.softcap is None else self.softcap * (z / self.softcap).tanh()


class LanguageModel(Protocol):
    """A causal language model: text to tokens, tokens to next-token logits."""

    identity: Identity
    """Which model this is: name, fingerprints, dtype, versions."""
    vocabulary_size: int
    """Entries of the output layer: the length of a row of logits."""
    context: int | None
    """Positions the model was made for, BOS included; None where it has no limit."""
    bos_id: int | None
    """The token that may lead every window; None where the model has none."""
    head: Head | None
    """From hidden states to logits; None where that step is not of a known form."""
    module: Any
    """The torch module; None where there is none."""
    directory: Path | None
    """Where it was read from; None where that was no directory."""

    def tokenize(self, text: str) -> Tokens:
        """Tokens of `text`, every byte of it accounted for; nothing is added, marks in it are plain text."""
        ...

    def piece(self, token_id: int) -> bytes:
        """The bytes of a vocabulary entry; empty for an id without one."""
        ...

    def logits(self, ids: NDArray[np.int32], start: int = 0) -> Iterator[Any]:
        """Next-token logits after each of `ids` (tokens,) from `start` on, in blocks (rows, vocabulary), in order."""
        ...

    def hidden(self, ids: NDArray[np.int32]) -> Any:
        """What `head` takes: the normalised states of the last layer, (tokens, hidden).

        Windows of one length may go together: ids (windows, tokens) give (windows, tokens, hidden).
        """
        ...
