"""Who gives next-token logits: the built-in models, and any causal one that Transformers or llama.cpp reads."""

from entropist.models._load import BUILTIN, load_model
from entropist.models._protocol import Head, LanguageModel, Tokens
from entropist.models._steps import Steps, end_tokens, steps
from entropist.models._wrap import wrap_module

__all__ = ["BUILTIN", "Head", "LanguageModel", "Steps", "Tokens", "end_tokens", "load_model", "steps", "wrap_module"]
