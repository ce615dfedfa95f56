"""The error of the classic 15-bin estimate, in bits, for a Gaussian pair, by the number of samples."""

import math

import altair as alt
import numpy as np

from entropist import estimators

classic = estimators.Binned(bins=15, correction=None)
corrected = estimators.Binned(bins=15)
rows = []
print("     n   " + "   ".join(f"rho = {rho:<4} corrected" for rho in (0, 0.6, 0.9)))
for n in (100, 300, 1000, 3000, 10000, 100000):
    cells = []
    for rho in (0, 0.6, 0.9):
        truth = -0.5 * math.log2(1 - rho * rho)
        errors = []
        for seed in range(20 if n <= 10000 else 4):
            x, noise = np.random.default_rng([seed, n]).normal(size=(2, n))
            y = rho * x + math.sqrt(1 - rho * rho) * noise
            errors.append([e.mutual_information(x, y).to("bits").value - truth for e in (classic, corrected)])
        cells.append("{:+10.3f} {:+9.3f}".format(*np.mean(errors, axis=0)))
        rows.append({"n": n, "rho": str(rho), "error": float(np.mean(errors, axis=0)[0])})
    print(f"{n:6d}   " + "   ".join(cells))
lines = alt.Chart(alt.Data(values=rows)).mark_line(point=True)
picture = lines.encode(
    x=alt.X("n:Q", scale=alt.Scale(type="log"), title="samples"),
    y=alt.Y("error:Q", title="estimate − truth, bits"),
    color=alt.Color("rho:N", title="ρ"),
)
picture.properties(width=360, height=200).save("fifteen_bins.svg")
