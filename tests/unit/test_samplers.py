"""Samplers on cases that others have published, at their edges, and on what they must refuse."""

import math

import numpy as np
import pytest
import torch
from scipy import special, stats

from entropist import decoding
from entropist.decoding import chain
from entropist.errors import InputError
from entropist.logits import statistics

LLAMA = "llama.cpp"
FOUR = (0.1, 0.2, 0.3, 0.4)
FALLING = (0.4, 0.3, 0.2, 0.1)

# Of llama.cpp's tests/test-sampling.cpp (MIT), as inside llama-cpp-python 0.3.36: given, sampler, value, what is left.
PUBLISHED = [
    (FOUR, "temperature", 1.0, (0.1, 0.2, 0.3, 0.4)),
    (FOUR, "temperature", 0.0, (0, 0, 0, 1)),
    (FOUR, "top_k", 1, (0, 0, 0, 1)),
    (FOUR, "top_k", 3, (0, 0.22222, 0.33333, 0.44444)),
    (FOUR, "top_k", 4, FOUR),
    (FOUR, "top_k", 0, FOUR),
    (FOUR, "top_p", 0, (0, 0, 0, 1)),
    (FOUR, "top_p", 0.7, (0, 0, 0.428571, 0.571429)),
    (FOUR, "top_p", 0.8, (0, 0.22222, 0.33333, 0.44444)),
    (FOUR, "top_p", 1.0, FOUR),
    (FOUR, "min_p", 0.0, FOUR),
    (FOUR, "min_p", 0.24, FOUR),
    (FOUR, "min_p", 0.26, (0, 0.2 / 0.9, 0.3 / 0.9, 0.4 / 0.9)),
    (FOUR, "min_p", 0.49, (0, 0.2 / 0.9, 0.3 / 0.9, 0.4 / 0.9)),
    (FOUR, "min_p", 0.51, (0, 0, 0.3 / 0.7, 0.4 / 0.7)),
    (FOUR, "min_p", 0.74, (0, 0, 0.3 / 0.7, 0.4 / 0.7)),
    (FOUR, "min_p", 0.76, (0, 0, 0, 1)),
    (FOUR, "min_p", 1.0, (0, 0, 0, 1)),
    (FOUR, "min_p", 1.05, (0, 0, 0, 1)),
    (FALLING, "xtc", (0.09, 1.0), (0, 0, 0, 1)),
    (FALLING, "xtc", (0.19, 1.0), (0, 0, 0.66667, 0.33333)),
    (FALLING, "xtc", (0.29, 1.0), (0, 0.5, 0.33333, 0.16667)),
    (FALLING, "xtc", (0.39, 1.0), FALLING),
    ((0.97, 0.01, 0.01, 0.01), "typical", 0.5, (1, 0, 0, 0)),
    ((0.4, 0.2, 0.2, 0.2), "typical", 0.5, (0, 1 / 3, 1 / 3, 1 / 3)),
    (FOUR, "top_n_sigma", 1.0, (0, 0, 0.428571, 0.571429)),
    (FOUR, "top_n_sigma", 0.0, FOUR),
    (FOUR, "top_n_sigma", 3.0, FOUR),
    (FOUR, "dynamic_temperature", (1.0, 1.0), FOUR),
    (FOUR, "dynamic_temperature", (0.0, 0.0), (0, 0, 0, 1)),
]
FIVE = np.full(5, 0.2)
PENALTIES = [  # previous, repetition, frequency, presence, what is left
    ([0], 50, 0, 0, (0, 0.25, 0.25, 0.25, 0.25)),
    ([0, 1, 2], 50, 0, 0, (0, 0, 0, 0.5, 0.5)),
    ([0, 1, 2, 0, 0], 50, 0, 0, (0, 0, 0, 0.5, 0.5)),
    ([0], 1, 5, 5, (0.000011, 0.249997, 0.249997, 0.249997, 0.249997)),
    ([0, 1, 2], 1, 5, 5, (0.000023, 0.000023, 0.000023, 0.499966, 0.499966)),
    ([0, 1, 2, 0, 0], 1, 5, 5, (0.0, 0.000023, 0.000023, 0.499977, 0.499977)),
]
DRY = [  # tokens, previous, multiplier, allowed length, breakers, what is left
    (4, [0, 1], 1.0, 2, (), (0.25,) * 4),
    (4, [0, 1, 2, 0, 1], 1.0, 2, (), (0.296923, 0.296923, 0.109232, 0.296923)),
    (5, [0, 1, 3, 4, 0, 1], 1.0, 2, (3,), (0.2,) * 5),
    (5, [0, 1, 2, 0, 1], 2.0, 2, (), (0.241818, 0.241818, 0.032727, 0.241818, 0.241818)),
    (5, [0, 1, 2, 3, 4, 0, 1], 1.0, 4, (), (0.2,) * 5),
]
MAKE = pytest.mark.parametrize("make", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])


