"""One trace as NumPy arrays, as an Arrow table and as a pandas data frame."""

from pathlib import Path

import pyarrow.compute as pc

import entropist as en

text = Path("lighthouse.txt").read_text(encoding="utf-8")
record = en.trace(text, model="builtin:base")

bits = record.column("surprisal", unit="bits")  # (tokens,), NaN where nothing predicted the token
print("NumPy: ", bits.shape, bits.dtype)

table = record.to_arrow()
missed = table.filter(pc.greater_equal(table["rank"], 1000))
print("Arrow: ", missed.num_rows, "of", table.num_rows, "tokens had a thousand likelier ones")

frame = record.to_frame()
frame["guessed"] = frame["rank"] == 0
print("pandas:", frame.groupby("guessed")["entropy"].mean().round(2).to_dict(), "nats of entropy")
