"""`load_model`: a name becomes a model, or one sentence why not."""

import os
import re
from importlib import resources
from pathlib import Path

from entropist.errors import MissingExtraError, ModelError, first_line
from entropist.models._protocol import LanguageModel
from entropist.progress import working

BUILTIN = ("base", "tuned", "student", "bytes")
"""What may follow "builtin:" in the name of a model."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_HUB_FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]


def load_model(name: str | Path, *, device: str = "cpu", dtype: str = "float32") -> LanguageModel:
    """A language model from "builtin:base", a local directory, a .gguf file, or a hub id.

    In the package are "builtin:base", English prose; "builtin:tuned", the same taught to reply in turns;
    "builtin:student", distilled from base; and "builtin:bytes", whose tokens are bytes. The first three share
    one vocabulary.

    Only safetensors weights are read and no code from the model is run. On the hub `HF_HUB_OFFLINE=1` is
    honoured: only what is cached is used then. `dtype` is that of the computation ("float32",
    "float64", "bfloat16", "float16"), `device` any of torch's; a GGUF file has its own and runs on the CPU.

    Raises `ModelError` saying what is missing, `MissingExtraError` without the extra "models" (weights) or "gguf".

    >>> load_model("builtin:base").vocabulary_size
    4096
    """
    path = Path(name).expanduser()
    with working(f"loading {name}"):  # the libraries alone take seconds to import
        if path.suffix == ".gguf" and path.is_file():
            return _gguf(path, str(name), device, dtype)
        directory = _directory(str(name))
        try:
            from entropist.models import _transformers
        except ImportError as error:
            if error.name and error.name.startswith("entropist"):
                raise
            raise MissingExtraError("reading model weights", "models") from error
        return _transformers.open_directory(directory, str(name), device=device, dtype=dtype)


def _gguf(path: Path, name: str, device: str, dtype: str) -> LanguageModel:
    if (device, dtype) != ("cpu", "float32"):
        raise ModelError(
            f"{name} is a GGUF file: it has its own dtype and runs on the CPU; leave device and dtype out."
        )
    try:
        from entropist.models import _gguf
    except ImportError as error:
        if error.name and error.name.startswith("entropist"):
            raise
        raise MissingExtraError("reading a GGUF file", "gguf") from error
    return _gguf.open_file(path, name)


def _directory(name: str) -> Path:
    if name.startswith("builtin:"):
        kind = name.removeprefix("builtin:")
        if kind not in BUILTIN:
            raise ModelError(
                f"there is no built-in model {name!r}: use one of {', '.join(f'builtin:{b}' for b in BUILTIN)}."
            )
        return Path(str(resources.files("entropist.models"))) / "builtin" / kind
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise ModelError(
            f"{name} is a file; a model is a directory with config.json, tokenizer and safetensors weights, "
            "or a file .gguf."
        )
    if name.startswith((".", "/", "~", os.sep)) or not _HUB_ID.fullmatch(name):
        raise ModelError(f"there is no directory {name}; give a model's directory, a hub id, or builtin:base.")
    return _from_hub(name)


def _from_hub(name: str) -> Path:
    try:
        from huggingface_hub import constants, snapshot_download
    except ImportError as error:
        raise MissingExtraError("a model from the hub", "models") from error
    try:
        return Path(snapshot_download(name, allow_patterns=_HUB_FILES, ignore_patterns=["*/*"]))
    except Exception as error:  # the hub client raises a dozen kinds, some of them only OSError or ValueError
        offline = " (HF_HUB_OFFLINE is set)" if constants.is_offline_mode() else ""
        raise ModelError(
            f"no model {name!r}: no such directory here, and the hub could not give it{offline}: "
            f"{first_line(error)} Check the name and the connection, or download the model and give its directory."
        ) from error