def log(p):
    with np.errstate(divide="ignore"):
        return np.log(np.asarray(p, np.float32))


def probabilities(logits):
    return special.softmax(np.asarray(logits, np.float64), axis=-1)


@MAKE
@pytest.mark.parametrize(("given", "name", "value", "left"), PUBLISHED)
def test_the_published_cases_of_llama_cpp(given, name, value, left, make):
    sampler = getattr(decoding, name)
    values = value if isinstance(value, tuple) else (value,)
    profile = {} if name in ("xtc", "dynamic_temperature") else {"profile": LLAMA}
    np.testing.assert_allclose(probabilities(sampler(make(log(given)), *values, **profile)), left, atol=1e-5)


@MAKE
@pytest.mark.parametrize(("previous", "repetition", "frequency", "presence", "left"), PENALTIES)
def test_the_published_penalties_of_llama_cpp(previous, repetition, frequency, presence, left, make):
    found = decoding.penalties(
        make(log(FIVE)), previous, repetition=repetition, frequency=frequency, presence=presence, profile=LLAMA
    )
    np.testing.assert_allclose(probabilities(found), left, atol=1e-5)


@MAKE
@pytest.mark.parametrize(("tokens", "previous", "multiplier", "allowed", "breakers", "left"), DRY)
def test_the_published_dry_of_llama_cpp(tokens, previous, multiplier, allowed, breakers, left, make):
    found = decoding.dry(
        make(log(np.full(tokens, 1 / tokens))),
        previous,
        multiplier,
        base=1.1,
        allowed_length=allowed,
        breakers=breakers,
    )
    np.testing.assert_allclose(probabilities(found), left, atol=1e-5)


def queue(letters, top_k, top_p, min_p):
    """The first token kept of 10 000 with p ∝ id, by the whole-number arithmetic of `test_sampler_queue`."""
    n, first = 10_000, 0
    for letter in letters:
        if letter == "k":
            first = max(first, n - top_k)
        elif letter == "p":
            target = math.ceil(np.float32(top_p) * (n * (n - 1) // 2 - first * (first - 1) // 2))
            mass, first_before, first = 0, first, n
            while first > first_before and (mass < target or first == n):
                first -= 1
                mass += first
        else:
            first = max(first, 1, math.floor(np.float32(min_p) * n))
            first = min(first, n - 1)
    return first


QUEUES = [  # samplers in their order, top_k, top_p, min_p
    ("k", 10_000, 1.0, 1.0), ("k", 1, 1.0, 1.0), ("p", 10_000, 1.0, 1.0), ("p", 10_000, 0.0, 1.0),
    ("m", 10_000, 1.0, 1.0), ("m", 10_000, 1.0, 1e-12), ("k", 100, 1.0, 1.0), ("p", 10_000, 0.0003, 1.0),
    ("p", 10_000, 0.8, 1.0), ("m", 10_000, 1.0, 9997.9 / 9999.0), ("m", 10_000, 1.0, 0.1),
    *((letters, 100, 0.8, 0.1) for letters in ("kp", "km", "pk", "pm", "mk", "mp")),
    *((letters, 100, 0.8, 0.1) for letters in ("kpm", "kmp", "pkm", "pmk", "mkp", "mpk")),
    ("mp", 100, 0.8, 9997.9 / 9999.0),
]  # fmt: skip


@pytest.mark.parametrize(("letters", "top_k", "top_p", "min_p"), QUEUES)
def test_the_published_queues_of_llama_cpp(letters, top_k, top_p, min_p):
    steps = {"k": ("top_k", top_k), "p": ("top_p", top_p), "m": ("min_p", min_p)}
    kept = chain([steps[letter] for letter in letters], LLAMA).filter(log(np.arange(10_000))) > -np.inf
    first = max(1, queue(letters, top_k, top_p, min_p))  # token 0 has no probability: it is masked before and after
    assert np.flatnonzero(kept)[0] == first
    assert kept.sum() == 10_000 - first


def test_top_h_cases():
    assert (decoding.top_h(log(FALLING), 0.4) > -np.inf).tolist() == [True, False, False, False]
    assert (decoding.top_h(log(FALLING), 0.8) > -np.inf).tolist() == [True, True, False, False]
    assert (decoding.top_h(np.zeros(300), 1.0) > -np.inf).sum() <= 100


def test_p_less_is_the_collision_probability():
    g = np.random.default_rng(3)
    for p in g.dirichlet(np.full(40, 0.3), 50):
        collision = math.exp(-_renyi(p))
        assert (decoding.p_less(np.log(p)) > -np.inf).tolist() == (p >= collision).tolist()


def _renyi(p):
    from entropist.measures import renyi_entropy

    return float(renyi_entropy(p, 2))


def test_typical_at_the_cut_and_on_ties():
    four = np.log([0.25] * 4)
    assert (decoding.typical(four, 0.5) > -np.inf).sum() == 4
    assert (decoding.typical(four, 0.5, profile=LLAMA) > -np.inf).sum() == 3


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, torch.float16, torch.bfloat16, torch.float32])
def test_kind_dtype_and_shape_come_back(kind):
    z = np.random.default_rng(0).normal(0, 2, (2, 3, 17))
    z[0, 0, :5] = -np.inf
    given = torch.tensor(z, dtype=kind) if isinstance(kind, torch.dtype) else z.astype(kind)
    before = given.clone() if isinstance(given, torch.Tensor) else given.copy()
    for step in STEPS:
        found = chain([step]).filter(given, previous=[1, 2, 1, 2], seed=0)
        assert (type(found), found.dtype, found.shape) == (type(given), given.dtype, given.shape), step
        assert bool((found[0, 0, :5] == -np.inf).all()), step
        assert bool((given == before).all()), "the input is not touched"


