"""What the exact measures take and refuse: kinds of arrays, dtypes, shapes, axes, units, and messages."""

import math
import subprocess
import sys

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from campaigns import SCALE
from entropist import measures
from entropist.errors import InputError
from entropist.measures import (
    conditional_entropy,
    conditional_mutual_information,
    cross_entropy,
    efficiency,
    entropy,
    entropy_rate,
    joint_entropy,
    js_divergence,
    kl_divergence,
    mutual_information,
    normalized_mutual_information,
    perplexity,
    pointwise_mutual_information,
    renyi_divergence,
    renyi_entropy,
    surprisal,
    total_correlation,
    tsallis_entropy,
    varentropy,
)
from measure_table import TABLE, cases

MAKERS = {"numpy": np.asarray, "torch": torch.tensor, "jax": jnp.asarray, "strict": array_api_strict.asarray}
ONE_ORDER = [entry for entry in TABLE if "(order=" not in entry.name or "1.7" in entry.name]
XOR = np.zeros((2, 2, 2))
for x in (0, 1):
    for y in (0, 1):
        XOR[x, y, x ^ y] = 0.25


# --- well-known values ------------------------------------------------------------------------------------------------


def test_coins_and_dice():
    assert entropy([0.5, 0.5], unit="bits") == 1
    assert entropy([0.9, 0.1], unit="bits") == pytest.approx(0.468995593589281, rel=1e-14)
    assert entropy([1.0, 0.0], unit="bits") == 0
    assert not np.signbit(entropy([1.0, 0.0]))
    assert entropy(np.full(6, 1 / 6), unit="bits") == pytest.approx(math.log2(6), rel=1e-15)
    assert perplexity([1.0, 0.0]) == 1


def test_exclusive_or():
    assert measures.co_information(XOR, unit="bits") == -1
    assert total_correlation(XOR, unit="bits") == 1
    assert measures.dual_total_correlation(XOR, unit="bits") == 2
    assert measures.o_information(XOR, unit="bits") == -1
    assert mutual_information(XOR.sum(2)) == 0
    assert conditional_mutual_information(XOR, given=2, unit="bits") == 1


def test_units_and_their_synonyms():
    p = [0.5, 0.25, 0.25]
    assert entropy(p, unit="shannons") == entropy(p, unit="bits") == 1.5
    assert entropy(p, unit="hartleys") == entropy(p, unit="bans") == pytest.approx(1.5 * math.log10(2))
    assert varentropy(p, unit="bits") == pytest.approx(0.25)
    with pytest.raises(InputError, match=r"unit 'bit' is not known: use one of nats, bits, dits"):
        entropy(p, unit="bit")


# --- kinds of arrays --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ONE_ORDER, ids=lambda entry: entry.name)
@pytest.mark.parametrize("library", [*MAKERS] if SCALE >= 1 else ["numpy", "torch", "strict"])  # JAX compiles slowly
def test_the_same_kind_of_array_comes_out(entry, library):
    _, arrays = next(case for case in cases(entry.kind) if case[0].startswith(("random", "two states")))
    given = [MAKERS[library](a) for a in arrays]
    if library == "strict":
        given = [array_api_strict.asarray(a, device=array_api_strict.Device("device1")) for a in given]
    found = entry.call(*given)
    assert isinstance(found, np.number | np.ndarray if library == "numpy" else type(given[0]))
    assert found.dtype == given[0].dtype
    if library != "numpy":
        assert found.device == given[0].device


