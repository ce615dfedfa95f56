"""Random logits, the textbook formulas of divergences in float64, and how large the tensors of a computation are."""

import math
from contextlib import contextmanager

import torch
from torch.nn.functional import kl_div


def normal(*shape, seed=0, scale=3.0, dtype=torch.float64):
    return (scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))).to(dtype)


def plain(student, teacher, kind, beta=0.5, temperature=1.0):
    """The textbook formula of every row, without T²; both must be unmasked."""
    ls, lt = (student / temperature).log_softmax(-1), (teacher / temperature).log_softmax(-1)

    def kl(log_p, log_q):
        return kl_div(log_q, log_p, log_target=True, reduction="none").sum(-1)

    if kind == "forward_kl":
        return kl(lt, ls)
    if kind == "reverse_kl":
        return kl(ls, lt)
    if kind == "jeffreys":
        return kl(ls, lt) + kl(lt, ls)
    if kind == "total_variation":
        return (ls.exp() - lt.exp()).abs().sum(-1) / 2
    weight = 0.5 if kind == "js" else beta
    mixture = torch.logaddexp(ls + math.log1p(-weight), lt + math.log(weight))
    value = weight * kl(lt, mixture) + (1 - weight) * kl(ls, mixture)
    return value if kind == "js" else value / (weight * (1 - weight))


def expected(student, teacher, **options):
    z = student.double().requires_grad_()
    values = plain(z, teacher.double(), **options)
    return values.detach(), torch.autograd.grad(values.sum(), z)[0]


@contextmanager
def largest_tensor():
    """A list whose only entry is how many entries the largest new tensor has that was made meanwhile."""
    largest = [0]

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            known = {each.untyped_storage().data_ptr() for each in args if isinstance(each, torch.Tensor)}
            for each in result if isinstance(result, (tuple, list)) else [result]:
                if isinstance(each, torch.Tensor) and each.untyped_storage().data_ptr() not in known:
                    largest[0] = max(largest[0], each.untyped_storage().nbytes() // each.element_size())
            return result

    with Watch():
        yield largest
