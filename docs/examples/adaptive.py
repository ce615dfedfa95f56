"""Which rule fired how often, and why: the same prompt under two sets of thresholds."""

from collections import Counter

from entropist.decoding import Adaptive, generate

for name in ("entropix-v1", "entropix-v3"):
    found = generate("The lighthouse keeper", sampler=Adaptive(name), max_tokens=60, seed=1)
    print(name, dict(Counter(found.steps["rule"].to_pylist())))
print(found.steps["reason"][0])
