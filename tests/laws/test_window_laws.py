"""The sliding protocol: every token scored once, in order, with half a context behind it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certificates import certifies
from entropist.corpus import Sliding
from entropist.errors import InputError

pytestmark = certifies("windows")

protocols = st.builds(Sliding, context=st.integers(4, 300), bos=st.booleans())


@given(protocols, st.integers(0, 900))
@example(Sliding(4, True), 1)
@example(Sliding(4, False), 1)
@example(Sliding(5, True), 4)
@example(Sliding(5, True), 5)
@example(Sliding(512, True), 511)
@example(Sliding(512, True), 512)
def test_windows(cut, tokens):
    windows = list(cut.windows(tokens))
    assert len(windows) == cut.count(tokens)
    scored = [t for w in windows for t in range(w.first_scored, w.stop)]
    assert scored == list(range(0 if cut.bos else min(1, tokens), tokens))
    for w in windows:
        assert 0 <= w.start <= w.first_scored <= w.stop <= tokens
        assert w.stop - w.start + cut.bos <= cut.context
        for t in range(w.first_scored, w.stop):
            before = t - w.start + cut.bos
            assert 2 * before >= cut.context or before == t + cut.bos, "half a context, or all there is"
    assert [w.start for w in windows] == [i * cut.stride for i in range(len(windows))]


@given(protocols, st.integers(1, 900))
def test_no_window_is_idle(cut, tokens):
    """Each window but a lone first one scores something: none is read for nothing."""
    windows = list(cut.windows(tokens))
    assert all(w.first_scored < w.stop for w in windows) or (len(windows) == 1 and tokens == 1 and not cut.bos)


@given(protocols)
def test_an_empty_text_has_no_window(cut):
    assert list(cut.windows(0)) == []
    assert cut.count(0) == 0


@pytest.mark.parametrize("context", [-1, 0, 3])
def test_a_context_too_small_to_slide_is_refused(context):
    with pytest.raises(InputError, match=f"at least 4 tokens; given {context}"):
        Sliding(context, bos=True)
