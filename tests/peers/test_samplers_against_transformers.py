"""Our samplers under "huggingface" and the warpers of Transformers, on the same rows.

On tensors the result must be the same to the last bit, tied rows and masses that meet the threshold included. On NumPy
arrays, whose softmax is not torch's, a token may fall on the other side of a cut that is nearer to it than rounding.
"""

import numpy as np
import pytest
import torch
from scipy import special
from transformers.generation import logits_process as warpers

from campaigns import campaign
from certificates import certifies
from entropist import decoding
from sampler_rows import batches, fraction

pytestmark = certifies("samplers")

CASES = {
    "temperature": (warpers.TemperatureLogitsWarper, lambda g: float(g.uniform(0.05, 3))),
    "top_k": (warpers.TopKLogitsWarper, lambda g: int(g.integers(1, 60))),
    "top_p": (warpers.TopPLogitsWarper, fraction),
    "min_p": (warpers.MinPLogitsWarper, lambda g: fraction(g, 0.0, 1.0)),
    "typical": (warpers.TypicalLogitsWarper, fraction),
    "epsilon": (warpers.EpsilonLogitsWarper, lambda g: fraction(g) ** 2 * 0.3),
    "eta": (warpers.EtaLogitsWarper, lambda g: fraction(g) ** 2),
    "top_h": (warpers.TopHLogitsWarper, fraction),
}
ROUNDING = 2e-6


