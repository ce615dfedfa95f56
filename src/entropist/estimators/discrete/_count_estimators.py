"""The estimators of discrete entropy as small objects; a name such as "chao-shen" stands for `ChaoShen()`.

Each turns `Counts` into an entropy in nats; the formulas are in `_plug_in`, `_shrinkage` and `_nsb`. Mutual
information, conditional mutual information and divergence are made from the same objects in `_discrete_information`.
Which to take, by what is known of the samples:

    many more samples than symbols          any of them; `MillerMadow` is the simplest that is corrected
    symbols unseen, their number unknown    `ChaoShen`, `ChaoWangJost`
    the number of symbols known             `NSB(support_size=K)`, with its posterior standard deviation
    as counts come, for comparison          `PlugIn`, biased and labelled so
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from entropist.errors import InputError
from entropist.estimators.discrete import _nsb, _plug_in, _shrinkage
from entropist.estimators.discrete._counts import Counts

if TYPE_CHECKING:
    from entropist.results import Estimate

Support = int | tuple[int, ...] | None


@dataclass(frozen=True)
class CountEstimator:
    """What all have: `value(counts)`, and mutual information by composition."""

    label: ClassVar[str] = ""
    formula: ClassVar[Any] = None  # from Counts to nats; None where `value` is its own

    def value(self, counts: Counts) -> float:
        """The entropy in nats."""
        return float(type(self).formula(counts))

    def weight(self, counts: Counts) -> float | None:
        """How much of the observed shares is replaced by equal ones; None for estimators that do no such thing."""
        return None

    def mutual_information(
        self, x: Any, y: Any, *, null: str | None = None, sequence: bool = False, seed: int = 0, local: bool = False
    ) -> "Estimate":
        """The estimate in nats of paired samples of labels, as `estimators.mutual_information` asks for it."""
        from entropist.estimators.discrete import _discrete_information

        return _discrete_information.of_samples(self, x, y, null=null, sequence=sequence, seed=seed, local=local)

    @property
    def support(self) -> Support:
        """The numbers of symbols that were given, one a variable; None where none was."""
        return getattr(self, "support_size", None)


@dataclass(frozen=True)
class PlugIn(CountEstimator):
    """−Σ p̂ ln p̂ with p̂ = c / n. Too low by about (K − 1) / 2n.

    >>> from entropist.estimators import entropy
    >>> round(entropy(counts=[1, 2, 3, 2, 1], estimator=PlugIn()).value, 6)
    1.522955
    """

    label: ClassVar[str] = "plug-in, biased"
    formula = staticmethod(_plug_in.plug_in)


@dataclass(frozen=True)
class MillerMadow(CountEstimator):
    """Plug-in + (K⁺ − 1) / 2n, K⁺ the symbols seen. Source: Miller (1955).

    >>> from entropist.estimators import entropy
    >>> round(entropy(counts=[1, 2, 3, 2, 1], estimator="miller-madow").value, 6)
    1.745177
    """

    label: ClassVar[str] = "Miller-Madow"
    formula = staticmethod(_plug_in.miller_madow)


@dataclass(frozen=True)
class PanzeriTreves(CountEstimator):
    """Plug-in + (R − 1) / 2n, R a Bayes count of the symbols that can occur. Source: Panzeri & Treves (1996).

    support_size: the symbols there are; R lies between those seen and these.

    >>> from entropist.estimators import entropy
    >>> round(entropy(counts=[4, 2, 3, 0, 2, 4, 0, 0, 2, 1, 1], estimator="panzeri-treves").value, 6)
    2.23154
    """

    support_size: Support = None
    label: ClassVar[str] = "Panzeri-Treves"
    formula = staticmethod(_plug_in.panzeri_treves)


@dataclass(frozen=True)
class Jackknife(CountEstimator):
    """n H − (n − 1) times the mean plug-in entropy without one sample. Source: Zahl (1977).

    >>> from entropist.estimators import entropy
    >>> round(entropy(counts=[1, 2, 3, 2, 1], estimator="jackknife").value, 6)
    1.886844
    """

    label: ClassVar[str] = "jackknife"
    formula = staticmethod(_plug_in.jackknife)


@dataclass(frozen=True)
class Grassberger(CountEstimator):
    """ψ-function corrections; variant 1988 or 2003. Source: Grassberger (1988); (2003), arXiv:physics/0307138.

    >>> from entropist.estimators import entropy
    >>> [round(entropy(counts=[1, 2, 3, 2, 1], estimator=Grassberger(year)).value, 6) for year in (1988, 2003)]
    [1.876292, 1.912032]
    """

    variant: int = 2003
    label: ClassVar[str] = "Grassberger"

    def __post_init__(self) -> None:
        if self.variant not in (1988, 2003):
            raise InputError(f"variant must be 1988 or 2003, the year of the formula; given {self.variant!r}.")

    def value(self, counts: Counts) -> float:
        """The entropy in nats."""
        return (_plug_in.grassberger_1988 if self.variant == 1988 else _plug_in.grassberger_2003)(counts)


@dataclass(frozen=True)
class Zhang(CountEstimator):
    """Σ p̂ (ψ(n) − ψ(c)): its bias is −Σ_{v ≥ n} (1/v) Σ p (1 − p)^v. Source: Zhang (2012).

    >>> from entropist.estimators import entropy
    >>> round(entropy(counts=[1, 2, 3, 2, 1], estimator="zhang").value, 6)
    1.773413
    """

    label: ClassVar[str] = "Zhang"
    formula = staticmethod(_plug_in.zhang)


@dataclass(frozen=True)
class ChaoShen(CountEstimator):
    """Good–Turing coverage with Horvitz–Thompson weights, for symbols that were not seen. Source: Chao & Shen (2003).

    >>> from entropist.estimators import entropy
    >>> round(entropy(counts=[1, 2, 3, 2, 1]).value, 6)
    1.876548
    """

    label: ClassVar[str] = "Chao-Shen"
    formula = staticmethod(_plug_in.chao_shen)


@dataclass(frozen=True)
class ChaoWangJost(CountEstimator):
    """Zhang's entropy and an estimate of its bias from singletons and doubletons. Source: Chao, Wang & Jost (2013).

    >>> from entropist.estimators import entropy
    >>> round(entropy(counts=[1, 2, 3, 2, 1], estimator="chao-wang-jost").value, 6)
    1.84787
    """

    label: ClassVar[str] = "Chao-Wang-Jost"
    formula = staticmethod(_plug_in.chao_wang_jost)


@dataclass(frozen=True)
class JamesStein(CountEstimator):
    """Shares drawn towards 1/K by the weight that estimated variance makes best. Source: Hausser & Strimmer (2009).

    >>> from entropist.estimators import entropy
    >>> round(entropy(counts=[4, 2, 3, 0, 2, 4, 0, 0, 2, 1, 1], estimator="james-stein").value, 6)
    2.379603
    """

    support_size: Support = None
    label: ClassVar[str] = "James-Stein"

    def weight(self, counts: Counts) -> float:
        """λ, between 0 and 1."""
        return _shrinkage.james_stein_weight(counts)

    def value(self, counts: Counts) -> float:
        """The entropy in nats."""
        return _shrinkage.drawn_entropy(counts, self.weight(counts))


@dataclass(frozen=True)
class Dirichlet(CountEstimator):
    """Plug-in of (c + a) / (n + aK). a: a number, "1/K" (Perks) or "sqrt(n)/K" (minimax).

    >>> from entropist.estimators import entropy
    >>> [round(entropy(counts=[1, 2, 3, 2, 1], estimator=Dirichlet(a)).value, 6) for a in (1, 0.5, "1/K", "sqrt(n)/K")]
    [1.574097, 1.556911, 1.539698, 1.561237]
    """

    a: float | str = 0.5
    support_size: Support = None
    label: ClassVar[str] = "Dirichlet"

    def __post_init__(self) -> None:
        named = isinstance(self.a, str)
        if self.a not in ("1/K", "sqrt(n)/K") if named else not (0 < self.a < math.inf):  # type: ignore[operator]
            raise InputError(f'a must be a number above 0, "1/K" or "sqrt(n)/K"; given {self.a!r}.')

    def weight(self, counts: Counts) -> float:
        """λ = aK / (n + aK)."""
        return _shrinkage.dirichlet_weight(counts, self.a)

    def value(self, counts: Counts) -> float:
        """The entropy in nats."""
        return _shrinkage.drawn_entropy(counts, self.weight(counts))


@dataclass(frozen=True)
class NSB(CountEstimator):
    """The posterior mean under a prior flat in the entropy. support_size: K, of which it must know.

    Its stderr is the posterior standard deviation. Source: Nemenman, Shafee & Bialek (2002).

    >>> from entropist.estimators import entropy
    >>> print(entropy(counts=[74, 52, 33, 22, 14, 12, 11, 1], estimator=NSB(support_size=11)))
    1.7508 ± 0.0506 nats (n = 219, NSB, K = 11)
    """

    support_size: Support = None
    label: ClassVar[str] = "NSB"

    def value(self, counts: Counts) -> float:
        """The entropy in nats."""
        return _nsb.posterior(counts)[0]


ESTIMATORS: dict[str, Callable[[], CountEstimator]] = {
    "plug-in": PlugIn,
    "miller-madow": MillerMadow,
    "panzeri-treves": PanzeriTreves,
    "jackknife": Jackknife,
    "grassberger-1988": lambda: Grassberger(1988),
    "grassberger-2003": Grassberger,
    "zhang": Zhang,
    "chao-shen": ChaoShen,
    "chao-wang-jost": ChaoWangJost,
    "james-stein": JamesStein,
    "laplace": lambda: Dirichlet(1.0),
    "jeffreys": Dirichlet,
    "perks": lambda: Dirichlet("1/K"),
    "minimax": lambda: Dirichlet("sqrt(n)/K"),
    "nsb": NSB,
}
"""What each name stands for, in `entropy`, `mutual_information` and whatever else counts symbols."""


def find(estimator: str | CountEstimator) -> CountEstimator:
    """The estimator that a name stands for, or the object itself; anything else raises `InputError`.

    >>> find("chao-shen")
    ChaoShen()
    """
    if isinstance(estimator, str):
        if estimator not in ESTIMATORS:
            raise InputError(f"estimator {estimator!r} is not known: use one of {', '.join(ESTIMATORS)}.")
        return ESTIMATORS[estimator]()
    if not isinstance(estimator, CountEstimator):
        raise InputError(f"estimator {estimator!r} is neither a name nor an estimator from counts, such as ChaoShen().")
    return estimator
