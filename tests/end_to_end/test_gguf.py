"""GGUF files through llama-cpp-python: the built-in models in float32 and quantized, and what cannot be used."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

import entropist as en
from entropist.errors import MissingExtraError, ModelError
from llama import TOOLS, gguf_of, needs_binding, needs_tools

needs_binding()

LIGHTHOUSE = (Path(__file__).parents[2] / "examples/lighthouse.txt").read_text()
TEXTS = [LIGHTHOUSE, "naïve café — 日本語 🙂\n\tdef f(x):\r\n    return x**2  # done <|bos|>", "a", "é", "\x00\x01"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gguf")


@pytest.mark.parametrize("kind", ["base", "bytes"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_float32_gguf_traces_like_the_weights(kind, text, folder):
    ours = en.trace(text, model=f"builtin:{kind}")
    theirs = en.trace(text, model=gguf_of(kind, folder))
    for column in ("token_id", "start_byte", "end_byte", "scored"):
        np.testing.assert_array_equal(theirs.column(column), ours.column(column))
    for column in ("surprisal", "entropy", "varentropy", "max_logprob"):
        assert np.nanmax(np.abs(theirs.column(column) - ours.column(column))) < 1e-3
    assert theirs.text_bytes() == text.encode()
    assert theirs.metadata.model.architecture == "llama"
    assert theirs.metadata.vocabulary_size == ours.metadata.vocabulary_size


def test_a_long_text_and_rows_from_the_middle(folder):
    model = en.load_model(gguf_of("base", folder))
    ids = model.tokenize(LIGHTHOUSE * 3).ids[:500]
    whole = np.concatenate(list(model.logits(ids)))
    assert whole.shape == (500, 4096)
    np.testing.assert_array_equal(np.concatenate(list(model.logits(ids, start=317))), whole[317:])
    short = np.concatenate(list(model.logits(ids[:20])))
    np.testing.assert_allclose(short, whole[:20], atol=1e-3)
    text = LIGHTHOUSE * 4
    ours, theirs = en.trace(text), en.trace(text, model=model)
    assert np.nanmax(np.abs(theirs.column("surprisal") - ours.column("surprisal"))) < 1e-3


@needs_tools
def test_quantization_costs_what_it_costs(folder):
    exact = en.trace(LIGHTHOUSE).mean_surprisal().value
    distance = {}
    for kind in ("Q8_0", "Q4_0"):
        file = folder / f"{kind}.gguf"
        subprocess.run([TOOLS / "llama-quantize", gguf_of("base", folder), file, kind], check=True, capture_output=True)
        trace = en.trace(LIGHTHOUSE, model=file)
        distance[kind] = abs(trace.mean_surprisal().value - exact)
        assert trace.metadata.model.weights_sha256 != en.load_model(gguf_of("base", folder)).identity.weights_sha256
    assert 0 < distance["Q8_0"] < 0.01 < distance["Q4_0"] < 1


def test_what_is_no_gguf_file_is_refused(tmp_path, folder):
    (tmp_path / "empty.gguf").touch()
    (tmp_path / "text.gguf").write_text("GGML not a model")
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(gguf_of("base", folder).read_bytes()[:100_000])
    for name, message in (("empty", "no GGUF file"), ("text", "no GGUF file"), ("cut", "cannot read")):
        with pytest.raises(ModelError, match=message):
            en.load_model(tmp_path / f"{name}.gguf")
    with pytest.raises(ModelError, match="runs on the CPU"):
        en.load_model(gguf_of("base", folder), dtype="float16")
    with pytest.raises(ModelError, match="there is no directory"):
        en.load_model("/no/such/model.gguf")


def test_hidden_states_are_not_to_be_had(folder):
    with pytest.raises(ModelError, match="no hidden states"):
        en.load_model(gguf_of("bytes", folder)).hidden(np.array([1], np.int32))


def test_without_the_binding_the_extra_is_named(folder, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    monkeypatch.delitem(sys.modules, "entropist.models._gguf", raising=False)
    monkeypatch.delattr("entropist.models._gguf", raising=False)
    with pytest.raises(MissingExtraError, match=r"entropist\[gguf\]"):
        en.load_model(gguf_of("base", folder))