STEPS = [
    ("temperature", 0.7), ("top_k", 5), ("top_p", 0.6), ("min_p", 0.2), ("typical", 0.6), ("epsilon", 0.05),
    ("eta", 0.1), ("top_h", 0.6), ("p_less", None), ("top_n_sigma", 1.0),
    ("xtc", {"threshold": 0.1, "probability": 1.0}),
    ("penalties", {"repetition": 1.3, "frequency": 0.5, "presence": 0.2}), ("repetition_penalty", 1.3),
    ("frequency_penalty", 0.4), ("presence_penalty", 0.4), ("dry", 0.8), ("greedy", None),
    ("dynamic_temperature", {"low": 0.5, "high": 1.5}), ("target_entropy", 1.0),
]  # fmt: skip


@pytest.mark.parametrize("profile", ["huggingface", LLAMA])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[0])
def test_every_sampler_takes_a_row_alone_many_rows_and_none(step, profile):
    made = chain([step], profile)
    z = np.random.default_rng(1).normal(0, 2, (4, 9)).astype(np.float32)
    together = made.filter(z, previous=[1, 2, 1, 2], seed=0)
    alone = [made.filter(row, previous=[1, 2, 1, 2], seed=0) for row in z]
    assert np.array_equal(together, alone)
    assert made.filter(z[:0], previous=[1], seed=0).shape == (0, 9)
    assert made.filter(np.asfortranarray(z)[::2], previous=[1, 2, 1, 2], seed=0).tolist() == together[::2].tolist()
    assert made.filter(np.zeros((2, 1), np.float32), previous=[0, 0], seed=0).shape == (2, 1)
    frozen = z.copy()
    frozen.flags.writeable = False
    assert np.array_equal(made.filter(frozen, previous=[1, 2, 1, 2], seed=0), together)


