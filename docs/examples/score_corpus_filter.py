"""A corpus without its most and least surprising documents; what goes is looked at first."""

from pathlib import Path

import entropist as en
from entropist.scoring import documents_between

text = Path("lighthouse.txt").read_text(encoding="utf-8")
sentences = [part.strip() + "." for part in text.replace("\n", " ").split(".") if part.strip()]

found = en.score(sentences, model="builtin:base")
for document in documents_between(found, sentences, 0.05, 0.95, outside=True):
    print(f"{document.id}: {document.text}")
kept = list(documents_between(found, sentences, 0.05, 0.95))
print(f"kept {len(kept)} of {len(sentences)}")
