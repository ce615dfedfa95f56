"""Four estimators of one KL: what each is on average, and where its gradient goes, exactly."""

import torch

import entropist as en

z = torch.tensor([1, 0.2, -0.3, 0.7, -1.1], dtype=torch.float64, requires_grad=True)
reference = torch.tensor([0.1, 0.9, 0, -0.4, 0.5], dtype=torch.float64)
exact = en.losses.kl_penalty(z, reference, estimator="exact")
(wanted,) = torch.autograd.grad(exact, z)
print(f"KL(policy‖reference)  {exact:.5f} nats, gradient", [f"{g:+.3f}" for g in wanted])

p = z.detach().softmax(-1)
for name in ("k1", "k2", "k3", "k3_corrected"):
    each = en.losses.kl_penalty(z.log_softmax(-1), reference.log_softmax(-1), estimator=name)
    mean = (p * each).sum()  # over every token, by its probability: no sampling noise
    (gradient,) = torch.autograd.grad(mean, z)
    print(f"{name:14s} on average {mean:.5f} nats, gradient", [f"{g:+.3f}" for g in gradient])

# A log of tokens from a sampler that kept the four likeliest, by a trainer that clamps the log-ratio at 1.
kept = p >= p.sort().values[1]
sampler = torch.where(kept, p, 0) / p[kept].sum()
tokens = torch.multinomial(sampler, 64 * 32, replacement=True, generator=torch.Generator().manual_seed(0)).view(64, 32)
found = en.losses.diagnose_kl(
    p.log()[tokens],
    reference.log_softmax(-1)[tokens],
    kept_mass=p[kept].sum().expand(64, 32),
    estimator="k3",
    clamp=1.0,
)
print("reported", found.reported)
print("which is", found.estimates)
for line in found.findings:
    print("*", line)
