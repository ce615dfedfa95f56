"""`TransformersRecorder`: the record of any `generate()` of Transformers while it runs.

Two logits processors stand around the whole chain: the first sees the model's logits, the last what the chain left of
them. The token drawn shows in the ids of the next call. `generate` puts its own warpers (temperature, top_k, top_p...)
behind the processors a user gives it, so that a processor of one's own can never be last; its argument
`custom_generate` hands over the finished chain, and this is how the recorder comes to stand on both sides.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor, LogitsProcessorList

from entropist.decoding._decoder import Choice
from entropist.decoding._generation import Generation, Settings
from entropist.decoding._rows import STATISTICS, Prompt, Sample, Step, assemble
from entropist.errors import InputError
from entropist.logits import statistics
from entropist.models import LanguageModel, end_tokens

_TOP_K = 10


class TransformersRecorder:
    """A recorder to be given to `generate` as `custom_generate`.

    model: the `LanguageModel` whose `module` generates (`load_model`, or `wrap_module` for a module of your own); it
    names tokens and model in the record. on_token: called with each `Step`, one step late: when the token is known.
    Greedy decoding and sampling are recorded; beams are not, since their rows change places.

    The tokens are those of `generate` without a recorder: nothing is changed on the way. `kept_*` come from what the
    last processor left. Padding on the left and what follows an end token are left out.

    >>> from entropist.models import load_model
    >>> model = load_model("builtin:base")
    >>> recorder = TransformersRecorder(model)
    >>> ids = torch.tensor([[model.bos_id, *model.tokenize("It was the best of").ids]])
    >>> out = model.module.generate(
    ...     ids, attention_mask=torch.ones_like(ids), max_new_tokens=3, do_sample=False, custom_generate=recorder
    ... )
    >>> recorder.generation().text
    ' the world.'
    """

    def __init__(self, model: LanguageModel, *, on_token: Callable[[Step], None] | None = None) -> None:
        self._model, self._on_token = model, on_token
        self._ends = end_tokens(model)
        self._top_k = min(_TOP_K, model.vocabulary_size)
        self._forget()

    def __call__(
        self, module: Any, input_ids: Any, logits_processor: Any, stopping_criteria: Any, generation_config: Any,
        **further: Any,
    ) -> Any:  # fmt: skip
        """What `generate(custom_generate=recorder)` calls: its own sampling loop, recorded."""
        if (generation_config.num_beams or 1) > 1:
            raise InputError("beams change places at every step, so they are not recorded: use num_beams=1.")
        mask = further.get("attention_mask")
        self.begin(input_ids, mask, settings=_described(generation_config))
        out = module._sample(
            input_ids,
            logits_processor=self.around(logits_processor),
            stopping_criteria=stopping_criteria,
            generation_config=generation_config,
            **further,
        )
        self.finish(out if isinstance(out, torch.Tensor) else out.sequences)
        return out

    def begin(self, input_ids: Any, attention_mask: Any = None, *, settings: str = "") -> None:
        """Forget what was recorded; the prompts are `input_ids` (samples, tokens). For a loop of your own."""
        self._forget()
        self._settings = settings
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask[:, : input_ids.shape[1]]
        for ids, read in zip(input_ids.tolist(), mask.tolist()):
            prompt = [token for token, is_read in zip(ids, read) if is_read]
            self._has_bos = bool(prompt) and prompt[0] == self._model.bos_id
            prompt = prompt[1:] if self._has_bos else prompt
            pieces = [self._model.piece(token) for token in prompt]
            ends = np.cumsum([0, *map(len, pieces)])[1:]
            self._samples.append(Sample(Prompt(np.array(prompt, np.int32), ends, b"".join(pieces))))
            self._seen.append(sum(map(bool, read)))

    def around(self, processors: Iterable[Any]) -> LogitsProcessorList:
        """The processors with the recorder's two at their ends."""
        return LogitsProcessorList([_First(self), *processors, _Last(self)])

    def finish(self, sequences: Any) -> None:
        """The last token: `sequences` (samples, tokens), as `generate` returns them."""
        self._learn(sequences)

    def generation(self) -> Generation:
        """The record so far; "length" is how a sample ended that has no end token."""
        if not self._samples:
            raise InputError("nothing was recorded yet: give the recorder to generate as custom_generate.")
        texts = [sample.prompt.text for sample in self._samples]
        same = all(text == texts[0] for text in texts)
        settings = Settings(
            prompt=texts[0].decode("utf-8", "replace") if same else "",
            sampler=self._settings,
            seed=None,
            max_tokens=self._steps,
            stopped=tuple("end" if ended else "caller" for ended in self._ended),
            slides=0,
        )
        bos_id = self._model.bos_id if self._has_bos else None
        return assemble(self._model, self._samples, settings, window=max(self._seen), bos_id=bos_id, top_k=self._top_k)

    def _forget(self) -> None:
        self._samples: list[Sample] = []
        self._seen: list[int] = []
        self._settings, self._steps, self._has_bos = "", 0, False
        self._before: Any = None
        self._after: Any = None

    @property
    def _ended(self) -> list[bool]:
        return [bool(s.steps) and s.steps[-1][0].token in self._ends for s in self._samples]

    def _first(self, input_ids: Any, scores: Any) -> None:
        self._learn(input_ids)
        # A copy: a processor of the chain may write into what it is given.
        self._before = scores.clone()

    def _last(self, scores: Any) -> None:
        self._after = scores.clone()

    def _learn(self, ids: Any) -> None:
        """Write down the tokens that were drawn from the last scores."""
        if self._before is None or self._after is None:
            return
        before, after, self._before, self._after = self._before, self._after, None, None
        on = [row for row, ended in enumerate(self._ended) if not ended]
        tokens = ids[:, -1]
        held = statistics(before, tokens, top_k=self._top_k)
        for row, values in zip(on, _rows(held, on)):
            if torch.equal(before[row], after[row]):  # nothing was done to it: no need to read it again
                left = {
                    "kept_logprob": 0.0 - float(values["surprisal"]),
                    "kept_entropy": float(values["entropy"]),
                    "kept_mass": 1.0,
                    "kept": int((after[row] > -torch.inf).sum()),
                }
            else:
                left = _left(before[row], after[row], held.log_normalizer[row], tokens[row])
            self._note(row, int(tokens[row]), values, left)
        self._steps += 1

    def _note(self, row: int, token: int, values: dict[str, Any], left: dict[str, Any]) -> None:
        choice = Choice(
            token=token,
            logprob=0.0 - float(values["surprisal"]),
            entropy=float(values["entropy"]),
            varentropy=float(values["varentropy"]),
            rank=int(values["rank"]),
            rule="",
            reason="",
            **left,
        )
        piece = b"" if token in self._ends else self._model.piece(token)
        step = Step(row, token, piece, choice, self._seen[row])
        self._seen[row] += 1
        self._samples[row].steps.append((step, values))
        if self._on_token is not None:
            self._on_token(step)


