"""Certificates: what a campaign found at its full size, on which code.

A test file belongs to a campaign by `pytestmark = certifies("name")` and leaves its figures with
pytest's `record_property`. `make certify` runs the campaigns whole (`ENTROPIST_CAMPAIGN=1`, ``--certify``)
and writes `certificates/name.json` for each whose tests all passed. A test fails where a certificate is
older than the code it certifies.
"""

import hashlib
import json
import os
import platform
from pathlib import Path
from typing import Any

import pytest

from campaigns import SCALE
from entropist.provenance import library_versions

ROOT = Path(__file__).parent.parent
CERTIFICATES = ROOT / "certificates"
SOURCE = ROOT / "src/entropist"

_READERS = ["bounds", "chat", "checks", "choices", "dialects", "evidence", "gemini", "json", "legacy", "llamacpp"]
_READERS += ["ollama", "openai_responses", "read", "rows", "sentinels", "sglang", "shapes", "sources", "table", "text"]
_READERS += ["tgi", "tokens", "vllm_prompt", "vocabulary"]
# What each campaign certifies, below src/entropist.
CAMPAIGNS = {
    "clustered_means": ("estimators/_clustered.py", "results.py"),
    "discrete_entropy": (
        "estimators/discrete",
        *(f"estimators/_{name}.py" for name in ("independence", "nulls", "samples")),
    ),
    "batch_means": ("estimators/_batch_means.py", "results.py"),
    "logit_statistics": ("logits",),
    "byte_spans": ("models/_pieces.py", "models/_spans.py", "models/_tokenizer.py"),
    "windows": ("corpus/_windows.py",),
    "sampling_consistency": tuple(
        f"uncertainty/_{name}.py" for name in ("consistency", "cut", "drift", "grouped", "sampling_temperature")
    ),
    "model_change": ("uncertainty/_change.py",),
    "scores": ("scoring/_result.py",),
    "scoring": tuple(f"scoring/_{name}.py" for name in ("engine", "rows", "schemas", "score", "shards", "store")),
    "gaussian_mutual_information": tuple(
        f"estimators/_{name}.py" for name in ("binned", "bins", "copula", "gaussian", "independence", "nulls", "paired")
    ),
    "neighbours": ("estimators/neighbours", "estimators/_nulls.py", "estimators/_paired.py"),
    "sparse_base": ("basefile/_estimate.py", "basefile/_rows.py"),
    "truncated": ("measures/truncated",),
    "samplers": tuple(
        f"decoding/_{name}.py"
        for name in ("arrays", "chain", "penalties", "prefixes", "steps", "temperatures", "thresholds")
    ),
    "record": ("record/_files.py", "record/_schema.py", "record/_trace.py"),
    "responses": (*(f"responses/_{name}.py" for name in _READERS), "record/_bounded.py"),
}

_passed: dict[str, list[tuple[str, dict[str, Any]]]] = {}
_failed: set[str] = set()


def certifies(campaign: str) -> pytest.MarkDecorator:
    """The mark of a test that belongs to `campaign`."""
    assert campaign in CAMPAIGNS, f"{campaign} is no campaign: add it to CAMPAIGNS with the code it certifies"
    return pytest.mark.campaign(campaign)


def code_sha256(campaign: str) -> str:
    """One hash over the files that a campaign certifies and the tests that do it."""
    files = [file for name in CAMPAIGNS[campaign] for file in _python_files(SOURCE / name)]
    tests = [file for file in _python_files(ROOT / "tests") if f'certifies("{campaign}")' in file.read_text()]
    digest = hashlib.sha256()
    for file in (*files, *(test for test in tests if test != Path(__file__))):
        digest.update(f"{file.relative_to(ROOT)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _python_files(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--certify", action="store_true", help="write a certificate for each campaign that passes")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "campaign(name): belongs to a campaign, run whole by make certify")
    if config.getoption("--certify") and SCALE < 1:
        raise pytest.UsageError("--certify needs the whole campaign: set ENTROPIST_CAMPAIGN=1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--certify"):
        items[:] = [item for item in items if item.get_closest_marker("campaign")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    # NumPy's numbers do not travel between processes.
    report.user_properties = [tuple(pair) for pair in json.loads(json.dumps(report.user_properties, default=float))]
    if mark := item.get_closest_marker("campaign"):
        name = mark.args[0]
        if report.when == "call" and report.passed:
            _passed.setdefault(name, []).append((item.nodeid, dict(report.user_properties)))
        elif not report.passed:
            _failed.add(name)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.getoption("--certify"):
        return
    CERTIFICATES.mkdir(exist_ok=True)
    for name, tests in _passed.items():
        if name in _failed:
            continue
        certificate = {
            "campaign": name,
            "scale": SCALE,
            "certifies": CAMPAIGNS[name],
            "code_sha256": code_sha256(name),
            "seeds": "fixed in the tests; Hypothesis derandomized",
            "tests_passed": len(tests),
            "figures": {node.rpartition("::")[2]: figures for node, figures in sorted(tests) if figures},
            "versions": library_versions("numpy", "scipy", "torch", "tokenizers", "hypothesis"),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        }
        (CERTIFICATES / f"{name}.json").write_text(json.dumps(certificate, indent=1, default=float) + "\n")
