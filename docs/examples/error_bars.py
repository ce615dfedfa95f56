"""A mean with its error, the interval of a perplexity, and a text too short for either."""

import math
from pathlib import Path

import entropist as en

text = Path("lighthouse.txt").read_text(encoding="utf-8")
record = en.trace(text, model="builtin:base")

entropy = record.mean_entropy(unit="bits")
low, high = entropy.confidence_interval(0.95)
print(entropy)
print(f"95 % interval {low:.2f} to {high:.2f} bits")

perplexity = record.perplexity()
low, high = perplexity.confidence_interval(0.95)
print(f"perplexity {perplexity.value:.1f}, 95 % interval {low:.1f} to {high:.1f}")

independent = record.column("entropy", unit="bits").std() / math.sqrt(entropy.n)
print(f"an error that takes tokens for independent: {independent:.3f} bits")

print(en.trace("Too short.", model="builtin:base").mean_entropy(unit="bits"))
