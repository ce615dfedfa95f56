"""The largest log-probabilities of one token: what is known of its entropy, and what is usually printed."""

import altair
import numpy as np

from entropist.measures import truncated

vocabulary = 128_256
p = 1 / np.arange(1.0, vocabulary + 1) ** 1.3
p /= p.sum()
truth = -(p * np.log2(p)).sum()

rows = []
print("  k   what is known            partial sum   renormalised")
for k in (1, 2, 3, 5, 10, 20, 50, 100):
    known = truncated.entropy(np.log(p[:k]), vocabulary, unit="bits")
    partial = -(p[:k] * np.log2(p[:k])).sum()
    share = p[:k] / p[:k].sum()
    renormalised = 0.0 - (share * np.log2(share)).sum()
    print(f"{k:3}   {known!s:22} {partial:11.2f} {renormalised:14.2f}")
    rows.append({"k": k, "low": known.low, "high": known.high, "partial sum": partial, "renormalised": renormalised})
print(f"the truth, from all {vocabulary} probabilities: {truth:.2f} bits")

chart = altair.Chart(altair.Data(values=rows)).encode(
    altair.X("k:Q", title="log-probabilities listed").scale(type="log")
)
band = chart.mark_area(opacity=0.3).encode(altair.Y("low:Q", title="entropy in bits"), altair.Y2("high:Q"))
points = chart.transform_fold(["partial sum", "renormalised"]).mark_line(point=True)
points = points.encode(altair.Y("value:Q"), altair.Color("key:N", title="what is usually printed"))
line = altair.Chart(altair.Data(values=[{"truth": truth}])).mark_rule(strokeDash=[4, 3]).encode(altair.Y("truth:Q"))
(band + points + line).properties(width=520, height=260).save("truncated.svg")
