"""Two models' logits over a large vocabulary, each read once or twice and never copied."""

import numpy as np

import entropist as en

random = np.random.default_rng(0)
reference = random.normal(0, 3, (4, 50_257)).astype(np.float32)
quantized = reference + random.normal(0, 0.1, reference.shape).astype(np.float32)
next_tokens = reference.argmax(-1)

one = en.logits.statistics(reference, next_tokens, top_k=3)
print("entropy  ", one.entropy.round(4), "nats")
print("rank     ", one.rank)

pair = en.logits.compare(reference, quantized, next_tokens)
print("KL(p‖q)  ", pair.kl_pq.round(5), "nats")
print("same top ", pair.same_top)
print("to itself", en.logits.compare(reference, reference).kl_pq)
