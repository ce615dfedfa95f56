"""When to believe an answer: how its tokens were sampled, and whether the model behind a name is still the same."""

from entropist.uncertainty._change import Change, Round, model_change
from entropist.uncertainty._consistency import Consistency, sampling_consistency
from entropist.uncertainty._cut import Cut
from entropist.uncertainty._drift import Drift

__all__ = ["Change", "Consistency", "Cut", "Drift", "Round", "model_change", "sampling_consistency"]