class _First(LogitsProcessor):  # type: ignore[misc]
    """Before the chain: sees the model's own logits."""

    def __init__(self, recorder: TransformersRecorder) -> None:
        self._recorder = recorder

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        self._recorder._first(input_ids, scores)
        return scores


class _Last(LogitsProcessor):  # type: ignore[misc]
    """After the chain: sees what it left."""

    def __init__(self, recorder: TransformersRecorder) -> None:
        self._recorder = recorder

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        self._recorder._last(scores)
        return scores


def _rows(held: Any, rows: list[int]) -> list[dict[str, Any]]:
    columns = {name: np.asarray(getattr(held, name).cpu()) for name in STATISTICS}
    return [{name: column[row] for name, column in columns.items()} for row in rows]


def _left(before: Any, after: Any, log_normalizer: Any, token: Any) -> dict[str, Any]:
    """What the chain left of one row, and of it the log-probability of `token`."""
    survivors = torch.nonzero(after > -torch.inf)[:, 0]
    kept = after[survivors]
    found = statistics(kept[None])
    mass = float(torch.exp(before[survivors].double() - log_normalizer).sum())
    return {
        "kept_logprob": float(after[token].double() - found.log_normalizer[0]),
        "kept_entropy": float(found.entropy[0]),
        "kept_mass": min(1.0, mass),
        "kept": len(survivors),
    }


def _described(config: Any) -> str:
    """The settings of `generate` that bear on the choice of a token."""
    if not config.do_sample:
        return "greedy"
    values = {name: getattr(config, name, None) for name in _NEUTRAL}
    told = [f"{name}={value:g}" for name, value in values.items() if value not in (None, _NEUTRAL[name])]
    return ",".join(told) or "temperature=1"


_NEUTRAL = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "typical_p": 1.0,
            "epsilon_cutoff": 0.0, "eta_cutoff": 0.0}  # fmt: skip
