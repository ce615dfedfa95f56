"""`segment`: a file or bytes of any length, cut where a byte-level model finds the next byte hard to foresee.

With a threshold the file goes by once. With a mean size the threshold is not known before the end, so each byte and its
two values (17 bytes a byte) go to an unnamed temporary file, which is read again: the model runs once either way, and
the memory does not grow with the file.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from entropist.errors import FileError, InputError
from entropist.models import LanguageModel, load_model
from entropist.progress import tracked
from entropist.segmentation._entropies import ByteStream
from entropist.segmentation._result import Opening, Segmentation
from entropist.segmentation._rules import BLT_THRESHOLD, Marker, Rule
from entropist.segmentation._tallies import Tallies
from entropist.segmentation._threshold import find_threshold

OPENING = 6000  # bytes kept for pictures
_READ = 4096  # bytes read at a time
_SPILLED = np.dtype([("byte", "u1"), ("entropy", "f8"), ("surprisal", "f8")])
_REREAD = 1 << 16  # bytes of the stream read back at a time

Told = tuple[bytes, NDArray[np.float64]]


def segment(
    source: bytes | str | Path | BinaryIO,
    model: str | Path | LanguageModel = "builtin:bytes",
    *,
    threshold: float | None = None,
    mean_size: float | None = None,
    rule: str = "global",
    max_size: int | None = None,
    rise: float = 0.0,
    each: Callable[[NDArray[np.int64]], Any] | None = None,
) -> Segmentation:
    """Cut `source` at its entropy boundaries; the same bytes give the same boundaries, so no lengths need be kept.

    source: bytes, the name of a file, or a file open for reading bytes; any bytes, text or not. model: one whose tokens
    are single bytes. threshold: in nats; mean_size: bytes, the threshold is then found for this file. Without either
    it is BLT_THRESHOLD. rule, max_size, rise: as for `boundaries`. each: called with the next starts (some,) as
    they are found, instead of keeping them: then nothing grows with the file.

    A start is decided by the bytes before it alone, given the threshold. Each byte's entropy comes from a window with
    at least half the model's context before it (the first bytes have less).

    Raises `InputError` for an empty source, `FileError` for one that cannot be read, `ModelError` for a model whose
    tokens are not single bytes.

    >>> found = segment(b"It was the best of times, it was the worst of times.")
    >>> found.pieces(b"It was the best of times, it was the worst of times.")[-3:]
    [b'of ', b'time', b's.']
    """
    how = Rule(rule, rise, max_size)
    if threshold is not None and mean_size is not None:
        raise InputError("give either threshold or mean_size, and not both.")
    if mean_size is not None:
        find_threshold(lambda: [], how, mean_size)  # refuses a mean size that cannot be, before any work
    elif threshold is None:
        threshold = BLT_THRESHOLD
    if threshold is not None:
        Marker(how, threshold)
    with _opened(source) as file:
        speaker = load_model(model) if isinstance(model, (str, Path)) else model
        stream = ByteStream(speaker)
        values = _values(file, stream)
        if threshold is not None:
            return _cut(values, Marker(how, float(threshold)), None, stream, speaker, each)
        with tempfile.TemporaryFile() as spill:
            for data, found in values:
                _write(spill, data, found)
            threshold = find_threshold(lambda: (row["entropy"] for row in _rows(spill)), how, mean_size or 1.0)
            again = ((row["byte"].tobytes(), np.stack([row["entropy"], row["surprisal"]])) for row in _rows(spill))
            return _cut(again, Marker(how, threshold), mean_size, stream, speaker, each)


def _cut(
    told: Iterator[Told],
    marker: Marker,
    mean_size: float | None,
    stream: ByteStream,
    model: LanguageModel,
    each: Callable[[NDArray[np.int64]], Any] | None,
) -> Segmentation:
    tallies, opening = Tallies(), _Opening()
    starts: list[NDArray[np.int64]] = []
    for data, values in told:
        new = marker.mark(values[0])
        tallies.add(data, values, new)
        opening.add(data, values, new)
        (starts.append if each is None else each)(new)
    if not tallies.bytes:
        raise InputError("the source is empty: there is nothing to segment.")
    statistics, sizes = tallies.close()
    return Segmentation(
        starts=np.concatenate(starts) if each is None else None,
        size=tallies.bytes,
        threshold=marker.threshold,
        mean_size=mean_size,
        rule=marker.rule,
        statistics=statistics,
        sizes=sizes,
        opening=opening.kept(),
        model=model.identity,
        windows=stream.windows,
    )


class _Opening:
    """Keeps the first bytes with their values and starts."""

    def __init__(self) -> None:
        self._data = b""
        self._values: list[NDArray[np.float64]] = []
        self._starts: list[NDArray[np.int64]] = []

    def add(self, data: bytes, values: NDArray[np.float64], starts: NDArray[np.int64]) -> None:
        room = OPENING - len(self._data)
        if room > 0:
            self._data += data[:room]
            self._values.append(values[:, :room])
            self._starts.append(starts[starts < OPENING])

    def kept(self) -> Opening:
        entropy, surprisal = np.concatenate(self._values, axis=1)
        return Opening(self._data, entropy, surprisal, np.concatenate(self._starts))


def _opened(source: bytes | str | Path | BinaryIO) -> Any:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(source)
    if not isinstance(source, (str, Path)):
        return nullcontext(source)  # the caller's, which stays open
    try:
        return open(source, "rb")
    except IsADirectoryError:
        raise FileError(f"{source} is a directory: give one file in it.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        hint = " A text itself is given as bytes." if isinstance(source, str) else ""
        raise FileError(f"cannot read {source}: {getattr(error, 'strerror', None) or error}.{hint}") from error


def _values(file: BinaryIO, stream: ByteStream) -> Iterator[Told]:
    """Every byte of the file with its entropy and surprisal, in pieces."""
    pieces: Iterator[bytes] = iter(lambda: _read(file), b"")
    if file.seekable():
        here = file.tell()
        pieces = tracked(pieces, -(-(file.seek(0, io.SEEK_END) - here) // _READ), "segmenting")
        file.seek(here)
    for data in pieces:
        yield stream.feed(data)
    yield stream.finish()


def _read(file: BinaryIO) -> bytes:
    try:
        data = file.read(_READ)
    except OSError as error:
        raise FileError(f"cannot read on: {error.strerror or error}.") from error
    if not isinstance(data, bytes):
        raise InputError("the file is open for text: open it for bytes, with mode 'rb'.")
    return data


def _write(spill: IO[bytes], data: bytes, values: NDArray[np.float64]) -> None:
    rows = np.empty(len(data), _SPILLED)
    rows["byte"] = np.frombuffer(data, np.uint8)
    rows["entropy"], rows["surprisal"] = values
    try:
        spill.write(rows.tobytes())
        spill.flush()
    except OSError as error:
        raise FileError(
            f"cannot keep the entropies for a second reading ({error.strerror}): a mean size needs 17 bytes a byte in "
            "the temporary directory. Set TMPDIR to a place with room, or give a threshold."
        ) from error


def _rows(spill: IO[bytes]) -> Iterator[NDArray[Any]]:
    spill.seek(0)
    while raw := spill.read(_REREAD * _SPILLED.itemsize):
        yield np.frombuffer(raw, _SPILLED)
