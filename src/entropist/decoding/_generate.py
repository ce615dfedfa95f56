"""`generate`: a prompt continued by a model, token by token, with a record of every choice.

At each step the model gives logits, a decoder chooses a token, and both what the model held (surprisal, entropy,
varentropy, rank) and what the chain left of it (kept mass, entropy and log-probability after it) are written down.
`samples` continuations go through the model as one batch; each has a decoder of its own, seeded by (seed, sample).
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from entropist.decoding._chain import parse_chain
from entropist.decoding._decoder import Choice, Decoder
from entropist.decoding._generation import Generation, Settings
from entropist.decoding._generation_files import refuse_unsavable
from entropist.decoding._prompt import read_prompt
from entropist.decoding._rows import STATISTICS, Prompt, Sample, Step, assemble
from entropist.decoding.adaptive._decoder import Abstention
from entropist.errors import InputError
from entropist.logits import statistics
from entropist.models import LanguageModel, Steps, end_tokens, load_model, steps

_TOP_K = 10


class Starter(Protocol):
    """What makes decoders: a `Chain`, an `Adaptive`, or anything with this method."""

    def start(self, seed: int = 0, previous: Sequence[int] = ()) -> Decoder:
        """A decoder for one sample, which may look at the `previous` tokens."""
        ...


class Stream:
    """A generation on its way: iterating gives each `Step`, once; `generation()` is the record of what has come so far.

    A loop that was left can be taken up again: the next one goes on behind the last step given.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompt: str,
        read: Prompt,
        starter: Starter,
        going: Steps,
        *,
        max_tokens: int,
        seed: int,
        stop: tuple[bytes, ...],
        chat: bool,
    ) -> None:
        self._model, self._prompt, self._starter, self._going = model, prompt, starter, going
        self._max_tokens, self._seed, self._stop, self._chat = max_tokens, seed, stop, chat
        self._ends = end_tokens(model)
        self._top_k = min(_TOP_K, model.vocabulary_size)
        self._samples = [Sample(read) for _ in range(len(going))]
        self._decoders = [starter.start(_seed(seed, i), tuple(going.ids[i])) for i in range(len(going))]
        self._stopped = [""] * len(going)
        self._active = list(range(len(going)))
        self._coming = self._rounds()
        for number, decoder in enumerate(self._decoders):
            if (join := getattr(decoder, "join", None)) is not None:
                join(model, self._ahead_of(number))

    def __iter__(self) -> Iterator[Step]:
        return self._coming

    def _rounds(self) -> Iterator[Step]:
        for _ in range(self._max_tokens):
            if not self._active:
                return
            yield from self._round()
        for number in self._active:
            self._stopped[number] = "length"

    def generation(self) -> Generation:
        """The record of what has come so far; what has not ended is "interrupted"."""
        settings = Settings(
            prompt=self._prompt,
            sampler=str(self._starter),
            seed=self._seed,
            max_tokens=self._max_tokens,
            stopped=tuple(stopped or "interrupted" for stopped in self._stopped),
            slides=self._going.slides,
            chat=self._chat,
        )
        window = self._going.window or self._going.seen
        return assemble(
            self._model, self._samples, settings, window=window, bos_id=self._going.bos_id, top_k=self._top_k
        )

    def _round(self) -> Iterator[Step]:
        """One token for every sample that goes on; all are written down before the first is handed out."""
        chosen: list[tuple[int, Choice]] = []
        for row, number in enumerate(self._active):
            try:
                choice = self._decoders[number].choose(self._going.logits[row])
            except Abstention as reason:
                self._stopped[number] = f"abstained: {reason}"
            else:
                chosen.append((row, choice))
        found = [self._note(row, choice, values) for (row, choice), values in zip(chosen, self._values(chosen))]
        on = [(row, choice.token) for row, choice in chosen if not self._stopped[self._active[row]]]
        yield from found
        rows = [row for row, _ in on]
        if len(rows) < len(self._active):
            self._active = [self._active[row] for row in rows]
            self._going = self._going.fork(rows) if rows else self._going
        if on and len(self._samples[self._active[0]].steps) < self._max_tokens:
            self._going.push([token for _, token in on])

    def _values(self, chosen: Sequence[tuple[int, Choice]]) -> Iterator[dict[str, Any]]:
        """What the model held of each chosen token: the columns of a trace."""
        if not chosen:
            return
        rows = self._going.logits[[row for row, _ in chosen]]
        targets = np.array([choice.token for _, choice in chosen], np.int64)
        found = statistics(rows, targets, top_k=self._top_k)
        for i in range(len(chosen)):
            yield {name: getattr(found, name)[i] for name in STATISTICS}

    def _note(self, row: int, choice: Choice, values: dict[str, Any]) -> Step:
        number = self._active[row]
        is_end = choice.token in self._ends
        piece = b"" if is_end else self._model.piece(choice.token)
        step = Step(number, choice.token, piece, choice, self._going.seen)
        steps_of_it = self._samples[number].steps
        steps_of_it.append((step, values))
        if is_end:
            self._stopped[number] = "end"
        elif self._stop:
            longest = max(map(len, self._stop))
            tail = b"".join(each.piece for each, _ in steps_of_it[-longest - 1 :])
            if any(stop in tail[-len(stop) - len(piece) + 1 :] for stop in self._stop):
                self._stopped[number] = "stop"
        return step

    def _ahead_of(self, number: int) -> Callable[[int], Steps]:
        """What lets a decoder try continuations of its own sample: copies of it, as it is now."""
        return lambda copies: self._going.fork([self._active.index(number)] * copies)


