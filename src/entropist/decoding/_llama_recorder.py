"""`LlamaRecorder`: the record of any generation of llama-cpp-python while it runs.

llama-cpp-python builds a chain of samplers for every completion. The recorder puts a link before the first and one
behind the last: in front lie the model's logits, (vocabulary,), and behind the candidates that the chain left, with
the mark of which was selected.
"""

import ctypes
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from entropist.decoding._decoder import Choice
from entropist.decoding._generation import Generation, Settings
from entropist.decoding._rows import STATISTICS, Prompt, Sample, Step, assemble
from entropist.errors import InputError
from entropist.logits import statistics
from entropist.models import LanguageModel, load_model

_TOP_K = 10


class LlamaRecorder:
    """Records every token that a `llama_cpp.Llama` samples inside a `with` block.

    The last completion of the block is what `generation()` gives; the tokens are those it would have been without a
    recorder. on_token: called with each `Step`. model: what names the tokens in the record, by default the model's own
    file, opened a second time (llama.cpp maps it, so that it does not lie in memory twice).

        with LlamaRecorder(llm) as recorder:
            llm("It was the best of", max_tokens=20)
        recorder.generation()
    """

    def __init__(
        self, llm: Any, *, model: LanguageModel | None = None, on_token: Callable[[Step], None] | None = None
    ) -> None:
        self._llm, self._model, self._on_token = llm, model, on_token
        self._ends = {token for token in (llm.token_eos(),) if token >= 0}
        self._top_k = min(_TOP_K, llm.n_vocab())
        self._before: NDArray[np.float64] = np.zeros(0)
        self._prompt: list[int] = []
        self._steps: list[tuple[Step, dict[str, Any]]] = []
        self._settings = ""

    def __enter__(self) -> "LlamaRecorder":
        self._llm._init_sampler = self._chain_between
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self._llm._init_sampler  # the instance's; the class has its own again

    def generation(self) -> Generation:
        """The record of the last completion so far."""
        if not self._steps:
            raise InputError("nothing was recorded yet: let the model complete a prompt inside the with block.")
        model = self._model or load_model(Path(self._llm.model_path))
        self._model = model
        has_bos = self._prompt[0] == model.bos_id
        prompt = self._prompt[1:] if has_bos else self._prompt
        pieces = [model.piece(token) for token in prompt]
        text = b"".join(pieces)
        ends = np.cumsum([0, *map(len, pieces)])[1:]
        settings = Settings(
            prompt=text.decode("utf-8", "replace"),
            sampler=self._settings,
            seed=None,
            max_tokens=len(self._steps),
            stopped=("end" if self._steps[-1][0].token in self._ends else "caller",),
            slides=0,
        )
        sample = Sample(Prompt(np.array(prompt, np.int32), ends, text), self._steps[:])
        bos_id = model.bos_id if has_bos else None
        return assemble(model, [sample], settings, window=self._llm.n_ctx(), bos_id=bos_id, top_k=self._top_k)

    def _chain_between(self, *arguments: Any, **options: Any) -> Any:
        """llama-cpp-python's own chain of samplers for these options, with a link at either end."""
        self._prompt, self._steps = [], []
        named = ("temp", "top_k", "top_p", "min_p", "typical_p", "mirostat_mode")
        self._settings = "llama.cpp " + ",".join(f"{name}={options[name]:g}" for name in named if name in options)
        given = options.pop("logits_processor", None) or []
        processors = llama_cpp.LogitsProcessorList([self._see_before, *given])
        chain = type(self._llm)._init_sampler(self._llm, *arguments, logits_processor=processors, **options)
        chain.add_custom(self._see_after)
        return chain

    def _see_before(self, ids: Any, logits: Any) -> Any:
        self._before = np.array(logits, np.float64)
        return logits

    def _see_after(self, candidates: Any) -> None:
        """The candidates that are left; one of them is selected."""
        size, chosen = candidates.contents.size, candidates.contents.selected
        address = ctypes.addressof(candidates.contents.data.contents)
        left = np.frombuffer((llama_cpp.llama_token_data * size).from_address(address), _CANDIDATE)
        possible = left["logit"] > -np.inf
        if not self._prompt:
            self._prompt = self._llm._input_ids.tolist()
        token = int(left["id"][chosen])
        held = statistics(self._before[None], np.array([token]), top_k=self._top_k)
        after = statistics(left["logit"][possible][None].astype(np.float64))
        mass = float(np.exp(self._before[left["id"][possible]] - held.log_normalizer[0]).sum())
        values = {name: getattr(held, name)[0] for name in STATISTICS}
        choice = Choice(
            token=token,
            logprob=0.0 - float(values["surprisal"]),
            kept_logprob=float(left["logit"][chosen] - after.log_normalizer[0]),
            entropy=float(values["entropy"]),
            kept_entropy=float(after.entropy[0]),
            varentropy=float(values["varentropy"]),
            kept_mass=min(1.0, mass),
            kept=int(possible.sum()),
            rank=int(values["rank"]),
        )
        piece = b"" if token in self._ends else self._llm.detokenize([token], special=True)
        step = Step(0, token, piece, choice, int(self._llm.n_tokens))
        self._steps.append((step, values))
        if self._on_token is not None:
            self._on_token(step)


_CANDIDATE = np.dtype([("id", np.intc), ("logit", np.single), ("p", np.single)], align=True)
