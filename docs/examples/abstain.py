"""Rules of your own: be greedy where the model is sure, stop where it is not."""

import math

from entropist.decoding import Abstain, Adaptive, Draw, Greedy, Rule, Thresholds, generate

rules = Thresholds(
    "mine",
    "bits",
    (
        Rule("sure", Greedy(), entropy=(-math.inf, 3.0)),
        Rule("lost", Abstain("more than 8 bits of choice"), entropy=(8.0, math.inf)),
    ),
    otherwise=Draw(temperature=0.7, min_p=0.05),
)
found = generate("The lighthouse keeper", sampler=Adaptive(rules), max_tokens=60, seed=2)
print(repr(found.text))
print(found.settings.stopped[0])
