"""Save a trace in each format, read it back, and find it equal."""

from pathlib import Path

import entropist as en

record = en.trace("Naïve 日本 🙂\n", model="builtin:base")

for name in ("trace.parquet", "trace.arrow", "trace.jsonl"):
    record.save(name)
    print(name, en.Trace.load(name) == record)

Path("trace.json").write_text(record.to_json(unit="bits"))  # for other programs; see the reference
