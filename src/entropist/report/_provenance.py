"""The provenance line: what anyone needs to measure the same again."""

from entropist.errors import InputError
from entropist.record import Declaration
from entropist.report._summary import grouped
from entropist.report._view import View
from entropist.report._visible import one_line
from entropist.results import Estimate


def provenance(view: View) -> list[tuple[str, str]]:
    """(name, value) of everything a number of this trace depends on, in the order shown; safe to show."""
    metadata = view.trace.metadata
    model, protocol = metadata.model, metadata.protocol
    declaration = metadata.declaration
    bos = "no BOS" if protocol.bos_id is None else f"BOS {protocol.bos_id}"
    estimate = _estimate(view)
    source = (
        [
            ("model", f"{model.name} ({model.dtype}, {model.device})"),
            ("weights", model.fingerprint),
            ("tokenizer", model.tokenizer_sha256[:12]),
            ("probabilities", f"{metadata.probabilities}, from {metadata.dialect}"),
            ("protocol", f"{protocol.name}, window {protocol.window}, stride {protocol.stride}, {bos}"),
        ]
        if declaration is None
        else declared(declaration)
    )
    pairs = [
        *source,
        ("n", _tokens(int(view.trace.scored.sum()))),
        ("unit", view.unit),
        ("estimator", estimate.estimator if estimate else "none"),
        ("null", "none" if estimate is None or estimate.null is None else f"{estimate.null:.4g}"),
        *(("entropist", version) for name, version in model.versions.items() if name == "entropist"),
    ]
    return [(name, one_line(value)) for name, value in pairs]


def declared(declaration: Declaration) -> list[tuple[str, str]]:
    """(name, value) of what a server's answer says of itself."""
    temperature = "not told" if declaration.temperature is None else f"{declaration.temperature:g}"
    size = f"{grouped(declaration.vocabulary_size)} ({declaration.vocabulary_source})"
    return [
        ("model", declaration.model or "not told"),
        ("server", f"{declaration.server} ({declaration.dialect})"),
        ("probabilities", declaration.probabilities),
        ("temperature", temperature),
        ("listed", f"{declaration.k} a token"),
        ("vocabulary", size),
        *((("sentinels", ", ".join(map(str, declaration.sentinels))),) if declaration.sentinels else ()),
        *((("censored", _tokens(declaration.censored)),) if declaration.censored else ()),
        *(
            (("findings", "; ".join(str(found.kind) for found in declaration.findings)),)
            if declaration.findings
            else ()
        ),
    ]


def _tokens(n: int) -> str:
    return "1 token" if n == 1 else f"{grouped(n)} tokens"


def _estimate(view: View) -> Estimate | None:
    try:
        return view.trace.mean_surprisal()
    except InputError:  # nothing scored, or an infinite surprisal
        return None
