"""Who gives next-token logits: the built-in models, and any causal one that Transformers or llama.cpp reads."""

from entropist.models._load import BUILTIN, load_model
from entropist.models._protocol import Head, LanguageModel, Tokens

__all__ = ["BUILTIN", "Head", "LanguageModel", "Tokens", "load_model"]
