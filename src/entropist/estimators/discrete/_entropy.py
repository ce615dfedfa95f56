"""Entropy from samples of labels, or from counts of them.

    H = −Σ p ln p  of the source, from n independent samples,    nats unless `unit=` says otherwise.

The observed frequencies alone give too little, by about (K − 1)/2n for K symbols; every estimator here but `PlugIn`
corrects for it, each in its way. Samples (n,) of hashable labels or (n, d) of rows; counts of any shape, sparse, or a
mapping. The error is that of `_count_errors`, where the counts allow one; otherwise `reason` says why there is none.

When this misleads: with few samples beside the symbols that exist no estimator is right, for what was never seen may
be anything. Samples in the order of time are no independent ones: `block_entropy`. Logits and probabilities are no
counts: `measures.entropy`, `logits.statistics`.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from entropist.errors import InputError
from entropist.estimators._pointwise import Pointwise
from entropist.estimators._samples import coded
from entropist.estimators._warnings import unreliable
from entropist.estimators.discrete import _counts
from entropist.estimators.discrete._count_errors import error_of
from entropist.estimators.discrete._count_estimators import CountEstimator, Dirichlet, Grassberger, PlugIn, find
from entropist.estimators.discrete._counts import Counts
from entropist.results import Estimate
from entropist.units import unit_name


def entropy(
    samples: Any = None,
    counts: Any = None,
    estimator: str | CountEstimator = "chao-shen",
    *,
    unit: str = "nats",
    local: bool = False,
) -> Estimate:
    """The entropy of a discrete source, with its error.

    samples: (n,) labels of any hashable kind, or (n, d) rows, each row one label. counts instead: whole numbers of any
    shape, a SciPy sparse array, or a mapping from labels to counts. estimator: a name or an object: `"plug-in"`,
    `"miller-madow"`, `"panzeri-treves"`, `"jackknife"`, `"grassberger-1988"`, `"grassberger-2003"`, `"zhang"`,
    `"chao-shen"`, `"chao-wang-jost"`, `"james-stein"`, `"laplace"`, `"jeffreys"`, `"perks"`, `"minimax"`, `"nsb"`;
    `NSB(support_size=K)`, `Dirichlet(a)`. Where an estimator needs the number of symbols and was not told, it takes the
    length of dense counts, zeros included, else the symbols seen. local: a `Pointwise` with −ln p̂ of every sample,
    which only the plug-in defines.

    `stderr` is None outside the domain of the estimator, with the `reason`. Where all samples differ an
    `EntropistWarning` says that they hardly determine the value.

    Raises `InputError` for samples and counts both or neither, missing values, counts that are no whole numbers, and a
    support below what was seen.

    >>> print(entropy(["tea"] * 300 + ["milk"] * 100 + ["juice"] * 100, unit="bits"))
    1.3710 ± 0.0351 bits (n = 500, Chao-Shen)
    >>> round(entropy(counts=[1, 2, 3, 2, 1], estimator="chao-shen").value, 6)
    1.876548
    """
    name, chosen = unit_name(unit), find(estimator)
    if (samples is None) == (counts is None):
        raise InputError("give either samples or counts" + (", not both." if counts is not None else "."))
    if local and (samples is None or not isinstance(chosen, PlugIn)):
        raise InputError('local values need samples and the estimator "plug-in": no other has one value a sample.')
    c = _counts.from_samples(samples) if counts is None else _counts.from_counts(counts)
    found = estimate(chosen, supported(chosen, c))
    if local:
        codes = coded("samples", samples)[0]
        parts = np.log(c.n) - np.log(np.bincount(codes))[codes]
        found = _with_local(found, parts)
    return found.to(name)


def estimate(estimator: CountEstimator, c: Counts) -> Estimate:
    """The entropy of `c` in nats, with its error, and a warning where all samples differ."""
    if c.n > 1 and c.singletons == c.n:
        unreliable(f"all {c.n} samples differ: they hardly determine the entropy. Collect until some repeat.")
    value = estimator.value(c)
    stderr, reason, domain = error_of(estimator, c, value)
    return Estimate(
        value, stderr, "nats", c.n, described(estimator, c), reason=reason, domain=None if reason else domain
    )


def supported(estimator: CountEstimator, c: Counts) -> Counts:
    """`c` with the support that the estimator was told."""
    if isinstance(estimator.support, tuple):
        raise InputError(f"support_size must be one number for one entropy; given {estimator.support!r}.")
    return _counts.with_support(c, estimator.support)


def described(estimator: CountEstimator, c: Counts | None = None) -> str:
    """The estimator's name with what it was told: its variant, its a, its K."""
    parts = [estimator.label]
    if isinstance(estimator, Grassberger):
        parts = [f"{estimator.label} {estimator.variant}"]
    if isinstance(estimator, Dirichlet):
        parts.append(f"a = {estimator.a}")
    if c is not None and hasattr(estimator, "support_size"):
        parts.append(f"K = {c.support}" + ("" if c.given else " seen"))
    return ", ".join(parts)


def _with_local(found: Estimate, parts: Any) -> Pointwise:
    fields = {name: getattr(found, name) for name in found.__dataclass_fields__}
    return replace(Pointwise(**fields), local=np.asarray(parts))
