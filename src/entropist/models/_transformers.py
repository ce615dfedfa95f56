"""A model directory in Hugging Face layout, read by Transformers: weights, tokenizer, head, identity."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from entropist.errors import ModelError, first_line
from entropist.models._probe import find_head, refuse_if_it_sees_the_future
from entropist.models._protocol import Head, Tokens
from entropist.models._quiet import quiet_transformers
from entropist.models._tokenizer import TextTokenizer
from entropist.provenance import Identity, files_sha256, library_versions

_BLOCK_ENTRIES = 1 << 22  # logits a block: 16 MB in float32
_DTYPES = ("float32", "bfloat16", "float16", "float64")
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt", "spiece.model")


class TransformersModel:
    """A causal language model behind the protocol `LanguageModel`."""

    def __init__(
        self, module: Any, tokenizer: TextTokenizer, bos_id: int | None, identity: Identity, directory: Path | None
    ):
        self.module = module
        self.directory = directory
        self.identity = identity
        self.bos_id = bos_id
        self.vocabulary_size = int(module.get_output_embeddings().weight.shape[0])
        self.context = _context(module.config)
        self._tokenizer = tokenizer
        with torch.inference_mode():
            refuse_if_it_sees_the_future(module, self.vocabulary_size)
            self.head: Head | None = find_head(module, self.vocabulary_size)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state
        # The tokenizer library does not send this along: without it a copy reads "<s>" in a text as the mark.
        self._tokenizer.backend.encode_special_tokens = True

    def tokenize(self, text: str) -> Tokens:
        """See `LanguageModel.tokenize`."""
        tokens = self._tokenizer(text)
        if len(tokens) and int(tokens.ids.max()) >= self.vocabulary_size:
            raise ModelError(
                f"the tokenizer gives id {tokens.ids.max()} but the model has {self.vocabulary_size} entries: "
                "tokenizer and weights do not belong together."
            )
        return tokens

    def piece(self, token_id: int) -> bytes:
        """See `LanguageModel.piece`."""
        return self._tokenizer.pieces[token_id]

    def logits(self, ids: NDArray[np.int32], start: int = 0) -> Iterator[torch.Tensor]:
        """See `LanguageModel.logits`: blocks of at most 16 MB where the head is known, else one for all ids."""
        with torch.inference_mode():
            if self.head is None:
                yield self.module(input_ids=self._batch(ids), use_cache=False).logits[0, start:]
                return
            hidden = self.hidden(ids)
            step = max(1, _BLOCK_ENTRIES // self.vocabulary_size)
            for i in range(start, len(hidden), step):
                yield self.head(hidden[i : i + step])

    def hidden(self, ids: NDArray[np.int32]) -> torch.Tensor:
        """See `LanguageModel.hidden`."""
        with torch.inference_mode():
            states: torch.Tensor = self.module.base_model(input_ids=self._batch(ids), use_cache=False)[0]
            return states if ids.ndim == 2 else states[0]

    def _batch(self, ids: NDArray[np.int32]) -> torch.Tensor:
        return torch.from_numpy(np.atleast_2d(np.asarray(ids, np.int64))).to(self.module.device)


def open_directory(directory: Path, name: str, *, device: str, dtype: str) -> TransformersModel:
    """The model in `directory`; whatever is missing or wrong is a `ModelError` of one sentence."""
    weights = _weights(directory, name)
    if dtype not in _DTYPES:
        raise ModelError(f"dtype {dtype!r} is not known: use one of {', '.join(_DTYPES)}.")
    with quiet_transformers():
        tokenizer, bos_id = _tokenizer(directory, name)
        module = _on_device(_module(directory, name, getattr(torch, dtype)), device).eval()
        identity = Identity(
            name=name,
            weights_sha256=files_sha256(weights),
            tokenizer_sha256=files_sha256(path for file in _TOKENIZER_FILES if (path := directory / file).is_file()),
            dtype=dtype,
            device=device,
            architecture=type(module).__name__,
            versions=library_versions("torch", "transformers", "tokenizers"),
        )
        return TransformersModel(module, tokenizer, bos_id, identity, directory)


def _weights(directory: Path, name: str) -> list[Path]:
    try:
        names = sorted(path.name for path in directory.iterdir())
    except OSError as error:
        raise ModelError(f"cannot read the model directory {name}: {error.strerror}.") from error
    if "config.json" not in names:
        raise ModelError(f"{name} is not a model directory: it has no config.json.")
    weights = [directory / file for file in names if file.endswith(".safetensors")]
    if not weights:
        pickles = [file for file in names if file.endswith((".bin", ".pt", ".pth", ".ckpt"))]
        if pickles:
            raise ModelError(
                f"{name} holds its weights as {pickles[0]}: a pickle, which can run any code when it is opened. "
                "Entropist reads safetensors only: convert the weights where you trust them."
            )
        raise ModelError(f"{name} has a config.json but no weights (*.safetensors).")
    return weights


def _tokenizer(directory: Path, name: str) -> tuple[TextTokenizer, int | None]:
    if not any((directory / file).is_file() for file in _TOKENIZER_FILES):
        raise ModelError(f"{name} has no tokenizer: copy its tokenizer.json beside the weights.")
    try:
        loaded = AutoTokenizer.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # Transformers raises many kinds for one cause: files it cannot make a tokenizer of
        raise ModelError(f"the tokenizer of {name} cannot be read ({first_line(error)}).") from error
    backend = getattr(loaded, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(f"the tokenizer of {name} has no fast form (tokenizer.json), which byte positions need.")
    return TextTokenizer(backend), loaded.bos_token_id


def _module(directory: Path, name: str, dtype: torch.dtype) -> Any:
    try:
        config = AutoConfig.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
        module, report = AutoModelForCausalLM.from_pretrained(
            directory,
            config=config,
            dtype=dtype,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as error:  # as above: ValueError, OSError, KeyError, RuntimeError, SafetensorError ...
        architecture = _architecture(directory)
        raise ModelError(
            f"{name} ({architecture}) cannot be read as a causal language model: {first_line(error)}"
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"{name} lacks {len(missing)} of the weights its architecture needs, such as {missing[0]}: they would be "
            "random. It may be another kind of model (an encoder, a classifier) or damaged."
        )
    return module


def _on_device(module: Any, device: str) -> Any:
    try:
        return module.to(device)
    except (RuntimeError, AssertionError) as error:  # torch asserts where it was built without CUDA
        raise ModelError(
            f"device {device!r} cannot be used here ({first_line(error)}); device='cpu' always can."
        ) from error


def _architecture(directory: Path) -> str:
    try:
        config = json.loads((directory / "config.json").read_text())
        return str((config.get("architectures") or [config.get("model_type", "unknown architecture")])[0])
    except (OSError, ValueError, AttributeError):
        return "unreadable config.json"


def _context(config: Any) -> int | None:
    """Positions the model was made for, None where it has no limit."""
    limit = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(limit) if isinstance(limit, int) and limit > 0 else None