@pytest.mark.parametrize("profile", ["huggingface", LLAMA])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[0])
@pytest.mark.parametrize(
    ("bad", "what"), [(np.nan, "NaN"), (np.inf, r"\+inf"), (-np.inf, "nothing but -inf")], ids=["nan", "inf", "empty"]
)
@MAKE
def test_bad_rows_are_refused_by_number(step, profile, bad, what, make):
    z = np.zeros((3, 4))
    z[2] = bad
    with pytest.raises(InputError, match=f"row 2 contains {what}"):
        chain([step], profile).filter(make(z), previous=[1], seed=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z: decoding.top_p(z, 1.5), "top_p must be at least 0 and at most 1; given 1.5"),
        (lambda z: decoding.typical(z, 0), "typical must be more than 0 and at most 1"),
        (lambda z: decoding.min_p(z, 1.1), "min_p must be at least 0 and at most 1"),
        (lambda z: decoding.temperature(z, 0), 'use greedy, or profile="llama.cpp"'),
        (lambda z: decoding.temperature(z, -1), "temperature must be at least 0"),
        (lambda z: decoding.temperature(z, math.nan), "temperature must be a number"),
        (lambda z: decoding.top_k(z, 2.5), "top_k must be a whole number; given 2.5"),
        (lambda z: decoding.top_k(z, -1), "top_k must be a whole number of at least 0"),
        (lambda z: decoding.min_p(z, "a"), "min_p must be a number; given 'a'"),
        (lambda z: decoding.min_p(z, True), "min_p must be a number"),
        (lambda z: decoding.top_p(z, 0.5, profile="vllm"), "there is no profile 'vllm': use one of huggingface, llama"),
        (lambda z: decoding.xtc(z, 0.1, 0.5), "give it a seed"),
        (lambda z: decoding.repetition_penalty(z, [5], 1.2), "the id 5, which is no token of a vocabulary of 4"),
        (lambda z: decoding.repetition_penalty(z, [-1], 1.2), "the id -1"),
        (lambda z: decoding.dry(z, [7, 7]), "the id 7"),
        (lambda z: decoding.repetition_penalty(z, [0.5], 1.2), "token ids, that is integers"),
        (lambda z: decoding.repetition_penalty(z, [[1], [2], [3]], 1.2), r"need \(n,\)"),
        (lambda z: decoding.repetition_penalty(z, [1], 0), "repetition_penalty must be more than 0"),
        (lambda z: decoding.dynamic_temperature(z, 1.0, 0.5), "high must be at least 1"),
        (lambda z: decoding.target_entropy(z, -0.1), "target_entropy must be at least 0"),
        (lambda z: decoding.greedy([1.0]), "an array of NumPy or torch; given list"),
        (lambda z: decoding.greedy(np.array([1, 2])), "must be floating; given int64"),
        (lambda z: decoding.greedy(np.zeros((3, 0))), "with a vocabulary"),
        (lambda z: chain([("nucleus", 0.9)]), "there is no sampler 'nucleus': use penalties"),
        (lambda z: chain("top_p=0.9"), "parse_chain reads it"),
        (lambda z: chain({"top_p": {"q": 1}}), "top_p has no parameter 'q'; it has p"),
        (lambda z: chain([("top_p", 3)]), "top_p must be"),
        (lambda z: chain([("greedy", 1)]), "greedy takes no value"),
        (lambda z: chain([("top_p", None)]), "top_p needs a value"),
        (lambda z: chain([("mirostat_2", 5), ("greedy", None)]), "must be the last step"),
        (lambda z: chain([("mirostat_2", {"eta": 5})]), "needs tau"),
        (lambda z: chain({"mirostat_1": 5}).filter(z), "use its sampler"),
        (lambda z: decoding.parse_chain("top_p 0.9"), "is no step of a chain"),
        (lambda z: decoding.parse_chain("top_p=x"), "'x' is no number"),
        (lambda z: decoding.parse_chain("xtc(0.1)"), "is no parameter"),
        (lambda z: decoding.parse_chain(""), "is no step of a chain"),
    ],
)
def test_what_is_refused_and_how(call, message):
    with pytest.raises(InputError, match=message):
        call(np.zeros((2, 4)))


def test_a_chain_prints_as_text_that_reads_back():
    for profile in ("huggingface", LLAMA):
        for steps in ([step] for step in STEPS):
            made = chain(steps, profile)
            assert decoding.parse_chain(str(made), profile) == made
        everything = chain(STEPS, profile)
        assert decoding.parse_chain(str(everything), profile) == everything
    assert str(chain([("dry", {"multiplier": 1, "breakers": [4, 9]})])) == "dry(multiplier=1, breakers=4/9/)"
    assert decoding.parse_chain("dry(multiplier=1, breakers=4/)").steps[0].parameters[1] == ("breakers", (4,))
    assert decoding.parse_chain("dry(breakers=4)").steps[0].parameters == (("breakers", 4),)
    assert str(chain([("top_k", np.int64(4)), ("min_p", np.float64(0.1))])) == "top_k=4, min_p=0.1"


