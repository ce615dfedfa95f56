"""Where Transformers and llama.cpp, given the same row and the same setting, keep different tokens."""

import numpy as np

from entropist.decoding import chain, eta

FOUR = np.log(np.array([0.1, 0.2, 0.3, 0.4], np.float32))
HALVES = np.array([0.125, 0.125, 0.25, 0.5], np.float32)
EQUAL = np.zeros(4, np.float32)


def show(what, steps, logits, previous=()):
    """The ids that each engine keeps, the likeliest first."""
    cells = []
    for profile in ("huggingface", "llama.cpp"):
        left = chain(steps, profile).filter(logits, previous=previous)
        cells.append(" ".join(map(str, np.argsort(-left, kind="stable")[: (left > -np.inf).sum()])))
    print(f"{what:48s} {cells[0]:14s} {cells[1]}")


print(f"{'':48s} {'huggingface':14s} llama.cpp")
show("top-k 2, four equals", [("top_k", 2)], EQUAL)
show("top-p 0.5, four equals", [("top_p", 0.5)], EQUAL)
show("typical 0.5, four equals", [("typical", 0.5)], EQUAL)
show("typical 0.25, p = .125 .125 .25 .5", [("typical", 0.25)], np.log(HALVES))
show("temperature 2 and top-p 0.7", {"temperature": 2.0, "top_p": 0.7}, FOUR)
show("temperature 0.5 and min-p 0.5", {"temperature": 0.5, "min_p": 0.5}, FOUR)

for profile in ("huggingface", "llama.cpp"):
    penalty = chain({"repetition_penalty": 2.0}, profile)
    left = penalty.filter(np.ones(3), previous=[0] + [1] * 64)
    print(f"repetition 2, token 0 last seen 65 tokens ago, {profile}: {left}")

flat = np.zeros(5000)
flat[0] = -3.0
print(
    "eta 0.0009 keeps the token of p = 1e-5:", bool(eta(flat, 9e-4)[0] > -np.inf), "(the docstring's formula would not)"
)
