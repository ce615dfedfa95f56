"""Entropist measures the information in language models.

Every public name stands in `_DOOR` and is loaded when it is first used, so that ``import entropist``
loads neither torch nor pyarrow.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from entropist import errors as errors
    from entropist import estimators as estimators
    from entropist import logits as logits
    from entropist import uncertainty as uncertainty
    from entropist.models import LanguageModel as LanguageModel
    from entropist.models import load_model as load_model
    from entropist.record import Trace as Trace
    from entropist.responses import connect as connect
    from entropist.responses import read_response as read_response
    from entropist.responses import read_responses as read_responses
    from entropist.results import Bounds as Bounds
    from entropist.results import Estimate as Estimate
    from entropist.scoring import trace as trace

_DOOR = {
    "Bounds": "entropist.results",
    "Estimate": "entropist.results",
    "LanguageModel": "entropist.models",
    "Trace": "entropist.record",
    "connect": "entropist.responses",
    "errors": None,
    "estimators": None,
    "load_model": "entropist.models",
    "logits": None,
    "read_response": "entropist.responses",
    "read_responses": "entropist.responses",
    "trace": "entropist.scoring",
    "uncertainty": None,
}

__all__ = [
    "Bounds",
    "Estimate",
    "LanguageModel",
    "Trace",
    "connect",
    "errors",
    "estimators",
    "load_model",
    "logits",
    "read_response",
    "read_responses",
    "trace",
    "uncertainty",
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
