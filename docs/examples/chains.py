"""One row, three ways to build a chain, and a sampler that draws from it."""

import numpy as np

from entropist import decoding

logits = np.log([0.05, 0.15, 0.2, 0.6])

explicit = decoding.chain([("temperature", 2.0), ("min_p", 0.4)])
as_engine = decoding.chain({"temperature": 2.0, "min_p": 0.4}, profile="llama.cpp")
as_text = decoding.parse_chain("min_p=0.4, temperature=2.0", profile="llama.cpp")
print(explicit, "->", (explicit.filter(logits) > -np.inf).sum(), "tokens kept")
print(as_engine, "->", (as_engine.filter(logits) > -np.inf).sum(), "tokens kept")
print("the text means the same chain:", as_text == as_engine)

sampler = explicit.start(seed=0, previous=[2, 2])
for _ in range(3):
    choice = sampler.choose(logits)
    print(
        f"token {choice.token}, rank {choice.rank}: {choice.kept} kept, mass {choice.kept_mass:.2f}, "
        f"entropy {choice.entropy:.3f} before and {choice.kept_entropy:.3f} nats after"
    )

met = decoding.target_entropy(logits, 0.5)
probabilities = np.exp(met - np.logaddexp.reduce(met))
print(f"target entropy 0.5: H = {-(probabilities * np.log(probabilities)).sum():.9f} nats")
