"""The same text under four protocols, and what the tools they come from would print."""

from pathlib import Path

import entropist as en

text = Path("lighthouse.txt").read_text(encoding="utf-8")
print(en.protocol_report([text], model="builtin:base", window=64))
