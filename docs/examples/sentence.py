"""A sentence through the built-in model: where was it unsure, and where was it wrong?"""

import entropist as en

record = en.trace("It was the best of times, it was the worst of times.", model="builtin:base")
words = [token.decode() for token in record.to_arrow()["token_bytes"].to_pylist()]
surprisal = record.column("surprisal", unit="bits")
entropy = record.column("entropy", unit="bits")

print(f"most unsure before  {words[entropy.argmax()]!r}: {entropy.max():.2f} bits of entropy")
print(f"most surprised by   {words[surprisal.argmax()]!r}: {surprisal.max():.2f} bits of surprisal")
print(f"least surprised by  {words[surprisal.argmin()]!r}: {surprisal.min():.2f} bits of surprisal")
print(f"the whole sentence: {record.total_surprisal(unit='bits'):.1f} bits")
