"""The same text and model; only BOS and the window change."""

from pathlib import Path

import entropist as en

text = Path("lighthouse.txt").read_text(encoding="utf-8")
model = en.load_model("builtin:base")

for window in (32, 256):
    for bos in (True, False):
        bits = en.trace(text, model=model, window=window, bos=bos).bits_per_byte().value
        print(f"window {window:>3}, bos {bos!s:5}: {bits:.3f} bits per byte")
