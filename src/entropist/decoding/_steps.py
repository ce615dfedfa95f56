"""The steps a chain can hold: the name, the sampler, what its single value is called, and its place in each engine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from entropist.decoding._arrays import Profile
from entropist.decoding._mirostat import mirostat_1, mirostat_2
from entropist.decoding._penalties import dry, frequency_penalty, penalties, presence_penalty, repetition_penalty
from entropist.decoding._prefixes import greedy, top_h, top_k, top_p, typical
from entropist.decoding._temperatures import dynamic_temperature, target_entropy, temperature
from entropist.decoding._thresholds import epsilon, eta, min_p, p_less, top_n_sigma
from entropist.decoding._xtc import xtc


@dataclass(frozen=True)
class Kind:
    """A kind of step. `value`: the parameter a bare value is for, None where there is none to give."""

    sampler: Callable[..., Any]
    value: str | None
    parameters: tuple[str, ...] = ()
    has_profile: bool = False
    reads_previous: bool = False
    draws: bool = False


_LAST = ("last",)
KINDS = {
    "penalties": Kind(penalties, None, ("repetition", "frequency", "presence", "last"), True, True),
    "repetition_penalty": Kind(repetition_penalty, "penalty", _LAST, True, True),
    "frequency_penalty": Kind(frequency_penalty, "penalty", _LAST, True, True),
    "presence_penalty": Kind(presence_penalty, "penalty", _LAST, True, True),
    "dry": Kind(dry, "multiplier", ("base", "allowed_length", "breakers", "last"), reads_previous=True),
    "temperature": Kind(temperature, "T", has_profile=True),
    "dynamic_temperature": Kind(dynamic_temperature, None, ("low", "high", "exponent")),
    "target_entropy": Kind(target_entropy, "nats"),
    "top_n_sigma": Kind(top_n_sigma, "n", has_profile=True),
    "top_h": Kind(top_h, "h"),
    "top_k": Kind(top_k, "k", has_profile=True),
    "top_p": Kind(top_p, "p", has_profile=True),
    "min_p": Kind(min_p, "p", has_profile=True),
    "typical": Kind(typical, "p", has_profile=True),
    "epsilon": Kind(epsilon, "cutoff"),
    "eta": Kind(eta, "cutoff"),
    "p_less": Kind(p_less, None),
    "xtc": Kind(xtc, "threshold", ("probability",), draws=True),
    "mirostat_1": Kind(mirostat_1, "tau", ("eta",)),
    "mirostat_2": Kind(mirostat_2, "tau", ("eta",)),
    "greedy": Kind(greedy, None),
}

_PENALTIES = ("penalties", "repetition_penalty", "frequency_penalty", "presence_penalty", "dry")
_TEMPERATURES = ("temperature", "dynamic_temperature", "target_entropy")
_LAST_OF_ALL = ("mirostat_1", "mirostat_2", "greedy")
# Of `GenerationMixin._get_logits_processor` and of `common_params_sampling::samplers`; what an engine does not have
# stands beside its kin.
ORDERS: dict[Profile, tuple[str, ...]] = {
    "huggingface": (*_PENALTIES, *_TEMPERATURES, "top_h", "top_k", "top_p", "min_p", "typical", "epsilon", "eta",
                    "p_less", "top_n_sigma", "xtc", *_LAST_OF_ALL),
    "llama.cpp": (*_PENALTIES, "top_n_sigma", "top_h", "top_k", "typical", "top_p", "min_p", "epsilon", "eta", "p_less",
                  "xtc", *_TEMPERATURES, *_LAST_OF_ALL),
}  # fmt: skip
