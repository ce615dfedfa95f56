"""Laws of every protocol: what is scored is scored once, in order, by a window that holds what came before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entropist.corpus import PROTOCOLS, Strided, card, protocol
from entropist.errors import InputError

cuts = st.builds(protocol, st.sampled_from(PROTOCOLS), st.integers(4, 200), st.booleans()) | st.integers(4, 90).flatmap(
    lambda context: st.builds(Strided, st.just(context), st.booleans(), st.integers(1, context))
)


@given(cuts, st.integers(0, 700))
def test_every_protocol(cut, tokens):
    if cut.name == "whole" and tokens + cut.bos > cut.context:
        with pytest.raises(InputError, match="sliding"):
            list(cut.windows(tokens))
        return
    windows = list(cut.windows(tokens))
    scored = [t for w in windows for t in range(w.first_scored, w.stop)]
    assert scored == sorted(set(scored)), "once, in order"
    most = cut.context + (cut.name == "disjoint")  # its last token is a target alone
    for w in windows:
        assert 0 <= w.start <= w.first_scored <= w.stop <= tokens
        assert w.stop - w.start + w.bos <= most
        assert w.bos or w.first_scored > w.start, "the first token of a window needs BOS before it"
        assert cut.bos or not w.bos
    if cut.name == "strided" and cut.stride == cut.context:
        lost = [w.start for w in windows if not w.bos]
        assert sorted(scored + lost) == list(range(tokens)), "without overlap a later window's first token is context"
    elif cut.name != "half-window":
        assert scored == list(range(0 if cut.bos else min(1, tokens), tokens)), "all but a first token without BOS"
    else:
        blocks = (tokens + cut.bos) // cut.context
        assert len(scored) == blocks * (cut.context - 1 - cut.context // 2)


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("bos", [True, False])
def test_a_card_has_a_sentence_and_a_picture(name, bos):
    lines = card(protocol(name, 512, bos)).splitlines()
    assert lines[0].startswith(f"{name}: ")
    assert "window 512" in lines[1]
    assert set("".join(lines[2:])) <= set(" ^·#")
    assert ("^" in "".join(lines[2:])) == bos


@pytest.mark.parametrize(("step", "windows"), [(512, 3), (256, 4), (64, 10)])
def test_a_card_draws_the_stride_that_it_names(step, windows):
    drawn = card(Strided(512, True, step)).splitlines()
    assert f"stride {step}," in drawn[1]
    assert len(drawn) - 2 == windows, "BOS and 16 tokens at a window of 8"


def test_what_is_refused():
    with pytest.raises(InputError, match="protocol 'rolling' is not known"):
        protocol("rolling", 512, True)
    with pytest.raises(InputError, match="at least 4"):
        protocol("whole", 3, True)
    with pytest.raises(InputError, match="stride must lie between 1"):
        protocol("strided", 8, True, 9)
    with pytest.raises(InputError, match="stride goes with 'strided'"):
        protocol("disjoint", 8, True, 4)
