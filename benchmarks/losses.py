"""What head-fused distillation costs beside the matrix products alone, in time, and beside the plain loss, in memory.

2048 tokens, a vocabulary of 131 072, float32, student of width 1024, teacher of 2048. In turn, in one process: the
four bare products (student's and teacher's logits forward; ∂hidden and ∂weight backward), whole and in chunks of 256
rows, and `head_distillation` forward and backward. Losses and gradients are first compared with autograd of the plain
loss in float64, on few rows. The ratio is of the best of each to the faster bare way. Peak memory beyond the inputs
comes from a process of its own for each of `head_distillation` and the plain loss (logits, log_softmax, F.kl_div,
backward). Divergences: forward_kl, reverse_kl, generalized_js (β = ½).

    python benchmarks/losses.py [rounds] [divergence]
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import torch
from torch.nn.functional import kl_div

sys.path.insert(0, str(Path(__file__).parent))
from logits_head import best_of

from entropist.losses import head_distillation

ROWS, WIDTH, TEACHER_WIDTH, VOCABULARY = 2048, 1024, 2048, 131_072
CHUNK = 256

MEMORY = """
import re, sys
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[2])
import losses
given = losses.inputs()
way = losses.fused if sys.argv[1] == "fused" else losses.plain
way(*[each[:2] if i % 2 == 0 else each for i, each in enumerate(given)], sys.argv[3])
def told(name):
    return 1024 * int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
Path("/proc/self/clear_refs").write_text("5")
before = told("VmRSS")
way(*given, sys.argv[3])
print(told("VmHWM") - before)
"""

Four = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def inputs() -> Four:
    """Hidden states and weights of student and teacher."""
    torch.manual_seed(0)
    student, teacher = torch.randn(ROWS, WIDTH), torch.randn(ROWS, TEACHER_WIDTH)
    weights = (torch.randn(VOCABULARY, width) * (3 / width**0.5) for width in (WIDTH, TEACHER_WIDTH))
    return student, next(weights), teacher, next(weights)


def fused(
    student: torch.Tensor, weight: torch.Tensor, teacher: torch.Tensor, teacher_weight: torch.Tensor, divergence: str
) -> tuple[torch.Tensor, ...]:
    """Loss and gradients by `head_distillation`."""
    hidden, head = student.detach().requires_grad_(), weight.detach().requires_grad_()
    loss = head_distillation(
        student=hidden, student_weight=head, teacher=teacher, teacher_weight=teacher_weight, divergence=divergence
    )
    return loss.detach(), *torch.autograd.grad(loss, (hidden, head))


def plain(
    student: torch.Tensor, weight: torch.Tensor, teacher: torch.Tensor, teacher_weight: torch.Tensor, divergence: str
) -> tuple[torch.Tensor, ...]:
    """Loss and gradients by the usual few lines of torch."""
    hidden, head = student.detach().requires_grad_(), weight.detach().requires_grad_()
    with torch.no_grad():
        told = (teacher @ teacher_weight.T).log_softmax(-1)
    said = (hidden @ head.T).log_softmax(-1)
    if divergence == "generalized_js":
        mixed = torch.logaddexp(said, told) - math.log(2)
        parts = [(mixed, told, 2), (mixed, said, 2)]  # β = ½: half of each, over β(1 − β)
    else:
        parts = [(said, told, 1) if divergence == "forward_kl" else (told, said, 1)]
    loss = sum(scale * kl_div(q, p, log_target=True, reduction="sum") for q, p, scale in parts) / len(student)
    return loss.detach(), *torch.autograd.grad(loss, (hidden, head))


def bare(given: Four, chunk: int) -> None:
    """The four products alone, into memory that is used again."""
    student, weight, teacher, teacher_weight = given
    z, t = torch.empty(chunk, VOCABULARY), torch.empty(chunk, VOCABULARY)
    by_hidden, by_weight = torch.empty_like(student), torch.zeros_like(weight)
    for i in range(0, ROWS, chunk):
        some = slice(i, i + chunk)
        torch.mm(student[some], weight.T, out=z)
        torch.mm(teacher[some], teacher_weight.T, out=t)
        torch.mm(z, weight, out=by_hidden[some])
        by_weight.addmm_(z.T, student[some])


def assert_equal(given: Four, divergence: str) -> None:
    """Loss and gradients are those of the plain formula in float64, within the rounding of float32 products."""
    few = (given[0][:16], given[1], given[2][:16], given[3])
    for found, expected in zip(fused(*few, divergence), plain(*(each.double() for each in few), divergence)):
        error = (found.double() - expected).norm() / expected.norm()
        assert error < 1e-5, f"relative error {error}"


def extra_memory(way: str, divergence: str) -> int:
    command = [sys.executable, "-c", MEMORY, way, str(Path(__file__).parent), divergence]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    divergence = sys.argv[2] if len(sys.argv) > 2 else "forward_kl"
    given = inputs()
    if divergence not in ("forward_kl", "reverse_kl", "generalized_js"):
        raise SystemExit(f"the plain loss knows forward_kl, reverse_kl and generalized_js; given {divergence}")
    assert_equal(given, divergence)
    seconds = best_of(
        {
            "bare, whole": lambda: bare(given, ROWS),
            "bare, in chunks": lambda: bare(given, CHUNK),
            "fused": lambda: fused(*given, divergence),
        },
        rounds,
    )
    memory = {way: extra_memory(way, divergence) for way in ("fused", "plain")}
    ratios = {
        "fused / bare products": seconds["fused"] / min(seconds["bare, whole"], seconds["bare, in chunks"]),
        "fused / bare products in chunks": seconds["fused"] / seconds["bare, in chunks"],
        "peak memory / plain": memory["fused"] / memory["plain"],
    }
    for name, ratio in ratios.items():
        print(f"{name:36s} {ratio:6.3f}")
    print(f"peak beyond inputs: fused {memory['fused'] / 1e6:.0f} MB, plain {memory['plain'] / 1e6:.0f} MB")
    told = {"benchmark": "losses", "divergence": divergence, "rounds": rounds, "threads": torch.get_num_threads()}
    print(json.dumps(told | {"seconds": seconds, "ratios": ratios, "extra_bytes": memory}))


if __name__ == "__main__":
    main()
