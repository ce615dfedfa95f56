"""Next-token logits one step after the other, for several continuations of one prompt at once.

After tokens x_1..x_n the model gives logits (samples, vocabulary) of x_{n+1}; `push` adds one token to every sample.
What the model has read is kept (a key-value cache) and not read again. Where a model has only so many positions, the
window slides when it is full: BOS and the last half of it are read anew, as the protocol "sliding" does for a text.
Then a token stands before at least half a window, and one reading in half a window of tokens is a long one.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.models._protocol import LanguageModel


class Memory(Protocol):
    """What a model has read, of several samples of one length."""

    def restart(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """Forget all, read `ids` (samples, tokens): logits after the last of each, (samples, vocabulary)."""
        ...

    def extend(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        """Read one more token a sample, (samples,): logits after it, (samples, vocabulary)."""
        ...

    def fork(self, rows: Sequence[int]) -> "Memory":
        """A memory of its own with these samples, in this order, repeated or left out."""
        ...


class Steps:
    """Continuations of one prompt, a token at a time.

    `logits` (samples, vocabulary), float32, are those of the next token; `ids` holds the tokens of each sample, the
    prompt included and BOS not; `seen` is how many positions they were read from, BOS included; `window` how many that
    can be (None: no limit); `slides` how often it moved on.

    >>> from entropist.models import load_model, steps
    >>> model = load_model("builtin:base")
    >>> going = steps(model, model.tokenize("It was the best of").ids, samples=2)
    >>> going.logits.shape
    (2, 4096)
    >>> going.push([int(row.argmax()) for row in going.logits])
    >>> going.ids[0][-1] == going.ids[1][-1], going.seen
    (True, 7)
    """

    logits: NDArray[np.float32]

    def __init__(self, memory: Memory, ids: list[list[int]], bos_id: int | None, window: int | None) -> None:
        self._memory = memory
        self.ids = ids
        self.bos_id = bos_id
        self.window = window
        self.slides = 0
        self.seen = 0
        if len(ids[0]) + len(self._lead) > (window or np.inf):
            self.slides = 1
        self._restart(len(ids[0]) if not self.slides else self._half)

    @classmethod
    def _of(cls, other: "Steps", rows: Sequence[int]) -> "Steps":
        new = cls.__new__(cls)
        new.__dict__.update(other.__dict__)
        new._memory = other._memory.fork(rows)
        new.ids = [list(other.ids[row]) for row in rows]
        new.logits = other.logits[list(rows)]
        return new

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def _lead(self) -> list[int]:
        return [] if self.bos_id is None else [self.bos_id]

    @property
    def _half(self) -> int:
        assert self.window is not None
        return max(1, self.window // 2)

    def push(self, tokens: Sequence[int]) -> None:
        """Add one token to every sample, (samples,), and find the logits after it."""
        if len(tokens) != len(self.ids):
            raise InputError(f"push takes one token a sample: given {len(tokens)} for {len(self.ids)} samples.")
        for of_sample, token in zip(self.ids, tokens):
            of_sample.append(int(token))
        if self.window is not None and self.seen >= self.window:
            self.slides += 1
            self._restart(self._half)
            return
        self.logits = self._memory.extend(np.asarray(tokens, np.int32))
        self.seen += 1

    def fork(self, rows: Sequence[int]) -> "Steps":
        """The samples `rows`, repeated or left out at will, going on for themselves; these here stay as they are."""
        return Steps._of(self, rows)

    def _restart(self, last: int) -> None:
        ids = np.array([self._lead + of_sample[len(of_sample) - last :] for of_sample in self.ids], np.int32)
        self.logits = self._memory.restart(ids)
        self.seen = ids.shape[1]


def steps(
    model: LanguageModel,
    ids: Sequence[int] | NDArray[Any],
    *,
    samples: int = 1,
    window: int | None = None,
    bos: bool | None = None,
) -> Steps:
    """`samples` continuations of the tokens `ids` (tokens,), one batch.

    window: positions the model reads at once, BOS included, by default its context. bos: whether its BOS token leads,
    by default where it has one. With torch weights the key-value cache is Transformers' own; models that give none,
    and all that are neither torch nor GGUF, read their window anew at every step.

    Logits equal those of `model.logits` on the whole window but for the noise floor of a forward pass, which varies
    with how tokens are batched. Raises `InputError` for an empty prompt without BOS, or a window beyond the context.
    """
    prompt = [int(token) for token in ids]
    if samples < 1:
        raise InputError(f"samples must be 1 or more; given {samples}.")
    if bos and model.bos_id is None:
        raise InputError(f"{model.identity.name} has no BOS token: leave bos out.")
    lead = model.bos_id if bos or bos is None else None
    if not prompt and lead is None:
        raise InputError(
            f"an empty prompt needs a BOS token to begin from, and {model.identity.name} has none or it was left out: "
            "give a prompt of a character at least."
        )
    if window is not None and not 2 <= window <= (model.context or window):
        raise InputError(
            f"window {window} must be between 2 and the {model.context} positions of {model.identity.name}."
        )
    return Steps(_memory(model), [prompt[:] for _ in range(samples)], lead, window or model.context)


def end_tokens(model: LanguageModel) -> frozenset[int]:
    """The tokens with which this model ends a text; none where it does not tell."""
    if model.module is not None:
        for source in (getattr(model.module, "generation_config", None), model.module.config.get_text_config()):
            ends = getattr(source, "eos_token_id", None)
            if ends is not None:
                return frozenset([ends] if isinstance(ends, int) else ends)
        return frozenset()
    return frozenset(getattr(model, "end_tokens", ()))


def _memory(model: LanguageModel) -> Memory:
    if model.module is not None:
        from entropist.models._torch_steps import TorchMemory

        return TorchMemory(model)
    if hasattr(model, "memory"):
        memory: Memory = model.memory()
        return memory
    return _Rereading(model)


class _Rereading:
    """For a model that keeps nothing: the whole window again at every step."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._ids = np.zeros((0, 0), np.int32)

    def restart(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        self._ids = ids
        return np.concatenate([self._last(row) for row in ids])

    def extend(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        return self.restart(np.concatenate([self._ids, tokens[:, None]], axis=1))

    def fork(self, rows: Sequence[int]) -> "_Rereading":
        new = _Rereading(self._model)
        new._ids = self._ids[list(rows)]
        return new

    def _last(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        (block,) = self._model.logits(ids, start=len(ids) - 1)
        return np.asarray(block.float().cpu() if hasattr(block, "cpu") else block, np.float32)
