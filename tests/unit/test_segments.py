"""Boundaries, thresholds, byte alphabets and the values of bytes, against plain loops and the released rules."""

import dataclasses
import io

import numpy as np
import pytest

import entropist as en
from entropist.corpus import Sliding
from entropist.errors import FileError, InputError, ModelError
from entropist.segmentation import BLT_THRESHOLD, Segmenter, boundaries, segment, threshold_for
from entropist.segmentation._alphabet import byte_ids
from entropist.segmentation._entropies import ByteStream
from entropist.segmentation._tallies import SIZES, Tallies

TEXT = "It was the best of times, it was the worst of times, naïve 日本 🙂\r\n" * 22  # three windows, the last not full


@pytest.fixture(scope="module")
def model():
    return en.load_model("builtin:bytes")


def released(entropies, threshold, rule, add=0.0):
    """Start ids as the released patcher finds them, by loops: over tokens, the first of which is BOS.

    Its input is the model's output at every token, so entropies[i] is about token i + 1. The first value is dropped,
    ids are shifted by two, the tokens 0 and 1 always start; in the two other rules a mask whose first entry is set is
    read while it is still as it was made.
    """
    kept = entropies[1:]
    mask = [False] * len(kept)
    for j, value in enumerate(kept):
        if rule == "global":
            mask[j] = value > threshold
        elif j == 0:
            mask[j] = True
        else:
            rises = value - kept[j - 1]
            first_before = j - 1 == 0
            mask[j] = (
                rises > threshold if rule == "monotonic" else rises > add and value > threshold and not first_before
            )
    return [0, 1, *(j + 2 for j, starts in enumerate(mask) if starts)]


@pytest.mark.parametrize("rule", ["global", "monotonic", "both"])
@pytest.mark.parametrize("threshold", [-0.3, 0.0, 0.7, BLT_THRESHOLD])
def test_starts_are_those_of_the_released_patcher(rule, threshold):
    g = np.random.default_rng(3)
    for n in (2, 3, 4, 5, 50):
        of_tokens = np.round(g.gamma(2, 0.6, n), 2)  # output at BOS, byte 0, ..., byte n - 2: of the bytes 0 to n - 1
        extra = {"rise": 0.1} if rule == "both" else {}
        theirs = released(of_tokens, threshold, rule, 0.1)
        in_bytes = [start - 1 for start in theirs if start > 0]  # BOS, a patch of its own, is no byte
        if rule == "global":
            ours = boundaries(of_tokens, threshold, rule=rule).tolist()
        else:  # dropping the first value makes a patch of byte 0
            ours = [0, *(boundaries(of_tokens[1:], threshold, rule=rule, **extra) + 1).tolist()]
        assert ours == in_bytes


def test_the_second_byte_never_starts_under_both():
    rising = [0.0, 1.0, 2.0, 3.0]
    assert boundaries(rising, 0.5, rule="both").tolist() == [0, 2, 3]  # two starts in a row: the mask is read too early
    assert boundaries(rising, 0.5, rule="monotonic").tolist() == [0, 1, 2, 3]


def test_a_first_byte_that_nothing_predicts():
    values = [np.nan, 2.0, 3.0, 0.0]
    assert boundaries(values, 1.0).tolist() == [0, 1, 2]
    assert boundaries(values, 0.5, rule="monotonic").tolist() == [0, 2]
    assert boundaries(values, 0.5, rule="both").tolist() == [0, 2]
    assert boundaries([np.nan], mean_size=1).tolist() == [0]
    assert boundaries([], 1.0).tolist() == []


def test_max_size_splits_from_the_start_of_the_segment():
    assert boundaries(np.zeros(10), 1.0, max_size=4).tolist() == [0, 4, 8]
    assert boundaries([0, 0, 0, 2, 0, 0, 0, 0, 0, 0], 1.0, max_size=4).tolist() == [0, 3, 7]
    assert boundaries(np.zeros(8), 1.0, max_size=4).tolist() == [0, 4]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"entropies": [1, 2]}, "either threshold or mean_size"),
        ({"entropies": [1, 2], "threshold": 1, "mean_size": 2}, "either threshold or mean_size"),
        ({"entropies": [1, np.nan], "threshold": 1}, r"entropies\[1\] is nan"),
        ({"entropies": [np.inf, 1], "threshold": 1}, r"entropies\[0\] is inf"),
        ({"entropies": [[1.0]], "threshold": 1}, r"shape \(1, 1\)"),
        ({"entropies": [1], "threshold": np.nan}, "threshold must be a number"),
        ({"entropies": [1], "threshold": 1, "rule": "local"}, "use one of global, monotonic, both"),
        ({"entropies": [1], "threshold": 1, "max_size": 0}, "max_size must be a whole number"),
        ({"entropies": [1], "threshold": 1, "max_size": 2.5}, "max_size must be a whole number"),
        ({"entropies": [1], "threshold": 1, "rise": 0.1}, 'rise belongs to rule "both"'),
        ({"entropies": [1], "mean_size": 0.5}, "at least 1; given 0.5"),
        ({"entropies": [1], "mean_size": 9, "max_size": 4}, "at most 4 bytes cannot have 9"),
    ],
)
def test_what_cannot_be_is_refused(arguments, told):
    with pytest.raises(InputError, match=told):
        boundaries(**arguments)


