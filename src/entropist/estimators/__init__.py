"""Quantities from samples: estimates with their errors."""

from typing import TYPE_CHECKING, Any

from entropist.errors import MissingExtraError
from entropist.estimators._batch_means import MINIMUM_TOKENS, mean, ratio
from entropist.estimators._binned import Binned, BinnedEstimate
from entropist.estimators._clustered import MINIMUM_GROUPS, clustered_mean, clustered_ratio
from entropist.estimators._copula import GaussianCopula
from entropist.estimators._excess import excess
from entropist.estimators._gaussian import Gaussian
from entropist.estimators._mutual_information import mutual_information
from entropist.estimators._pointwise import Pointwise
from entropist.estimators._warnings import EntropistWarning
from entropist.estimators.discrete._count_estimators import (
    NSB,
    ChaoShen,
    ChaoWangJost,
    Dirichlet,
    Grassberger,
    Jackknife,
    JamesStein,
    MillerMadow,
    PanzeriTreves,
    PlugIn,
    Zhang,
)
from entropist.estimators.discrete._discrete_information import (
    conditional_mutual_information,
    mutual_information_of_counts,
)
from entropist.estimators.discrete._divergence import kl_divergence
from entropist.estimators.discrete._entropy import entropy
from entropist.estimators.discrete._sequences import block_entropy, ngram_entropy
from entropist.estimators.matrix._matrix import MatrixEstimate, mutual_information_matrix
from entropist.estimators.neighbours._conditional_ksg import knn_conditional_mutual_information
from entropist.estimators.neighbours._differential_entropy import differential_entropy
from entropist.estimators.neighbours._knn_divergence import knn_kl_divergence
from entropist.estimators.neighbours._ksg import KSG
from entropist.estimators.neighbours._mixed import Gao, Ross
from entropist.estimators.trees._best_split import Split, best_split
from entropist.estimators.trees._information_gain import gain_ratio, information_gain

if TYPE_CHECKING:
    from entropist.estimators.trees._maximum_entropy_classifier import MaximumEntropyClassifier

__all__ = [
    "KSG",
    "MINIMUM_GROUPS",
    "MINIMUM_TOKENS",
    "NSB",
    "Binned",
    "BinnedEstimate",
    "ChaoShen",
    "ChaoWangJost",
    "Dirichlet",
    "EntropistWarning",
    "Gao",
    "Gaussian",
    "GaussianCopula",
    "Grassberger",
    "Jackknife",
    "JamesStein",
    "MatrixEstimate",
    "MaximumEntropyClassifier",
    "MillerMadow",
    "PanzeriTreves",
    "PlugIn",
    "Pointwise",
    "Ross",
    "Split",
    "Zhang",
    "best_split",
    "block_entropy",
    "clustered_mean",
    "clustered_ratio",
    "conditional_mutual_information",
    "differential_entropy",
    "entropy",
    "excess",
    "gain_ratio",
    "information_gain",
    "kl_divergence",
    "knn_conditional_mutual_information",
    "knn_kl_divergence",
    "mean",
    "mutual_information",
    "mutual_information_matrix",
    "mutual_information_of_counts",
    "ngram_entropy",
    "ratio",
]


def __getattr__(name: str) -> Any:
    if name != "MaximumEntropyClassifier":
        raise AttributeError(f"entropist.estimators has no {name!r}; it has {', '.join(__all__)}.")
    try:  # its base classes are scikit-learn's, so it cannot be made without it
        from entropist.estimators.trees import _maximum_entropy_classifier
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        raise MissingExtraError(name, "stats") from error
    globals()[name] = _maximum_entropy_classifier.MaximumEntropyClassifier
    return globals()[name]
