"""llama.cpp's base file, as `llama-perplexity --kl-divergence-base` writes it: every log-probability in 16 bits.

    "_logits_"  int32 n_ctx  int32 vocabulary  int32 chunks  int32 tokens[chunks · n_ctx]
    a scored token: float32 scale, float32 smallest, uint16 code[vocabulary], one more to make them even
    ln p = scale · code + smallest

Of each chunk the predictions at positions n_ctx/2 … n_ctx − 2 are kept, of the tokens n_ctx/2 + 1 … n_ctx − 1.
`smallest` stands at most 16 below the largest: where it stands there, what lies lower has the code 0 as well, and is
given as −inf; llama.cpp's own KL leaves out what lies under ln p = −16. A step of the code is up to 2.4e-4 nats, so
that rows add up to 1 only within some 1e-4 and a KL of a model with itself is not 0.

Source: llama.cpp, tools/perplexity/perplexity.cpp (`log_softmax`, `process_logits`), as built by llama-cpp-python
0.3.36.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from entropist.errors import FileError

_MAGIC = b"_logits_"
_HEAD = 20
_DEPTH = 16.0  # nats below the largest that a row reaches
_LARGEST_CODE = 65535
_BLOCK_BYTES = 1 << 24


@dataclass(frozen=True)
class KldFile:
    """A file of llama.cpp opened: `context` tokens a chunk, `tokens` (chunks, context) ids, `rows` of ln p."""

    path: Path
    context: int
    vocabulary: int
    tokens: NDArray[np.int32]

    @property
    def scored(self) -> int:
        """Predictions kept of each chunk."""
        return self.context - 1 - self.context // 2

    @property
    def rows(self) -> int:
        """Predictions in all."""
        return self.scored * len(self.tokens)

    @property
    def targets(self) -> NDArray[np.int32]:
        """(rows,) the token that each row predicts."""
        return np.asarray(self.tokens[:, self.context // 2 + 1 :].reshape(-1))

    def blocks(self, rows: int | None = None) -> Iterator[NDArray[np.float32]]:
        """ln p (rows, vocabulary), in order, at most `rows` at a time (by default some 16 MB of the file)."""
        width = _width(self.vocabulary)
        step = rows or max(1, _BLOCK_BYTES // (2 * width))
        with self.path.open("rb") as file:
            file.seek(_HEAD + self.tokens.nbytes)
            for first in range(0, self.rows, step):
                count = min(step, self.rows - first)
                raw = np.fromfile(file, "<u2", count * width).reshape(count, width)
                scale, smallest = raw[:, :4].copy().view("<f4").T[:, :, None]
                code = raw[:, 4 : 4 + self.vocabulary]
                cut = (code == 0) & (scale * _LARGEST_CODE > _DEPTH - 1e-3)
                yield np.where(cut, -np.inf, scale * code + smallest).astype(np.float32)


def read_kld(path: str | Path) -> KldFile:
    """Open a base file of llama.cpp. Raises `FileError` for another file, and for one that was cut short."""
    place = Path(path)
    try:
        size = place.stat().st_size
        with place.open("rb") as file:
            magic = file.read(8)
            head = np.fromfile(file, "<i4", 3)
            if magic != _MAGIC or len(head) < 3 or (head < 1).any():
                raise FileError(f"{place} is no base file of llama.cpp: it does not begin with {_MAGIC.decode()!r}.")
            context, vocabulary, chunks = (int(x) for x in head)
            whole = _HEAD + 4 * chunks * context
            whole += 2 * _width(vocabulary) * chunks * (context - 1 - context // 2)
            if size != whole:
                raise FileError(
                    f"{place} has {size} bytes and should have {whole} for {chunks} chunks of {context} tokens and "
                    f"{vocabulary} entries: it was cut short, or made by another version."
                )
            tokens = np.fromfile(file, "<i4", chunks * context).reshape(chunks, context)
    except OSError as error:
        raise FileError(f"cannot read {place}: {error.strerror or error}.") from error
    return KldFile(place, context, vocabulary, tokens)


def _width(vocabulary: int) -> int:
    """uint16s of a row."""
    return 2 * ((vocabulary + 1) // 2) + 4
