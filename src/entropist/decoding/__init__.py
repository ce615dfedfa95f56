"""Decoding: samplers that agree with the engines, chains of them, and generation that records every choice.

A sampler is a pure function of logits or log-probabilities (..., vocabulary), NumPy or torch, and gives the same back
with -inf for the tokens it drops. Where engines differ, `profile` says whose rule it is: "huggingface" or "llama.cpp".
"""

import importlib
from typing import TYPE_CHECKING, Any

from entropist.decoding._arrays import Profile
from entropist.decoding._beams import Beam, beam_search
from entropist.decoding._chain import Chain, ChainStep, chain, parse_chain
from entropist.decoding._decoder import Choice, Decoder
from entropist.decoding._generate import Starter, Stream, generate, stream
from entropist.decoding._generation import CHAIN, Generation, Settings
from entropist.decoding._generation_files import refuse_unsavable
from entropist.decoding._mirostat import mirostat_1, mirostat_2
from entropist.decoding._penalties import dry, frequency_penalty, penalties, presence_penalty, repetition_penalty
from entropist.decoding._prefixes import greedy, top_h, top_k, top_p, typical
from entropist.decoding._rows import Step
from entropist.decoding._sampler import Sampler
from entropist.decoding._temperatures import dynamic_temperature, target_entropy, temperature
from entropist.decoding._thresholds import epsilon, eta, min_p, p_less, top_n_sigma
from entropist.decoding._xtc import xtc
from entropist.decoding.adaptive._decoder import Abstention, Adaptive, AdaptiveDecoder
from entropist.decoding.adaptive._rules import (
    THRESHOLDS,
    Abstain,
    Branch,
    Cue,
    Draw,
    Greedy,
    InverseRoot,
    Linear,
    Rule,
    Thresholds,
)
from entropist.decoding.samples._change_points import ChangePoints, change_points
from entropist.decoding.samples._forking import forking_tokens
from entropist.decoding.samples._modes import Modes, modes
from entropist.decoding.samples._rollouts import Rollouts, prompt_entropy, rollouts
from entropist.decoding.samples._sequence_entropy import SequenceEntropy, sequence_entropy
from entropist.errors import MissingExtraError

if TYPE_CHECKING:
    from entropist.decoding._llama_recorder import LlamaRecorder as LlamaRecorder
    from entropist.decoding._transformers_recorder import TransformersRecorder as TransformersRecorder

_RECORDERS = {  # loaded when asked for: each needs the library whose generation it records
    "LlamaRecorder": ("entropist.decoding._llama_recorder", "gguf"),
    "TransformersRecorder": ("entropist.decoding._transformers_recorder", "models"),
}

__all__ = [
    "CHAIN",
    "THRESHOLDS",
    "Abstain",
    "Abstention",
    "Adaptive",
    "AdaptiveDecoder",
    "Beam",
    "Branch",
    "Chain",
    "ChainStep",
    "ChangePoints",
    "Choice",
    "Cue",
    "Decoder",
    "Draw",
    "Generation",
    "Greedy",
    "InverseRoot",
    "Linear",
    "LlamaRecorder",
    "Modes",
    "Profile",
    "Rollouts",
    "Rule",
    "Sampler",
    "SequenceEntropy",
    "Settings",
    "Starter",
    "Step",
    "Stream",
    "Thresholds",
    "TransformersRecorder",
    "beam_search",
    "chain",
    "change_points",
    "dry",
    "dynamic_temperature",
    "epsilon",
    "eta",
    "forking_tokens",
    "frequency_penalty",
    "generate",
    "greedy",
    "min_p",
    "mirostat_1",
    "mirostat_2",
    "modes",
    "p_less",
    "parse_chain",
    "penalties",
    "presence_penalty",
    "prompt_entropy",
    "refuse_unsavable",
    "repetition_penalty",
    "rollouts",
    "sequence_entropy",
    "stream",
    "target_entropy",
    "temperature",
    "top_h",
    "top_k",
    "top_n_sigma",
    "top_p",
    "typical",
    "xtc",
]


def __getattr__(name: str) -> Any:
    if name not in _RECORDERS:
        raise AttributeError(f"entropist.decoding has no {name!r}; it has {', '.join(__all__)}.")
    module, extra = _RECORDERS[name]
    try:
        found = getattr(importlib.import_module(module), name)
    except ImportError as error:
        if error.name and error.name.startswith("entropist"):
            raise
        raise MissingExtraError(f"the {name}", extra) from error
    globals()[name] = found
    return found
