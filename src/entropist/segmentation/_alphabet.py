"""The token of every byte, for a model whose tokens are single bytes; any other model is refused with the reason.

Bytes go to the model as ids, not as text, so that what is no UTF-8 can be segmented as well. That is right only where
the tokenizer would have given the same ids: each byte has one entry, no entry of several bytes ever comes out of a
text, and nothing is put in front or altered.
"""

import numpy as np
from numpy.typing import NDArray

from entropist.errors import ModelError
from entropist.models import LanguageModel

_SAMPLE = " It was  the best\r\n\tof times: naïve 日本 🙂 {x} = 0;\n"


def byte_ids(model: LanguageModel) -> NDArray[np.int32]:
    """The id of each byte value: (256,)."""
    name = model.identity.name
    ids = np.full(256, -1, np.int32)
    longer = []
    for token in range(model.vocabulary_size):
        piece = model.piece(token)
        if len(piece) > 1:
            longer.append(piece)
        elif piece and ids[piece[0]] >= 0:
            raise _refusal(name, f"it has two entries for the byte 0x{piece[0]:02X}, {ids[piece[0]]} and {token}")
        elif piece:
            ids[piece[0]] = token
    if (ids < 0).any():
        raise _refusal(name, f"it has no entry for the byte 0x{int(np.argmin(ids)):02X}")
    for text in (_SAMPLE, *(piece.decode("utf-8", "ignore") for piece in longer)):
        raw = text.encode()
        if raw and not np.array_equal(model.tokenize(text).ids, ids[np.frombuffer(raw, np.uint8)]):
            raise _refusal(
                name, f"{text[:30]!r} is {len(raw)} bytes and comes out as {len(model.tokenize(text))} tokens"
            )
    return ids


def _refusal(name: str, reason: str) -> ModelError:
    return ModelError(
        f"{name} is no byte-level model: {reason}. Segments need the entropy of every byte: use builtin:bytes, or "
        "another model whose tokens are single bytes."
    )
