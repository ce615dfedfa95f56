"""A text with the record of every choice: what the model held, and what the chain left of it."""

import entropist as en

found = en.decoding.generate(
    "The lighthouse keeper", sampler="min_p=0.1,temperature=0.8", max_tokens=40, samples=3, seed=4
)
for text in found.texts:
    print(repr(text[:60]))
steps = found.steps.to_pydict()
print(f"the chain kept {sum(steps['kept_mass']) / len(steps['kept_mass']):.0%} of the probability on average")
found.save("lighthouse-keeper.parquet")
print(en.decoding.Generation.load("lighthouse-keeper.parquet").settings)
