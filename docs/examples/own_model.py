"""A model by its directory, with the window and BOS chosen."""

from pathlib import Path

import entropist as en

directory = en.load_model("builtin:base").directory  # put the directory of your own model here
text = Path("lighthouse.txt").read_text(encoding="utf-8")

model = en.load_model(directory)  # load once, trace many texts
record = en.trace(text, model=model, window=128, bos=True, top_k=3)

print(record.metadata.model.architecture, record.metadata.model.dtype, record.metadata.protocol)
print(record.bits_per_byte())
