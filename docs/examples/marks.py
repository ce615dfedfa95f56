"""A mark typed in a text is the characters it is typed with."""

import entropist as en

record = en.trace("One.<|endoftext|>Two.", model="builtin:base")
print([token.decode() for token in record.to_arrow()["token_bytes"].to_pylist()])
