"""llama.cpp's own tools where `make llama` has built them, and the built-in models as GGUF files for them."""

import contextlib
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_PINS = (Path(__file__).parent.parent / "constraints.txt").read_text()
VERSION = re.search(r"^llama_cpp_python==(.+)$", _PINS, re.MULTILINE)[1]
TOOLS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "entropist" / f"llama-cpp-{VERSION}"
needs_tools = pytest.mark.skipif(
    not (TOOLS / "done").exists(), reason="llama.cpp's tools are not built here: make llama"
)


def needs_binding() -> None:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed here: make llama")


def gguf_of(kind: str, folder: Path) -> Path:
    """`builtin:kind` as a float32 GGUF file."""
    from training.to_gguf import BUILTIN, convert

    target = folder / f"{kind}.gguf"
    if not target.exists():
        convert(BUILTIN / kind, target)
    return target


@contextlib.contextmanager
def server(model: Path, *arguments: str) -> Iterator[str]:
    """llama-server with `model`; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [TOOLS / "llama-server", "-m", model, "--port", str(port), "--no-ui", "-t", "2", "--log-disable"]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            assert process.poll() is None, "llama-server ended at its start"
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"{address}/health").read()
                break
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def post(address: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())
