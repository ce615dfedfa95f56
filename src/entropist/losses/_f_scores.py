"""Scores of f-divergence preference losses: what replaces the log-ratio when another divergence holds the policy.

With u = ln π/ref, the score is f′(e^u) for D_f(π, ref) = E_ref f(π/ref), up to a constant that cancels in pairs
(Wang et al. 2023, arXiv:2309.16240):

    reverse_kl  f = t ln t                     u
    forward_kl  f = −ln t                      −e^{−u}
    js          f = t ln t − (t+1) ln((t+1)/2) ln 2 + ln σ(u)
    alpha       f = (t^{1−α} − (1−α)t − α)/(α(α−1)), 0 < α < 1     (1 − e^{−αu})/α

α → 0 gives reverse_kl, α → 1 gives 1 + forward_kl. Where e^{−u} or e^{−αu} passes 1e300 it is held there, so that no
difference of scores is NaN; its gradient is 0 from there on.
"""

import math
from typing import Literal, get_args

import torch

from entropist.errors import InputError
from entropist.losses._reduce import number

FDivergence = Literal["reverse_kl", "forward_kl", "js", "alpha"]
"""The divergence that holds the policy to the reference in `preference`; reverse_kl is DPO itself."""

_LARGEST_EXPONENT = math.log(1e300)


def check(f_divergence: str, alpha: float) -> None:
    """`InputError` for an unknown divergence or an α outside of its range."""
    if f_divergence not in get_args(FDivergence):
        raise InputError(f"f_divergence {f_divergence!r} is not known: use one of {', '.join(get_args(FDivergence))}.")
    number("alpha", alpha, above=0, high=1)


def score(f_divergence: str, u: torch.Tensor, alpha: float) -> torch.Tensor:
    """f′(e^u) (pairs,) of log-ratios u (pairs,), float64, as in the table above."""
    if f_divergence == "reverse_kl":
        return u
    if f_divergence == "js":
        return math.log(2) + torch.nn.functional.logsigmoid(u)
    if f_divergence == "forward_kl":
        return -torch.exp((-u).clamp(max=_LARGEST_EXPONENT))
    return -torch.expm1((-alpha * u).clamp(max=_LARGEST_EXPONENT)) / alpha
