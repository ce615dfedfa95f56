"""The memory of a GGUF model while it steps: a llama.cpp context of its own, one sequence a sample.

The cache is in float32 and attention the exact one, as when a whole text is read. Room for tokens is doubled when it
runs out; a fork copies each sequence's state into a new context.
"""

import ctypes
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from entropist.errors import ModelError

if TYPE_CHECKING:
    from entropist.models._gguf import GGUFModel

_LEAST_ROOM = 256  # tokens a sample


class GGUFMemory:
    """What llama.cpp has read of (samples, tokens)."""

    def __init__(self, model: "GGUFModel") -> None:
        self._model = model  # kept: llama.cpp frees its weights with it
        self._context: Any = None
        self._samples = self._room = self._read_so_far = 0

    def restart(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """See `Memory.restart`."""
        self._open(len(ids), ids.shape[1] + _LEAST_ROOM)
        self._read_so_far = 0
        return self._read(ids)

    def extend(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        """See `Memory.extend`."""
        if self._read_so_far >= self._room:
            roomy = self._copy(range(self._samples), 2 * self._room)
            self._context, roomy._context = roomy._context, self._context
            self._room = roomy._room
        return self._read(tokens[:, None])

    def fork(self, rows: Sequence[int]) -> "GGUFMemory":
        """See `Memory.fork`."""
        return self._copy(rows, self._room)

    def _copy(self, rows: Sequence[int], room: int) -> "GGUFMemory":
        new = GGUFMemory(self._model)
        new._open(len(rows), room)
        new._read_so_far = self._read_so_far
        for target, source in enumerate(rows):
            size = llama_cpp.llama_state_seq_get_size(self._context, source)
            state = (ctypes.c_uint8 * size)()
            held = llama_cpp.llama_state_seq_get_data(self._context, state, size, source)
            if not held or not llama_cpp.llama_state_seq_set_data(new._context, state, held, target):
                raise ModelError(f"llama.cpp cannot copy the state of {self._model.identity.name}.")
        return new

    def _read(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """Read ids (samples, tokens): logits after the last of each sample."""
        samples, tokens = ids.shape
        flat = [(s, t) for s in range(samples) for t in range(tokens)]
        batch = llama_cpp.llama_batch_init(min(512, len(flat)), 0, 1)
        rows = np.empty((samples, self._model.vocabulary_size), np.float32)
        try:
            for first in range(0, len(flat), 512):
                self._decode(batch, ids, flat[first : first + 512], rows)
        finally:
            llama_cpp.llama_batch_free(batch)
        self._read_so_far += tokens
        return rows

    def _decode(
        self, batch: Any, ids: NDArray[np.int32], part: list[tuple[int, int]], rows: NDArray[np.float32]
    ) -> None:
        batch.n_tokens = len(part)
        last = ids.shape[1] - 1
        for i, (sample, t) in enumerate(part):
            batch.token[i], batch.pos[i] = int(ids[sample, t]), self._read_so_far + t
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, sample
            batch.logits[i] = t == last
        if code := llama_cpp.llama_decode(self._context, batch):
            raise ModelError(f"llama.cpp could not run {self._model.identity.name} (code {code} of llama_decode).")
        for i, (sample, t) in enumerate(part):
            if t == last:
                found = llama_cpp.llama_get_logits_ith(self._context, i)
                rows[sample] = np.ctypeslib.as_array(found, shape=(rows.shape[1],))

    def _open(self, samples: int, room: int) -> None:
        self._close()
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx, settings.n_seq_max = samples * room, samples
        settings.kv_unified = True  # the room is shared: n_ctx cells for all samples
        settings.type_k = settings.type_v = llama_cpp.GGML_TYPE_F32
        settings.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        settings.n_threads = settings.n_threads_batch = len(os.sched_getaffinity(0))
        self._context = llama_cpp.llama_init_from_model(self._model._model, settings)
        if self._context is None:
            raise ModelError(
                f"llama.cpp has no memory for {samples} x {room} positions of {self._model.identity.name}: "
                "ask for fewer samples (at most 64 on most builds) or a smaller window."
            )
        self._samples, self._room = samples, room

    def _close(self) -> None:
        if self._context is not None:
            llama_cpp.llama_free(self._context)
            self._context = None

    def __del__(self, free: Any = llama_cpp.llama_free) -> None:
        # `free` is held here: at the end of the program the module is emptied before its objects go.
        if getattr(self, "_context", None) is not None:
            free(self._context)
