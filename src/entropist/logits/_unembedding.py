"""The last step of a model, from hidden states to logits, written into memory that is used again.

    logits = softcap·tanh(y / softcap),    y = scale·(hidden · weightᵀ + bias)

hidden (rows, d), weight (vocabulary, d), bias (vocabulary,). `scale` multiplies, before the cap, as every
family of Transformers that has both does it: Cohere's logit_scale and Falcon-H1's lm_head_multiplier are it,
Granite's logits_scaling is its inverse; Gemma's final_logit_softcapping is the cap.

Products are summed in float32, or float64 where hidden states or weights are. On a GPU half precision goes
into the product as it is (`out_dtype`, where torch has it); elsewhere the weights are widened a block of
the vocabulary at a time, which also keeps the block in the cache for bias, scale and cap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array

_BLOCK = 4096  # vocabulary entries a block: a few megabytes of logits


@dataclass(frozen=True)
class Unembedding:
    """Weight, bias, cap and scale of one model, arrays of one library."""

    weight: Any
    bias: Any
    softcap: float | None
    scale: float

    @property
    def vocabulary(self) -> int:
        """Entries of a row of logits."""
        return int(self.weight.shape[0])

    def dtype(self, hidden: Any) -> Any:
        """What sums are carried in, and logits come in: float64 where anything is, else float32."""
        xp = array_namespace(hidden)
        parts = (hidden, self.weight) if self.bias is None else (hidden, self.weight, self.bias)
        return xp.float64 if any(part.dtype.itemsize > 4 for part in parts) else xp.float32

    def buffer(self, hidden: Any, rows: int) -> Any:
        """Uninitialised room for the logits of that many rows."""
        if is_torch_array(hidden):
            return hidden.new_empty((rows, self.vocabulary), dtype=self.dtype(hidden))
        return np.empty((rows, self.vocabulary), self.dtype(hidden))

    def fill(self, hidden: Any, out: Any) -> None:
        """Write the logits of hidden (rows, d) into out (rows, vocabulary)."""
        if is_torch_array(hidden):
            self._fill_torch(hidden, out)
            return
        wide = hidden.astype(out.dtype, copy=False)
        with np.errstate(invalid="ignore", over="ignore"):  # whoever reads the logits refuses the row by its number
            for i, weight in self.blocks(out):
                part = out[:, i : i + len(weight)]
                np.matmul(wide, weight.T, out=part)
                if self.bias is not None:
                    part += self.bias[i : i + len(weight)]
                if self.scale != 1:
                    part *= self.scale
                if self.softcap is not None:
                    part /= self.softcap
                    np.tanh(part, out=part)
                    part *= self.softcap

    def blocks(self, like: Any) -> Iterator[tuple[int, Any]]:
        """(first entry, weights of a block of entries, as `like`); one block on a GPU where that is no copy."""
        whole = is_torch_array(like) and like.is_cuda and self.weight.dtype == like.dtype
        step = self.vocabulary if whole else _BLOCK
        for i in range(0, self.vocabulary, step):
            block = self.weight[i : i + step]
            yield i, block.to(like.dtype) if is_torch_array(like) else block.astype(like.dtype, copy=False)

    def _fill_torch(self, hidden: Any, out: Any) -> None:
        import torch

        half = hidden.dtype in (torch.float16, torch.bfloat16) and hidden.dtype == self.weight.dtype
        if hidden.is_cuda and half and hasattr(torch.ops.aten.mm, "dtype_out"):
            torch.mm(hidden, self.weight.T, out_dtype=out.dtype, out=out)
            self._finish_torch(out, self.bias)
            return
        wide = hidden.to(out.dtype)
        for i, weight in self.blocks(out):
            part = out[:, i : i + len(weight)]
            torch.mm(wide, weight.T, out=part)
            self._finish_torch(part, None if self.bias is None else self.bias[i : i + len(weight)])

    def _finish_torch(self, part: Any, bias: Any) -> None:
        if bias is not None:
            part += bias
        if self.scale != 1:
            part *= self.scale
        if self.softcap is not None:
            part.div_(self.softcap).tanh_().mul_(self.softcap)
