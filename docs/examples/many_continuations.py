"""One prompt, many continuations: their entropy, their modes, where they fork."""

import entropist as en
from entropist.decoding import change_points, forking_tokens, prompt_entropy, rollouts

found = rollouts("It was the best of", samples=64, max_tokens=12)
print("entropy of a continuation", found.entropy.rao_blackwell.to("bits"))
print("the same from −log p     ", found.entropy.sampled.to("bits"))
print(f"variance of the second over the first: {found.entropy.variance_ratio:.2f}")

short = rollouts("It was the best of", samples=300, max_tokens=1, same="exact", sampler="top_k=8")
print("different next words", short.modes.effective_number)
print("best of 300 by likelihood:", repr(short.generation.texts[short.best]))

curve = prompt_entropy("It was the best of", [0.5, 1.0, 1.5])
print("H(T) in nats at 0.5, 1, 1.5:", curve.entropy.round(2).tolist())

steps = found.generation.steps
entropies = steps["entropy"].to_numpy()[:12]
forks = forking_tokens(entropies)
words = [piece.decode() for piece in steps["token_bytes"].to_pylist()[:12]]
print("forks of the first:", [word for word, fork in zip(words, forks) if fork])

text = "The tide went out. The boats lay on their sides. " * 4 + "xqz vvk zzrj qwp blx mmn ttr " * 3
surprisal = en.trace(text).column("surprisal")
print("the level changes at token", change_points(surprisal).positions, "of", len(surprisal))