def stream(
    prompt: str,
    *,
    model: str | Path | LanguageModel = "builtin:base",
    sampler: str | Starter = "temperature=1",
    profile: str = "huggingface",
    max_tokens: int = 200,
    samples: int = 1,
    seed: int = 0,
    stop: str | Sequence[str] = (),
    window: int | None = None,
    bos: bool | None = None,
    chat: bool = False,
) -> Stream:
    """A generation to be watched: iterate over its `Step`s; its `generation()` holds what has come, at any time.

    The arguments are those of `generate`.

    >>> going = stream("It was the best of", sampler="greedy", max_tokens=3)
    >>> [step.piece for step in going]
    [b' the', b' world', b'.']
    >>> going.generation().settings.stopped
    ('length',)
    """
    if max_tokens < 1 or samples < 1:
        raise InputError(f"max_tokens and samples must be 1 or more; given {max_tokens} and {samples}.")
    if seed < 0:
        raise InputError(f"seed must be 0 or more; given {seed}.")
    stops = (stop,) if isinstance(stop, str) else tuple(stop)
    if not all(stops):
        raise InputError("a text to stop at must have a character at least.")
    starter = parse_chain(sampler, profile=profile) if isinstance(sampler, str) else sampler
    speaker = load_model(model) if isinstance(model, (str, Path)) else model
    read, led = read_prompt(speaker, prompt, chat=chat, bos=bos)
    going = steps(speaker, read.ids, samples=samples, window=window, bos=led)
    return Stream(
        speaker,
        prompt,
        read,
        starter,
        going,
        max_tokens=max_tokens,
        seed=seed,
        stop=tuple(each.encode() for each in stops),
        chat=chat,
    )


def generate(
    prompt: str,
    *,
    model: str | Path | LanguageModel = "builtin:base",
    sampler: str | Starter = "temperature=1",
    profile: str = "huggingface",
    max_tokens: int = 200,
    samples: int = 1,
    seed: int = 0,
    stop: str | Sequence[str] = (),
    window: int | None = None,
    bos: bool | None = None,
    chat: bool = False,
    on_token: Callable[[Step], None] | None = None,
    save: Path | str | None = None,
) -> Generation:
    """Continue `prompt` by up to `max_tokens` tokens, `samples` times, and record every choice.

    model: a name for `load_model`, or a model. sampler: a chain as text, such as "min_p=0.05,temperature=0.8" (read
    under `profile`), a `Chain`, an `Adaptive`, or whatever has a `start(seed, previous)` that gives a decoder. seed:
    sample i draws from the seed (seed, i), so the same arguments give the same texts on the same machine. stop: texts
    after which a sample ends; they stay in it. window: positions the model reads at once, by default its context; when
    it is full the last half of it goes on. chat: the prompt is a user's turn, put into the model's own chat format (its
    template says where BOS stands). on_token: called with each `Step`. save: where the record is written, also
    if Ctrl-C comes first. A token that ends the text by the model's own mark is recorded, with no bytes.

    Raises `InputError` and `ModelError` as `stream` and `load_model` do.

    >>> generate("It was the best of", sampler="greedy", max_tokens=3).text
    ' the world.'
    """
    if save is not None:
        refuse_unsavable(Path(save))
    going = stream(
        prompt,
        model=model,
        sampler=sampler,
        profile=profile,
        max_tokens=max_tokens,
        samples=samples,
        seed=seed,
        stop=stop,
        window=window,
        bos=bos,
        chat=chat,
    )
    try:
        for step in going:
            if on_token is not None:
                on_token(step)
    finally:
        if save is not None:
            going.generation().save(save)
    return going.generation()


def _seed(seed: int, sample: int) -> int:
    """One number for the pair, far from those of its neighbours: runs with other seeds share no sample."""
    low, high = np.random.SeedSequence((seed, sample)).generate_state(2, np.uint32).tolist()
    return int(low) | int(high) << 32
