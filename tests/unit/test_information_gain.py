"""Information gain, gain ratio and the best split: closed forms, messages, what is refused."""

import math
import subprocess
import sys

import numpy as np
import pytest

from entropist.errors import InputError
from entropist.estimators import best_split, gain_ratio, information_gain

# Quinlan (1986), table 1 and section 4: fourteen mornings.
OUTLOOK = ["sunny", "sunny", "overcast", "rain", "rain", "rain", "overcast",
           "sunny", "sunny", "rain", "sunny", "overcast", "overcast", "rain"]  # fmt: skip
TEMPERATURE = [
    "hot",
    "hot",
    "hot",
    "mild",
    "cool",
    "cool",
    "cool",
    "mild",
    "cool",
    "mild",
    "mild",
    "mild",
    "hot",
    "mild",
]
HUMIDITY = ["high"] * 4 + ["normal"] * 3 + ["high", "normal", "normal", "normal", "high", "normal", "high"]
WINDY = [False, True, False, False, False, True, True, False, False, False, True, True, False, True]
PLAY = ["N", "N", "P", "P", "P", "N", "P", "N", "P", "P", "P", "P", "P", "N"]


@pytest.mark.parametrize(
    ("feature", "gain"), [(OUTLOOK, 0.246), (TEMPERATURE, 0.029), (HUMIDITY, 0.151), (WINDY, 0.048)]
)
def test_quinlans_mornings(feature, gain):
    """The paper rounds its steps, so the third digit may be one off."""
    found = information_gain(feature, PLAY, unit="bits")
    assert abs(found.value - gain) < 0.0011
    assert found.unit == "bits"
    assert found.n == 14
    assert found.stderr is None
    assert "score" in found.reason


def test_quinlans_gain_ratio():
    assert abs(gain_ratio(OUTLOOK, PLAY).value - 0.156) < 0.001
    assert abs(gain_ratio(HUMIDITY, PLAY).value - 0.151) < 0.001
    assert gain_ratio(OUTLOOK, PLAY).unit == ""


def test_a_serial_number_has_the_largest_gain_and_its_null_says_so():
    target = [0, 1] * 50
    found = information_gain(range(100), target)
    assert math.isclose(found.value, math.log(2), rel_tol=1e-13)
    assert math.isclose(found.null, math.log(2), rel_tol=1e-12)
    assert found.p_value > 0.3
    assert gain_ratio(range(100), target).value < 0.16


def test_weights_count_as_that_many_samples():
    x, y, w = [0, 0, 1, 1, 2], ["a", "b", "a", "b", "b"], [1, 2, 3, 4, 0]
    long = information_gain(np.repeat(x, w), np.repeat(y, w))
    found = information_gain(x, y, sample_weight=w)
    assert math.isclose(found.value, long.value, rel_tol=1e-13)
    assert found.null is None
    assert found.p_value is None
    assert math.isclose(gain_ratio(x, y, sample_weight=w).value, gain_ratio(np.repeat(x, w), np.repeat(y, w)).value)


def test_constants_tell_nothing():
    assert information_gain([1, 1, 1], [0, 1, 0]).value == 0
    assert information_gain([0, 1, 0], [1, 1, 1]).value == 0
    assert information_gain([3], ["x"]).value == 0
    with pytest.raises(InputError, match="constant"):
        gain_ratio([1, 1, 1], [0, 1, 0])


@pytest.mark.parametrize(
    ("feature", "target", "weight", "message"),
    [
        ([1, 2], [1], None, "feature has 2 samples and target 1"),
        ([], [], None, "at least one value"),
        ([[1, 2]], [1], None, r"shape \(1, 2\)"),
        ([1.0, math.nan], [0, 1], None, "given nan"),
        ([1.0, math.inf], [0, 1], None, "given inf"),
        (["a", None], [0, 1], None, "categories of one kind|missing"),
        ([None, None], [0, 1], None, "categories of one kind|missing"),
        ([1, 2], [0, 1], [1, -1], "at least 0"),
        ([1, 2], [0, 1], [0, 0], "not 0 throughout"),
        ([1, 2], [0, 1], [1, math.nan], "finite"),
        ([1, 2], [0, 1], [1], r"shape \(1,\)"),
        ([1, 2], [0, 1], ["x", "y"], "must be numbers"),
    ],
)
def test_what_is_refused(feature, target, weight, message):
    with pytest.raises(InputError, match=message):
        information_gain(feature, target, sample_weight=weight)
    with pytest.raises(InputError):
        gain_ratio(feature, target, sample_weight=weight)


def test_the_best_split_of_two_clouds():
    found = best_split([5.0, 1.0, 2.0, 9.0], [1, 0, 0, 1], unit="bits")
    assert (found.feature, found.threshold, found.gain, found.gain_ratio) == (0, 3.5, 1.0, 1.0)
    assert (found.n_left, found.n_right, found.unit, found.entropy) == (2, 2, "bits", 1.0)


def test_exclusive_or_gains_nothing_and_ties_go_to_the_first():
    found = best_split([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
    assert (found.feature, found.threshold, found.gain) == (0, 0.5, 0.0)


def test_neighbouring_floats_are_cut_and_the_largest_do_not_overflow():
    low = 1.0
    high = float(np.nextafter(1.0, 2.0))
    assert best_split([low, high], [0, 1]).threshold == low
    huge = np.finfo(np.float64).max
    assert best_split([huge / 2, huge], [0, 1]).threshold == 0.75 * huge
    assert best_split([-huge, huge], [0, 1]).threshold == 0
    assert math.isclose(best_split([1e-30, 3e-30], [0, 1]).threshold, 2e-30)


@pytest.mark.parametrize("dtype", [np.float32, np.int8, bool, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_layout_and_dtype_do_not_matter(dtype, order):
    generator = np.random.default_rng(1)
    features, target = generator.integers(0, 2, (40, 3)), generator.integers(0, 3, 40)
    given = np.asarray(features.astype(dtype), order=order)
    given.flags.writeable = False
    assert best_split(given, target) == best_split(features.astype(float), target)
    assert best_split(np.repeat(given, 2, axis=0)[::2], target) == best_split(features, target)


@pytest.mark.parametrize(
    ("features", "target", "message"),
    [
        ([[1.0], [1.0]], [0, 1], "every feature is constant over the 2"),
        ([1.0], [0], "constant over the 1"),
        ([[1.0, math.nan]], [0], "sample 0 of feature 1 is nan"),
        ([1.0, math.inf], [0, 1], "sample 1 of feature 0 is inf"),
        ([], [], "not empty"),
        ([[[1.0]]], [0], r"shape \(1, 1, 1\)"),
        ([1.0, 2.0], [0], "features have 2 samples and target 1"),
        (["a", "b"], [0, 1], "must be numbers"),
    ],
)
def test_no_split_without_an_answer(features, target, message):
    with pytest.raises(InputError, match=message):
        best_split(features, target)


def test_estimators_come_without_scikit_learn_and_the_classifier_says_what_is_missing():
    script = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import entropist.estimators as e\n"
        "assert e.information_gain([0, 1], [0, 1]).value > 0.69 and e.best_split([0, 1], [0, 1]).gain > 0.69\n"
        "try:\n    e.MaximumEntropyClassifier\n"
        "except ImportError as error:\n    print(error)\n"
    )
    found = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "MaximumEntropyClassifier needs the extra 'stats': pip install 'entropist[stats]'.\n"
