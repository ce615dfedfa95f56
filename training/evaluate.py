"""``python -m training.evaluate base``: what the model reaches on the held-out books, and its card.

Each held-out book goes through `entropist.trace` whole; the total is the bits of all books over the
bytes of all books. The card beside the weights is written from the recipe and these figures.
"""

import argparse
import json
import shutil
from pathlib import Path

import entropist as en
from training import books as library
from training.__main__ import PACKAGE_MODELS
from training.recipes import RECIPES, Recipe

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--books", type=Path, default=Path("../shared/data/books/books.tar.xz"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.name]
    training, held_out = library.split(library.read_books(arguments.books))
    model = en.load_model(f"builtin:{recipe.name}")
    figures = [_measure(name, text, model) for name, text in held_out.items()]
    result = {
        "model": recipe.name,
        "weights_sha256": model.identity.weights_sha256,
        "parameters": sum(parameter.numel() for parameter in model.module.parameters()),
        "protocol": "sliding",
        "bits_per_byte": sum(f["bits"] for f in figures) / sum(f["bytes"] for f in figures),
        "books": figures,
        "training_books": len(training),
        "training_bytes": sum(len(text.encode()) for text in training.values()),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{recipe.name}.json").write_text(json.dumps(result, indent=1) + "\n")
    shutil.copy(arguments.runs / recipe.name / "curve.jsonl", RESULTS / f"{recipe.name}-curve.jsonl")
    (PACKAGE_MODELS / recipe.name / "README.md").write_text(_card(recipe, result))
    print(f"{result['bits_per_byte']:.4f} bits per byte on {len(figures)} held-out books")


def _measure(name: str, text: str, model: en.LanguageModel) -> dict[str, float | str]:
    record = en.trace(text, model=model, top_k=0)
    rate = record.bits_per_byte()
    print(f"{name}: {rate}", flush=True)
    size = len(text.encode())
    return {
        "book": name,
        "bytes": size,
        "tokens": len(record),
        "bits": record.total_surprisal(unit="bits"),
        "bits_per_byte": rate.value,
        "stderr": rate.stderr or 0.0,
    }


def _card(recipe: Recipe, result: dict) -> str:  # type: ignore[type-arg]
    rows = "\n".join(
        f"| {f['book']} | {f['bytes']:,} | {f['bits_per_byte']:.3f} ± {f['stderr']:.3f} |" for f in result["books"]
    )
    unit = "bytes" if recipe.name == "bytes" else f"tokens (byte-level BPE of {recipe.vocabulary} entries)"
    return f"""# builtin:{recipe.name}

A Llama-architecture decoder of {result["parameters"]:,} parameters that reads {unit}, made to measure with, not to
talk to. It is small enough to travel inside the package and good enough to be surprised in the right places.

* **Data**: {result["training_books"]} English books in the public domain ({result["training_bytes"] / 1e6:.1f} MB of
  Markdown text, collected by the public repository mlschmitt/classic-books-markdown); held out are the
  {len(result["books"])} whose names have the smallest SHA-256.
* **Training**: {recipe.tokens / 1e6:.1f} million tokens in windows of {recipe.context}, BOS before every second one;
  Muon and AdamW, bf16 autocast, seed {recipe.seed}; the recipe is `training/` in the source repository.
* **Shape**: {recipe.layers} layers, hidden size {recipe.hidden}, {recipe.heads} heads,
  {recipe.intermediate} wide inside,
  context {recipe.context}, embeddings tied; stored in float16. Entries in the vocabulary: {recipe.vocabulary}, with
  `<|bos|>`, `<|endoftext|>` and eight reserved marks among them.
* **Licence**: MIT, as the package; the texts are in the public domain.

## What it reaches

Bits per byte on the held-out books, `sliding` protocol, error by batch means:

| book | bytes | bits per byte |
|---|---|---|
{rows}
| **all** | {sum(f["bytes"] for f in result["books"]):,} | **{result["bits_per_byte"]:.3f}** |

## Limits

English prose of the nineteenth and early twentieth century, with the opinions of its time. Code, other languages,
tables and anything after about 1930 surprise it more than they would a larger model. It answers no questions. On
the books it was trained on its figures are better than on any other text.
"""


if __name__ == "__main__":
    main()
