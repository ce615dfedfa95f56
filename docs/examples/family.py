"""Entropy, cross-entropy, KL divergence and perplexity of two small distributions, in bits."""

import numpy as np

p = np.array([0.7, 0.2, 0.1])  # what happens
q = np.array([0.4, 0.4, 0.2])  # what the model says

surprisal = -np.log2(q)  # of each outcome, for the model
entropy_p = (p * -np.log2(p)).sum()
entropy_q = (q * surprisal).sum()
cross_entropy = (p * surprisal).sum()
kl = (p * np.log2(p / q)).sum()

print(f"entropy of p          {entropy_p:.3f} bits")
print(f"entropy of q          {entropy_q:.3f} bits")
print(f"cross-entropy         {cross_entropy:.3f} bits = entropy of p + KL = {entropy_p + kl:.3f}")
print(f"KL(p‖q)               {kl:.3f} bits")
print(f"perplexity            {2**cross_entropy:.3f}")
print(f"varentropy of q       {(q * (surprisal - entropy_q) ** 2).sum():.3f} bits²")
