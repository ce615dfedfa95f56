"""What a log of reinforcement learning says about the KL to the reference, and what it cannot say.

Logged are tokens y ~ μ, with ln π(y), ln ref(y) and, where the sampler was another, ln μ(y). Means over tokens:

    ln μ − ln ref     KL(μ‖ref)                        what generated the text, against the reference
    ln μ − ln π       KL(μ‖π)                          how stale or mismatched the sampler is
    ln π − ln ref     KL(μ‖ref) − KL(μ‖π)              "k1": a KL only where μ = π
    (π/μ)·k3          KL(π‖ref), where μ covers π      what training wants to hold down

A sampler that keeps the top tokens, of mass Z in π, has ln μ = ln π − ln Z on them: then k1 is KL(μ‖ref) less the
mean of −ln Z, ratios π/μ average Z and not 1, and what lies outside (mass 1 − Z) was never seen by any estimator.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from entropist.errors import InputError
from entropist.estimators import clustered_mean, mean
from entropist.losses._kl_penalty import KLEstimator, _estimate, token_logprobs
from entropist.losses._reduce import kept, number, same_shape, tensor
from entropist.results import Estimate

_GRADIENT = {
    "k1": "0 as a loss; that of KL(policy‖reference) as a reward",
    "k2": "∇KL(policy‖reference)",
    "k3": "∇KL(reference‖policy), the other direction",
    "k3_corrected": "∇KL(policy‖reference)",
}
"""On the policy's own tokens."""


@dataclass(frozen=True)
class KLDiagnosis:
    """Means over tokens, in nats, with errors by sequence (batch means for one long row), and findings in words.

    `reported` is what `estimator` gave with its clamp; `clamp_bias` = reported − the same without clamp, with
    `clamped` the share of tokens it touched. `estimates` names the quantity that the mean of the estimator is, on
    these samples; `gradient` that of its gradient as a loss. `kl_policy_reference` is the importance-weighted k3;
    `kl_sampler_reference` and `kl_sampler_policy` are of what was sampled from. `kept_mass` is the mean of Z,
    `truncation_shift` the mean of −ln Z. `effective_share` is (Σρ)²/(nΣρ²), the share of tokens the importance
    weights ρ leave.
    """

    estimator: str
    estimates: str
    gradient: str
    reported: Estimate
    clamp_bias: Estimate | None
    clamped: float
    kl_policy_reference: Estimate
    kl_sampler_reference: Estimate
    kl_sampler_policy: Estimate
    effective_share: float
    kept_mass: float | None
    truncation_shift: Estimate | None
    findings: tuple[str, ...]


def diagnose_kl(
    logprobs: Any,
    reference_logprobs: Any,
    *,
    behaviour_logprobs: Any = None,
    kept_mass: Any = None,
    mask: Any = None,
    estimator: KLEstimator = "k3",
    clamp: float | None = None,
    value_clamp: float | None = None,
) -> KLDiagnosis:
    """Which KL a logged estimate is of, and how far clamping, staleness and truncated sampling move it.

    All (sequences, tokens) or (tokens,), tensors or arrays: log-probabilities of the sampled tokens by the policy and
    the reference, untruncated; `behaviour_logprobs` by the policy that sampled, untruncated as well, if it was
    another one; `kept_mass` the probability that its top-k, top-p or min-p kept at each token, in (0, 1]. `estimator`,
    `clamp` (a limit on |ln ratio|, before the estimator) and `value_clamp` (a limit on |value|, after it) are what the
    trainer used: verl takes 20 and 10 for k3, OpenRLHF 10 for the value of each.

    Raises `InputError` for shapes and values that cannot be, and for "exact", which needs no diagnosis.

    >>> found = diagnose_kl([[-1.0, -2.0]] * 12, [[-1.5, -2.5]] * 12, estimator="k1", clamp=0.2)
    >>> round(found.reported.value, 3), round(found.clamp_bias.value, 3), found.clamped
    (0.2, -0.3, 1.0)
    """
    if estimator not in _GRADIENT:
        raise InputError(f"estimator {estimator!r} cannot be diagnosed: use one of {', '.join(_GRADIENT)}.")
    policy, reference, sampler, z, groups = _columns(logprobs, reference_logprobs, behaviour_logprobs, kept_mass, mask)

    def averaged(values: torch.Tensor) -> Estimate:
        return clustered_mean(values.numpy(), groups) if len(set(groups)) > 1 else mean(values.numpy())

    plain = _estimate(estimator, policy, reference, sampler)
    x = reference - policy
    inside = x if clamp is None else x.clamp(-number("clamp", clamp, above=0), clamp)
    free = plain if clamp is None else _estimate(estimator, policy, policy + inside, sampler)
    top = None if value_clamp is None else number("value_clamp", value_clamp, above=0)
    used = free if top is None else free.clamp(-top, top)
    clamped = float(((inside != x) | (used != free)).double().mean())
    truth = sampler if z is None else sampler - z.log()
    weight = torch.exp(policy - truth)
    stale = bool((policy != sampler).any())
    diagnosis = KLDiagnosis(
        estimator,
        _estimated(estimator, stale, z is not None),
        _gradient(estimator, stale, z is not None),
        averaged(used),
        None if clamp is None and top is None else averaged(used - plain),
        clamped,
        averaged(_estimate("k3_corrected", policy, reference, truth)),
        averaged(truth - reference),
        averaged(truth - policy),
        float(weight.sum() ** 2 / (len(weight) * weight.square().sum())),
        None if z is None else float(z.mean()),
        None if z is None else averaged(-z.log()),
        (),
    )
    return KLDiagnosis(
        **{**vars(diagnosis), "findings": tuple(_findings(diagnosis, averaged(policy - reference), stale))}
    )


