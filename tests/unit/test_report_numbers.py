import math

import numpy as np
import pyarrow as pa
import pytest

from entropist.errors import InputError
from entropist.record import Trace
from entropist.report._provenance import provenance
from entropist.report._scales import Scale, scales
from entropist.report._summary import counts, figures, grouped, measured, percent, sentences
from entropist.report._view import View
from entropist.results import Estimate
from report_fixtures import prose, trace_of, truncated


def with_surprisal(trace: Trace, values: list[float | None]) -> Trace:
    place = trace.table.schema.get_field_index("surprisal")
    field = trace.table.schema.field(place)
    return Trace(trace.table.set_column(place, field, pa.array(values, pa.float64())), trace.metadata, trace.pieces)


def test_a_value_on_an_edge_belongs_to_the_bin_above() -> None:
    scale = Scale(
        "k", "K", "", "", (1.0, 2.0), ("a", "b", "c"), (0, 4, 8), np.array([0, 1, 1.5, 2, np.inf, np.nan], np.float32)
    )
    assert scale.token_levels().tolist() == [0, 4, 4, 8, 8, -1]


def test_rank_bins_are_the_first_10_100_1000() -> None:
    rank = scales(prose(50), "bits")[2]
    tried = Scale(**{**vars(rank), "values": np.array([0, 9, 10, 99, 100, 999, 1000], np.float32)})
    assert tried.token_levels().tolist() == [0, 0, 3, 3, 5, 5, 8]


@pytest.mark.parametrize("unit", ["bits", "nats", "dits"])
def test_scales_are_in_the_unit_asked_for(unit: str) -> None:
    trace = prose(50)
    surprisal, entropy, _ = scales(trace, unit)
    np.testing.assert_allclose(surprisal.values, trace.column("surprisal", unit=unit), rtol=1e-6)
    assert (surprisal.unit, entropy.unit) == (unit, unit)
    assert len(surprisal.labels) == len(surprisal.levels) == len(surprisal.edges) + 1


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(InputError, match="unit 'bit' is not known"):
        View(prose(5), "bit")


def test_figures_are_the_traces_own_totals() -> None:
    trace = prose(500)
    shown = {figure.name: figure for figure in figures(View(trace, "nats"))}
    assert shown["nats per byte"].value == measured(trace.bits_per_byte().to("nats"))
    assert shown["mean entropy"].value == f"{measured(trace.mean_entropy())} nats"
    assert shown["perplexity"].note == "batch means"
    assert all("±" in figure.value and not figure.reason for figure in shown.values())


def test_a_missing_error_has_its_reason() -> None:
    for figure in figures(View(prose(20), "bits")):
        assert "±" not in figure.value
        assert "fewer than the 200" in figure.reason


def test_words_agree_with_the_numbers() -> None:
    trace = trace_of([b"a", b"b", b"c", b"d"])
    view = View(with_surprisal(trace, [v * math.log(2) for v in (6, 1, 2, 1)]), "bits")
    first, _, half = sentences(view)
    assert "needed 10 bits to predict these 4 tokens: 2.50 bits each" in first
    assert "among 5.7 equally likely" in first  # 2 ** 2.5 = 5.66
    assert "1 of the tokens (25 %)" in half  # 6 of the 10 bits


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.0], "certain of every token"),
        ([1.0, math.inf], "impossible"),
    ],
)
def test_words_for_totals_that_say_nothing(values: list[float | None], expected: str) -> None:
    assert expected in sentences(View(with_surprisal(trace_of([b"a", b"b"]), values), "bits"))[0]


def test_nothing_scored_has_reasons_and_no_numbers() -> None:
    view = View(trace_of([b"a"], context=1), "bits")
    assert sentences(view) == ["No token was scored: a token needs one before it, or a model with a BOS token."]
    assert [figure.value for figure in figures(view)] == ["none"] * 4
    assert counts(view)[0].note == "and 1 context"
    assert view.most_surprising(5) == []


def test_most_surprising_are_the_largest_and_never_context() -> None:
    view = View(prose(300, context=3), "bits")
    chosen = view.most_surprising(10)
    rest = np.delete(view.surprisal, [0, 1, 2, *chosen])
    assert min(view.surprisal[chosen]) >= max(rest)
    assert list(view.surprisal[chosen]) == sorted(view.surprisal[chosen], reverse=True)


def test_alternatives_are_those_of_the_token() -> None:
    trace = prose(40, context=2)
    view = View(trace, "bits")
    for token in (0, 2, 39):
        ids = trace.table["top_ids"][token].as_py() or []
        assert [other.id for other in view.alternatives(token, 10)] == ids
    expected = np.exp(trace.table["top_logprobs"][39].as_py()[:3])
    assert [other.probability for other in view.alternatives(39, 3)] == pytest.approx(expected)


def test_provenance_names_everything_a_number_depends_on() -> None:
    line = dict(provenance(View(prose(300), "bits")))
    assert list(line) == [
        "model", "weights", "tokenizer", "probabilities", "protocol", "n", "unit", "estimator", "null", "entropist",
    ]  # fmt: skip
    assert line["weights"] == "ab" * 6
    assert line["protocol"] == "sliding, window 512, stride 256, BOS 0"
    assert (line["n"], line["estimator"], line["null"]) == (f"{grouped(300)} tokens", "batch means", "none")


@pytest.mark.parametrize(
    ("value", "stderr", "expected"),
    [
        (2.01349, 0.0512, "2.013 ± 0.051"),
        (46.83, 6.5, "46.8 ± 6.5"),
        (12345.6, 789.0, "12 346 ± 789"),
        (3.14159, None, "3.142"),
    ],
)
def test_a_measured_value_has_the_digits_its_error_allows(value: float, stderr: float | None, expected: str) -> None:
    assert measured(Estimate(value, stderr, "bits", 500, "x")).replace("\u00a0", " ") == expected


@pytest.mark.parametrize(
    ("probability", "expected"),
    [
        (1.0, "100 %"),
        (0.3456, "34.6 %"),
        (0.001, "0.1 %"),
        (0.0, "0 %"),
        (1 / 54321, "1 in 54 000"),
        (1e-12, "1.0e-12"),
    ],
)
def test_probabilities_for_reading(probability: float, expected: str) -> None:
    assert percent(probability).replace("\u00a0", " ") == expected


def test_a_truncated_trace_shows_bounds_and_no_point() -> None:
    trace = truncated()
    bounds = scales(trace, "bits")[-1]
    assert bounds.label == "Bounds"
    low, high = trace.column("entropy_low", unit="bits"), trace.column("entropy_high", unit="bits")
    np.testing.assert_allclose(bounds.values, high - low, rtol=1e-6)
    told = " ".join(sentences(View(trace, "bits")))
    assert f"between {np.nanmean(low):.2f} and {np.nanmean(high):.2f} bits" in told
    entropy = next(figure for figure in figures(View(trace, "bits")) if figure.name == "mean entropy")
    known = trace.mean_entropy_bounds(unit="bits")
    assert entropy.value == f"{known.low:.4g} to {known.high:.4g} bits"
