"""Statistics from hidden states and the unembedding: the same as of the logits, in any chunks, and little memory."""

import math
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from scipy import special

from entropist.errors import InputError
from entropist.logits import LogitStatistics, _head, compare, head_compare, head_statistics, statistics

FIELDS = list(LogitStatistics.__dataclass_fields__)
MAKE = pytest.mark.parametrize("make", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
OPTIONS = [{}, {"scale": 0.3}, {"softcap": 5.0}, {"softcap": 5.0, "scale": 2.0}]


def case(rows=(11,), width=13, vocabulary=1009, seed=0):
    g = np.random.default_rng(seed)
    hidden, weight = g.normal(size=(*rows, width)), g.normal(size=(vocabulary, width))
    return hidden, weight, g.normal(size=vocabulary), g.integers(0, vocabulary, rows)


def logits_of(hidden, weight, bias=None, softcap=None, scale=None):
    z = (hidden @ weight.T + (0 if bias is None else bias)) * (scale or 1)
    return z if softcap is None else softcap * np.tanh(z / softcap)


def assert_close(found, expected, tolerance):
    for name in type(found).__dataclass_fields__:
        one, two = getattr(found, name), getattr(expected, name)
        assert (one is None) == (two is None), name
        if two is not None:
            one, two = np.asarray(one), np.asarray(two)
            assert one.dtype == two.dtype, name
            np.testing.assert_allclose(one, two, rtol=tolerance, atol=tolerance, err_msg=name)


@MAKE
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("with_bias", [False, True])
def test_the_same_as_of_the_logits(make, options, with_bias):
    hidden, weight, bias, targets = case()
    bias = bias if with_bias else None
    given = None if bias is None else make(bias)
    found = head_statistics(
        make(hidden), make(weight), given, targets=make(targets), temperature=0.8, top_k=7, chunk_rows=4, **options
    )
    z = logits_of(hidden, weight, bias, **options)
    assert_close(found, statistics(z, targets, temperature=0.8, top_k=7), 1e-12)
    logp = special.log_softmax(z / 0.8, axis=-1)
    np.testing.assert_allclose(np.asarray(found.entropy), special.entr(np.exp(logp)).sum(-1), rtol=1e-12)
    np.testing.assert_allclose(np.asarray(found.surprisal), -logp[range(len(z)), targets], rtol=1e-12)
    assert isinstance(found.entropy, type(make(hidden)))


@MAKE
def test_a_pair_is_the_same_as_of_the_logits(make):
    p_hidden, p_weight, bias, targets = case()
    q_hidden, q_weight, _, _ = case(width=5, seed=1)
    found = head_compare(
        make(p_hidden), make(p_weight), make(q_hidden), make(q_weight),
        bias_p=make(bias), softcap_p=4.0, scale_q=0.5, targets=make(targets), chunk_rows=3,
    )  # fmt: skip
    p, q = logits_of(p_hidden, p_weight, bias, softcap=4.0), logits_of(q_hidden, q_weight, scale=0.5)
    assert_close(found, compare(make(p), make(q), make(targets)), 1e-11)
    logp, logq = special.log_softmax(p, axis=-1), special.log_softmax(q, axis=-1)
    np.testing.assert_allclose(np.asarray(found.kl_pq), (np.exp(logp) * (logp - logq)).sum(-1), rtol=1e-11)


@MAKE
def test_a_model_does_not_differ_from_itself(make):
    hidden, weight, bias, _ = case()
    hidden, weight = make(hidden.astype(np.float32)), make(weight.astype(np.float32))
    found = head_compare(hidden, weight, hidden, weight, bias_p=make(bias), bias_q=make(bias), chunk_rows=2)
    for name in ("kl_pq", "kl_qp", "js", "total_variation"):
        assert not np.asarray(getattr(found, name)).any(), name
    assert np.asarray(found.same_top).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_half_precision_is_summed_in_float32(dtype):
    """Against float64 on the same rounded numbers: a product in half precision would be off by 1e-2."""
    hidden, weight, _, targets = case((64,), 256, 5003)
    hidden, weight = torch.from_numpy(hidden).to(dtype), torch.from_numpy(weight / 16).to(dtype)
    found = head_statistics(hidden, weight, targets=targets, top_k=3)
    expected = statistics(hidden.double() @ weight.double().T, targets, top_k=3)
    for name in ("log_normalizer", "entropy", "varentropy", "surprisal", "max_logprob", "top_logprobs"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=4e-6, atol=4e-6, msg=name)


def test_numpy_half_precision():
    hidden, weight, _, targets = case()
    hidden, weight = hidden.astype(np.float16), weight.astype(np.float16)
    expected = statistics(hidden.astype(np.float64) @ weight.astype(np.float64).T, targets)
    assert_close(head_statistics(hidden, weight, targets=targets), expected, 2e-6)


def test_mixed_precision_takes_the_wider():
    hidden, weight, bias, targets = case()
    expected = statistics(logits_of(hidden.astype(np.float16).astype(float), weight, bias), targets)
    hidden = torch.from_numpy(hidden).half()
    found = head_statistics(hidden, torch.from_numpy(weight), torch.from_numpy(bias), targets=targets)
    assert_close(found, expected, 1e-12)


@MAKE
@pytest.mark.parametrize("chunk_rows", [1, 2, 5, 16, 17, 18, None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chunks_change_no_bit_where_the_product_is_exact(make, chunk_rows, dtype):
    """Small whole numbers: every order of summation gives the same logits."""
    g = np.random.default_rng(0)
    hidden, weight = g.integers(-3, 4, (17, 31)).astype(dtype), g.integers(-3, 4, (4099, 31)).astype(dtype)
    targets = g.integers(0, 4099, 17)
    whole = statistics(make(hidden @ weight.T / 8), targets, top_k=4)
    found = head_statistics(make(hidden), make(weight), scale=0.125, targets=targets, top_k=4, chunk_rows=chunk_rows)
    for name in FIELDS:
        np.testing.assert_array_equal(np.asarray(getattr(found, name)), np.asarray(getattr(whole, name)), err_msg=name)


@MAKE
def test_chunks_change_only_rounding_otherwise(make):
    hidden, weight, bias, targets = case((50,), 200)
    parts = [make(each.astype(np.float32)) for each in (hidden, weight / 14, bias)]
    ways = [head_statistics(*parts, targets=targets, chunk_rows=rows) for rows in (1, 7, 50)]
    for other in ways[1:]:
        assert_close(other, ways[0], 3e-6)


@MAKE
@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 3), (2, 0), (1, 2, 1)])
@pytest.mark.parametrize(("width", "vocabulary"), [(1, 1), (3, 1), (1, 7), (0, 5), (4, 4097)])
def test_odd_shapes(make, shape, width, vocabulary):
    hidden, weight, bias, targets = case(shape, width, vocabulary)
    found = head_statistics(make(hidden), make(weight), make(bias), targets=targets, top_k=1, chunk_rows=2)
    for name in FIELDS:
        assert tuple(getattr(found, name).shape) == ((*shape, 1) if name.startswith("top") else shape), name
    assert_close(found, statistics(make(logits_of(hidden, weight, bias)), targets, top_k=1), 1e-11)
    pair = head_compare(make(hidden), make(weight), make(hidden), make(weight[::-1].copy()), targets=targets)
    assert all(tuple(getattr(pair, name).shape) == shape for name in type(pair).__dataclass_fields__)


