"""Differentiable losses of language models: cross-entropy, distillation, preference, KL to a reference, entropy.

Every loss is a pure function of tensors, in nats, float64, differentiable once: create_graph=True is refused where a
gradient is written by hand, and so are torch.func's transforms; torch.compile leaves a loss uncompiled, at a graph
break. `mask` is True where a token counts, and `reduction` says by name how tokens become one number:

* token_mean: the sum over kept tokens by their number; sum: the sum alone; none: every token's, 0 where masked;
* sequence_mean: the mean over sequences of each one's mean; sequence_sum: the mean over sequences of each one's sum.

A logit of −inf is masked, in value and in gradient.
"""

import importlib
from typing import TYPE_CHECKING, Any

try:
    import torch as torch
except ImportError as error:
    from entropist.errors import MissingExtraError

    raise MissingExtraError("entropist.losses", "models") from error

from entropist.losses._adaptive import AdaptiveEntropyCoefficient, AdaptiveKLCoefficient
from entropist.losses._cross_entropy import cross_entropy, head_cross_entropy
from entropist.losses._distillation import distillation, head_distillation
from entropist.losses._divergences import Divergence
from entropist.losses._entropy import confidence_penalty, entropy_bonus, high_entropy_mask
from entropist.losses._f_scores import FDivergence
from entropist.losses._kl_diagnosis import KLDiagnosis, diagnose_kl
from entropist.losses._kl_penalty import KLEstimator, kl_penalty, penalized_rewards
from entropist.losses._kto import kto
from entropist.losses._preference import Preference, PreferenceLoss, preference
from entropist.losses._probe import Probe
from entropist.losses._reduce import Reduction
from entropist.losses._reinforce import Reinforce, reinforce
from entropist.losses._sequences import SequenceLogprobs, sequence_logprobs
from entropist.losses._sparse import sparse_distillation
from entropist.losses._trainer import trainer_distillation, trainer_loss

if TYPE_CHECKING:
    from entropist.losses._monitor import TrainingMonitor as TrainingMonitor

__all__ = [
    "AdaptiveEntropyCoefficient",
    "AdaptiveKLCoefficient",
    "Divergence",
    "FDivergence",
    "KLDiagnosis",
    "KLEstimator",
    "Preference",
    "PreferenceLoss",
    "Probe",
    "Reduction",
    "Reinforce",
    "SequenceLogprobs",
    "TrainingMonitor",
    "confidence_penalty",
    "cross_entropy",
    "diagnose_kl",
    "distillation",
    "entropy_bonus",
    "head_cross_entropy",
    "head_distillation",
    "high_entropy_mask",
    "kl_penalty",
    "kto",
    "penalized_rewards",
    "preference",
    "reinforce",
    "sequence_logprobs",
    "sparse_distillation",
    "trainer_distillation",
    "trainer_loss",
]


def __getattr__(name: str) -> Any:
    if name != "TrainingMonitor":  # it alone needs Transformers
        raise AttributeError(f"entropist.losses has no {name!r}; it has {', '.join(__all__)}.")
    return getattr(importlib.import_module("entropist.losses._monitor"), name)
