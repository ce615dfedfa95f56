"""`View`: what every picture of a trace draws from, worked out once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from entropist.record import Trace
from entropist.report._cells import shown_texts
from entropist.report._scales import Scale, ends, scales
from entropist.report._visible import byte_chips, is_part, visible
from entropist.units import per_nat


@dataclass(frozen=True)
class Alternative:
    """A token the model might have expected: its id, its vocabulary entry with visible blanks, its probability."""

    id: int
    text: str
    probability: float


@dataclass(frozen=True)
class Note:
    """A fact in every token's card: its name, and for each token a text that can do no harm, "" for none."""

    label: str
    texts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class View:
    """A trace in a unit of information, with the text that each of its tokens shows.

    Where more is known than a trace holds, `further` are more ways to colour, `notes` what the cards say besides.
    """

    trace: Trace
    unit: str
    further: tuple[Scale, ...] = ()
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        per_nat(self.unit)  # an unknown unit fails here, before anything is drawn

    def __len__(self) -> int:
        return len(self.trace)

    @cached_property
    def token_bytes(self) -> list[bytes]:
        """The bytes of the text that each token covers."""
        return list(self.trace.table["token_bytes"].to_pylist())

    @cached_property
    def texts(self) -> list[str]:
        """What each token shows: safe, newlines and tabs kept; put together, the text."""
        return shown_texts(self.token_bytes)

    @cached_property
    def scales(self) -> list[Scale]:
        """The ways to colour it; the first is the surprisal."""
        return [*scales(self.trace, self.unit), *self.further]

    @cached_property
    def surprisal(self) -> NDArray[np.float64]:
        """Surprisal in the view's unit, the least it can be where it was censored: (tokens,), NaN for context."""
        return self._ends["surprisal"][0]

    @cached_property
    def is_censored(self) -> NDArray[np.bool_]:
        """Where the source told only how probable a token is at most: (tokens,)."""
        low, high = self._ends["surprisal"]
        return np.asarray(low < high)

    @cached_property
    def _ends(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        return {name: ends(self.trace, name, self.unit) for name in ("surprisal", "entropy")}

    def is_cut(self, name: str) -> bool:
        """Whether the surprisal or entropy of a scored token has bounds and no value."""
        low, high = self._ends[name]
        return bool((low < high).any())

    def amount(self, name: str, token: int, decimals: int = 3) -> str:
        """The surprisal or entropy of a token: its value, or what is known of it."""
        low, high = (float(end[token]) for end in self._ends[name])
        if low == high or low != low:
            return "-" if low != low else f"{low:.{decimals}f}"
        return f"≥{low:.{decimals}f}" if high == np.inf else f"{low:.{decimals}f}–{high:.{decimals}f}"

    @cached_property
    def alternative_counts(self) -> NDArray[np.int64]:
        """How many alternatives each token has: (tokens,)."""
        return np.asarray(pc.fill_null(pc.list_value_length(self.trace.table["top_ids"]), 0), np.int64)

    @cached_property
    def _alternative_ends(self) -> NDArray[np.int64]:
        return np.cumsum(self.alternative_counts)

    @cached_property
    def alternative_ids(self) -> NDArray[np.int64]:
        """Ids of the alternatives of all tokens, one token's after the other's."""
        return np.asarray(pc.list_flatten(self.trace.table["top_ids"]), np.int64)

    @cached_property
    def alternative_logprobs(self) -> NDArray[np.float32]:
        """ln p of the alternatives, in nats, paired with `alternative_ids`."""
        return np.asarray(pc.list_flatten(self.trace.table["top_logprobs"]), np.float32)

    def name(self, token: int) -> str:
        """A token by itself, on one line: visible blanks, or its bytes where it only continues a character."""
        shown = self.texts[token]
        return byte_chips(self.token_bytes[token]) if is_part(shown) else visible(shown)

    def piece(self, token_id: int) -> str:
        """The vocabulary entry of an id with visible blanks; its number where the entry is empty."""
        return visible("".join(shown_texts([self.trace.pieces.get(token_id, b"")]))) or f"⟨id {token_id}⟩"

    def alternatives(self, token: int, most: int) -> list[Alternative]:
        """Up to `most` alternatives of a token, the likeliest first."""
        count = int(self.alternative_counts[token])
        begin = int(self._alternative_ends[token]) - count
        end = begin + min(most, count)
        pairs = zip(self.alternative_ids[begin:end].tolist(), np.exp(self.alternative_logprobs[begin:end]).tolist())
        return [Alternative(token_id, self.piece(token_id), probability) for token_id, probability in pairs]

    def most_surprising(self, most: int) -> list[int]:
        """The tokens with the largest surprisal, the largest first; of equals the earlier one first."""
        scored = np.flatnonzero(~np.isnan(self.surprisal))
        return [int(token) for token in scored[np.argsort(-self.surprisal[scored], kind="stable")[:most]]]
