"""Two divergences of two coins, drawn."""

import altair as alt
import numpy as np

import entropist as en

p = np.linspace(0.001, 0.999, 400)
coins, fair = np.stack([p, 1 - p], axis=-1), np.full((400, 2), 0.5)
curves = {
    "KL(fair‖p)": en.kl_divergence(fair, coins, unit="bits"),
    "KL(p‖fair)": en.kl_divergence(coins, fair, unit="bits"),
    "JS": en.js_divergence(coins, fair, unit="bits"),
}
rows = [{"p": x, "bits": y, "measure": name} for name, curve in curves.items() for x, y in zip(p, curve)]
chart = (
    alt.Chart(alt.Data(values=rows))
    .mark_line(clip=True)
    .encode(
        x=alt.X("p:Q", title="probability of heads"),
        y=alt.Y("bits:Q", title="bits", scale=alt.Scale(domain=[0, 2])),
        color=alt.Color("measure:N", title=None),
    )
)
chart.properties(width=360, height=200).save("js_and_kl.svg")
