"""The purest synergy: of three bits any two say nothing."""

import numpy as np

import entropist as en

xor = np.zeros((2, 2, 2))
for x in (0, 1):
    for y in (0, 1):
        xor[x, y, x ^ y] = 0.25
for measure in (en.co_information, en.total_correlation, en.dual_total_correlation, en.o_information):
    print(f"{measure.__name__:<23} {measure(xor, unit='bits'):+.0f} bits")
