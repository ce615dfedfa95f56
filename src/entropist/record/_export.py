"""A trace for other programs: one JSON document, or a data frame.

The JSON is columnar and versioned; `trace.schema.json` beside this file describes it. Bytes are base64,
an infinite number, which JSON lacks, is the text "inf" or "-inf", and every character beyond ASCII is
escaped, so that the text is harmless in a terminal.
"""

import base64
import importlib
import json
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from entropist.errors import EntropistError, InputError
from entropist.record._schema import FORMAT_VERSION, POWERS
from entropist.results import Bounds, Estimate
from entropist.units import per_nat

if TYPE_CHECKING:
    from entropist.record._trace import Trace


def to_json(trace: "Trace", unit: str) -> str:
    """The trace as one JSON object, information in `unit`."""
    metadata = trace.metadata.to_dict()
    del metadata["unit"], metadata["format_version"]
    columns = {name: _column(trace, name, unit) for name in trace.table.schema.names}
    columns["token_text"] = [_text(piece) for piece in trace.table["token_bytes"].to_pylist()]
    document = {
        "format": "entropist.trace",
        "format_version": FORMAT_VERSION,
        "unit": unit,
        "metadata": metadata,
        "totals": _totals(trace, unit),
        "pieces": _pieces(trace.pieces),
        "columns": columns,
    }
    return json.dumps(document, allow_nan=False)


def to_frame(trace: "Trace") -> Any:
    """The rows as a pandas data frame, or a polars one where pandas is absent; information in nats."""
    if _installed("pandas"):
        return trace.table.to_pandas()
    if _installed("polars"):
        return importlib.import_module("polars").from_arrow(trace.table)
    raise EntropistError("a data frame needs pandas or polars: pip install pandas. Trace.to_arrow() needs neither.")


def _installed(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def _column(trace: "Trace", name: str, unit: str) -> list[Any]:
    if name in POWERS:  # information; a null has become NaN
        return [None if math.isnan(value) else _number(value) for value in trace.column(name, unit=unit).tolist()]
    values: list[Any] = trace.table[name].to_pylist()
    if name == "top_logprobs":
        factor = per_nat(unit)
        return [None if row is None else [_number(value * factor) for value in row] for row in values]
    return [_base64(value) for value in values] if name == "token_bytes" else values


def _totals(trace: "Trace", unit: str) -> dict[str, Any]:
    measures: dict[str, Callable[[], Estimate]] = {
        "bits_per_byte": trace.bits_per_byte,
        "perplexity": trace.perplexity,
        "mean_surprisal": lambda: trace.mean_surprisal(unit=unit),
        "mean_entropy": lambda: trace.mean_entropy(unit=unit),
    }
    totals: dict[str, Any] = {name: _estimate(measure) for name, measure in measures.items()}
    low, high = (bounds := trace.total_surprisal_bounds(unit=unit)).low, bounds.high
    totals["total_surprisal"] = _number(low) if low == high else None
    return totals | ({"bounds": _bounds(trace, unit)} if "entropy_low" in trace.table.schema.names else {})


def _bounds(trace: "Trace", unit: str) -> dict[str, Any]:
    """What the cut of the source leaves open in each total; {} where no token was scored."""
    if not trace.scored.any():
        return {}
    measures: dict[str, Callable[[], Bounds]] = {
        "bits_per_byte": trace.bits_per_byte_bounds,
        "perplexity": trace.perplexity_bounds,
        "mean_surprisal": lambda: trace.mean_surprisal_bounds(unit=unit),
        "mean_entropy": lambda: trace.mean_entropy_bounds(unit=unit),
        "total_surprisal": lambda: trace.total_surprisal_bounds(unit=unit),
    }
    return {name: bounds for name, measure in measures.items() if (bounds := _interval(measure)) is not None}


def _interval(measure: "Callable[[], Bounds]") -> dict[str, Any] | None:
    try:
        bounds = measure()
    except InputError:  # such as bits per byte of tokens without bytes
        return None
    return {"low": _number(bounds.low), "high": _number(bounds.high), "unit": bounds.unit}


def _estimate(measure: Callable[[], Estimate]) -> dict[str, Any]:
    """A total with its error; without a value, the reason alone."""
    try:
        estimate = measure()
    except InputError as error:
        return {"value": None, "reason": str(error)}
    names = ("value", "stderr", "unit", "n", "estimator", "reason")
    return {name: _number(getattr(estimate, name)) for name in names}


def _pieces(pieces: Mapping[int, bytes]) -> dict[str, Any]:
    return {str(token): {"bytes": _base64(piece), "text": _text(piece)} for token, piece in sorted(pieces.items())}


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _text(raw: bytes) -> str | None:
    """The text of bytes that are UTF-8 by themselves; a token may hold part of a character."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _number(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