def test_the_profiles_order_a_mapping_and_leave_a_list_alone():
    steps = {"temperature": 0.7, "top_p": 0.9, "top_k": 40, "typical": 0.9, "min_p": 0.1, "repetition_penalty": 1.1}
    names = [step.name for step in chain(steps).steps]
    assert names == ["repetition_penalty", "temperature", "top_k", "top_p", "min_p", "typical"]
    names = [step.name for step in chain(steps, LLAMA).steps]
    assert names == ["repetition_penalty", "top_k", "typical", "top_p", "min_p", "temperature"]
    assert [step.name for step in chain(list(steps.items()), LLAMA).steps] == list(steps)


def test_the_empty_chain_changes_nothing():
    z = np.array([1.0, 2.0])
    assert chain([]).filter(z).tolist() == z.tolist()
    assert decoding.parse_chain(str(chain([]))).filter(z).tolist() == z.tolist()


def test_penalties_look_back_as_far_as_the_profile():
    previous = [0] + [1] * 64
    z = np.ones(3)
    assert decoding.repetition_penalty(z, previous, 2.0).tolist() == [0.5, 0.5, 1]
    assert decoding.repetition_penalty(z, previous, 2.0, profile=LLAMA).tolist() == [1, 0.5, 1]
    assert decoding.repetition_penalty(z, previous, 2.0, last=65, profile=LLAMA).tolist() == [0.5, 0.5, 1]


def test_previous_of_each_row():
    found = decoding.presence_penalty(np.zeros((2, 3)), np.array([[0, 0], [1, 2]]), 1.0)
    assert found.tolist() == [[-1, 0, 0], [0, -1, -1]]
    assert np.array_equal(decoding.presence_penalty(torch.zeros(2, 3), torch.tensor([[0, 0], [1, 2]]), 1.0), found)


def test_target_entropy_meets_it_and_stops_at_what_can_be_reached():
    z = np.random.default_rng(5).normal(0, 4, (3, 50_000)).astype(np.float32)
    for nats in (0.01, 1.0, 5.0, 10.0):
        for make in (np.asarray, torch.as_tensor):
            found = statistics(decoding.target_entropy(make(z), nats)).entropy
            assert abs(np.asarray(found) - nats).max() < 1e-6
    two = np.array([3.0, 3.0, 1.0, -np.inf])
    assert decoding.target_entropy(two, 0.0).tolist() == [0, 0, -np.inf, -np.inf]
    assert decoding.target_entropy(two, 9.0).tolist() == [0, 0, 0, -np.inf]
    assert decoding.target_entropy(np.array([[2.0]]), 1.0).tolist() == [[0.0]]


def test_gradients_pass_to_what_is_kept():
    z = torch.tensor([0.0, 1.0, 2.0, 3.0], requires_grad=True)
    kept = decoding.top_k(z, 2)
    kept[2:].sum().backward()
    assert z.grad.tolist() == [0, 0, 1, 1]


def test_xtc_happens_as_often_as_asked():
    z = np.tile(log(FALLING), (4000, 1))
    cut = np.isneginf(decoding.xtc(z, 0.09, 0.3, seed=1)).any(-1).sum()
    assert stats.binomtest(int(cut), 4000, 0.3).pvalue > 0.001
    assert np.array_equal(decoding.xtc(z, 0.09, 0.3, seed=1), decoding.xtc(z, 0.09, 0.3, seed=1))
    assert decoding.xtc(z, 0.09, 0.0).tolist() == z.tolist()
    assert decoding.xtc(z, 0.6, 1.0).tolist() == z.tolist()


def test_extreme_logits():
    z = np.array([[-3.4e38, 3.4e38, 0.0], [1e-30, 0.0, -1e38]], np.float32)
    for profile in ("huggingface", LLAMA):
        for step in STEPS:
            if step[0] in ("temperature", "dynamic_temperature"):
                continue  # what is divided by less than 1 leaves float32
            found = chain([step], profile).filter(z, previous=[0, 0], seed=0)
            assert np.isfinite(found.max(-1)).all(), step
