"""`wrap_module`: a Transformers model that is in memory already, behind the protocol `LanguageModel`."""

import hashlib
from typing import TYPE_CHECKING, Any

from entropist.errors import MissingExtraError, ModelError
from entropist.provenance import Identity, library_versions

if TYPE_CHECKING:
    from entropist.models._transformers import TransformersModel


def wrap_module(module: Any, tokenizer: Any, *, name: str = "in memory") -> "TransformersModel":
    """A causal `module` of Transformers and its fast `tokenizer` as a language model; nothing is copied.

    The fingerprint of the weights is the SHA-256 of the parameters' bytes as they are now. The tokenizer is copied:
    here it adds no marks and cuts nothing. Raises `ModelError` for a tokenizer without a fast form, or a module that
    sees later tokens.

    >>> from transformers import AutoTokenizer
    >>> from entropist.models import load_model
    >>> base = load_model("builtin:base")
    >>> wrap_module(base.module, AutoTokenizer.from_pretrained(base.directory), name="mine").bos_id
    0
    """
    try:
        from tokenizers import Tokenizer

        from entropist.models._tokenizer import TextTokenizer
        from entropist.models._transformers import TransformersModel
    except ImportError as error:
        raise MissingExtraError("a model in memory", "models") from error
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError("the tokenizer has no fast form (tokenizer.json), which byte positions need.")
    described = backend.to_str()
    identity = Identity(
        name=name,
        weights_sha256=_sha256(module),
        tokenizer_sha256=hashlib.sha256(described.encode()).hexdigest(),
        dtype=str(module.dtype).removeprefix("torch."),
        device=str(module.device),
        architecture=type(module).__name__,
        versions=library_versions("torch", "transformers", "tokenizers"),
    )
    copied = TextTokenizer(Tokenizer.from_str(described))
    return TransformersModel(module, copied, tokenizer.bos_token_id, identity, None)


def _sha256(module: Any) -> str:
    import torch

    digest = hashlib.sha256()
    for key, tensor in sorted(module.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
