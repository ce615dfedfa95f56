"""Generation beside the engines: Transformers' own greedy loop, and recorders that agree with what the engines tell.

Transformers is asked for its logits and scores (`output_logits`, `output_scores`), llama-cpp-python for its logprobs.
"""

import math

import numpy as np
import pytest
import torch

import entropist as en
from entropist.decoding import LlamaRecorder, TransformersRecorder, generate
from entropist.errors import InputError
from entropist.models import wrap_module
from llama import gguf_of

PROMPTS = ["It was the best of", "The captain", "\n", "When I was a boy my father used to say that the sea"]
CHAINS = {
    "greedy": {"do_sample": False},
    "temperature": {"do_sample": True, "temperature": 0.7, "top_k": 0},
    "usual": {"do_sample": True, "temperature": 0.8, "top_k": 50, "top_p": 0.9},
    "min_p": {"do_sample": True, "min_p": 0.1, "top_k": 0, "repetition_penalty": 1.3},
    "three": {"do_sample": True, "typical_p": 0.7, "num_return_sequences": 3},
    "normalised": {"do_sample": True, "top_p": 0.5, "renormalize_logits": True},
}


@pytest.fixture(scope="module")
def model():
    return en.load_model("builtin:base")


def ids_of(model, prompt):
    return torch.tensor([[model.bos_id, *model.tokenize(prompt).ids.tolist()]])


def transformers(model, prompt, recorder=None, **options):
    torch.manual_seed(11)
    ids = ids_of(model, prompt)
    if recorder is not None:
        options["custom_generate"] = recorder
    return model.module.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=30,
        use_cache=True,
        return_dict_in_generate=True,
        output_logits=True,
        output_scores=True,
        **options,
    )


@pytest.mark.parametrize("name", ["builtin:base", "builtin:bytes"])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_is_transformers_greedy_token_for_token(name, prompt):
    model = en.load_model(name)
    theirs = transformers(model, prompt, do_sample=False).sequences[0, len(ids_of(model, prompt)[0]) :].tolist()
    ours = list(generate(prompt, model=model, sampler="greedy", max_tokens=30).token_ids[0])
    assert ours == theirs
    batch = generate(prompt, model=model, sampler="greedy", max_tokens=30, samples=3)
    assert [list(ids) for ids in batch.token_ids] == [theirs] * 3


@pytest.mark.parametrize("options", CHAINS.values(), ids=CHAINS)
@pytest.mark.parametrize("prompt", PROMPTS[:2])
def test_the_recorder_agrees_with_logits_and_scores(model, prompt, options):
    plain = transformers(model, prompt, **options)
    recorder = TransformersRecorder(model)
    recorded = transformers(model, prompt, recorder, **options)
    assert torch.equal(plain.sequences, recorded.sequences)
    found = recorder.generation()
    steps = found.steps.to_pydict()
    begin = len(ids_of(model, prompt)[0])
    row = 0
    for sample, ids in enumerate(found.token_ids):
        assert list(ids) == plain.sequences[sample, begin:].tolist()[: len(ids)]
        for t, token in enumerate(ids):
            before = torch.log_softmax(plain.logits[t][sample].double(), -1)
            after = torch.log_softmax(plain.scores[t][sample].double(), -1)
            kept = torch.isfinite(after)
            assert steps["logprob"][row] == pytest.approx(float(before[token]), abs=1e-6)
            assert steps["kept_logprob"][row] == pytest.approx(float(after[token]), abs=1e-6)
            assert steps["entropy"][row] == pytest.approx(float(-(before.exp() * before).sum()), rel=1e-6, abs=1e-6)
            left = after[kept]
            assert steps["kept_entropy"][row] == pytest.approx(float(-(left.exp() * left).sum()), abs=1e-6)
            assert steps["kept_mass"][row] == pytest.approx(float(before[kept].exp().sum()), abs=1e-6)
            assert steps["kept"][row] == int(kept.sum())
            assert steps["rank"][row] == int((before > before[token]).sum())
            assert steps["seen"][row] == begin + t
            row += 1
    assert row == found.steps.num_rows
    assert found.settings.prompt == prompt


def test_the_trace_of_a_recording_is_the_trace_of_its_text(model):
    recorder = TransformersRecorder(model)
    transformers(model, PROMPTS[0], recorder, do_sample=False)
    found = recorder.generation().trace
    text = found.text_bytes().decode()
    whole = en.trace(text, model=model)
    np.testing.assert_array_equal(found.column("token_id"), whole.column("token_id"))
    rows = found.scored
    np.testing.assert_allclose(found.column("surprisal")[rows], whole.column("surprisal")[rows], atol=1e-4)


def test_padded_prompts_of_several_lengths(model):
    short, long = (ids_of(model, prompt)[0] for prompt in (PROMPTS[1], PROMPTS[3]))
    width = len(long)
    ids = torch.stack([torch.cat([torch.full((width - len(short),), 1), short]), long])
    mask = torch.stack([torch.cat([torch.zeros(width - len(short)), torch.ones(len(short))]), torch.ones(width)]).long()
    recorder = TransformersRecorder(model)
    model.module.generate(
        ids, attention_mask=mask, max_new_tokens=6, do_sample=False, pad_token_id=1, custom_generate=recorder
    )
    found = recorder.generation()
    for number, prompt in enumerate((PROMPTS[1], PROMPTS[3])):
        assert found.texts[number] == generate(prompt, model=model, sampler="greedy", max_tokens=6).text
        assert found.sample(number).text_bytes().decode().startswith(prompt)


