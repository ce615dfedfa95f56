"""`logits.statistics`: layouts, chunks, neighbours, and what it refuses."""

import math

import numpy as np
import pytest
import torch

from entropist.errors import InputError
from entropist.logits import LogitStatistics, _compiling, _statistics, compile_kernels, statistics

FIELDS = list(LogitStatistics.__dataclass_fields__)
FAR = [0.0, 1e6, -1e30, 3e38, 1e300]
VOCABULARY = 40_009  # long enough that torch splits a row among threads


@pytest.fixture(scope="module", autouse=True)
def kernels():
    compile_kernels()


@pytest.fixture(params=["kernels", "plain"])
def path(request, monkeypatch):
    """Both ways to the same numbers, where the type of the logits leaves a choice."""
    if request.param == "plain":
        monkeypatch.setattr(_compiling, "is_ready", lambda kind: False)
    return request.param


def arrays(found):
    return {name: None if (v := getattr(found, name)) is None else np.asarray(v) for name in FIELDS}


def assert_same(found, expected):
    """To the last bit."""
    for name, value in arrays(expected).items():
        np.testing.assert_array_equal(arrays(found)[name], value, err_msg=name, strict=True)


@pytest.fixture(scope="module")
def rows():
    z = np.random.default_rng(0).normal(0, 4, (7, VOCABULARY))
    z[3, ::2] = -np.inf
    return z


TARGETS = np.array([0, 1, 40_008, 2, 20_000, 5, 6])
WAYS = {
    "numpy": lambda z: z,
    "numpy, float32": lambda z: z.astype(np.float32),
    "numpy, float16": lambda z: z.astype(np.float16),
    "numpy, columns first": np.asfortranarray,
    "numpy, every second": lambda z: np.repeat(z, 2, axis=1)[:, ::2],
    "numpy, backwards": lambda z: np.ascontiguousarray(z[::-1, ::-1])[::-1, ::-1],
    "torch": torch.from_numpy,
    "torch, float32": lambda z: torch.from_numpy(z).float(),
    "torch, bfloat16": lambda z: torch.from_numpy(z).bfloat16(),
    "torch, columns first": lambda z: torch.from_numpy(np.ascontiguousarray(z.T)).T,
    "torch, every second": lambda z: torch.from_numpy(np.repeat(z, 2, axis=1))[:, ::2],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("entries", [1, 2 * VOCABULARY, 3 * VOCABULARY + 1, 6 * VOCABULARY, 1 << 40])
def test_chunks_do_not_change_a_bit(path, monkeypatch, rows, way, entries):
    expected = statistics(WAYS[way](rows), TARGETS, top_k=5)
    monkeypatch.setattr(_statistics, "_CHUNK_ENTRIES", entries)
    assert_same(statistics(WAYS[way](rows), TARGETS, top_k=5), expected)


@pytest.mark.parametrize("way", [way for way in WAYS if way.endswith(("first", "second", "backwards"))])
def test_layout_does_not_change_a_bit(rows, way):
    plain = rows if way.startswith("numpy") else torch.from_numpy(rows)
    assert_same(statistics(WAYS[way](rows), TARGETS, top_k=5), statistics(plain, TARGETS, top_k=5))


@pytest.mark.parametrize("way", ["numpy", "numpy, float16", "torch", "torch, float32", "torch, bfloat16"])
def test_neighbours_do_not_change_a_bit(path, rows, way):
    z = WAYS[way](rows)
    together = arrays(statistics(z, TARGETS, top_k=5))
    for i in range(len(rows)):
        alone = arrays(statistics(z[i], TARGETS[i], top_k=5))
        for name in FIELDS:
            np.testing.assert_array_equal(alone[name], together[name][i], err_msg=f"{name}, row {i}")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_threads_do_not_change_a_bit(rows, dtype):
    threads, z = torch.get_num_threads(), torch.from_numpy(rows).to(dtype)
    found = []
    try:
        for number in (1, 2, 5):
            torch.set_num_threads(number)
            found.append((statistics(z, TARGETS, top_k=5), statistics(z[2:3], TARGETS[2:3])))
    finally:
        torch.set_num_threads(threads)
    for many, lone in found[1:]:
        assert_same(many, found[0][0])
        assert_same(lone, found[0][1])


def test_numpy_and_torch_agree(rows):
    one, two = arrays(statistics(rows, TARGETS, top_k=5)), arrays(statistics(torch.from_numpy(rows), TARGETS, top_k=5))
    for name in FIELDS:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-12, atol=1e-12, err_msg=name)
    np.testing.assert_array_equal(one["top_ids"], two["top_ids"])


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (1, 2, 1, 3), (0,), (2, 0), (0, 3)])
@pytest.mark.parametrize("vocabulary", [1, 13])
def test_any_leading_shape(make, dtype, shape, vocabulary):
    z = np.random.default_rng(1).normal(size=(*shape, vocabulary)).astype(dtype)
    targets = np.random.default_rng(2).integers(0, vocabulary, shape)
    found = statistics(make(z), targets, top_k=1)
    for name, value in arrays(found).items():
        assert value.shape == ((*shape, 1) if name.startswith("top") else shape), name
        assert value.dtype == (np.int64 if name in ("rank", "top_ids") else np.float64), name
    lone = [statistics(row, t).surprisal for row, t in zip(z.reshape(-1, vocabulary), targets.ravel())]
    np.testing.assert_allclose(np.asarray(found.surprisal).ravel(), lone, rtol=1e-12, atol=1e-12)
    assert isinstance(found.entropy, type(make(0.0))) or shape == ()


