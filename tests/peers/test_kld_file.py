"""llama.cpp's own base file of `builtin:base`, written by llama-perplexity, against torch on the same tokens."""

import subprocess

import numpy as np
import pytest
import torch

import entropist as en
from entropist.basefile import read_kld
from entropist.errors import FileError
from llama import TOOLS, gguf_of, needs_tools

CONTEXT = 64


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kld")
    text = folder / "text.txt"
    text.write_text("The tide went out, and with it went boats, gulls, rope and the low lamp over cold stone. " * 20)
    target = folder / "base.kld"
    command = [TOOLS / "llama-perplexity", "-m", gguf_of("base", folder), "-f", text, "-c", str(CONTEXT), "-b"]
    command += [str(CONTEXT), "--kl-divergence-base", target, "-t", "1", "-fa", "off", "-ctk", "f32", "-ctv", "f32"]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    return target


@needs_tools
def test_rows_are_those_of_torch(written):
    kept = read_kld(written)
    model = en.load_model("builtin:base")
    assert (kept.context, kept.vocabulary, kept.scored) == (CONTEXT, 4096, CONTEXT // 2 - 1)
    found = np.concatenate(list(kept.blocks(10)))
    assert found.shape == (kept.rows, 4096)
    ids = kept.tokens.copy()
    ids[:, 0] = model.bos_id
    with torch.no_grad():
        logits = model.module(torch.from_numpy(ids.astype(np.int64))).logits[:, CONTEXT // 2 : -1].double()
    truth = torch.log_softmax(logits, -1).reshape(-1, 4096).numpy()
    np.testing.assert_allclose(np.exp(found).sum(1), 1, atol=3e-4)
    whole = np.isfinite(found)
    np.testing.assert_allclose(found[whole], truth[whole], atol=3e-4)  # half of a step is 1.2e-4
    below = truth < truth.max(1, keepdims=True) - 16.01
    assert (~whole)[below].all(), "what lies 16 below the largest is not kept"
    assert not (~whole)[truth > truth.max(1, keepdims=True) - 15.99].any()
    picked = np.take_along_axis(found, kept.targets[:, None].astype(np.int64), 1)[:, 0]
    expected = np.take_along_axis(truth, kept.targets[:, None].astype(np.int64), 1)[:, 0]
    np.testing.assert_allclose(picked, expected, atol=3e-4)


@needs_tools
def test_a_file_cut_short_is_refused(written, tmp_path):
    short = tmp_path / "short.kld"
    short.write_bytes(written.read_bytes()[:-2])
    with pytest.raises(FileError, match="cut short"):
        read_kld(short)


@pytest.mark.parametrize("content", [b"", b"GGUF" * 10, b"_logits_\0\0\0\0"])
def test_what_is_no_base_file_is_refused(content, tmp_path):
    path = tmp_path / "x.kld"
    path.write_bytes(content)
    with pytest.raises(FileError, match="no base file of llama"):
        read_kld(path)
