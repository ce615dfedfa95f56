"""Every exact measure on every backend against its definition at 50 digits: 1e-13 relative in float64."""

import inspect
import re
import types
from functools import cache
from pathlib import Path

import array_api_strict
import jax
import mpmath
import numpy as np
import pytest
import torch
from mpmath import mpf

from campaigns import SCALE
from entropist import measures
from entropist.errors import InputError
from measure_table import ELSEWHERE, TABLE, cases

PROMISE = 1e-13
ONE_OF = {
    "renyi_divergence": 4,
    "renyi_entropy": 2,
    "tsallis_entropy": 2,
}  # of many orders, not every case below scale 1


def public_measures():
    """`entropy`, …, and `truncated.entropy`, …: the functions that the room and its sub-rooms name."""
    found = set()
    for name in measures.__all__:
        value = getattr(measures, name)
        if isinstance(value, types.ModuleType):
            found |= {f"{name}.{part}" for part in value.__all__ if inspect.isfunction(getattr(value, part))}
        elif inspect.isfunction(value):
            found.add(name)
    return found


def has_an_oracle_elsewhere(measure):
    room, _, part = measure.partition(".")
    texts = [(Path(__file__).parent.parent / file).read_text() for file in ELSEWHERE.get(room, [])]
    return any(re.search(rf"\b{re.escape(part or room)}\b", text) for text in texts)


def test_every_public_measure_has_an_oracle_and_every_entry_a_measure():
    listed = {entry.measure for entry in TABLE}
    without = {name for name in public_measures() - listed if not has_an_oracle_elsewhere(name)}
    assert not without, "measures without an entry in tests/measure_table.py"
    assert listed <= public_measures()
    assert set(ELSEWHERE) <= set(measures.__all__)
    assert not has_an_oracle_elsewhere("truncated.no_such_measure")


def test_every_entry_has_cases_and_a_name_of_its_own():
    names = [entry.name for entry in TABLE]
    assert len(set(names)) == len(names)
    assert all(len(cases(entry.kind)) >= 10 for entry in TABLE)


@cache
def truths(entry):
    """Per case the arrays, the value at 50 digits, and the size its error is relative to."""
    found = []
    step = ONE_OF.get(entry.measure, 1) if SCALE < 1 else 1
    for name, arrays in cases(entry.kind)[TABLE.index(entry) % step :: step]:
        with mpmath.workdps(entry.digits):
            value = entry.oracle(*arrays)
            found.append((name, arrays, value, entry.scale(*arrays) if entry.scale else None))
    return found


def worst_error(entry, make, select=lambda arrays: True):
    worst, seen = 0.0, 0
    for name, arrays, truth, scale in truths(entry):
        if not select(arrays):
            continue
        seen += 1
        given = [make(a) for a in arrays]
        if truth is None:
            with pytest.raises(InputError, match="0/0"):
                entry.call(*given)
            continue
        found = np.asarray(entry.call(*given), np.float64)
        wanted = np.asarray(truth, object)
        assert found.shape == wanted.shape, name
        for one, exact in zip(found.reshape(-1).tolist(), wanted.reshape(-1).tolist()):
            error = relative_error(one, exact, scale, entry.digits)
            assert error <= PROMISE, (entry.name, name, one, mpmath.nstr(exact, 20))
            worst = max(worst, error)
    assert seen
    return worst


def relative_error(found, exact, scale, digits):
    assert not (found == 0 and np.signbit(found)), "−0"
    if mpmath.isnan(exact):
        return 0.0 if np.isnan(found) else np.inf
    if mpmath.isinf(exact):
        return 0.0 if found == float(exact) else np.inf
    noise = mpf(10) ** (20 - digits)  # below it the oracle itself is rounding
    if found == exact or (abs(exact) < noise and abs(found) < noise):
        return 0.0
    if not np.isfinite(found):
        return np.inf
    return float(abs(mpf(found) - exact) / max(abs(exact), scale or 0))


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.name)
def test_numpy_against_fifty_digits(entry, record_property):
    record_property("worst_relative_error", worst_error(entry, np.asarray))


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.name)
def test_torch_against_fifty_digits(entry):
    worst_error(entry, torch.from_numpy)


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.name)
def test_the_strict_array_api_against_fifty_digits(entry):
    worst_error(entry, array_api_strict.asarray)


IN_JAX = TABLE if SCALE >= 1 else [entry for entry in TABLE if "(order=" not in entry.name
                                  or entry.label in ("(order=0.3)", "(order=1.000000001)")]  # fmt: skip


@pytest.mark.parametrize("entry", IN_JAX, ids=lambda entry: entry.name)
def test_jax_against_fifty_digits(entry):
    """Of few shapes, because JAX compiles each; without subnormal numbers, which it takes for 0."""
    shapes = {(5,), (7,), (2, 2), (2, 2, 2)}
    if SCALE >= 1:
        shapes |= {(2,), (3,), (64,), (3, 5), (3, 2, 5), (3, 3), (8, 8)}

    def select(arrays):
        return arrays[0].shape in shapes and all(not np.any((a > 0) & (a < 1e-300)) for a in arrays)

    with jax.enable_x64():
        worst_error(entry, jax.numpy.asarray, select)


@pytest.mark.parametrize("entry", [entry for entry in TABLE if entry.kind != "chain"], ids=lambda entry: entry.name)
@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_float32_stays_float32_and_is_right_to_its_digits(entry, make):
    """Against float64 of the same rounded numbers, on tables that are not nearly anything."""
    for name, arrays, truth, _ in truths(entry):
        if "random" not in name or truth is None:
            continue
        single = [a.astype(np.float32) for a in arrays]
        found = entry.call(*(make(a) for a in single))
        assert found.dtype == make(single[0]).dtype
        wanted = entry.call(*(a.astype(np.float64) / a.sum(dtype=np.float64) for a in single))
        assert np.asarray(found).dtype == np.float32
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=5e-5, atol=5e-6, err_msg=name)