def test_threshold_is_the_smallest_observed_that_fits():
    g = np.random.default_rng(0)
    values = g.gamma(2, 1, 400)
    for mean in (1, 1.5, 4.5, 37, 400, 1000):
        found = threshold_for(values, mean)
        fitting = [v for v in [0.0, *values] if len(values) / len(boundaries(values, v)) >= mean]
        if mean == 1:
            assert len(boundaries(values, found)) == 400
        elif fitting:
            assert found == min(fitting)
        else:
            assert len(boundaries(values, found)) == 1


def test_thresholds_below_zero_and_of_both_signs():
    values = np.array([0.0, -3.0, -1.0, -2.0, 4.0, -5.0])
    assert threshold_for(values, 2) == -2.0  # three segments: at 0, at −1 and at 4
    assert threshold_for(values, 3) == -1.0
    assert threshold_for(values, 1.5) == -3.0
    assert threshold_for(-values, 2) == 2.0
    assert threshold_for(np.zeros(5), 2, rule="both") == 0.0  # nothing can fire


def test_bytes_have_the_values_of_a_trace(model):
    stream = ByteStream(model)
    told, values = zip(stream.feed(TEXT.encode()), stream.finish())
    entropy, surprisal = np.concatenate(values, axis=1)
    assert b"".join(told) == TEXT.encode()
    rows = en.trace(TEXT, model=model, top_k=0)
    whole = Sliding(1024, True)
    same = whole.capacity + whole.stride * ((len(entropy) - whole.capacity) // whole.stride)  # all but the last window
    assert np.array_equal(entropy[:same], rows.column("entropy")[:same])
    assert np.array_equal(surprisal[:same], rows.column("surprisal")[:same])
    np.testing.assert_allclose(entropy, rows.column("entropy"), atol=2e-5)
    np.testing.assert_allclose(surprisal, rows.column("surprisal"), atol=2e-5)


class WithoutBos:
    """The built-in model as one that has no BOS."""

    bos_id = None

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)


def test_a_model_without_bos_says_nothing_of_the_first_byte(model):
    alone = WithoutBos(model)
    stream = ByteStream(alone)
    stream.feed(b"abcdefgh" * 3)
    told, values = stream.finish()
    assert told == b"abcdefgh" * 3
    assert np.isnan(values[:, 0]).all()
    rows = en.trace("abcdefgh" * 3, model=alone, top_k=0)
    np.testing.assert_allclose(values[:, 1:], [rows.column(n)[1:] for n in ("entropy", "surprisal")], atol=2e-5)
    found = segment(b"a", alone)
    assert found.starts.tolist() == [0]
    assert np.isnan(found.statistics[0].entropy_at_starts)


class Alphabet:
    """A model with a vocabulary and nothing else."""

    def __init__(self, inner, pieces, tokenize=None):
        self.identity, self.pieces, self.vocabulary_size = inner.identity, pieces, len(pieces)
        self._tokenize = tokenize or inner.tokenize

    def piece(self, token_id):
        return self.pieces[token_id]

    def tokenize(self, text):
        return self._tokenize(text)


def test_only_byte_level_models_are_taken(model):
    single = [bytes([byte]) for byte in range(256)]
    assert byte_ids(model).tolist() == list(range(256))
    assert byte_ids(Alphabet(model, [*single, b"", b"<|mark|>"])).tolist() == list(range(256))
    base = en.load_model("builtin:base")
    for wrong, told in (
        (base, "comes out as"),
        (Alphabet(model, single[:-1]), "no entry for the byte 0xFF"),
        (Alphabet(model, [*single, b"a"]), "two entries for the byte 0x61, 97 and 256"),
        (Alphabet(model, single, base.tokenize), "comes out as"),
    ):
        with pytest.raises(ModelError, match=f"no byte-level model: .*{told}.*use builtin:bytes"):
            byte_ids(wrong)


