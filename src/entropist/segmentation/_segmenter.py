"""Segments of a stream as it arrives: bytes in pieces of any size, whole segments out.

Segments wait until the model's window is full, so they come half a window (511 bytes under builtin:bytes) at a time.
Memory: one window and the segment that is still open, which `max_size` bounds.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.models import LanguageModel, load_model
from entropist.segmentation._entropies import ByteStream
from entropist.segmentation._rules import BLT_THRESHOLD, Marker, Rule


class Segmenter:
    """Cuts a stream at its entropy boundaries; the pieces it is fed in change nothing.

    model: a byte-level model or the name of one. threshold: in nats. rule, max_size, rise: as for `boundaries`.

    Raises `ModelError` for a model whose tokens are not single bytes.

    >>> segmenter = Segmenter(threshold=1.0)
    >>> segments = [*segmenter.feed(b"It was the best "), *segmenter.feed(b"of times."), *segmenter.finish()]
    >>> b"".join(segments)
    b'It was the best of times.'
    """

    def __init__(
        self,
        model: str | Path | LanguageModel = "builtin:bytes",
        *,
        threshold: float = BLT_THRESHOLD,
        rule: str = "global",
        max_size: int | None = None,
        rise: float = 0.0,
    ) -> None:
        self._marker = Marker(Rule(rule, rise, max_size), threshold)
        self._stream = ByteStream(load_model(model) if isinstance(model, (str, Path)) else model)
        self._open = bytearray()
        self._known = 0  # bytes that were marked, so where the next ones stand
        self._finished = False

    def feed(self, data: bytes) -> list[bytes]:
        """The segments that are whole now, in order."""
        if self._finished:
            raise InputError("this segmenter has finished its stream: make another for the next.")
        told, values = self._stream.feed(data)
        return self._whole(told, values[0])

    def finish(self) -> list[bytes]:
        """The rest, after the last byte was fed."""
        told, values = self._stream.finish()
        segments = self._whole(told, values[0])
        if self._open:
            segments.append(bytes(self._open))
            self._open.clear()
        self._finished = True
        return segments

    def _whole(self, told: bytes, entropies: NDArray[np.float64]) -> list[bytes]:
        segments, begin = [], 0
        for start in (self._marker.mark(entropies) - self._known).tolist():
            self._open += told[begin:start]
            if self._open:
                segments.append(bytes(self._open))
                self._open.clear()
            begin = start
        self._open += told[begin:]
        self._known += len(told)
        return segments
