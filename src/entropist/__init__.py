"""Entropist measures the information in language models.

Every public name stands in `_DOOR` and is loaded when it is first used, so that ``import entropist``
loads neither torch nor pyarrow.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from entropist import basefile as basefile
    from entropist import decoding as decoding
    from entropist import errors as errors
    from entropist import estimators as estimators
    from entropist import logits as logits
    from entropist import losses as losses
    from entropist import measures as measures
    from entropist import segmentation as segmentation
    from entropist import uncertainty as uncertainty
    from entropist.measures import MaximumEntropy as MaximumEntropy
    from entropist.measures import co_information as co_information
    from entropist.measures import conditional_entropy as conditional_entropy
    from entropist.measures import conditional_mutual_information as conditional_mutual_information
    from entropist.measures import cross_entropy as cross_entropy
    from entropist.measures import dual_total_correlation as dual_total_correlation
    from entropist.measures import efficiency as efficiency
    from entropist.measures import entropy as entropy
    from entropist.measures import entropy_rate as entropy_rate
    from entropist.measures import hartley_entropy as hartley_entropy
    from entropist.measures import hellinger as hellinger
    from entropist.measures import jeffreys as jeffreys
    from entropist.measures import joint_entropy as joint_entropy
    from entropist.measures import js_divergence as js_divergence
    from entropist.measures import kl_divergence as kl_divergence
    from entropist.measures import maximum_entropy as maximum_entropy
    from entropist.measures import min_entropy as min_entropy
    from entropist.measures import mutual_information as mutual_information
    from entropist.measures import normalized_mutual_information as normalized_mutual_information
    from entropist.measures import o_information as o_information
    from entropist.measures import perplexity as perplexity
    from entropist.measures import pointwise_mutual_information as pointwise_mutual_information
    from entropist.measures import renyi_divergence as renyi_divergence
    from entropist.measures import renyi_entropy as renyi_entropy
    from entropist.measures import surprisal as surprisal
    from entropist.measures import total_correlation as total_correlation
    from entropist.measures import total_variation as total_variation
    from entropist.measures import truncated as truncated
    from entropist.measures import tsallis_entropy as tsallis_entropy
    from entropist.measures import varentropy as varentropy
    from entropist.measures import variation_of_information as variation_of_information
    from entropist.models import LanguageModel as LanguageModel
    from entropist.models import load_model as load_model
    from entropist.record import Trace as Trace
    from entropist.responses import connect as connect
    from entropist.responses import read_response as read_response
    from entropist.responses import read_responses as read_responses
    from entropist.results import Bounds as Bounds
    from entropist.results import Estimate as Estimate
    from entropist.scoring import Score as Score
    from entropist.scoring import protocol_report as protocol_report
    from entropist.scoring import score as score
    from entropist.scoring import trace as trace

_DOOR = {
    "Bounds": "entropist.results",
    "Estimate": "entropist.results",
    "LanguageModel": "entropist.models",
    "MaximumEntropy": "entropist.measures",
    "Score": "entropist.scoring",
    "Trace": "entropist.record",
    "basefile": None,
    "co_information": "entropist.measures",
    "conditional_entropy": "entropist.measures",
    "conditional_mutual_information": "entropist.measures",
    "connect": "entropist.responses",
    "cross_entropy": "entropist.measures",
    "decoding": None,
    "dual_total_correlation": "entropist.measures",
    "efficiency": "entropist.measures",
    "entropy": "entropist.measures",
    "entropy_rate": "entropist.measures",
    "errors": None,
    "estimators": None,
    "hartley_entropy": "entropist.measures",
    "hellinger": "entropist.measures",
    "jeffreys": "entropist.measures",
    "joint_entropy": "entropist.measures",
    "js_divergence": "entropist.measures",
    "kl_divergence": "entropist.measures",
    "load_model": "entropist.models",
    "logits": None,
    "losses": None,
    "maximum_entropy": "entropist.measures",
    "measures": None,
    "min_entropy": "entropist.measures",
    "mutual_information": "entropist.measures",
    "normalized_mutual_information": "entropist.measures",
    "o_information": "entropist.measures",
    "perplexity": "entropist.measures",
    "pointwise_mutual_information": "entropist.measures",
    "protocol_report": "entropist.scoring",
    "read_response": "entropist.responses",
    "read_responses": "entropist.responses",
    "renyi_divergence": "entropist.measures",
    "renyi_entropy": "entropist.measures",
    "score": "entropist.scoring",
    "segmentation": None,
    "surprisal": "entropist.measures",
    "total_correlation": "entropist.measures",
    "total_variation": "entropist.measures",
    "trace": "entropist.scoring",
    "truncated": "entropist.measures",
    "tsallis_entropy": "entropist.measures",
    "uncertainty": None,
    "varentropy": "entropist.measures",
    "variation_of_information": "entropist.measures",
}

__all__ = [
    "Bounds",
    "Estimate",
    "LanguageModel",
    "MaximumEntropy",
    "Score",
    "Trace",
    "basefile",
    "co_information",
    "conditional_entropy",
    "conditional_mutual_information",
    "connect",
    "cross_entropy",
    "decoding",
    "dual_total_correlation",
    "efficiency",
    "entropy",
    "entropy_rate",
    "errors",
    "estimators",
    "hartley_entropy",
    "hellinger",
    "jeffreys",
    "joint_entropy",
    "js_divergence",
    "kl_divergence",
    "load_model",
    "logits",
    "losses",
    "maximum_entropy",
    "measures",
    "min_entropy",
    "mutual_information",
    "normalized_mutual_information",
    "o_information",
    "perplexity",
    "pointwise_mutual_information",
    "protocol_report",
    "read_response",
    "read_responses",
    "renyi_divergence",
    "renyi_entropy",
    "score",
    "segmentation",
    "surprisal",
    "total_correlation",
    "total_variation",
    "trace",
    "truncated",
    "tsallis_entropy",
    "uncertainty",
    "varentropy",
    "variation_of_information",
]


def __getattr__(name: str) -> Any:
    if name not in _DOOR:
        raise AttributeError(f"entropist has no {name!r}; it has {', '.join(__all__)}.")
    room = _DOOR[name]
    found = (
        importlib.import_module(f"entropist.{name}") if room is None else getattr(importlib.import_module(room), name)
    )
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return list(__all__)