def test_sources(model, tmp_path):
    raw = TEXT.encode()[:300]
    (tmp_path / "a").write_bytes(raw)
    expected = segment(raw, model).starts.tolist()
    with open(tmp_path / "a", "rb") as file:
        assert segment(file, model).starts.tolist() == expected
        assert not file.closed
    for source in (tmp_path / "a", str(tmp_path / "a"), bytearray(raw), memoryview(raw)):
        assert segment(source, model).starts.tolist() == expected
    with pytest.raises(InputError, match="empty"):
        segment(b"", model)
    with pytest.raises(InputError, match="empty"):
        segment(b"", model, mean_size=4)
    with pytest.raises(InputError, match="mode 'rb'"):
        segment(io.StringIO("text"), model)
    with pytest.raises(FileError, match=r"cannot read .*given as bytes"):
        segment("no such file", model)
    with pytest.raises(FileError, match="directory"):
        segment(tmp_path, model)


def test_the_default_and_what_is_kept(model):
    raw = TEXT.encode()
    found = segment(raw, model)
    assert found.threshold == BLT_THRESHOLD
    assert found.opening.data == raw[: len(found.opening.data)]
    given = []
    streamed = segment(raw, model, each=given.append)
    assert streamed.starts is None
    assert np.array_equal(np.concatenate(given), found.starts)
    assert streamed.statistics == found.statistics
    entropy = found.opening.entropy
    for options in ({"mean_size": 4.5}, {"mean_size": 3, "rule": "monotonic"}, {"mean_size": 5, "max_size": 6}):
        again = segment(raw, model, **options)
        assert np.array_equal(again.starts, boundaries(entropy, **options))
        assert again.threshold == threshold_for(entropy, **options)
        assert again.statistics[0].mean_size >= options["mean_size"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.size = 1


def test_a_segmenter_that_has_finished_takes_no_more(model):
    segmenter = Segmenter(model)
    segmenter.feed(b"abc")
    assert b"".join(segmenter.finish()) == b"abc"
    with pytest.raises(InputError, match="make another"):
        segmenter.feed(b"d")
    assert Segmenter(model).finish() == []


def plain_statistics(data, values, starts):
    """The same figures by loops over segments and words."""
    edges = [*starts, len(data)]
    sizes = np.diff(edges)
    letters = [byte >= 0x80 or chr(byte).isalnum() for byte in data]
    words = [t for t in range(len(data)) if letters[t] and (t == 0 or not letters[t - 1])]
    return {
        "patches": len(starts),
        "mean_size": sizes.mean(),
        "size_stdev": sizes.std(),
        "longest": sizes.max(),
        "entropy_at_starts": values[0][starts].sum() / values[0].sum(),
        "surprisal_at_starts": values[1][starts].sum() / values[1].sum(),
        "surprisal_per_patch": values[1].sum() / len(starts),
        "starts_at_words": len(set(starts) & set(words)) / len(starts),
        "words_at_starts": len(set(starts) & set(words)) / len(words),
    }


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_statistics_against_plain_loops(pieces):
    g = np.random.default_rng(5)
    data = bytes(g.choice(np.frombuffer("The end, naïve 12\n\t ".encode(), np.uint8), 600))
    values = g.gamma(2, 1, (2, 600))
    starts = boundaries(values[0], 3.0)
    tallies = Tallies()
    for begin in range(0, 600, pieces):
        end = min(600, begin + pieces)
        tallies.add(data[begin:end], values[:, begin:end], starts[(starts >= begin) & (starts < end)])
    found, sizes = tallies.close()
    mean = round(600 / len(starts))
    blank = [t for t in range(600) if t == 0 or (data[t] not in b" \t\n\r" and data[t - 1] in b" \t\n\r")]
    for each, where in zip(found, (starts.tolist(), list(range(0, 600, mean)), blank)):
        expected = plain_statistics(data, values, where)
        assert {name: getattr(each, name) for name in expected} == pytest.approx(expected), each.kind
    assert [each.kind for each in found] == ["entropy", f"every {mean}", "whitespace"]
    assert list(sizes) == np.bincount(np.minimum(np.diff([*starts, 600]), SIZES + 1), minlength=SIZES + 2)[1:].tolist()
