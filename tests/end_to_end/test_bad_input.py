"""Whatever is wrong: one line that says what and what to do, the exit code, no traceback, nothing half written."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertLMHeadModel, T5Config, T5ForConditionalGeneration

import entropist as en
from entropist.cli import main
from families import save_family, save_tokenizer

SMALL_BERT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return save_family("llama", tmp_path_factory.mktemp("llama"))


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command in this process: (exit code, standard output, standard error)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["entropist", "trace", *map(str, arguments)])
        capsys.readouterr()  # what making the model printed
        with pytest.raises(SystemExit) as exit_:
            main()
        out, err = capsys.readouterr()
        return exit_.value.code or 0, out, err

    return call


def one_line(result, code, *words):
    found, out, err = result
    assert found == code, err
    assert out == ""
    assert err.startswith("entropist: ")
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    for word in words:
        assert word in err, err


def test_empty_text(run):
    one_line(run(""), 2, "empty", "nothing to trace")


def test_empty_file(run, tmp_path):
    (tmp_path / "a.txt").touch()
    one_line(run(tmp_path / "a.txt"), 2, "empty")


def test_missing_file(run):
    one_line(run("no-such-file.txt"), 2, "no file no-such-file.txt", "pipe")


def test_binary_file(run, tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    one_line(run(tmp_path / "a.png"), 2, "binary", "UTF-8")


def test_invalid_utf8_names_the_byte(run, tmp_path):
    (tmp_path / "a.txt").write_bytes("café".encode("latin1"))
    one_line(run(tmp_path / "a.txt"), 2, "0xE9", "position 3", "iconv")


def test_invalid_utf8_as_argument(run):
    one_line(run(os.fsdecode(b"caf\xe9")), 2, "0xE9")


def test_directory_as_text(run, tmp_path):
    one_line(run(tmp_path), 2, "is a directory")


@pytest.mark.parametrize(("name", "words"), [
    ("builtin:huge", ("builtin:base", "builtin:bytes")),
    ("./no-such-directory", ("no directory",)),
    ("what is this?", ("no directory",)),
])  # fmt: skip
def test_model_that_is_none(run, name, words):
    one_line(run("hello", "--model", name), 2, *words)


def test_hub_id_offline(run, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    one_line(run("hello", "--model", "someone/some-model"), 2, "someone/some-model", "HF_HUB_OFFLINE")


def test_directory_that_is_no_model(run, tmp_path):
    one_line(run("hello", "--model", tmp_path), 2, "config.json")


def test_model_without_weights(run, llama, tmp_path):
    shutil.copy(llama / "config.json", tmp_path)
    one_line(run("hello", "--model", tmp_path), 2, "no weights")


def test_model_without_tokenizer(run, llama, tmp_path):
    for name in ("config.json", "model.safetensors"):
        shutil.copy(llama / name, tmp_path)
    one_line(run("hello", "--model", tmp_path), 2, "no tokenizer", "tokenizer.json")


def test_damaged_tokenizer(run, llama, tmp_path):
    shutil.copytree(llama, tmp_path, dirs_exist_ok=True)
    (tmp_path / "tokenizer.json").write_text("{")
    one_line(run("hello", "--model", tmp_path), 2, "tokenizer")


def test_damaged_weights(run, llama, tmp_path):
    shutil.copytree(llama, tmp_path, dirs_exist_ok=True)
    raw = (llama / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(raw[: len(raw) // 2])
    one_line(run("hello", "--model", tmp_path), 2, "cannot be read")


def test_pickled_weights_are_refused_unopened(run, llama, tmp_path):
    shutil.copytree(llama, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    one_line(run("hello", "--model", tmp_path), 2, "pickle", "safetensors")


def test_missing_weights_are_not_invented(run, llama, tmp_path):
    shutil.copytree(llama, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "model.safetensors")
    removed = next(name for name in weights if "layers.1" in name)
    del weights[removed]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    one_line(run("hello", "--model", tmp_path), 2, "lacks 1", removed)


def test_encoder_decoder_is_refused(run, tmp_path):
    size = save_tokenizer("byte-level", tmp_path)
    config = T5Config(vocab_size=size, d_model=32, d_ff=64, num_layers=2, num_heads=4, d_kv=8, decoder_start_token_id=0)
    T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    one_line(run("hello", "--model", tmp_path), 2, "T5ForConditionalGeneration", "causal")


def test_encoder_is_refused_because_it_sees_the_future(run, tmp_path):
    size = save_tokenizer("byte-level", tmp_path)
    torch.manual_seed(0)
    BertLMHeadModel(BertConfig(vocab_size=size, **SMALL_BERT)).save_pretrained(tmp_path)
    one_line(run("hello", "--model", tmp_path), 2, "BertLMHeadModel", "tokens after it")


def test_the_same_network_as_a_decoder_is_welcome(run, tmp_path):
    size = save_tokenizer("byte-level", tmp_path)
    BertLMHeadModel(BertConfig(vocab_size=size, is_decoder=True, **SMALL_BERT)).save_pretrained(tmp_path)
    code, out, _ = run("hello", "--model", tmp_path, "--json")
    assert code == 0
    assert json.loads(out)


def test_unknown_architecture(run, llama, tmp_path):
    shutil.copytree(llama, tmp_path, dirs_exist_ok=True)
    config = json.loads((llama / "config.json").read_text())
    (tmp_path / "config.json").write_text(
        json.dumps(config | {"model_type": "nonesuch", "architectures": ["Nonesuch"]})
    )
    one_line(run("hello", "--model", tmp_path), 2, "Nonesuch")


def test_tokenizer_of_another_model(run, llama, tmp_path):
    shutil.copytree(llama, tmp_path, dirs_exist_ok=True)
    shutil.copy(en_directory("base") / "tokenizer.json", tmp_path)
    one_line(run("Unquestionably", "--model", tmp_path), 2, "do not belong together")


def test_one_token_without_bos_has_no_mean(run, tmp_path):
    save_family("qwen3", tmp_path)
    one_line(run("a", "--model", tmp_path), 2, "nothing predicts the first token", "longer text")


def test_one_token_with_bos_is_a_measurement(run):
    code, out, _ = run("a")
    assert code == 0
    assert "bits" in out


def test_bad_ending_of_a_file_to_save(run, tmp_path):
    one_line(run("hello", "--save", tmp_path / "a.txt"), 2, ".parquet", ".jsonl")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--save", "--html", "--svg"])
def test_directory_that_does_not_exist(run, tmp_path, option):
    one_line(run("hello", option, tmp_path / "no" / "a.parquet"), 2, "Make its directory")


@pytest.mark.parametrize("option", ["--save", "--html", "--svg"])
def test_target_is_a_directory(run, tmp_path, option):
    (tmp_path / "a.parquet").mkdir()
    one_line(run("hello", option, tmp_path / "a.parquet"), 2, "directory")
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


@pytest.mark.parametrize(("option", "name"), [
    ("--save", "a.txt"), ("--save", "no/a.parquet"), ("--html", "no/a.html"), ("--svg", "no/a.svg"), ("--html", "."),
])  # fmt: skip
def test_a_target_that_cannot_be_written_is_refused_before_the_work(run, tmp_path, monkeypatch, option, name):
    from entropist import scoring

    monkeypatch.setattr(scoring, "trace", lambda *_, **__: pytest.fail("the text was traced first"))
    one_line(run("hello", option, tmp_path / name), 2, "a.txt" if name == "a.txt" else "cannot write")
    assert not list(tmp_path.iterdir())


def test_a_window_of_nothing_is_not_the_default():
    with pytest.raises(en.errors.InputError, match="at least 4 tokens; given 0"):
        en.trace("hello", window=0)


def test_device_that_is_not_there():
    with pytest.raises(en.errors.ModelError, match="device 'nonsense' cannot be used here"):
        en.load_model("builtin:bytes", device="nonsense")


def test_unknown_unit_and_flag(run):
    for arguments in (("hello", "--unit", "stones"), ("hello", "--no-such-flag")):
        code, _, err = run(*arguments)
        assert code == 2
        assert "Traceback" not in err


def test_disk_full_leaves_the_old_file(tmp_path):
    """The kernel refuses the write at 2 KB, as a full disk does."""
    target = tmp_path / "a.jsonl"
    target.write_text("old")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    done = command("trace", "It was the best of times. " * 20, "--save", str(target), preexec_fn=limit)
    assert done.returncode == 2
    assert done.stderr.startswith("entropist: cannot write")
    assert done.stderr.count("\n") == 1
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv to do without root's rights")
def test_no_permission(tmp_path):
    locked = tmp_path / "locked.txt"
    locked.write_text("secret")
    locked.chmod(0)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    mortal = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
    mortal = mortal if os.geteuid() == 0 else []
    for arguments in ((str(locked),), ("hello", "--save", str(closed / "a.parquet"))):
        done = command("trace", *arguments, prefix=mortal)
        assert done.returncode == 2, done.stderr
        assert "Permission denied" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["", "--json"])
def test_reader_that_goes_away_is_no_error(option):
    """Also where there is more to write than a pipe holds."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m entropist trace {option} | head -c 10; exit ${{PIPESTATUS[0]}}"],
        input="It was the best of times. " * 300, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def command(*arguments, prefix=(), **options):
    """The command in a process of its own."""
    whole = [*prefix, sys.executable, "-m", "entropist", *arguments]
    return subprocess.run(whole, capture_output=True, text=True, check=False, **options)


def en_directory(name):
    import entropist.models

    return Path(entropist.models.__file__).parent / "builtin" / name