def test_no_torch_or_jax_is_loaded():
    script = (
        "import sys; from entropist import measures; print(measures.entropy([0.5, 0.5]), "
        "[n for n in ('torch', 'jax', 'scipy') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == f"{math.log(2)} []\n"


def test_lists_are_float64_and_take_the_kind_of_an_array_beside_them():
    assert entropy([0.5, 0.5]).dtype == np.float64
    assert entropy((1, 0)).dtype == np.float64
    found = kl_divergence(torch.tensor([0.5, 0.5]), [0.25, 0.75])
    assert isinstance(found, torch.Tensor)
    assert found.dtype == torch.float32
    assert kl_divergence([0.5, 0.5], np.asarray([1, 0])).dtype == np.float64


def test_integers_and_booleans_become_the_librarys_float():
    assert entropy(np.array([[1, 0], [0, 1]])).dtype == np.float64
    assert entropy(torch.tensor([True, False])).dtype == torch.get_default_dtype()
    assert entropy(np.array([2, 1, 1]), normalize=True, unit="bits") == 1.5


def test_mixed_float_types_are_promoted():
    assert kl_divergence(np.float32([0.5, 0.5]), np.float64([0.25, 0.75])).dtype == np.float64


@pytest.mark.parametrize(
    ("p", "dtype"),
    [
        (np.array([0.5, 0.25, 0.25], np.float16), np.float16),
        (torch.tensor([0.5, 0.25, 0.25], dtype=torch.float16), torch.float16),
        (torch.tensor([0.5, 0.25, 0.25], dtype=torch.bfloat16), torch.bfloat16),
        (jnp.asarray([0.5, 0.25, 0.25], jnp.bfloat16), jnp.bfloat16),
    ],
    ids=["numpy float16", "torch float16", "torch bfloat16", "jax bfloat16"],
)
def test_half_precision_is_computed_in_float32(p, dtype):
    for function, wanted in ((entropy, 1.5 * math.log(2)), (perplexity, 2**1.5), (surprisal, None)):
        found = function(p)
        assert found.dtype == dtype
        if wanted:
            assert abs(float(found) / wanted - 1) < 2.0**-8
    rows = np.float16(np.full((3, 1024), 2.0**-10))
    assert float(entropy(rows, unit="bits")[0]) == 10  # summed in half precision it would stop growing
    assert kl_divergence(p, p) == 0


def test_long_double_keeps_its_digits():
    p = np.array([1, 1, 1], np.longdouble) / 3
    found = entropy(p)
    assert found.dtype == np.longdouble
    assert abs(found - np.log(np.longdouble(3))) < 1e-18


def test_other_things_are_refused():
    with pytest.raises(InputError, match=r"p must be an array .* given str"):
        entropy("0.5")
    with pytest.raises(InputError, match=r"p must hold real numbers; given complex128"):
        entropy(np.array([0.5, 0.5j]))
    with pytest.raises(InputError, match=r"p is no table of numbers"):
        entropy([[0.5, 0.5], [1.0]])
    with pytest.raises(InputError, match=r"p is no table of numbers"):
        entropy(["a", "b"])
    with pytest.raises(InputError, match=r"p is a masked array, whose mask would be lost"):
        entropy(np.ma.masked_array([0.5, 0.5, 9.0], [False, False, True]))
    with pytest.raises(InputError, match=r"arrays of different libraries do not mix: p is a numpy array, q is a torch"):
        kl_divergence(np.array([0.5, 0.5]), torch.tensor([0.5, 0.5]))


# --- shapes and axes --------------------------------------------------------------------------------------------------


def test_axes_and_layouts_give_the_same_rows():
    p = np.random.default_rng(0).dirichlet(np.ones(5), (7, 3))
    wanted = entropy(p)
    assert wanted.shape == (7, 3)
    np.testing.assert_array_equal(entropy(np.moveaxis(p, -1, 0), axis=0), wanted)
    np.testing.assert_array_equal(entropy(np.asfortranarray(p)), wanted)
    np.testing.assert_array_equal(entropy(np.moveaxis(p, -1, 1), axis=-2), wanted)
    wide = np.zeros((7, 3, 10))
    wide[..., ::2] = p
    np.testing.assert_array_equal(entropy(wide[..., ::2]), wanted)
    np.testing.assert_array_equal(entropy(p, axis=np.int64(2)), wanted)
    frozen = p.copy()
    frozen.setflags(write=False)
    np.testing.assert_array_equal(entropy(frozen), wanted)
    np.testing.assert_array_equal(entropy(torch.from_numpy(np.moveaxis(p, -1, 0).copy()), axis=0).shape, (7, 3))


def test_a_row_does_not_depend_on_its_neighbours():
    generator = np.random.default_rng(1)
    p, q = generator.dirichlet(np.ones(64), 3000), generator.dirichlet(np.ones(64), 3000)
    p[::7, ::3] = 0
    p /= p.sum(-1, keepdims=True)
    q[5] = p[5]
    for measure in (entropy, varentropy):
        np.testing.assert_array_equal(measure(p), [measure(row) for row in p])
    np.testing.assert_array_equal(kl_divergence(p, q), [kl_divergence(a, b) for a, b in zip(p, q)])
    tables = p.reshape(-1, 8, 8)
    np.testing.assert_array_equal(mutual_information(tables, axis=(1, 2)), [mutual_information(t) for t in tables])


def test_one_distribution_goes_with_many():
    p = np.random.default_rng(2).dirichlet(np.ones(4), (6, 5))
    q = np.array([0.125, 0.125, 0.25, 0.5])
    for measure in (kl_divergence, cross_entropy, measures.hellinger, js_divergence):
        np.testing.assert_allclose(measure(p, q), measure(p, np.broadcast_to(q, p.shape).copy()), rtol=1e-15)
        np.testing.assert_allclose(measure(q, p), measure(np.broadcast_to(q, p.shape).copy(), p), rtol=1e-15)
    np.testing.assert_allclose(kl_divergence(np.moveaxis(p, -1, 0), q, axis=0), kl_divergence(p, q), rtol=1e-15)
    many = np.random.default_rng(2).dirichlet(np.ones(64), 3000)
    one = np.full(64, 1 / 64)
    np.testing.assert_allclose(kl_divergence(many, one), math.log(64) - entropy(many), rtol=1e-12)


def test_other_shapes_do_not_broadcast():
    p = np.full((3, 4), 0.25)
    for q in (np.full((1, 4), 0.25), np.full((2, 4), 0.25), np.full(3, 1 / 3), np.full((3, 1, 4), 0.25)):
        with pytest.raises(InputError, match=r"shapes do not match: p \(3, 4\), q"):
            kl_divergence(p, q)


@pytest.mark.parametrize(
    ("p", "axis", "message"),
    [
        (0.5, -1, "p is a single number"),
        ([], -1, r"shape \(0,\), which leaves no outcome"),
        (np.zeros((3, 0)), -1, r"shape \(3, 0\), which leaves no outcome"),
        ([0.5, 0.5], 1, r"axis 1 is no axis of p, whose shape is \(2,\)"),
        ([0.5, 0.5], 0.0, r"axis must be an integer; given 0\.0"),
        ([[0.5, 0.5]], (0, 1), r"axis must be an integer; given \(0, 1\)"),
        ([0.5, 0.5], None, r"axis must be an integer; given None"),
        ([0.5, 0.5], True, r"axis must be an integer; given True"),
    ],
)
def test_shapes_without_a_distribution_are_refused(p, axis, message):
    with pytest.raises(InputError, match=message):
        entropy(p, axis=axis)


def test_no_rows_give_no_rows():
    for library in ("numpy", "torch", "jax"):
        empty = {"numpy": np.zeros, "torch": torch.zeros, "jax": jnp.zeros}[library]
        assert tuple(entropy(empty((0, 4))).shape) == (0,)
        assert tuple(kl_divergence(empty((2, 0, 4)), empty((2, 0, 4))).shape) == (2, 0)
        assert tuple(mutual_information(empty((0, 2, 3)), axis=(1, 2)).shape) == (0,)


def test_batches_of_joint_tables():
    joint = np.random.default_rng(3).dirichlet(np.ones(24), 5).reshape(5, 2, 3, 4)
    moved = np.moveaxis(joint, 0, 2)
    each = [joint_entropy(table) for table in joint]
    np.testing.assert_allclose(joint_entropy(joint, axis=(1, 2, 3)), each, rtol=1e-15)
    np.testing.assert_allclose(joint_entropy(moved, axis=(0, 1, 3)), each, rtol=1e-15)
    each = [conditional_entropy(table, given=(0, 2)) for table in joint]
    np.testing.assert_allclose(conditional_entropy(moved, given=(0, 3), axis=(0, 1, 3)), each, rtol=1e-14)
    each = [conditional_mutual_information(table, given=1) for table in joint]
    np.testing.assert_allclose(conditional_mutual_information(moved, given=1, axis=(0, 1, 3)), each, rtol=1e-14)
    pairs = joint.sum(3)
    each = np.stack([pointwise_mutual_information(table) for table in pairs])
    np.testing.assert_allclose(pointwise_mutual_information(pairs, axis=(1, 2)), each, rtol=1e-14)
    turned = pointwise_mutual_information(np.moveaxis(pairs, 0, 1), axis=(2, 0))
    np.testing.assert_allclose(turned, np.moveaxis(each, 0, 1), rtol=1e-13, atol=1e-15)


def test_variables_that_are_not_there():
    with pytest.raises(InputError, match=r"mutual_information is between two variables; joint has 3\. Name two"):
        mutual_information(XOR)
    with pytest.raises(InputError, match=r"given=0 leaves 1\. Sum the others out|must name variables of joint"):
        conditional_mutual_information(XOR.sum(2), given=0)
    with pytest.raises(InputError, match=r"axis 3 is no axis of joint"):
        conditional_entropy(XOR, given=3)
    with pytest.raises(InputError, match=r"given=\(0, 1, 2\) must name variables of joint and leave 1"):
        conditional_entropy(XOR, given=(0, 1, 2))
    with pytest.raises(InputError, match=r"given=0 must name variables .* its variables are the axes \(1, 2\)"):
        conditional_entropy(np.full((2, 2, 2), 0.25), given=0, axis=(1, 2))
    with pytest.raises(InputError, match=r"must name every variable of joint once"):
        joint_entropy(XOR, axis=(0, 0, 1))
    with pytest.raises(InputError, match=r"total_correlation is between two or more variables; joint has 1"):
        total_correlation([0.5, 0.5])


# --- is it a distribution ---------------------------------------------------------------------------------------------


def test_the_sum_may_be_off_by_the_tolerance_of_its_dtype_whatever_the_length():
    for n in (2, 1000, 262144):
        p = np.full(n, 1 / n)
        entropy(p * (1 + 9e-7))
        entropy(np.float32(p) * np.float32(1 + 9e-5))
        with pytest.raises(InputError, match=r"p sums to 1\.0000011; a distribution sums to 1 within 1e-06"):
            entropy(p * (1 + 1.1e-6))
        with pytest.raises(InputError, match=r"p sums to 0\.9998\d*; a distribution sums to 1 within 0\.0001"):
            entropy(np.float32(p) * np.float32(1 - 1.5e-4))


@pytest.mark.parametrize("library", MAKERS)
def test_the_row_and_its_sum_are_named(library):
    rows = np.full((4, 2, 2), 0.5)
    rows[2, 1, 0] = 0.25
    with pytest.raises(InputError, match=r"^p, row \(2, 1\), sums to 0\.75; .*normalize=True.*entropist\.estimators"):
        entropy(MAKERS[library](rows))
    rows = np.full((3000, 64), 1 / 64)
    rows[2500, 3] = -1 / 64
    rows[2500, 4] = 3 / 64
    with pytest.raises(InputError, match=r"^q, row 2500, contains -0\.015625 and sums to 1; probabilities are 0 or mo"):
        kl_divergence(MAKERS[library](np.full((3000, 64), 1 / 64)), MAKERS[library](rows))


def test_what_is_no_distribution_is_refused():
    for value, message in ((np.nan, "contains NaN"), (np.inf, "sums to inf"), (-np.inf, "contains -inf")):
        for normalize in (False, True):
            with pytest.raises(InputError, match=message):
                entropy([0.5, value, 0.5], normalize=normalize)
    with pytest.raises(InputError, match=r"sums to -6 .*|Log-probabilities and logits go to entropist\.logits"):
        entropy([-1.0, -2.0, -3.0])
    with pytest.raises(InputError, match=r"sums to 0 and cannot be normalized"):
        entropy([0.0, 0.0], normalize=True)
    with pytest.raises(InputError, match=r"^joint sums to 2;"):
        mutual_information([[0.5, 0.5], [0.5, 0.5]])


def test_every_measure_of_distributions_refuses_and_normalizes():
    taking = [entry for entry in TABLE if entry.measure != "surprisal" and not entry.label]
    for entry in taking:
        _, arrays = next(case for case in cases(entry.kind) if case[0].startswith(("random", "two states")))
        function = getattr(measures, entry.measure)
        for name in range(len(arrays)):
            doubled = [2 * a if i == name else a for i, a in enumerate(arrays)]
            with pytest.raises(InputError, match="sums to 2"):
                function(*doubled)
            np.testing.assert_allclose(function(*doubled, normalize=True), function(*arrays), rtol=1e-14)


def test_surprisal_takes_the_probabilities_of_events():
    assert surprisal(0.25, unit="bits") == 2
    assert surprisal([0.25, 0.25]).tolist() == [math.log(4)] * 2
    assert surprisal([0.0, 1.0, 1 + 1e-9]).tolist() == [math.inf, 0, 0]
    assert not np.signbit(surprisal([1.0])).any()
    for bad in (-0.1, 1.1, np.nan):
        with pytest.raises(InputError, match=r"probability, entry 1, is .*; a probability lies in \[0, 1\]"):
            surprisal([0.5, bad])


# --- options ----------------------------------------------------------------------------------------------------------


def test_orders():
    for order in (-1, math.nan, "2", None, True):
        with pytest.raises(InputError, match="order must be a number from 0 to inf"):
            renyi_entropy([0.5, 0.5], order)
    p = np.array([0.5, 0.25, 0.25])
    assert renyi_entropy(p, 2) == pytest.approx(-math.log(0.375), rel=1e-15)
    assert tsallis_entropy(p, 2) == 0.625
    assert tsallis_entropy(p, 0) == 2
    assert renyi_divergence(p, p, math.inf) == 0
    assert renyi_entropy(p, np.int64(2)) == renyi_entropy(p, np.float32(2)) == renyi_entropy(p, 2.0)


def test_one_hot_targets():
    q = np.array([[0.5, 0.25, 0.25], [0.125, 0.0, 0.875]])
    assert cross_entropy(target=[2, 0], q=q, unit="bits").tolist() == [2, 3]
    assert cross_entropy(target=np.array([0, 1]), q=q).tolist() == [math.log(2), math.inf]
    assert cross_entropy(target=1, q=q[0], unit="bits") == 2
    assert cross_entropy(target=[0, 1, 0], q=q, axis=0, normalize=True, unit="bits").shape == (3,)
    hot = np.eye(3)[[2, 0]]
    np.testing.assert_array_equal(cross_entropy(target=[2, 0], q=q), cross_entropy(hot, q))
    for make in (torch.tensor, jnp.asarray):
        found = cross_entropy(target=make([2, 0]), q=make(q.tolist()), unit="bits")
        assert type(found) is type(make([1]))
        assert found.tolist() == [2, 3]
    with pytest.raises(InputError, match=r"target, entry 1, is 3; the outcomes of q are 0 to 2"):
        cross_entropy(target=[0, 3], q=q)
    with pytest.raises(InputError, match=r"target has shape \(3,\); q of \(2, 3\) needs \(2,\)"):
        cross_entropy(target=[0, 1, 2], q=q)
    with pytest.raises(InputError, match=r"target must hold outcomes as integers; given float64"):
        cross_entropy(target=np.array([0.0, 1.0]), q=q)
    with pytest.raises(InputError, match=r"different libraries"):
        cross_entropy(target=torch.tensor([0, 1]), q=q)
    for wrong in ({"p": q}, {"q": q}, {"p": q, "q": q, "target": [0, 1]}, {}):
        with pytest.raises(InputError, match=r"cross_entropy needs q and either p or target"):
            cross_entropy(**wrong)


def test_weights_of_a_mixture():
    p, q = [1.0, 0.0], [0.0, 1.0]
    assert js_divergence(p, q, weights=[1, 0]) == 0
    assert js_divergence(p, q, weights=np.array([0.25, 0.75])) == pytest.approx(entropy([0.25, 0.75]), rel=1e-15)
    assert js_divergence(p, q, [0.5, 0.5]) == pytest.approx(2 / 3 * math.log(2), rel=1e-15)
    for weights in ([0.5], [0.5, 0.6], [1.5, -0.5], [math.nan, 1]):
        with pytest.raises(InputError, match="weights must be 2 numbers from 0 that sum to 1"):
            js_divergence(p, q, weights=weights)
    with pytest.raises(InputError, match="two or more distributions; given 1"):
        js_divergence(p)


def test_what_has_no_answer_is_refused():
    with pytest.raises(InputError, match=r"efficiency of one outcome is 0/0"):
        efficiency([1.0])
    with pytest.raises(
        InputError, match=r"variant 'mean' is not known: use one of arithmetic, geometric, min, max, joi"
    ):
        normalized_mutual_information(XOR.sum(0), variant="mean")
    certain = np.array([[1.0, 0.0], [0.0, 0.0]])
    for variant in ("arithmetic", "geometric", "min", "max", "joint"):
        with pytest.raises(InputError, match=rf"^joint has the '{variant}' entropy 0.*0/0 has no answer"):
            normalized_mutual_information(certain, variant=variant)
    with pytest.raises(InputError, match=r"^joint, row 1, has the"):
        normalized_mutual_information(np.stack([np.eye(2) / 2, certain]), variant="max", axis=(1, 2))


def test_entropy_rate_of_chains():
    assert entropy_rate(np.eye(3)[[1, 2, 0]]) == 0
    two = [[0.9, 0.1], [0.5, 0.5]]
    assert entropy_rate(two) == pytest.approx((5 * entropy(two[0]) + entropy(two[1])) / 6, rel=1e-15)
    apart = np.array([[0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0.9, 0.1], [0, 0, 0.1, 0.9]])
    with pytest.raises(InputError, match=r"several closed classes.* give stationary="):
        entropy_rate(apart)
    assert entropy_rate(apart, stationary=[0.5, 0.5, 0, 0], unit="bits") == 1
    with pytest.raises(InputError, match=r"stationary is changed by a step, by up to 0\.2"):
        entropy_rate(two, stationary=[0.5, 0.5])
    with pytest.raises(InputError, match=r"stationary has shape \(3,\); expected \(2,\)"):
        entropy_rate(two, stationary=[0.5, 0.25, 0.25])
    with pytest.raises(InputError, match=r"transition must be a square table .* given shape \(1, 2\)"):
        entropy_rate([[0.5, 0.5]])
    with pytest.raises(InputError, match=r"transition, row 0, sums to 1\.4"):
        entropy_rate(np.transpose(two))
    half = entropy_rate(np.array([[0.5, 0.5], [0.25, 0.75]], np.float16))
    assert half.dtype == np.float16


# --- traced calls -----------------------------------------------------------------------------------------------------


def test_jax_transformations():
    rows = jnp.asarray([[0.5, 0.5], [0.9, 0.1]])
    for measure in (entropy, varentropy, perplexity, measures.min_entropy):
        np.testing.assert_allclose(jax.jit(measure)(rows), measure(rows), rtol=1e-6)
        np.testing.assert_allclose(jax.vmap(measure)(rows), measure(rows), rtol=1e-6)
        each = np.stack([jax.grad(measure)(row) for row in rows])
        np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(measure)))(rows), each, rtol=1e-5)
    pairs = jnp.asarray([[0.1, 0.9], [0.5, 0.5]])
    np.testing.assert_allclose(jax.jit(kl_divergence)(rows, pairs), kl_divergence(rows, pairs), rtol=1e-6)
    chosen = jax.jit(lambda t, q: cross_entropy(target=t, q=q))(jnp.asarray([0, 1]), rows)
    np.testing.assert_allclose(chosen, -np.log([0.5, 0.1]), rtol=1e-6)
    np.testing.assert_allclose(jax.jit(entropy_rate)(rows), entropy_rate(rows), rtol=1e-6)
    joint = jnp.asarray([[0.25, 0.25], [0.5, 0.0]])
    np.testing.assert_allclose(jax.jit(mutual_information)(joint), mutual_information(joint), rtol=1e-6)


