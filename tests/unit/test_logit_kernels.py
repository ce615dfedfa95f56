"""The compiled kernels: any memory, any threads, the same bits; who waits for the compiler, and who does not."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from entropist.logits import LogitStatistics, PairStatistics, _compiling, _cpu, compare, compile_kernels, statistics

VOCABULARY = 5_003
DTYPES = [torch.float32, torch.float16, torch.bfloat16]


@pytest.fixture(scope="module", autouse=True)
def kernels():
    compile_kernels()


@pytest.fixture(scope="module")
def rows():
    z = torch.from_numpy(np.random.default_rng(0).normal(0, 4, (3, 5, VOCABULARY)))
    z[1, 2, ::2] = -torch.inf
    return z


TARGETS = np.arange(15).reshape(3, 5) * 350


def assert_same(found, expected):
    for name in type(expected).__dataclass_fields__:
        one, two = np.asarray(getattr(found, name)), np.asarray(getattr(expected, name))
        np.testing.assert_array_equal(one, two, err_msg=name, strict=True)


LAYOUTS = {
    "columns first": lambda z: z.permute(2, 0, 1).contiguous().permute(1, 2, 0),
    "every second": lambda z: z.repeat_interleave(2, -1)[..., ::2],
    "a part of longer rows": lambda z: torch.cat([z, z], -1)[..., :VOCABULARY],
    "a part of the tokens": lambda z: torch.cat([z, z], 1)[:, :5],
    "the other axis first": lambda z: z.transpose(0, 1).contiguous().transpose(0, 1),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_do_not_change_a_bit(rows, dtype, layout):
    z = rows.to(dtype)
    other = LAYOUTS[layout](z)
    assert other.stride() != z.stride()
    assert_same(statistics(other, TARGETS, top_k=7), statistics(z, TARGETS, top_k=7))
    assert_same(compare(other, z.flip(-1), TARGETS), compare(z, z.flip(-1), TARGETS))
    if dtype != torch.bfloat16:
        assert_same(statistics(other.numpy(), TARGETS, top_k=7), statistics(z.numpy(), TARGETS, top_k=7))


def test_arrays_of_any_flags(rows):
    z = rows.float().numpy()
    frozen, swapped = z.copy(), z.astype(z.dtype.newbyteorder())
    frozen.flags.writeable = False
    backwards = np.ascontiguousarray(z[::-1, :, ::-1])[::-1, :, ::-1]
    assert_same(statistics(frozen, TARGETS), statistics(z, TARGETS))
    assert_same(statistics(backwards, TARGETS), statistics(z, TARGETS))
    np.testing.assert_allclose(statistics(swapped, TARGETS).entropy, statistics(z, TARGETS).entropy, atol=1e-6)
    same = np.broadcast_to(z[0, 0], (4, VOCABULARY))
    assert_same(statistics(same), statistics(same.copy()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_rows_are_read_where_they_lie(rows, dtype):
    z = torch.cat([rows, rows], -1).to(dtype).reshape(15, -1)[1::2, :VOCABULARY]
    source = _cpu._Rows(z)
    flat, stride, first = source.some(2, 3)
    assert (stride, first) == (z.stride(0), 2)
    assert flat.__array_interface__["data"][0] == z.data_ptr()
    assert len(flat) == 6 * stride + VOCABULARY


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_pieces_and_threads_do_not_change_a_bit(monkeypatch, rows, dtype):
    z, threads = rows.to(dtype), torch.get_num_threads()
    expected, pair = statistics(z, TARGETS, top_k=3), compare(z, z + 1, TARGETS)
    for entries, number in [(1, 1), (1, 3), (2 * VOCABULARY, 2), (7 * VOCABULARY, 4)]:
        monkeypatch.setattr(_cpu, "_PIECE_ENTRIES", entries)
        monkeypatch.setattr(_cpu, "_COPY_ENTRIES", entries)
        torch.set_num_threads(number)
        try:
            assert_same(statistics(z, TARGETS, top_k=3), expected)
            assert_same(compare(z, z + 1, TARGETS), pair)
        finally:
            torch.set_num_threads(threads)


def test_many_callers_at_once(monkeypatch, rows):
    monkeypatch.setattr(_cpu, "_PIECE_ENTRIES", 1)
    z = rows.float()
    expected = statistics(z, TARGETS)
    with ThreadPoolExecutor(8) as callers:
        for found in callers.map(lambda _: statistics(z, TARGETS), range(40)):
            assert_same(found, expected)


@pytest.mark.parametrize("shift", [1.0, -40.25, 300.5, 4096.0, -20000.75])
@pytest.mark.parametrize("temperature", [0.05, 1.0, 20.0])
def test_a_constant_changes_nothing_where_float32_holds_it(shift, temperature):
    """Logits that are multiples of 2⁻⁸: every bit of every field but the normaliser's is the same."""
    g = np.random.default_rng(2)
    z = (g.integers(-4000, 3000, (4, VOCABULARY)) / 256).astype(np.float32)
    z[1, 17] = 20.5
    z[2, ::3] = -np.inf
    targets = g.integers(0, VOCABULARY, 4)
    one = statistics(z, targets, temperature=temperature, top_k=9)
    two = statistics(z + np.float32(shift), targets, temperature=temperature, top_k=9)
    for name in set(LogitStatistics.__dataclass_fields__) - {"log_normalizer"}:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)
    np.testing.assert_allclose(two.log_normalizer - one.log_normalizer, shift / temperature, rtol=1e-12, atol=1e-8)
    other = (g.integers(-4000, 3000, z.shape) / 256).astype(np.float32)
    one, two = compare(z, other, targets), compare(z + np.float32(shift), other, targets)
    for name in PairStatistics.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


@pytest.mark.parametrize("k", [64, 65, VOCABULARY])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_list_of_any_length(rows, dtype, k):
    z = rows.to(dtype)
    found = statistics(z, TARGETS, temperature=0.7, top_k=k)
    largest = z.double().sort(-1, descending=True).values[..., :k]
    assert torch.equal(z.double().gather(-1, found.top_ids), largest)
    expected = largest / 0.7 - (z.double() / 0.7).logsumexp(-1, keepdim=True)
    torch.testing.assert_close(found.top_logprobs, expected, rtol=1e-6, atol=1e-6)


def test_nobody_with_little_to_do_waits_for_a_compiler(tmp_path):
    """A first process compiles nothing, asked for much it compiles, and a later one finds that."""
    script = """
import sys, numpy as np
from entropist.logits import _compiling, statistics
_compiling.PATIENCE = int(sys.argv[1])
found = statistics(np.zeros((2, 1000), np.float32))
print(_compiling.is_ready("float32"), float(found.entropy[0]))
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}

    def run(patience):
        done = subprocess.run(
            [sys.executable, "-c", script, str(patience)], env=environment, capture_output=True, text=True, check=True
        )
        ready, entropy = done.stdout.split()
        assert abs(float(entropy) - np.log(1000)) < 1e-12
        return ready == "True", sorted(path.suffix for path in tmp_path.rglob("*.nbi"))

    assert run(10**9) == (False, [])
    assert run(1) == (True, [".nbi"])
    assert run(10**9) == (True, [".nbi"])


def test_a_change_of_compiler_or_source_asks_again(monkeypatch):
    kept = _compiling._marker("float32")
    assert kept is not None
    assert kept.exists()
    monkeypatch.setattr("numba.__version__", "0.0")
    _compiling._machine.cache_clear()
    try:
        other = _compiling._marker("float32")
    finally:
        _compiling._machine.cache_clear()
    assert isinstance(other, Path)
    assert other != kept
