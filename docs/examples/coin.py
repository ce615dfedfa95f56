"""Surprisal and entropy of a fair coin, a loaded coin and a die, by hand."""

import math

games = {"fair coin": [1 / 2, 1 / 2], "loaded coin": [9 / 10, 1 / 10], "die": [1 / 6] * 6}

for name, probabilities in games.items():
    surprisals = [-math.log2(p) for p in probabilities]
    entropy = sum(p * s for p, s in zip(probabilities, surprisals))
    print(f"{name:12} entropy {entropy:.3f} bits, rarest outcome {max(surprisals):.3f} bits")
