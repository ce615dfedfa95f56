"""The likeliest continuations that a search finds: plain beams, and groups that keep away from each other."""

from entropist.decoding import beam_search

for groups in (1, 3):
    print(f"6 beams in {groups} group{'s' if groups > 1 else ''}")
    for beam in beam_search("It was the best of", beams=6, groups=groups, diversity=1.0, max_tokens=10):
        print(f"  group {beam.group}, score {beam.score:.3f}, log p {beam.logprob:.2f} nats: {beam.text!r}")