def test_nothing_is_recorded_after_the_end_token(model):
    ids = ids_of(model, PROMPTS[0])
    recorder = TransformersRecorder(model)
    recorder.begin(ids.repeat(2, 1))
    first, last = recorder.around([])
    scores = torch.zeros(2, model.vocabulary_size)
    tokens = ids.repeat(2, 1)
    for drawn in ([5, 1], [6, 1], [7, 1]):
        first(tokens, scores)
        last(tokens, scores)
        tokens = torch.cat([tokens, torch.tensor(drawn)[:, None]], dim=1)
    recorder.finish(tokens)
    found = recorder.generation()
    assert found.token_ids == ((5, 6, 7), (1,))
    assert found.settings.stopped == ("caller", "end")


def test_steps_are_told_as_they_come(model):
    told = []
    recorder = TransformersRecorder(model, on_token=told.append)
    transformers(model, PROMPTS[0], recorder, do_sample=False)
    assert b"".join(step.piece for step in told).decode() == recorder.generation().text


def test_beams_are_refused_and_nothing_yet_says_so(model):
    recorder = TransformersRecorder(model)
    with pytest.raises(InputError, match="nothing was recorded yet"):
        recorder.generation()
    with pytest.raises(InputError, match="num_beams=1"):
        transformers(model, PROMPTS[0], recorder, num_beams=2, do_sample=False)


def test_a_module_of_ones_own(model):
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=4096, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
                         num_attention_heads=2, bos_token_id=0, eos_token_id=1)  # fmt: skip
    wrapped = wrap_module(LlamaForCausalLM(config).eval(), AutoTokenizer.from_pretrained(model.directory), name="mine")
    recorder = TransformersRecorder(wrapped)
    out = transformers(wrapped, PROMPTS[0], recorder, do_sample=True, top_k=0).sequences
    found = recorder.generation()
    assert list(found.token_ids[0]) == out[0, len(ids_of(wrapped, PROMPTS[0])[0]) :].tolist()[: len(found.token_ids[0])]
    assert found.trace.metadata.model.name == "mine"
    assert len(found.trace.metadata.model.weights_sha256) == 64


# llama-cpp-python


@pytest.fixture(scope="module")
def llm(tmp_path_factory):
    llama_cpp = pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed here: make llama")
    file = gguf_of("base", tmp_path_factory.mktemp("gguf"))
    return llama_cpp.Llama(str(file), n_ctx=256, verbose=False, n_threads=1, n_threads_batch=1, logits_all=True)


def completed(llm, **options):
    llm.reset()
    llm.set_seed(5)
    return llm("It was the best of", max_tokens=16, logprobs=5, **options)["choices"][0]


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.0},
        {"temperature": 0.8, "top_k": 40, "top_p": 0.9, "min_p": 0.05},
        {"temperature": 1.2, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.2},
        {"temperature": 1.0, "mirostat_mode": 2},
    ],
)
def test_llama_cpp_is_recorded_as_it_tells_itself(llm, options):
    plain = completed(llm, **options)
    told = []
    with LlamaRecorder(llm, on_token=told.append) as recorder:
        recorded = completed(llm, **options)
    assert recorded["text"] == plain["text"]
    assert "_init_sampler" not in vars(llm)
    found = recorder.generation()
    steps = found.steps.to_pydict()
    assert found.text == plain["text"] == b"".join(step.piece for step in told).decode()
    theirs = plain["logprobs"]["token_logprobs"]
    np.testing.assert_allclose(steps["logprob"][: len(theirs)], theirs, atol=1e-4)
    assert found.settings.prompt == "It was the best of"
    if options["temperature"] == 0:
        assert set(steps["rank"]) == {0}
        np.testing.assert_allclose(steps["kept_logprob"], steps["logprob"], atol=1e-6)
    if options.get("top_k") == 40:
        assert max(steps["kept"]) <= 40
        assert all(0 < mass <= 1 for mass in steps["kept_mass"])
        assert all(h <= math.log(k) + 1e-9 for h, k in zip(steps["kept_entropy"], steps["kept"]))


def test_llama_cpp_keeps_what_our_chain_of_its_profile_keeps(llm, tmp_path):
    """The same order of steps under the profile "llama.cpp": as many tokens of the same mass at every step."""
    options = {"temperature": 0.8, "top_k": 40, "top_p": 0.9, "min_p": 0.05}
    with LlamaRecorder(llm) as recorder:
        completed(llm, **options)
    found = recorder.generation()
    steps = found.steps.to_pydict()
    chain = en.decoding.chain([("top_k", 40), ("top_p", 0.9), ("min_p", 0.05), ("temperature", 0.8)], "llama.cpp")
    model = en.load_model(llm.model_path)
    ids = np.concatenate([[model.bos_id], found.trace.column("token_id")]).astype(np.int32)
    begin = len(ids) - len(steps["kept"])
    logits = np.concatenate(list(model.logits(ids[:-1], start=begin - 1)))
    kept = [int((chain.filter(row) > -np.inf).sum()) for row in logits]
    # Half-precision attention in the one and float32 in the other: a candidate at an edge may fall either way.
    assert np.mean(np.array(kept) == steps["kept"]) >= 0.8
    assert np.abs(np.array(kept) - steps["kept"]).max() <= 1
