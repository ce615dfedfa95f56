"""Was this text sampled from these numbers?"""

import entropist as en

text = "The old lighthouse keeper climbed the stairs, lit the lamp, and looked out over the sea."
found = en.uncertainty.sampling_consistency(en.trace(text))
low, high = found.temperature.confidence_interval()
print(f"z = {found.z:.2f}, temperature {found.temperature.value:.2f} [{low:.2f}, {high:.2f}]")
print(found.verdict, "-", found.evidence)
