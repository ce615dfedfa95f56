"""The page of a generated text: that of its trace, with what the chain did at each token.

Two more ways to colour: by the entropy of what was left to draw from, and by the share of the probability that it held.
And in every token's card how many tokens were left and, of an adaptive decoder, which rule fired and why.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entropist.estimators import mean
from entropist.files import write_text
from entropist.report._generation import ending, rule_lines
from entropist.report._page import page_of
from entropist.report._scales import Scale, information
from entropist.report._summary import Figure, grouped, measured
from entropist.report._view import Note, View
from entropist.report._visible import one_line
from entropist.results import Estimate
from entropist.units import from_nats

if TYPE_CHECKING:
    from entropist.decoding._generation import Generation

_SHARES = (1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 99.0, 100.0)
_AFTER = "how unsure the draw was: the entropy of what the chain left"
_KEPT = "how much of the model's probability lay on the tokens that the chain left"


def write_generation_html(found: "Generation", path: Path | str, *, sample: int = 0, unit: str = "bits") -> None:
    """Write `generation_page` to `path`, whole or not at all."""
    write_text(path, generation_page(found, sample=sample, unit=unit))


def generation_page(found: "Generation", *, sample: int = 0, unit: str = "bits") -> str:
    """The page of one sample of a generation, counted from 0, information in `unit`."""
    trace, settings = found.sample(sample), found.settings
    chain = found.chain.filter(pa.array(found.trace.column("document") == sample))
    after = from_nats(_numbers(chain, "kept_entropy"), unit)
    kept = 100 * _numbers(chain, "kept_mass")
    rules, reasons = (_texts(chain, name) for name in ("rule", "reason"))
    notes = [Note("tokens kept", tuple("" if n is None else grouped(n) for n in chain["kept"].to_pylist()))]
    if any(rules):
        notes += [Note("rule", rules), Note("why", reasons)]
    view = View(trace, unit, (information("after", "After", unit, _AFTER, (after, after)), _share(kept)), tuple(notes))
    seed = "" if settings.seed is None else f" (seed {settings.seed})"
    number = f", sample {sample + 1} of {len(found)}" if len(found) > 1 else ""
    turn = " in reply to a turn" if settings.chat else ""
    end = ending(settings.stopped[sample])
    told = [f"Generated{turn} by {one_line(settings.sampler)}{seed}{number}; ended by {end}."]
    told += [f"{line[0].upper()}{line[1:]}." for line in rule_lines(rules)]
    is_drawn = ~np.isnan(kept)
    further = []
    if is_drawn.any():
        further = [
            _figure("entropy after the chain", mean(after[is_drawn], unit=unit), f" {unit}"),
            _figure("kept by the chain", mean(kept[is_drawn], unit=""), " %"),
        ]
    return page_of(view, told=told, further=further)


def _figure(name: str, estimate: Estimate, unit: str) -> Figure:
    reason = f"no error: {estimate.reason}." if estimate.reason else ""
    return Figure(name, measured(estimate) + unit, estimate.estimator, reason)


def _share(percents: NDArray[np.float64]) -> Scale:
    """The less was kept the darker."""
    between = (f"{low:g}–{high:g}" for low, high in zip((0.0, *_SHARES), _SHARES))
    return Scale(
        key="kept",
        label="Kept",
        unit="% of the probability",
        meaning=_KEPT,
        edges=_SHARES,
        labels=(*between, "all"),
        levels=tuple(range(len(_SHARES), -1, -1)),
        values=percents.astype(np.float32),
    )


def _numbers(chain: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(chain[name].to_numpy(), np.float64)


def _texts(chain: pa.Table, name: str) -> tuple[str, ...]:
    return tuple(one_line(text or "") for text in chain[name].to_pylist())
