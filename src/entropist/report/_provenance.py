"""The provenance line: what anyone needs to measure the same again."""

from entropist.errors import InputError
from entropist.report._summary import grouped
from entropist.report._view import View
from entropist.report._visible import one_line
from entropist.results import Estimate


def provenance(view: View) -> list[tuple[str, str]]:
    """(name, value) of everything a number of this trace depends on, in the order shown; safe to show."""
    metadata = view.trace.metadata
    model, protocol = metadata.model, metadata.protocol
    bos = "no BOS" if protocol.bos_id is None else f"BOS {protocol.bos_id}"
    estimate = _estimate(view)
    pairs = [
        ("model", f"{model.name} ({model.dtype}, {model.device})"),
        ("weights", model.fingerprint),
        ("tokenizer", model.tokenizer_sha256[:12]),
        ("probabilities", f"{metadata.probabilities}, from {metadata.dialect}"),
        ("protocol", f"{protocol.name}, window {protocol.window}, stride {protocol.stride}, {bos}"),
        ("n", f"{grouped(int(view.trace.scored.sum()))} tokens"),
        ("unit", view.unit),
        ("estimator", estimate.estimator if estimate else "none"),
        ("null", "none" if estimate is None or estimate.null is None else f"{estimate.null:.4g}"),
        *(("entropist", version) for name, version in model.versions.items() if name == "entropist"),
    ]
    return [(name, one_line(value)) for name, value in pairs]


def _estimate(view: View) -> Estimate | None:
    try:
        return view.trace.mean_surprisal()
    except InputError:  # nothing scored, or an infinite surprisal
        return None
