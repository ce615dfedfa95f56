"""The entropy of a source from few samples: what each estimator is off by, and when there is an error at all."""

import warnings

import numpy as np

from entropist import estimators

generator = np.random.default_rng(0)
shares = 1 / np.arange(1, 1001)  # Zipf's law over 1000 words
shares /= shares.sum()
truth = -(shares * np.log2(shares)).sum()
sizes = (100, 1000, 10_000)

print(f"bias in bits, mean of 100 sets of n samples; the truth is {truth:.3f} bits\n")
print(f"{'n':18}" + "".join(f"{n:10,}" for n in sizes))
sets = {n: [generator.multinomial(n, shares) for _ in range(100)] for n in sizes}
warnings.simplefilter("ignore", estimators.EntropistWarning)
for name in ("plug-in", "miller-madow", "zhang", "grassberger-2003", "chao-shen", "chao-wang-jost"):
    row = f"{name:18}"
    for n in sizes:
        found = [estimators.entropy(counts=c[c > 0], estimator=name, unit="bits").value for c in sets[n]]
        row += f"{np.mean(found) - truth:+10.3f}"
    print(row)

print()
for size in (1000, 50_000):
    words = generator.choice(1000, size, p=shares)
    print(estimators.entropy(words, estimator="chao-wang-jost", unit="bits"))

half = generator.dirichlet(np.full(50, 0.5))
few = generator.multinomial(300, half)
print(f"\n{-(half * np.log2(half)).sum():.3f} bits is the truth of another source, of 50 symbols known to be all")
print(estimators.entropy(counts=few, estimator=estimators.NSB(support_size=50), unit="bits"))

x = generator.integers(0, 4, 2000)
y = np.where(generator.random(2000) < 0.2, x, generator.integers(0, 4, 2000))
shared = estimators.mutual_information(x, y, "miller-madow", unit="bits", null="analytic")
print(f"\nshared: {shared}, null {shared.null:+.4f}, p = {shared.p_value:.1g}")
