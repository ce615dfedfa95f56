"""Where a number comes from: fingerprints of weights and tokenizer, versions of the libraries that made it."""

import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from entropist.errors import FileError


@dataclass(frozen=True)
class Identity:
    """Which model spoke: what the user called it, and SHA-256 fingerprints of what was really loaded."""

    name: str
    weights_sha256: str
    tokenizer_sha256: str
    dtype: str
    device: str = "cpu"
    architecture: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The first twelve hex digits of the weights' SHA-256: enough to tell two models apart on a page."""
        return self.weights_sha256[:12]


def files_sha256(paths: Iterable[Path]) -> str:
    """One SHA-256 over the names and contents of files, whatever their order; one file: that file's own.

    The digest of several is that of the lines "digest  name", sorted by name. Files are hashed in parallel
    threads, as fast as the disk reads.
    """
    files = list(paths)
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(_sha256, files))
    if len(digests) == 1:
        return digests[0]
    named = sorted((os.fsencode(path.name), digest.encode()) for path, digest in zip(files, digests))
    return hashlib.sha256(b"".join(digest + b"  " + name + b"\n" for name, digest in named)).hexdigest()


def library_versions(*packages: str) -> dict[str, str]:
    """Versions of Python, Entropist and `packages`, as installed; one that is absent is left out."""
    versions = {"python": platform.python_version()}
    for package in ("entropist", *packages):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}.") from error
