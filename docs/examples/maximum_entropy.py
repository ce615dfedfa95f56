"""A die whose throws average 4.5, one that averages at least 4.5, and one that cannot be."""

import altair

from entropist.errors import InputError
from entropist.measures import maximum_entropy

faces = range(1, 7)
found = maximum_entropy(faces, [(lambda face: face, 4.5)], unit="bits")
print("probabilities", found.probabilities.round(5))
print(f"entropy {found.entropy:.4f} bits, multiplier {found.multipliers[0]:.5f}, residual {found.residuals[0]:.0e}")

bound = maximum_entropy(faces, [(lambda face: face, (4.2, float("inf")))])
print("at least 4.2:", bound.probabilities.round(3), "multiplier", bound.multipliers)

try:
    maximum_entropy(faces, [(lambda face: face, 3), (lambda face: face**2, 8)])
except InputError as error:
    print(error)

rows = [
    {"face": face, "probability": p, "mean": str(mean)}
    for mean in (3.5, 4.5, 5.5)
    for face, p in zip(faces, maximum_entropy(faces, [(lambda face: face, mean)]).probabilities.tolist())
]
chart = altair.Chart(altair.Data(values=rows)).mark_line(point=True)
chart.encode(
    altair.X("face:O"), altair.Y("probability:Q"), altair.Color("mean:N", title="mean of the throws")
).properties(width=420, height=240).save("maximum_entropy.svg")