def test_what_was_not_asked_for_is_none():
    found = statistics(np.zeros((2, 4)))
    assert [name for name in FIELDS if getattr(found, name) is None] == ["surprisal", "rank", "top_ids", "top_logprobs"]


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_entry_is_certain(make, dtype):
    found = statistics(make(np.array([[3.5], [-1e9]], dtype)), [0, 0], temperature=0.5, top_k=1)
    for name in ("entropy", "varentropy", "max_logprob", "surprisal", "rank", "top_ids"):
        assert np.asarray(getattr(found, name)).ravel().tolist() == [0, 0], name
    assert np.asarray(found.log_normalizer).tolist() == [7.0, -2e9]


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize(
    ("far", "dtype"), [*((far, np.float64) for far in FAR), *((far, np.float32) for far in FAR[:-1])]
)
def test_a_common_offset_costs_no_digit(make, far, dtype):
    """Eight equal logits are ln 8 of surprisal, also where the offset swallows ln 8."""
    found = statistics(make(np.full((1, 8), far, dtype)), [3], top_k=8)
    for name in ("entropy", "surprisal"):
        assert float(getattr(found, name)[0]) == pytest.approx(math.log(8), rel=1e-15)
    assert np.asarray(found.top_logprobs)[0].tolist() == pytest.approx([-math.log(8)] * 8, rel=1e-15)


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("temperature", [0.05, 1.0, 20.0])
def test_the_lowest_finite_number_is_a_mask_too(make, dtype, temperature):
    z = np.array([[1.0, 2.0, np.finfo(dtype).min], [1.0, 2.0, -np.inf]], dtype)
    found = arrays(statistics(make(z), [0, 0], temperature=temperature))
    for name in ("entropy", "varentropy", "surprisal", "rank", "max_logprob", "log_normalizer"):
        assert found[name][0] == found[name][1], name


def test_a_masked_target_has_infinite_surprisal():
    found = statistics(np.array([[0.0, -np.inf, 1.0]]), [1], top_k=3)
    assert (found.surprisal[0], found.rank[0], found.top_logprobs[0, 2]) == (np.inf, 2, -np.inf)


BAD = {"NaN": math.nan, "negative NaN": -math.nan, "+inf": math.inf, "NaN and inf": None, "masked": -math.inf}
SAYS = {"negative NaN": "NaN", "NaN and inf": "NaN", "masked": "nothing but -inf"}