@MAKE
def test_layout_does_not_matter(make):
    hidden, weight, bias, targets = case()
    expected = head_statistics(make(hidden), make(weight), make(bias), targets=targets)
    frozen = weight.copy()
    frozen.flags.writeable = False
    for h, w in (
        (np.asfortranarray(hidden), np.asfortranarray(weight)),
        (np.repeat(hidden, 2, axis=1)[:, ::2], np.repeat(weight, 2, axis=0)[::2]),
    ):
        assert_close(head_statistics(make(h), make(w), make(bias), targets=targets), expected, 1e-12)
    assert_close(head_statistics(hidden, frozen, bias, targets=targets), expected, 1e-12)


@MAKE
def test_the_input_is_left_alone(make):
    parts = case()
    copies = [each.copy() for each in parts]
    hidden, weight, bias, targets = map(make, copies)
    head_statistics(hidden, weight, bias, softcap=3.0, scale=2.0, targets=targets)
    head_compare(hidden, weight, hidden, weight, bias_p=bias, softcap_p=3.0, scale_q=2.0)
    for before, after in zip(parts, (hidden, weight, bias, targets)):
        np.testing.assert_array_equal(np.asarray(after), before)


@MAKE
def test_a_bias_can_mask(make):
    hidden, weight, bias, _ = case()
    bias[::3] = -np.inf
    kept = np.isfinite(bias)
    found = head_statistics(make(hidden), make(weight), make(bias))
    assert_close(found, head_statistics(make(hidden), make(weight[kept]), make(bias[kept])), 1e-12)


def test_memory_does_not_grow_with_the_rows(monkeypatch):
    """10 000 rows over 2000 entries are 80 MB of logits; the buffer here is 1 MB."""
    monkeypatch.setattr(_head, "_BUFFER_BYTES", 1 << 20)
    hidden, weight, _, _ = case((10_000,), 2, 2000)
    hidden, weight = hidden.astype(np.float32), weight.astype(np.float32)
    head_statistics(hidden[:2], weight)
    tracemalloc.start()
    try:
        head_statistics(hidden, weight)
        one = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        head_compare(hidden[:4000], weight, hidden[:4000], weight)
        two = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert one < 30e6
    assert two < 30e6


