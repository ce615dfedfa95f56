"""A sentence through the built-in model: where was it unsure, and where was it wrong?"""

import entropist as en

record = en.trace("It was the best of times, it was the worst of times.")
tokens = [token.decode() for token in record.to_arrow()["token_bytes"].to_pylist()]
surprisal = record.column("surprisal", unit="bits")
entropy = record.column("entropy", unit="bits")

unsure, wrong, right = entropy.argmax(), surprisal.argmax(), surprisal.argmin()

print(f"most unsure before   {tokens[unsure]!r}, entropy {entropy[unsure]:.2f} bits")
print(f"most surprised by    {tokens[wrong]!r}, surprisal {surprisal[wrong]:.2f} bits")
print(f"least surprised by   {tokens[right]!r}, surprisal {surprisal[right]:.2f} bits")
print(f"the whole sentence   {record.total_surprisal(unit='bits'):.1f} bits")