KINDS = {
    "numpy, float16": lambda z: z.astype(np.float16),
    "numpy, float32": lambda z: z.astype(np.float32),
    "numpy, float64": np.asarray,
    "torch, bfloat16": lambda z: torch.from_numpy(z).bfloat16(),
    "torch, float32": lambda z: torch.from_numpy(z).float(),
    "torch, float64": torch.from_numpy,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("row", [0, 5, 11])
def test_a_bad_row_is_named(path, monkeypatch, kind, case, row):
    # So that the row lies in the first, second or third chunk.
    monkeypatch.setattr(_statistics, "_CHUNK_ENTRIES", 4 * 9)
    z = np.random.default_rng(0).normal(size=(3, 4, 9))
    place = z.reshape(12, 9)[row]
    if case == "masked":
        place[:] = -np.inf
    elif case == "NaN and inf":
        place[2:4] = np.inf, np.nan
    else:
        place[4] = math.copysign(math.nan, -1) if case == "negative NaN" else BAD[case]
    with pytest.raises(InputError, match=f"logits row {row} contains {SAYS.get(case, case)}".replace("+", r"\+")):
        statistics(KINDS[kind](z))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", [case for case in BAD if case != "masked"])
@pytest.mark.parametrize("column", [0, 1, 2047, 2048, 4500, 5002])
def test_a_bad_entry_is_seen_wherever_it_stands(kind, case, column):
    z = np.random.default_rng(0).normal(size=(2, 5003)) - 9
    z[1, 7] = np.inf if BAD[case] is None else 0
    z[1, column] = math.copysign(math.nan, -1) if case == "negative NaN" else BAD[case] or math.nan
    with pytest.raises(InputError, match=f"logits row 1 contains {SAYS.get(case, case)}".replace("+", r"\+")):
        statistics(KINDS[kind](z))


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("bad", [-1, -100, 9, 1 << 40])
def test_a_target_out_of_range_is_named_with_its_row(make, bad):
    targets = np.zeros((3, 4), np.int64)
    targets[1, 2] = bad
    with pytest.raises(InputError, match=f"row 6 has the target {bad}, which is no token of a vocabulary of 9"):
        statistics(make(np.zeros((3, 4, 9))), make(targets))


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([0, 0, 0], r"targets have shape \(3,\); logits of \(2, 9\) need \(2,\)"),
        ([[0, 0]], r"targets have shape \(1, 2\)"),
        (0, r"targets have shape \(\)"),
        ([0.0, 1.0], r"targets must be token ids, that is integers; given .*float"),
        ([True, False], "targets must be token ids"),
    ],
)
def test_targets_of_another_shape_or_kind_are_refused(make, targets, message):
    with pytest.raises(InputError, match=message):
        statistics(make(np.zeros((2, 9))), make(targets))


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.zeros((2, 0)), r"with a vocabulary; given shape \(2, 0\)"),
        (np.float64(1.0) * np.ones(()), r"given shape \(\)"),
        (torch.zeros(()), r"given shape \(\)"),
        ([[1.0, 2.0]], "logits must be an array of NumPy or torch; given list"),
        (None, "given NoneType"),
    ],
)
def test_what_is_no_row_of_logits_is_refused(logits, message):
    with pytest.raises(InputError, match=message):
        statistics(logits)


@pytest.mark.parametrize("temperature", [0, -1.0, math.nan, math.inf])
def test_a_temperature_must_be_positive(temperature):
    with pytest.raises(InputError, match="temperature must be positive and finite"):
        statistics(np.zeros((1, 3)), temperature=temperature)


@pytest.mark.parametrize("top_k", [-1, 4])
def test_top_k_lies_within_the_vocabulary(top_k):
    with pytest.raises(InputError, match=f"top_k must lie between 0 and the vocabulary of 3; given {top_k}"):
        statistics(np.zeros((1, 3)), top_k=top_k)


def test_targets_may_be_any_integers():
    z = np.random.default_rng(0).normal(size=(3, 9))
    expected = statistics(z, [1, 8, 3]).surprisal
    frozen = np.array([1, 8, 3], np.int32)
    frozen.flags.writeable = False  # as a column of a trace is
    kinds = [(1, 8, 3), frozen, np.array([1, 8, 3], np.uint8), torch.tensor([1, 8, 3], dtype=torch.int32)]
    for targets in kinds:
        np.testing.assert_array_equal(statistics(z, targets).surprisal, expected)
        np.testing.assert_allclose(statistics(torch.from_numpy(z), targets).surprisal, expected, rtol=1e-14)


def test_the_input_is_left_alone(rows):
    z, t = rows.copy(), torch.from_numpy(rows.copy())
    statistics(z, TARGETS, top_k=5), statistics(t, TARGETS, top_k=5)
    np.testing.assert_array_equal(z, rows)
    np.testing.assert_array_equal(t.numpy(), rows)