def test_traced_values_are_not_looked_at():
    wrong = jnp.asarray([0.5, 0.25])
    with pytest.raises(InputError, match=r"sums to 0\.75"):
        entropy(wrong)
    np.testing.assert_allclose(jax.jit(entropy)(wrong), 0.5 * math.log(2) + 0.25 * math.log(4), rtol=1e-6)
    with pytest.raises(InputError, match="shapes do not match"):
        jax.jit(kl_divergence)(wrong, jnp.ones(3) / 3)
    found = torch.func.vmap(entropy)(torch.tensor([[0.5, 0.25], [0.5, 0.5]]))
    np.testing.assert_allclose(found, [math.log(2), math.log(2)], rtol=1e-6)


def test_torch_transformations():
    rows = torch.tensor([[0.5, 0.5], [0.9, 0.1]], dtype=torch.float64)
    pairs = torch.tensor([[0.1, 0.9], [0.5, 0.5]], dtype=torch.float64)
    for measure in (entropy, varentropy, perplexity, measures.min_entropy):
        torch.testing.assert_close(torch.func.vmap(measure)(rows), measure(rows))
        leaf = rows.clone().requires_grad_()
        (wanted,) = torch.autograd.grad(measure(leaf).sum(), leaf)
        torch.testing.assert_close(torch.func.vmap(torch.func.grad(measure))(rows), wanted)
    torch.testing.assert_close(torch.func.vmap(kl_divergence)(rows, pairs), kl_divergence(rows, pairs))
    joint = torch.tensor([[0.25, 0.25], [0.5, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(torch.func.vmap(mutual_information)(joint[None])[0], mutual_information(joint))
    meta = entropy(torch.empty((3, 4), device="meta"))
    assert meta.shape == (3,)
    assert meta.device.type == "meta"


@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")  # array_api_compat's
@pytest.mark.parametrize("measure", [entropy, kl_divergence, mutual_information], ids=lambda f: f.__name__)
def test_torch_compile_gives_one_graph(measure):
    joint = torch.tensor([[0.25, 0.25], [0.5, 0.0]], dtype=torch.float64)
    given = [joint.reshape(-1), torch.full((4,), 0.25, dtype=torch.float64)] if measure is kl_divergence else [joint]
    if measure is entropy:
        given = [joint.reshape(1, -1)]
    compiled = torch.compile(measure, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(*given), measure(*given))
