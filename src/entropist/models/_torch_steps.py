"""The memory of a torch module while it steps: Transformers' key-value cache, (samples, ...) a layer.

A prompt that all samples share is read once and its cache repeated. A module that hands out no cache (a recurrent one
keeps its state in other forms) reads everything again, which is slow and the same.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Cache

from entropist.models._protocol import LanguageModel


class TorchMemory:
    """What a module has read; `ids` (samples, tokens)."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._module = model.module
        self._head = model.head
        self._cache: Cache | None = None
        self._ids = np.zeros((0, 0), np.int32)

    def restart(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """See `Memory.restart`."""
        self._cache, self._ids = None, ids
        shared = len(ids) > 1 and bool((ids == ids[0]).all())
        logits = self._read(ids[:1] if shared else ids)
        if not shared:
            return logits
        if self._cache is not None:
            self._cache.batch_repeat_interleave(len(ids))
        return np.repeat(logits, len(ids), axis=0)

    def extend(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        """See `Memory.extend`."""
        self._ids = np.concatenate([self._ids, tokens[:, None]], axis=1)
        return self._read(self._ids if self._cache is None else tokens[:, None])

    def fork(self, rows: Sequence[int]) -> "TorchMemory":
        """See `Memory.fork`."""
        new = TorchMemory(self._model)
        new._ids = self._ids[list(rows)]
        if self._cache is not None:
            with torch.inference_mode():
                new._cache = copy.deepcopy(self._cache)
                new._cache.batch_select_indices(torch.tensor(list(rows), device=self._module.device))
        return new

    def _read(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            batch = torch.from_numpy(ids.astype(np.int64)).to(self._module.device)
            options: dict[str, Any] = {"input_ids": batch, "past_key_values": self._cache, "use_cache": True}
            if self._cache is None:
                del options["past_key_values"]  # a module without a cache may not know the name
            if self._head is None:
                out = self._module(**options)
                logits = out.logits[:, -1]
            else:
                out = self._module.base_model(**options)
                logits = self._head(out[0][:, -1])
            cache = getattr(out, "past_key_values", None)
            self._cache = cache if isinstance(cache, Cache) else None
            rows: NDArray[np.float32] = logits.float().cpu().numpy()
            return rows
