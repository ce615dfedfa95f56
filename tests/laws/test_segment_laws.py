"""What holds for all segments: they are the input, the pieces it came in change nothing, thresholds follow sizes."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import entropist as en
from campaigns import campaign
from entropist.segmentation import Rule, Segmenter, boundaries, segment, threshold_for
from entropist.segmentation._rules import Marker

RULES = st.sampled_from(["global", "monotonic", "both"])
VALUES = st.lists(
    st.one_of(st.floats(0, 8, width=32), st.sampled_from([0.0, 0.5, 1.0, 2.0])), min_size=1, max_size=60
)  # with ties
LIMITS = st.one_of(st.none(), st.integers(1, 9))


@pytest.fixture(scope="module")
def model():
    return en.load_model("builtin:bytes")


def cut(length, places):
    edges = sorted({0, length, *(place % (length + 1) for place in places)})
    return list(itertools.pairwise(edges))


def by_loop(values, threshold, rule, size, rise):
    """Starts one byte after the other."""
    starts = [0]
    for t in range(1, len(values)):
        rises = values[t] - values[t - 1]
        fires = {
            "global": values[t] > threshold,
            "monotonic": rises > threshold,
            "both": values[t] > threshold and rises > rise and t > 1,
        }[rule]
        if fires or (size is not None and t - starts[-1] == size):
            starts.append(t)
    return starts


@given(VALUES, st.floats(-4, 8), RULES, LIMITS, st.floats(-1, 2), st.lists(st.integers(0, 60)))
def test_starts_whatever_the_pieces(values, threshold, rule, size, rise, places):
    rise = rise if rule == "both" else 0.0
    whole = boundaries(values, threshold, rule=rule, max_size=size, rise=rise)
    assert whole.tolist() == by_loop(values, threshold, rule, size, rise)
    marker = Marker(Rule(rule, rise, size), threshold)
    pieces = [marker.mark(np.asarray(values[a:b], np.float64)) for a, b in cut(len(values), places)]
    assert np.concatenate(pieces).tolist() == whole.tolist()


@given(VALUES, st.floats(-4, 8), RULES, st.integers(1, 9))
def test_no_segment_is_longer_than_the_limit(values, threshold, rule, size):
    starts = boundaries(values, threshold, rule=rule, max_size=size)
    assert np.diff([*starts, len(values)]).max() <= size
    assert set(boundaries(values, threshold, rule=rule)) <= set(starts)


@given(VALUES, RULES, LIMITS, st.floats(1, 30), st.floats(1, 30))
def test_threshold_grows_with_the_mean_size(values, rule, size, a, b):
    low, high = sorted((a, b))
    assume(size is None or high <= size)
    thresholds = [threshold_for(values, mean, rule=rule, max_size=size) for mean in (low, high)]
    assert thresholds[0] <= thresholds[1]
    assert len(boundaries(values, thresholds[0], rule=rule, max_size=size)) >= len(
        boundaries(values, thresholds[1], rule=rule, max_size=size)
    )


@given(VALUES, RULES, LIMITS, st.floats(1, 30))
def test_threshold_is_the_smallest_that_reaches_the_mean(values, rule, size, mean):
    assume(size is None or mean <= size)
    found = threshold_for(values, mean, rule=rule, max_size=size)
    reached = [
        len(boundaries(values, threshold, rule=rule, max_size=size)) * mean <= len(values)
        for threshold in (np.nextafter(found, -np.inf), found)
    ]
    none_fires = len(boundaries(values, found, rule=rule, max_size=size)) == len(
        boundaries(values, 1e9, rule=rule, max_size=size)
    )
    assert reached[1] or none_fires
    # One step below it is too many, but where everything fires already or nothing ever does.
    everything = len(boundaries(values, -1e9, rule=rule, max_size=size)) * mean <= len(values)
    assert not reached[0] or everything


@settings(max_examples=campaign(400, least=12))
@given(
    st.binary(min_size=1, max_size=2500),
    st.integers(1, 3),
    st.lists(st.integers(0, 10_000), max_size=6),
    st.floats(0, 4),
    RULES,
    st.one_of(st.none(), st.integers(1, 40)),
)
def test_segments_are_the_input_whatever_the_pieces(model, data, repeated, places, threshold, rule, size):
    data = data * repeated  # often longer than a window
    found = segment(data, model, threshold=threshold, rule=rule, max_size=size)
    assert b"".join(found.pieces(data)) == data
    segmenter = Segmenter(model, threshold=threshold, rule=rule, max_size=size)
    segments = [part for a, b in cut(len(data), places) for part in segmenter.feed(data[a:b])]
    segments += segmenter.finish()
    assert segments == found.pieces(data)
    assert all(segments)
    assert size is None or max(map(len, segments)) <= size


@settings(max_examples=campaign(100, least=4))
@given(st.binary(min_size=1, max_size=1200), st.binary(min_size=1, max_size=1200), st.floats(0, 4))
def test_what_follows_changes_no_start_before_it(model, data, more, threshold):
    alone = segment(data, model, threshold=threshold)
    longer = segment(data + more, model, threshold=threshold)
    assert longer.starts[longer.starts < len(data)].tolist() == alone.starts.tolist()
