"""Entropy and surprisal of every byte of a stream, in nats, as the model gives them in windows that overlap by half.

Byte t is read off window k, a function of t alone: the windows are those of `corpus.Sliding`, W bytes every ⌊W/2⌋, and
each gives the bytes that the one before did not reach. Every forward has the same shape: the last window of a stream
is filled up with zeros behind its end, which a causal model does not see. So a byte's values do not depend on how the
stream was cut into pieces, nor on how much of it follows; they are those of `en.trace`, whose last window is shorter,
to the last bit but in that window.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.corpus import Sliding
from entropist.logits import statistics
from entropist.models import LanguageModel
from entropist.segmentation._alphabet import byte_ids

LONGEST_WINDOW = 4096  # bytes, as `trace` has it


class ByteStream:
    """Bytes in; out come those whose values are known by now, with their entropy and surprisal. Holds one window.

    A model without BOS has nothing to say of byte 0: its values are NaN.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.windows = Sliding(min(model.context or LONGEST_WINDOW, LONGEST_WINDOW), model.bos_id is not None)
        self._model = model
        self._ids = byte_ids(model)
        self._held = bytearray()  # from the window's first byte on
        self._start = 0  # the stream's byte that the window begins with
        self._reached = 0  # bytes whose values are known

    def feed(self, data: bytes) -> tuple[bytes, NDArray[np.float64]]:
        """The bytes that can be told now, and their entropy and surprisal, (2, bytes)."""
        self._held += data
        told = []
        while len(self._held) >= self.windows.capacity:
            told.append(self._window())
            del self._held[: self.windows.stride]
            self._start += self.windows.stride
        return _joined(told)

    def finish(self) -> tuple[bytes, NDArray[np.float64]]:
        """The same of what remains, after the last byte was fed."""
        return _joined([self._window()] if self._start + len(self._held) > self._reached else [])

    def _window(self) -> tuple[bytes, NDArray[np.float64]]:
        """What the window that begins at `_start` tells beyond `_reached`."""
        size, bos = self.windows.capacity, int(self.windows.bos)
        raw = bytes(self._held[:size])
        ids = self._ids[np.frombuffer(raw.ljust(size, b"\0"), np.uint8)]
        if bos:
            ids = np.concatenate([[self._model.bos_id], ids]).astype(np.int32)
        new = raw[self._reached - self._start :]
        # Row r predicts ids[r + 1], which is the window's byte r + 1 - bos; without BOS none predicts the first.
        first_row = max(self._reached - self._start - 1 + bos, 0)
        rows = [_entropy_and_surprisal(block, ids, at) for at, block in self._blocks(ids, first_row)]
        values = np.concatenate(rows, axis=1)
        if not bos and not self._reached:
            values = np.concatenate([np.full((2, 1), np.nan), values], axis=1)
        self._reached += len(new)
        return new, values[:, : len(new)]

    def _blocks(self, ids: NDArray[np.int32], first_row: int) -> Iterator[tuple[int, Any]]:
        """(the row it begins with, logits) of each block of rows from `first_row` on."""
        for block in self._model.logits(ids[:-1], start=first_row):
            yield first_row, block
            first_row += len(block)


def _entropy_and_surprisal(block: Any, ids: NDArray[np.int32], row: int) -> NDArray[np.float64]:
    found = statistics(block, ids[row + 1 : row + 1 + len(block)].astype(np.int64))
    return np.stack(
        [np.asarray(each.cpu() if hasattr(each, "cpu") else each) for each in (found.entropy, found.surprisal)]
    )


def _joined(told: list[tuple[bytes, NDArray[np.float64]]]) -> tuple[bytes, NDArray[np.float64]]:
    data = b"".join(raw for raw, _ in told)
    return data, np.concatenate([np.zeros((2, 0)), *(values for _, values in told)], axis=1)
