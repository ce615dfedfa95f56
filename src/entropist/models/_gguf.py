"""A GGUF file, run by llama.cpp through llama-cpp-python: its own tokenizer, its own logits.

Logits come back in float32, (rows, vocabulary), one window at a time. The tokenizer inside the file gives
no character offsets, so a text must be the bytes of its tokens put together; a tokenizer that normalises
is refused, since the bytes of a token would be a guess.
"""

import ctypes
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from entropist.errors import ModelError
from entropist.models._gguf_steps import GGUFMemory
from entropist.models._protocol import Head, Tokens
from entropist.models._spans import end_bytes, utf8
from entropist.provenance import Identity, files_sha256, library_versions

_BLOCK_ENTRIES = 1 << 22  # logits a block: 16 MB in float32


class GGUFModel:
    """A quantized or full-precision GGUF model behind the protocol `LanguageModel`."""

    head: Head | None = None
    module: Any = None
    directory: Path | None = None

    def __init__(self, model: Any, path: Path, name: str):
        self._model = model
        self._vocabulary = llama_cpp.llama_model_get_vocab(model)
        self._context: Any = None
        self._positions = 0
        self.vocabulary_size = int(llama_cpp.llama_vocab_n_tokens(self._vocabulary))
        self.context: int | None = int(llama_cpp.llama_model_n_ctx_train(model)) or None
        bos = int(llama_cpp.llama_vocab_bos(self._vocabulary))
        self.bos_id = None if bos < 0 else bos
        self._pieces = [_piece(self._vocabulary, token) for token in range(self.vocabulary_size)]
        self.end_tokens = frozenset(
            token for token in range(self.vocabulary_size) if llama_cpp.llama_vocab_is_eog(self._vocabulary, token)
        )
        entries = hashlib.sha256(b"".join(b"%d:%b" % (len(piece), piece) for piece in self._pieces))
        self.identity = Identity(
            name=name,
            weights_sha256=files_sha256([path]),
            tokenizer_sha256=entries.hexdigest(),
            dtype=_metadata(model, "general.file_type_name") or _description(model),
            architecture=_metadata(model, "general.architecture"),
            versions=library_versions("llama-cpp-python"),
        )

    def tokenize(self, text: str) -> Tokens:
        """See `LanguageModel.tokenize`; a text that its tokens do not give back raises `ModelError`."""
        raw = utf8(text)
        ids = self._ids(raw)
        pieces = [self._pieces[token] for token in ids]
        if b"".join(pieces) not in (raw, b" " + raw):
            raise ModelError(
                f"the tokenizer of {self.identity.name} does not give back the bytes of this text, so the bytes of a "
                "token are unknown: use the model's own files with the extra 'models' instead of the GGUF."
            )
        ends = end_bytes(text, pieces, [])[0] if pieces else np.zeros(0, np.int64)
        return Tokens(ids, ends, True)

    def piece(self, token_id: int) -> bytes:
        """See `LanguageModel.piece`."""
        return self._pieces[token_id]

    def logits(self, ids: NDArray[np.int32], start: int = 0) -> Iterator[NDArray[np.float32]]:
        """See `LanguageModel.logits`: blocks of at most 16 MB, each a copy."""
        context = self._context_for(len(ids))
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        step = max(1, min(512, _BLOCK_ENTRIES // self.vocabulary_size))
        batch = llama_cpp.llama_batch_init(step, 0, 1)
        try:
            for first in range(0, len(ids), step):
                part = ids[first : first + step]
                wanted = _fill(batch, part, first, start)
                if code := llama_cpp.llama_decode(context, batch):
                    raise ModelError(f"llama.cpp could not run {self.identity.name} (code {code} of llama_decode).")
                if wanted:
                    # The rows that were asked for lie one after the other; the next decode overwrites them.
                    rows = np.ctypeslib.as_array(
                        llama_cpp.llama_get_logits(context), shape=(wanted, self.vocabulary_size)
                    )
                    yield rows.copy()
        finally:
            llama_cpp.llama_batch_free(batch)

    def hidden(self, ids: NDArray[np.int32]) -> NoReturn:
        """Not to be had from a GGUF file: llama.cpp gives logits only."""
        raise ModelError(f"{self.identity.name} is a GGUF file, which gives logits and no hidden states.")

    def memory(self) -> GGUFMemory:
        """An empty memory for stepping; see `entropist.models.steps`."""
        return GGUFMemory(self)

    def _ids(self, raw: bytes) -> NDArray[np.int32]:
        room = len(raw) + 8  # a token has a byte at least, but for a blank put in front
        ids = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self._vocabulary, raw, len(raw), ids, room, False, False)
        if count < 0:
            raise ModelError(f"the tokenizer of {self.identity.name} makes more tokens than the text has bytes.")
        return np.array(ids[:count], np.int32)

    def _context_for(self, positions: int) -> Any:
        """llama.cpp's working memory for a window of `positions`, kept until a longer one is asked for."""
        if self._context is None or positions > self._positions:
            if self._context is not None:
                llama_cpp.llama_free(self._context)
            settings = llama_cpp.llama_context_default_params()
            settings.n_ctx = self._positions = positions
            # Its usual cache and its fast attention are in half precision, which costs 1e-3 nats a token.
            settings.type_k = settings.type_v = llama_cpp.GGML_TYPE_F32
            settings.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
            settings.n_threads = settings.n_threads_batch = len(os.sched_getaffinity(0))
            self._context = llama_cpp.llama_init_from_model(self._model, settings)
            if self._context is None:
                raise ModelError(f"llama.cpp has no memory for {positions} positions of {self.identity.name}.")
        return self._context

    def __del__(self, free: Any = llama_cpp.llama_free, free_model: Any = llama_cpp.llama_model_free) -> None:
        # Both are held here: at the end of the program the module is emptied before its objects go.
        if getattr(self, "_context", None) is not None:
            free(self._context)
        if getattr(self, "_model", None) is not None:
            free_model(self._model)


def open_file(path: Path, name: str) -> GGUFModel:
    """The model in a GGUF file; one that llama.cpp cannot read is a `ModelError`."""
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelError(f"{name} is no GGUF file: it does not begin with the four letters GGUF.")
    llama_cpp.llama_log_set(_silent, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    settings = llama_cpp.llama_model_default_params()
    settings.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(os.fsencode(path), settings)
    if model is None:
        raise ModelError(f"llama.cpp cannot read {name}: the file is damaged, or of an architecture it does not know.")
    return GGUFModel(model, path, name)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _silent(level: int, text: bytes, data: Any) -> None:
    """llama.cpp talks on standard error while it loads; errors come back as codes."""


def _fill(batch: Any, ids: NDArray[np.int32], first: int, start: int) -> int:
    """Put a part of a window into llama.cpp's batch; how many of its rows of logits are wanted."""
    batch.n_tokens = len(ids)
    for i, token in enumerate(ids.tolist()):
        batch.token[i], batch.pos[i] = token, first + i
        batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
        batch.logits[i] = first + i >= start
    return max(0, first + len(ids) - max(first, start))


def _piece(vocabulary: Any, token: int) -> bytes:
    room = 64
    while True:
        buffer = ctypes.create_string_buffer(room)
        size = llama_cpp.llama_token_to_piece(vocabulary, token, buffer, room, 0, True)
        if size >= 0:
            return buffer.raw[:size]
        room = -size


def _metadata(model: Any, key: str) -> str:
    buffer = ctypes.create_string_buffer(256)
    size = llama_cpp.llama_model_meta_val_str(model, key.encode(), buffer, len(buffer))
    return buffer.value.decode(errors="replace") if size >= 0 else ""


def _description(model: Any) -> str:
    buffer = ctypes.create_string_buffer(256)
    llama_cpp.llama_model_desc(model, buffer, len(buffer))
    return buffer.value.decode(errors="replace")
