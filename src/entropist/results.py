"""What a measurement is: `Estimate` (a value with its sampling error) and `Bounds` (what truncation leaves open)."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from entropist.errors import InputError
from entropist.units import from_nats, to_nats, unit_name

_LARGEST_EXPONENT = 709.0  # e to more is no float64


@dataclass(frozen=True)
class Estimate:
    """A number with its unit, its n, its error and where it comes from.

    `stderr` is None where no honest error exists; `reason` then says why. The confidence interval is
    value ± t·stderr with `degrees_of_freedom` (normal if None), or, on the `log_scale` of a
    perplexity, value·exp(± t·stderr/value); `interval`, where there is one, gives it for a level instead,
    such as that of a likelihood. `unit` is empty for a pure number. `domain` says for which
    sources and n that interval is certified, `effective_n` how many independent values the n are worth,
    `p_value` how often the `null` (its expectation where nothing is there) gives as much or more.

    >>> print(Estimate(2.5, 0.1, unit="bits", n=1000, estimator="batch means"))
    2.500 ± 0.100 bits (n = 1000, batch means)
    """

    value: float
    stderr: float | None
    unit: str
    n: int
    estimator: str
    degrees_of_freedom: float | None = None
    log_scale: bool = False
    reason: str | None = None
    null: float | None = None
    p_value: float | None = None
    domain: str | None = None
    effective_n: float | None = None
    interval: Callable[[float], tuple[float, float]] | None = field(default=None, repr=False, compare=False)

    def confidence_interval(self, level: float = 0.95) -> tuple[float, float]:
        """The interval that covers the true value with probability `level`, in the estimate's unit.

        Raises `InputError` where there is no standard error, with the reason.
        """
        if not 0 < level < 1:
            raise InputError(f"confidence level {level!r} must lie between 0 and 1, such as 0.95.")
        if self.interval is not None:
            return self.interval(level)
        if self.stderr is None:
            raise InputError(f"no confidence interval: {self.reason or 'this estimate has no standard error'}.")
        reach = _quantile(0.5 + level / 2, self.degrees_of_freedom) * self.stderr
        if self.log_scale:
            ratio = reach / self.value
            factor = math.exp(ratio) if ratio < _LARGEST_EXPONENT else math.inf
            return self.value / factor, self.value * factor
        return self.value - reach, self.value + reach

    def to(self, unit: str) -> "Estimate":
        """The same measurement in another unit of information; a pure number has none and raises."""
        if not self.unit:
            raise InputError(f"a pure number has no unit and cannot be given in {unit!r}.")
        if unit == self.unit:
            return self
        per_byte = "/byte" if self.unit.endswith("/byte") else ""
        if unit.endswith("/byte") and not per_byte:
            raise InputError(f"{self.unit} cannot be given in {unit}: the number of bytes is not known here.")
        old, new = self.unit.removesuffix("/byte"), unit_name(unit.removesuffix("/byte"))
        interval = self.interval

        def converted(level: float) -> tuple[float, float]:
            assert interval is not None
            low, high = interval(level)
            return from_nats(to_nats(low, old), new), from_nats(to_nats(high, old), new)

        return replace(
            self,
            value=from_nats(to_nats(self.value, old), new),
            stderr=None if self.stderr is None else from_nats(to_nats(self.stderr, old), new),
            null=None if self.null is None else from_nats(to_nats(self.null, old), new),
            unit=new + per_byte,
            interval=None if interval is None else converted,
        )

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.stderr is None:
            why = f"; no error: {self.reason}" if self.reason else ""
            return f"{self.value:.4g}{unit} (n = {self.n}, {self.estimator}{why})"
        digits = _digits(self.stderr)
        return f"{self.value:.{digits}f} ± {self.stderr:.{digits}f}{unit} (n = {self.n}, {self.estimator})"


@dataclass(frozen=True)
class Bounds:
    """The interval a quantity must lie in, given what was observed; not a sampling error.

    >>> Bounds(1.4455, 1.6011, "bits").width
    0.1556
    """

    low: float
    high: float
    unit: str

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise InputError(f"bounds need low <= high; given {self.low!r} and {self.high!r}.")

    @property
    def width(self) -> float:
        """high - low, rounded to 12 significant digits."""
        return float(f"{self.high - self.low:.12g}")

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"[{self.low:.4g}, {self.high:.4g}] {self.unit}".rstrip()


def _quantile(probability: float, degrees_of_freedom: float | None) -> float:
    from scipy import stats  # only here: SciPy's import is slow and most estimates are never asked

    if degrees_of_freedom is None:
        return float(stats.norm.ppf(probability))
    return float(stats.t.ppf(probability, degrees_of_freedom))


def _digits(stderr: float) -> int:
    """Decimals that show two to three significant digits of the error."""
    if not stderr > 0 or not math.isfinite(stderr):
        return 4
    return min(12, max(0, 2 - math.floor(math.log10(stderr))))
