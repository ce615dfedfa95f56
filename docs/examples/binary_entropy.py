"""The entropy of a coin, drawn."""

import altair as alt
import numpy as np

import entropist as en

p = np.linspace(0, 1, 201)
coins = np.stack([p, 1 - p], axis=-1)
rows = [{"p": x, "bits": y} for x, y in zip(p, en.entropy(coins, unit="bits"))]
chart = (
    alt.Chart(alt.Data(values=rows))
    .mark_line()
    .encode(x=alt.X("p:Q", title="probability of heads"), y=alt.Y("bits:Q", title="entropy, bits"))
)
chart.properties(width=360, height=200).save("binary_entropy.svg")
print(f"90 to 10: {en.entropy([0.9, 0.1], unit='bits'):.3f} bits")