@pytest.mark.parametrize("vocabulary", [1, 1000, 131_072, 262_144, 1 << 26])
def test_the_buffer_is_at_most_128_megabytes_or_one_row(vocabulary):
    head = _head.Unembedding(torch.empty(vocabulary, 0, dtype=torch.bfloat16), None, None, 1.0)
    rows = torch.empty(5, 0, dtype=torch.bfloat16)
    for buffers in (1, 2):
        chunk = _head._chunk(None, rows, head, buffers)
        assert chunk == 1 or buffers * chunk * vocabulary * 4 <= 1 << 27
    assert _head._chunk(None, rows.double(), head, 1) <= max(1, _head._chunk(None, rows, head, 1) // 2)


@MAKE
@pytest.mark.parametrize("row", [0, 3, 7])
@pytest.mark.parametrize(("bad", "says"), [(math.nan, "NaN"), (math.inf, "NaN|\\+inf")])
def test_a_bad_row_is_named(make, row, bad, says):
    hidden, weight, bias, _ = case((2, 4))
    worse = hidden.copy()
    worse.reshape(8, -1)[row, 2] = bad
    with pytest.raises(InputError, match=f"hidden row {row} gives logits that contain ({says})"):
        head_statistics(make(worse), make(weight), make(bias), chunk_rows=3)
    with pytest.raises(InputError, match=f"hidden_p row {row} gives logits that contain ({says})"):
        head_compare(make(worse), make(weight), make(hidden), make(weight), chunk_rows=3)
    with pytest.raises(InputError, match=f"hidden_q row {row} gives logits that contain ({says})"):
        head_compare(make(hidden), make(weight), make(worse), make(weight), chunk_rows=3)


@MAKE
def test_a_row_masked_throughout_is_named(make):
    hidden, weight, _, _ = case()
    with pytest.raises(InputError, match="hidden row 0 gives logits that contain nothing but -inf"):
        head_statistics(make(hidden), make(weight), make(np.full(1009, -np.inf)))


@MAKE
@pytest.mark.parametrize("bad", [-1, 1009])
def test_a_target_out_of_range_is_named_with_its_row(make, bad):
    hidden, weight, _, targets = case()
    targets[9] = bad
    model, options = (make(hidden), make(weight)), {"targets": make(targets), "chunk_rows": 2}
    for work in (lambda: head_statistics(*model, **options), lambda: head_compare(*model, *model, **options)):
        with pytest.raises(InputError, match=f"row 9 has the target {bad}, which is no token of a vocabulary of 1009"):
            work()


H, W = np.zeros((2, 3)), np.zeros((5, 3))


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ((H, np.zeros((5, 4))), {}, r"given shapes \(2, 3\) and \(5, 4\)"),
        ((H, np.zeros((0, 3))), {}, "with a vocabulary; given shapes"),
        ((H, np.zeros(3)), {}, r"weight \(vocabulary, d\)"),
        ((np.zeros(()), W), {}, r"given shapes \(\) and"),
        (([[0.0]], W), {}, "hidden must be an array of NumPy or torch; given list"),
        ((H, torch.zeros(5, 3)), {}, "weight and hidden come in different libraries"),
        ((torch.zeros(2, 3), torch.zeros(5, 3, device="meta")), {}, "weight is on meta and hidden on cpu"),
        ((H, W, torch.zeros(5)), {}, "bias and hidden come in different libraries"),
        ((H, W.astype(int)), {}, "weight must hold floating-point numbers; given int"),
        ((H, W, np.zeros(4)), {}, r"bias must be \(5,\); given shape \(4,\)"),
        ((H, W), {"softcap": 0.0}, "softcap must be positive and finite, or None for none; given 0.0"),
        ((H, W), {"softcap": math.inf}, "softcap must be positive"),
        ((H, W), {"scale": -1.0}, r"scale must be positive and finite, or None for 1; given -1\.0"),
        ((H, W), {"scale": math.nan}, "scale must be positive"),
        ((H, W), {"chunk_rows": 0}, "chunk_rows must be 1 or more, or None to fill 128 MB; given 0"),
        ((H, W), {"temperature": 0.0}, "temperature must be positive"),
        ((H, W), {"top_k": 6}, "top_k must lie between 0 and the vocabulary of 5"),
        ((H, W), {"targets": [0]}, r"targets have shape \(1,\)"),
    ],
)
def test_what_does_not_fit_is_refused(given, options, message):
    with pytest.raises(InputError, match=message):
        head_statistics(*given, **options)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            (H, W, np.zeros((3, 3)), W),
            r"hidden_p has rows \(2,\) and hidden_q \(3,\): give both",
        ),
        ((H, W, H, np.zeros((6, 3))), "weight_p has a vocabulary of 5 and weight_q one of 6"),
        ((H, W, torch.zeros(2, 3), torch.zeros(5, 3)), "p and q come in different libraries or on different devices"),
        ((H, np.zeros((5, 4)), H, W), r"weight_p \(vocabulary, d\)"),
        ((H, W, H, np.zeros((5, 4))), r"weight_q \(vocabulary, d\)"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        head_compare(*given)


def test_the_door_loads_neither_torch_nor_triton_nor_numba():
    script = "import sys, entropist.logits; print([m for m in ('torch', 'triton', 'numba') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_numpy_heads_do_not_load_torch():
    script = (
        "import sys, numpy as np, entropist.logits as L; h = np.eye(3); L.head_statistics(h, h); "
        "L.temperature_for_entropy(h, 0.9); L.head_compare(h, h, h, h); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
