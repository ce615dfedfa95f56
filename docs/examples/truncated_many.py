"""Two tokens of a server's answer at once, what another temperature would do, and a token that it did not report."""

import math

import numpy as np

from entropist.measures import truncated

top = [[-0.105, -2.9, -4.1], [-1.2, -1.6, -2.2]]  # the three largest, token by token
emitted = [-np.inf, -3.5]  # the second emitted token stands below its list; -inf: nothing to add
read = truncated.rows(top, 128_256, also=emitted)

for name, bounds in {"entropy": truncated.entropy_bounds, "varentropy": truncated.varentropy_bounds}.items():
    low, high = bounds(read)
    print(f"{name:10} low {low.round(3)} high {high.round(3)} nats")

print("at T = 0.7", truncated.entropy_at_temperature(top[0], 128_256, temperature=0.7))
print("unlisted  ", truncated.surprisal(top[0], 128_256))

other = {"the": math.log(0.7), "a": math.log(0.2)}
mine = {"the": math.log(0.5), "a": math.log(0.3), "one": math.log(0.1)}
print("KL        ", truncated.kl_divergence(mine, other, 128_256, unit="bits"))
print("TV        ", truncated.total_variation(mine, other, 128_256))