def _estimated(estimator: str, stale: bool, truncated: bool) -> str:
    """The quantity that the mean of the estimator is, in words."""
    if estimator == "k3_corrected":
        return "KL(policy‖reference)" + (" over the tokens the sampler kept, times 1/Z there" if truncated else "")
    if not stale and not truncated:
        return "KL(policy‖reference)" + (" up to third order in the log-ratio" if estimator == "k2" else "")
    if estimator == "k1":
        return "KL(sampler‖reference) − KL(sampler‖policy)"
    mixture = "½ E (ln policy/reference)²" if estimator == "k2" else "E [reference/policy − 1 − ln reference/policy]"
    return f"{mixture} over the sampler's tokens: no KL"


def _gradient(estimator: str, stale: bool, truncated: bool) -> str:
    """The mean of the estimator's gradient as a loss, in words."""
    if not stale and not truncated:
        return _GRADIENT[estimator]
    if estimator == "k1":
        return "−∇KL(sampler‖policy) as a loss, away from the sampler"
    if estimator == "k3_corrected" and not truncated:
        return _GRADIENT[estimator]
    return "that of its value on the sampler's tokens: no KL's"


def _findings(found: KLDiagnosis, k1: Estimate, stale: bool) -> Iterable[str]:
    own = not stale and found.kept_mass is None
    if found.estimator == "k1":
        pull = "0" if own else "−∇KL(sampler‖policy), whatever the reference is"
        yield f"k1 in the loss has an expected gradient of {pull}: put it in the reward, or use k3_corrected."
    if found.estimator == "k3" and own:
        yield "k3 in the loss pulls along ∇KL(reference‖policy), the other direction: use k3_corrected or k2."
    if found.estimator in ("k2", "k3") and not own:
        yield f"{found.estimator} in the loss has the gradient of no KL on these tokens: use k3_corrected."
    if found.clamp_bias is not None and found.clamped:
        moved = f"{found.clamp_bias.value:+.4g} nats"
        yield f"The clamp touches {found.clamped:.2%} of tokens and moves the mean by {moved}."
    if stale:
        yield (
            f"The sampler is not the policy: KL(sampler‖policy) is {found.kl_sampler_policy.value:.4g} nats a token "
            f"and importance weights leave {found.effective_share:.0%} of the tokens."
        )
    if found.kept_mass is not None and found.truncation_shift is not None and found.truncation_shift.value > 0:
        yield (
            f"The sampler kept {found.kept_mass:.2%} of its mass: k1 is {found.kl_sampler_policy.value:.4g} nats below "
            f"KL(sampler‖reference), and the other {1 - found.kept_mass:.2%} was never sampled."
        )
    if k1.stderr and k1.value < -3 * k1.stderr and not stale:
        yield (
            f"The mean of ln policy/reference is {k1.value:.4g} ± {k1.stderr:.2g} nats; a KL is not negative, so these "
            "tokens were not sampled from this policy as it stands."
        )


Columns = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None, list[int]]


def _columns(logprobs: Any, reference: Any, behaviour: Any, kept_mass: Any, mask: Any) -> Columns:
    """Policy, reference, sampler and Z of kept tokens (n,), float64, and the sequence of each."""
    given = {"logprobs": logprobs, "reference_logprobs": reference}
    given |= {} if behaviour is None else {"behaviour_logprobs": behaviour}
    given |= {} if kept_mass is None else {"kept_mass": kept_mass}
    try:
        read = {name: torch.as_tensor(value).detach().cpu() for name, value in given.items()}
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"log-probabilities must be tensors or arrays of numbers ({str(error)[:100]}).") from error
    shape = same_shape(**{name: tensor(name, value, last="tokens") for name, value in read.items()})
    if len(shape) > 2:
        raise InputError(f"log-probabilities must be (sequences, tokens) or (tokens,); given shape {tuple(shape)}.")
    keep = kept(mask, shape, torch.device("cpu"))
    live = torch.ones(shape, dtype=torch.bool) if keep is None else keep
    columns = {name: token_logprobs(name, read[name], keep)[live] for name in read if name != "kept_mass"}
    z = read["kept_mass"].double()[live] if "kept_mass" in read else None
    if z is not None and not bool(((z > 0) & (z <= 1)).all()):
        raise InputError("kept_mass must lie in (0, 1]: the probability of the tokens that the sampler kept.")
    groups = live.reshape(-1, shape[-1]).nonzero()[:, 0].tolist()
    policy = columns["logprobs"]
    return policy, columns["reference_logprobs"], columns.get("behaviour_logprobs", policy), z, groups
