"""Two models with different tokenizers on one text: which figures can stand side by side?"""

from pathlib import Path

from untrained import untrained_byte_model

import entropist as en

text = Path("lighthouse.txt").read_text(encoding="utf-8")
print(f"{'model':16} {'tokens':>7} {'perplexity':>11} {'bits per byte':>14}")
for name in ("builtin:base", untrained_byte_model(Path("untrained"))):
    record = en.trace(text, model=name)
    perplexity, per_byte = record.perplexity().value, record.bits_per_byte().value
    print(f"{name!s:16} {len(record):>7} {perplexity:>11.1f} {per_byte:>14.3f}")
