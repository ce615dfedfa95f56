"""The data of a page: a trace as compact JSON that can stand inside an HTML file.

Numbers of every token travel as little-endian columns in base64, texts once for each different token.
The page's script gives each of them to `textContent` and nowhere else.
"""

import base64
import json
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from entropist.report._scales import Scale
from entropist.report._view import Note, View
from entropist.report._visible import shortened
from entropist.units import per_nat

_LONGEST_PIECE = 200  # characters of an alternative


def page_data(view: View) -> str:
    """The JSON text of a view, harmless inside `<script type="application/json">`."""
    kinds, kind = _kinds(view)
    ids, piece = np.unique(view.alternative_ids, return_inverse=True)
    return embedded(
        {
            "unit": view.unit,
            "perNat": per_nat(view.unit),
            "kind": _column(kind, "<u4"),
            "kinds": kinds,
            "scored": _column(view.trace.scored, "u1"),
            "scales": [_scale(scale) for scale in view.scales],
            "notes": [_note(note) for note in view.notes],
            "alternatives": {
                "count": _column(view.alternative_counts, "<u4"),
                "piece": _column(piece, "<u4"),
                "logprob": _column(view.alternative_logprobs, "<f4"),
                "id": ids.tolist(),
                "text": [shortened(view.piece(int(token)), _LONGEST_PIECE) for token in ids],
            },
        }
    )


def embedded(value: Any) -> str:
    r"""JSON in which nothing can end a script element or a line of JavaScript: <, >, & and U+2028/9 are escaped.

    >>> embedded(["</script>"])
    '["\\u003c/script\\u003e"]'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def _kinds(view: View) -> tuple[dict[str, list[Any]], list[int]]:
    """(the different tokens: id, text, bytes in hex where the text does not tell them; each token's kind)."""
    seen: dict[tuple[int, bytes, str], int] = {}
    keys = zip(view.trace.column("token_id").tolist(), view.token_bytes, view.texts)
    kind = [seen.setdefault(key, len(seen)) for key in keys]
    kinds: dict[str, list[Any]] = {
        "id": [token_id for token_id, _, _ in seen],
        "text": [text for _, _, text in seen],
        "hex": [None if text.encode() == raw else raw.hex() for _, raw, text in seen],
    }
    return kinds, kind


def _note(note: Note) -> dict[str, Any]:
    texts, of = np.unique(np.array(note.texts, object), return_inverse=True)
    return {"label": note.label, "texts": texts.tolist(), "of": _column(of, "<u4")}


def _scale(scale: Scale) -> dict[str, Any]:
    return {
        "key": scale.key,
        "label": scale.label,
        "unit": scale.unit,
        "meaning": scale.meaning,
        "edges": scale.edges,
        "labels": scale.labels,
        "levels": scale.levels,
        "values": _column(scale.values, "<f4"),
        "high": None if scale.high is None else _column(scale.high, "<f4"),
    }


def _column(values: ArrayLike, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, np.dtype(kind)).tobytes()).decode()
