"""Mutual information and conditional information of labels, made from any estimator of entropy.

    I(X; Y)     = H(X) + H(Y) − H(X, Y)
    I(X; Y | Z) = H(X, Z) + H(Y, Z) − H(Z) − H(X, Y, Z)

in nats. The plug-in value is summed cell by cell, and the other estimators add what each of their entropies differs
from its plug-in one, so that no digits are lost near independence. `Dirichlet` and `JamesStein` draw the joint table
once and take its margins: their values are those of one distribution and never negative. Others may well be.

stderr² = Var(local values)/n + max(ν/2, 3)/n², ν = Σ_z (K_x − 1)(K_y − 1), inside the domain of `_count_errors`: the
same rules, the joint singletons counted. A sequence's first term is that of blocks, its second the spread of the null.

Nulls: "permutation" of x, within equal z; "circular-shift" for sequences, where order is memory; "analytic": 2n times
the plug-in value has under permutation a mean that is known exactly and nearly a gamma law (χ² with ν degrees of
freedom where no expected count is small).

When this misleads: with n of the order of K_x·K_y the plug-in finds ν/2n where nothing is shared, and corrections help
little. Look at the null. Labels made by cutting continuous values lose information.

Source: Vinh, Epps & Bailey (2010) for the mean under permutation.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entropist.errors import InputError
from entropist.estimators._independence import tails
from entropist.estimators._nulls import block_variance, p_value
from entropist.estimators._pointwise import Pointwise
from entropist.estimators._samples import coded, same_length
from entropist.estimators._warnings import unreliable
from entropist.estimators.discrete import _discrete_nulls as _nulls_of
from entropist.estimators.discrete import _plug_in, _shrinkage
from entropist.estimators.discrete import _tables as tables
from entropist.estimators.discrete._count_errors import DOMAIN, apart, parity, second_order, too_few, unseen
from entropist.estimators.discrete._count_estimators import CountEstimator, PlugIn, find
from entropist.estimators.discrete._entropy import described
from entropist.estimators.discrete._sequences import memory
from entropist.estimators.discrete._tables import Table
from entropist.results import Estimate
from entropist.units import unit_name

Array = NDArray[np.float64]


def conditional_mutual_information(
    x: Any,
    y: Any,
    given: Any,
    estimator: str | CountEstimator = "chao-shen",
    *,
    unit: str = "nats",
    null: str | None = None,
    sequence: bool = False,
    local: bool = False,
    seed: int = 0,
) -> Estimate:
    """I(X; Y | Z) of paired samples of labels, with its error.

    x, y, given: (n,) labels or (n, d) rows. estimator: a name or object that counts symbols; see `entropy`; its
    support_size, if any, is three numbers. null: "permutation" (x in random order among samples of the same z) or
    "analytic". sequence: the samples are in the order of time and the error is that of blocks. local: a `Pointwise`,
    plug-in only. Raises `InputError` as `entropy` does, and for unequal lengths.

    >>> x, y = [0, 0, 1, 1] * 100, [0, 1, 0, 1] * 100
    >>> either = [a ^ b for a, b in zip(x, y)]
    >>> round(conditional_mutual_information(x, y, either, "plug-in", unit="bits").value, 6)
    1.0
    """
    name, chosen = unit_name(unit), find(estimator)
    if null not in (None, "permutation", "analytic"):
        raise InputError(f"null {null!r} is not one of permutation, analytic or None: turning x alone parts it from z.")
    return _of_samples(chosen, (x, y, given), ("x", "y", "given"), null, sequence, seed, local).to(name)


def mutual_information_of_counts(
    counts: Any, estimator: str | CountEstimator = "chao-shen", *, unit: str = "nats", null: str | None = None
) -> Estimate:
    """I(X; Y) of a table of counts (values of x, values of y), dense or SciPy sparse, with its error.

    null: "analytic" or None. Cells that are not stored cost nothing, whatever the shape. Raises `InputError` for
    another number of axes and counts that are no whole numbers.

    >>> round(mutual_information_of_counts([[4, 2, 3], [2, 4, 5]], "plug-in").value, 9)
    0.041605017
    """
    name, chosen = unit_name(unit), find(estimator)
    if null not in (None, "analytic"):
        raise InputError(f"null {null!r} needs samples; counts have the null analytic, or None.")
    table = _supported(tables.of_counts(counts, 2), chosen)
    return _assembled(chosen, table, null, None, False, None).to(name)


def of_samples(
    estimator: CountEstimator, x: Any, y: Any, *, null: str | None, sequence: bool, seed: int, local: bool
) -> Estimate:
    """I(X; Y) in nats, as the door of mutual information asks for it."""
    return _of_samples(estimator, (x, y), ("x", "y"), null, sequence, seed, local)


def _of_samples(
    estimator: CountEstimator, samples: tuple[Any, ...], names: tuple[str, ...], null: str | None, sequence: bool,
    seed: int, local: bool,
) -> Estimate:  # fmt: skip
    if local and not isinstance(estimator, PlugIn):
        raise InputError('local values need the estimator "plug-in": no other has one value a sample.')
    codes, sizes = zip(*(coded(name, values) for name, values in zip(names, samples)))
    same_length(**dict(zip(names, codes)))
    table, cell = tables.of_codes(codes, sizes)
    table = _supported(table, estimator)
    draws = None
    if null in ("permutation", "circular-shift"):
        draws = _nulls_of.draws(estimator, codes, table, null, seed)
    found = _assembled(estimator, table, null, draws, sequence, cell)
    if not local:
        return found
    fields = {name: getattr(found, name) for name in found.__dataclass_fields__}
    return Pointwise(**fields, local=_local(table)[cell])


def _supported(table: Table, estimator: CountEstimator) -> Table:
    """The table with the numbers of values that the estimator was told, one a variable."""
    told = estimator.support
    if told is None:
        return table
    if not isinstance(told, tuple) or len(told) != len(table.sizes):
        raise InputError(f"support_size must be {len(table.sizes)} numbers, one a variable; given {told!r}.")
    for least, size in zip((int(place.max()) + 1 for place in table.places), told):
        if size < least:
            raise InputError(f"support_size is {size}, but {least} different values were seen.")
    return Table(table.cells, table.places, told, given=True)


def _local(table: Table) -> Array:
    """ln p̂(x, y, z) p̂(z) / (p̂(x, z) p̂(y, z)) for each cell; z is nothing for two variables."""
    rest = tuple(range(2, len(table.sizes)))

    def log_total(*variables: int) -> Array:
        place, totals = table.margin(*variables)
        return np.asarray(np.log(totals)[place])

    return np.asarray(np.log(table.cells) + log_total(*rest) - log_total(0, *rest) - log_total(1, *rest))


def _value(estimator: CountEstimator, table: Table, plug_in: float) -> float:
    rest = tuple(range(2, len(table.sizes)))
    everything = (0, 1, *rest)
    weight = estimator.weight(table.counts(*everything))

    def beyond(*variables: int) -> float:
        if not variables:
            return 0.0
        c = table.counts(*variables)
        value = estimator.value(c) if weight is None else _shrinkage.drawn_entropy(c, weight)
        return value - _plug_in.plug_in(c)

    if isinstance(estimator, PlugIn):
        return plug_in
    return plug_in + math.fsum((beyond(0, *rest), beyond(1, *rest), -beyond(*rest), -beyond(*everything)))


def _plug_in_value(table: Table) -> float:
    return max(0.0, math.fsum(table.cells * _local(table)) / table.n)


def _assembled(
    estimator: CountEstimator, table: Table, null: str | None, draws: Array | None, sequence: bool,
    cell: NDArray[Any] | None,
) -> Estimate:  # fmt: skip
    n, raw, local = table.n, _plug_in_value(table), _local(table)
    if len(table.cells) == n > 1:
        unreliable(f"all {n} joint samples differ: they hardly determine what is shared. Collect until some repeat.")
    value = _value(estimator, table, raw)
    expected = p = None
    if draws is not None:
        expected, p = float(draws.mean()), p_value(value, draws)
    elif null == "analytic":
        mean, variance = _nulls_of.law(table)
        expected, p = mean / (2 * n) + value - raw, float(tails(2 * n * raw, mean, variance))
    whole = table.counts(*range(len(table.sizes)))
    variance = float((table.cells * (local - raw) ** 2).sum()) / n**2
    remaining = second_order(freedom(table), n) + parity(estimator, whole.seen, n)
    effective, degrees, block = None, None, None
    if sequence and cell is not None and n >= 2:
        of_mean, block = block_variance(local[cell])
        effective = float(n) if of_mean <= variance or not variance else n * variance / of_mean
        variance, degrees = max(variance, of_mean), n / block - 1
        remaining = max(remaining, float(draws.var()) if draws is not None else remaining * (n / effective) ** 2)
    stderr = math.sqrt(variance + remaining)
    reference = _value(find("chao-wang-jost"), table, raw)
    beside = n - max(int(table.margin(variable)[1].max()) for variable in (0, 1))
    reason = too_few(effective or n, beside) or unseen(whole.singletons, n, stderr) or apart(value - reference, stderr)
    if reason is None and effective is not None:
        lost = (value - raw) * (n / effective - 1) if draws is None else expected
        reason = memory(lost or 0.0, stderr)
    domain = None if reason else DOMAIN.replace("independent", "stationary") if sequence else DOMAIN
    return Estimate(
        value, None if reason else stderr, "nats", n, described(estimator), degrees, reason=reason, null=expected,
        p_value=p, domain=domain, effective_n=effective,
    )  # fmt: skip


def freedom(table: Table) -> int:
    """Σ over z of (values of x with z − 1)(values of y with z − 1): the degrees of freedom of what occurs."""
    rest = tuple(range(2, len(table.sizes)))
    place, _ = table.margin(*rest)

    def values(variable: int) -> NDArray[np.int64]:
        within, totals = table.margin(*rest, variable)
        first = np.zeros(len(totals), np.int64)
        first[within] = place
        return np.bincount(first, minlength=int(place.max()) + 1)

    return int(((values(0) - 1) * (values(1) - 1)).sum())