def identical(ours, theirs):
    return ours.dtype == theirs.dtype and bool(torch.all(ours == theirs))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_tensors_agree_to_the_last_bit(name, dtype, record_property):
    warper, parameter = CASES[name]
    rows = dropped = 0
    for z, g in batches(campaign(10_000), list(CASES).index(name)):
        logits, value = torch.from_numpy(z).to(dtype), parameter(g)
        theirs = warper(value)(None, logits)
        ours = getattr(decoding, name)(logits, value)
        assert identical(ours, theirs), (name, value, z.shape)
        rows, dropped = rows + len(z), dropped + int((theirs == -torch.inf).sum() - np.isneginf(z).sum())
    assert (dropped > rows // 10) == (name != "temperature"), "something was cut"
    record_property("rows", rows)
    record_property("tokens_dropped", dropped)


def test_repetition_penalty_agrees_to_the_last_bit(record_property):
    rows = 0
    for z, g in batches(campaign(10_000), 77):
        logits, penalty = torch.from_numpy(z), float(g.uniform(0.5, 3))
        previous = torch.from_numpy(g.integers(0, z.shape[1], (len(z), 12)))
        theirs = warpers.RepetitionPenaltyLogitsProcessor(penalty)(previous, logits)
        assert identical(decoding.repetition_penalty(logits, previous, penalty), theirs)
        rows += len(z)
    record_property("rows", rows)


def distances(name, z, value):
    """How far each token is from the cut, (rows, vocabulary), in exact arithmetic; NumPy may differ where it is ~0."""
    exact = z.astype(np.float64)
    considered = np.sort(exact, axis=-1)[:, -100:] if name == "top_h" else exact
    logs = exact - special.logsumexp(considered, axis=-1, keepdims=True)
    p = np.exp(logs)
    entropy = special.entr(special.softmax(considered, axis=-1)).sum(-1, keepdims=True)
    if name in ("min_p", "epsilon", "eta"):
        bar = {
            "min_p": value * p.max(-1, keepdims=True),
            "epsilon": value,
            "eta": np.minimum(value, np.sqrt(value) * np.exp(-entropy)),
        }[name]
        return np.abs(p / bar - 1)
    weight, value = (special.entr(p), value * entropy) if name == "top_h" else (p, value)
    far = np.abs(-np.where(np.isneginf(logs), -1e9, logs) - entropy) if name == "typical" else -logs
    # Equals end at the mass of all of them and begin at that of those before; typical cuts between distances, too.
    span = ROUNDING * 10 if name == "typical" else 0
    before = np.array([np.where(far < own - span, weight, 0).sum(-1) for own in far.T[:, :, None]]).T
    after = np.array([np.where(far <= own + span, weight, 0).sum(-1) for own in far.T[:, :, None]]).T
    inside = (before - ROUNDING <= value) & (value <= after + ROUNDING)
    return np.where(inside, 0.0, 1.0)


@pytest.mark.parametrize("name", CASES)
def test_numpy_arrays_agree_up_to_rounding_at_the_cut(name, record_property):
    warper, parameter = CASES[name]
    rows = unlike = 0
    for z, g in batches(campaign(10_000), 100 + list(CASES).index(name)):
        value = parameter(g)
        theirs = warper(value)(None, torch.from_numpy(z)).numpy()
        ours = getattr(decoding, name)(z, value)
        assert isinstance(ours, np.ndarray)
        assert ours.dtype == np.float32
        rows += len(z)
        if np.array_equal(ours, theirs):
            continue
        # Of equals at the cut, torch's sorts take any, NumPy's the first: the same logits, of other tokens.
        same = (np.sort(ours, axis=-1) == np.sort(theirs, axis=-1)).all(axis=-1, keepdims=True)
        differ = (np.isneginf(ours) != np.isneginf(theirs)) & ~same
        assert np.array_equal(ours[~(differ | same)], theirs[~(differ | same)])
        near = distances(name, z, value) <= ROUNDING
        assert (near | ~differ).all(), (name, value, z[(differ & ~near).any(-1)][:1])
        unlike += int(differ.any(-1).sum())
    # A row of equals meets a round share of its entropy exactly, where each library rounds in its own way.
    assert unlike <= (rows // 5 if name == "top_h" else max(2, rows // 200)), "where rounding decides is rare"
    record_property("rows", rows)
    record_property("rows_where_rounding_at_the_cut_decided", unlike)


def test_chains_of_the_profile_agree_to_the_last_bit(record_property):
    """In the order in which `generate()` puts its processors together."""
    rows = 0
    for z, g in batches(campaign(10_000), 5):
        settings = {name: parameter(g) for name, (_, parameter) in CASES.items() if g.random() < 0.5}
        order = ["temperature", "top_h", "top_k", "top_p", "min_p", "typical", "epsilon", "eta"]
        theirs = torch.from_numpy(z)
        for name in order:
            if name in settings:
                theirs = CASES[name][0](settings[name])(None, theirs)
        shuffled = {name: settings[name] for name in g.permutation(list(settings))}
        ours = decoding.chain(shuffled).filter(torch.from_numpy(z))
        assert identical(ours, theirs), settings
        rows += len(z)
    record_property("rows", rows)


def test_the_order_is_that_of_generate():
    """The processors that `generate()` itself puts together for a configuration that asks for everything."""
    from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=1, n_embd=4, vocab_size=16, n_positions=8))
    everything = {"temperature": 0.5, "top_h": 0.5, "top_k": 9, "top_p": 0.9, "min_p": 0.1, "typical_p": 0.9}
    config = GenerationConfig(
        do_sample=True, **everything, epsilon_cutoff=0.01, eta_cutoff=0.02, repetition_penalty=1.2
    )
    config._eos_token_tensor = None
    processors = model._get_logits_processor(config, input_ids_seq_length=1, device="cpu")
    names = {warper.__name__: name for name, (warper, _) in CASES.items()}
    names["RepetitionPenaltyLogitsProcessor"] = "repetition_penalty"
    theirs = [names[type(each).__name__] for each in processors if type(each).__name__ in names]
    ours = decoding.chain({name: 0.5 for name in CASES if name != "top_k"} | {"top_k": 9, "repetition_penalty": 1.2})
    assert [step.name for step in ours.steps] == theirs
    assert len(theirs) == len(CASES) + 1


def test_the_formula_of_eta_is_the_papers_and_not_that_of_the_docstring():
    z = torch.zeros(1, 5000)
    z[0, 0] = -3.0  # p = 1.0e-5, between √ε·e^−H = 6.0e-6 and √(ε·e^−H) = 4.2e-4
    assert (decoding.eta(z, 9e-4) > -torch.inf).all()
