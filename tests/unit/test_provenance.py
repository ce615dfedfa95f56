"""Fingerprints against hashlib, and what must and must not change them."""

import hashlib
import importlib.metadata
import itertools
import os
import platform

import pytest

from entropist.errors import FileError
from entropist.provenance import Identity, files_sha256, library_versions


@pytest.fixture
def files(tmp_path):
    contents = {"b.safetensors": b"\0" * 5_000_000, "a.safetensors": b"weights", "tokenizer.json": b"{}"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return [tmp_path / name for name in contents]


@pytest.mark.parametrize("content", [b"", b"abc", bytes(range(256)) * 9001])
def test_one_file_has_its_own_digest(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert files_sha256([path]) == hashlib.sha256(content).hexdigest()


def test_several_files_digest_as_sha256sum_lists_them(files):
    listing = "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in sorted(files))
    assert files_sha256(iter(files)) == hashlib.sha256(listing.encode()).hexdigest()


def test_order_does_not_matter(files):
    assert len({files_sha256(order) for order in itertools.permutations(files)}) == 1


def test_order_does_not_matter_among_files_of_one_name(tmp_path):
    paths = []
    for part in ("one", "two"):
        (tmp_path / part).mkdir()
        paths.append(tmp_path / part / "model.safetensors")
        paths[-1].write_text(part)
    assert files_sha256(paths) == files_sha256(paths[::-1])


def test_a_byte_or_a_name_changes_it(files, tmp_path):
    before = files_sha256(files)
    files[1].write_bytes(b"weightz")
    changed = files_sha256(files)
    files[1].write_bytes(b"weights")
    assert files_sha256(files) == before
    renamed = files[1].rename(tmp_path / "c.safetensors")
    assert len({before, changed, files_sha256([files[0], renamed, files[2]]), files_sha256(files[::2])}) == 4


def test_two_files_that_swap_contents_differ(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("x"), two.write_text("y")
    before = files_sha256([one, two])
    one.write_text("y"), two.write_text("x")
    assert files_sha256([one, two]) != before


def test_a_name_that_is_no_text_can_be_hashed(tmp_path):
    path = tmp_path / os.fsdecode(b"mod\xffel")
    path.write_bytes(b"x")
    assert files_sha256([path, path])


@pytest.mark.parametrize(("name", "reason"), [("missing", "No such file"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, reason):
    with pytest.raises(FileError, match=f"cannot read .*{reason}"):
        files_sha256([tmp_path / name])


def test_versions_are_those_installed():
    versions = library_versions("numpy", "no-such-package-at-all")
    assert versions == {
        "python": platform.python_version(),
        "entropist": importlib.metadata.version("entropist"),
        "numpy": importlib.metadata.version("numpy"),
    }


def test_a_fingerprint_is_the_head_of_the_digest():
    assert Identity("x", "0123456789abcdef" * 4, "t", "float32").fingerprint == "0123456789ab"
