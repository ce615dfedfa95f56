"""From the tokens that were chosen to the rows of a `Generation`: one document a sample, its prompt as context."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.decoding._decoder import Choice
from entropist.decoding._generation import CHAIN, Generation, Settings
from entropist.models import LanguageModel
from entropist.record import Metadata, Protocol, Trace, TraceWriter

STATISTICS = ("surprisal", "entropy", "varentropy", "rank", "max_logprob", "top_ids", "top_logprobs")
"""What a trace keeps of a distribution: the names are those of `LogitStatistics`."""


@dataclass(frozen=True)
class Step:
    """A token as it was chosen: of which sample, its bytes, the decoder's choice, and how many positions were seen."""

    sample: int
    token: int
    piece: bytes
    choice: Choice
    seen: int


@dataclass(frozen=True)
class Prompt:
    """What stood before: ids (tokens,), the byte after each, and the bytes."""

    ids: NDArray[np.int32]
    end_bytes: NDArray[np.int64]
    text: bytes
    lossless: bool = True


@dataclass
class Sample:
    """One continuation: its prompt, and the steps so far with the model's statistics of each."""

    prompt: Prompt
    steps: list[tuple[Step, dict[str, Any]]] = field(default_factory=list)


def assemble(
    model: LanguageModel,
    samples: Sequence[Sample],
    settings: Settings,
    *,
    window: int,
    bos_id: int | None,
    top_k: int,
) -> Generation:
    """The record of these samples; `window` is how many positions the model read at most."""
    tables = [_table(number, sample, top_k) for number, sample in enumerate(samples)]
    table, chain = (pa.concat_tables(each).combine_chunks() for each in zip(*tables))
    named = set(table["token_id"].to_pylist())
    named.update(np.asarray(table["top_ids"].combine_chunks().flatten()).tolist())
    metadata = Metadata(
        model=model.identity,
        protocol=Protocol("generated", window, max(1, window // 2), bos_id),
        vocabulary_size=model.vocabulary_size,
        lossless=all(sample.prompt.lossless for sample in samples),
    )
    return Generation(Trace(table, metadata, {i: model.piece(i) for i in sorted(named)}), chain, settings)


def _table(number: int, sample: Sample, top_k: int) -> tuple[pa.Table, pa.Table]:
    """The rows of one sample: the trace's and the chain's."""
    prompt, taken = sample.prompt, sample.steps[:]
    pieces = [step.piece for step, _ in taken]
    lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
    ids = np.concatenate([prompt.ids, [step.token for step, _ in taken]]).astype(np.int32)
    ends = np.concatenate([prompt.end_bytes, len(prompt.text) + np.cumsum(lengths)])
    writer = TraceWriter(ids, ends, prompt.text + b"".join(pieces), top_k=top_k, document=number)
    if taken:
        writer.put(len(prompt.ids), {name: np.stack([each[name] for _, each in taken]) for name in STATISTICS})
    nothing = [None] * len(prompt.ids)
    columns = {
        name: nothing + [step.seen if name == "seen" else getattr(step.choice, name) for step, _ in taken]
        for name in CHAIN.names
    }
    return writer.table(), pa.table(columns, schema=CHAIN)
