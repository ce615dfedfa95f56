"""The Triton kernels without a GPU: run by Triton's interpreter, and compiled for real devices by its compiler.

The interpreter has to be asked for before Triton is imported, so its tests run in a process of their own.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from certificates import certifies
from entropist.logits import _triton, _triton_kernels

pytestmark = certifies("logit_statistics")

HERE = Path(__file__).parent


def test_under_the_interpreter():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / "interpreted_kernels.py")]
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=HERE.parents[1], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 60


ARGUMENTS = {
    "targets": "*i64", "moments": "*fp64", "ranks": "*i64", "results": "*fp64", "rows": "i32", "vocabulary": "i32",
    "stride": "i64", "p_stride": "i64", "q_stride": "i64", "high": "fp32", "low": "fp32",
}  # fmt: skip


@pytest.mark.parametrize("architecture", [80, 90, 100])
@pytest.mark.parametrize("kind", ["fp32", "bf16"])
@pytest.mark.parametrize("name", ["statistics_kernel", "pair_kernel"])
def test_compiles_for_nvidia(monkeypatch, tmp_path, architecture, kind, name):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    kernel = getattr(_triton_kernels, name)
    types = ARGUMENTS | {"logits": f"*{kind}", "p_logits": f"*{kind}", "q_logits": f"*{kind}"}
    constants = {each: kind == "fp32" for each in kernel.arg_names if each.endswith("CAREFUL")}
    constants |= {"HAS_TARGETS": True, "BLOCK": _triton._block(131072, 2048)}
    signature = {each: "constexpr" if each in constants else types[each] for each in kernel.arg_names}
    source = ASTSource(kernel, signature, constants)
    options = {"num_warps": 8, "enable_fp_fusion": True}
    compiled = triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=options)
    assert len(compiled.asm["cubin"]) > 1000


def test_kernels_are_for_cuda_tensors_only():
    assert not _triton.usable(torch.zeros(2, 3))
    assert not _triton.usable(torch.zeros(2, 3, device="meta"))
