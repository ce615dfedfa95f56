"""The same from logits: any numbers that differ from ln p by a constant."""

import numpy as np

import entropist as en
from entropist.units import from_nats

loaded_coin = np.log([[0.9, 0.1], [0.9, 0.1]]) + 7  # two throws; the 7 changes nothing
throws = [0, 1]  # first the likely side, then the other
stats = en.logits.statistics(loaded_coin, throws)

print("surprisal", from_nats(stats.surprisal, "bits").round(3), "bits")
print("entropy  ", from_nats(stats.entropy, "bits").round(3), "bits")
print("rank     ", stats.rank)
