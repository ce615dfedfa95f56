"""A corpus scored: totals with errors between documents, what was counted, two settings compared in pairs."""

from pathlib import Path

import entropist as en
from entropist.scoring import paired_difference, to_resolve

text = Path("lighthouse.txt").read_text(encoding="utf-8")
sentences = [part.strip() + "." for part in text.replace("\n", " ").split(".") if part.strip()]

found = en.score(sentences, model="builtin:base")
print(found.bits_per_byte())
print(found.perplexity())
print(found.calibration(unit="bits"))
print(found.bytes())

without = en.score(sentences, model="builtin:base", bos=False)
change = paired_difference(without, found, "mean_surprisal")
print(change)
needed = to_resolve(change, 0.01, tokens_per_document=20)
print(f"to resolve 0.01 bits: {needed.documents} such sentences, {needed.tokens} tokens")
