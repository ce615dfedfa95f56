"""``python -m training.evaluate base``: what a model reaches on the held-out books, and its card.

`base` and `bytes`: each held-out book goes through `entropist.trace` whole. `student` and `tuned`: sections
of those books, as `figures.py` says. The card beside the weights is written from the recipe and the figures;
`generations` has no model and no card, only its figures.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

import entropist as en
from entropist.scoring import paired_difference
from training import books as library
from training import cards, figures
from training.__main__ import PACKAGE_MODELS
from training.recipes import RECIPES
from training.sampling import replies
from training.student import RECIPE as STUDENT
from training.tuned import RECIPE as TUNED
from training.turns import BOS, END_OF_TEXT, END_OF_TURN, REPLY_TOKENS

RESULTS = Path(__file__).parent / "results"
PASSAGES = RESULTS / "passages.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("name", choices=["base", "bytes", "student", "tuned", "generations"])
    parser.add_argument("--books", type=Path, default=Path("../shared/data/books/books.tar.xz"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    name, runs = arguments.name, arguments.runs
    RESULTS.mkdir(exist_ok=True)
    if name == "generations":
        shutil.copy(runs / "generations/results.json", RESULTS / "generations.json")
        return
    training, held_out = library.split(library.read_books(arguments.books))
    model = en.load_model(f"builtin:{name}")
    result = {
        "model": name,
        "weights_sha256": model.identity.weights_sha256,
        "parameters": parameters(model),
        "protocol": "sliding",
        "training_books": len(training),
        "training_bytes": sum(len(text.encode()) for text in training.values()),
    }
    if name == "student":
        result |= _student(held_out, model, runs)
    elif name == "tuned":
        result |= _tuned(held_out, model, runs)
    else:
        result |= _whole_books(held_out, model)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    for curve, target in _curves(name, runs).items():
        shutil.copy(curve, RESULTS / target)
    card = {"student": cards.student, "tuned": cards.tuned}.get(name) or cards.from_nothing
    (PACKAGE_MODELS / name / "README.md").write_text(card(RECIPES.get(name, RECIPES["base"]), result))
    print(f"{result['bits_per_byte']:.4f} bits per byte on held-out books")


def parameters(model: en.LanguageModel) -> int:
    """How many numbers the model has learned."""
    return sum(parameter.numel() for parameter in model.module.parameters())


def _whole_books(held_out: dict[str, str], model: en.LanguageModel) -> dict[str, Any]:
    rows = [_measure(name, text, model) for name, text in held_out.items()]
    return {"bits_per_byte": sum(row["bits"] for row in rows) / sum(row["bytes"] for row in rows), "books": rows}


def _measure(name: str, text: str, model: en.LanguageModel) -> dict[str, Any]:
    record = en.trace(text, model=model, top_k=0)
    rate = record.bits_per_byte()
    print(f"{name}: {rate}", flush=True)
    return {
        "book": name,
        "bytes": len(text.encode()),
        "tokens": len(record),
        "bits": record.total_surprisal(unit="bits"),
        "bits_per_byte": rate.value,
        "stderr": rate.stderr or 0.0,
    }


def _student(held_out: dict[str, str], model: en.LanguageModel, runs: Path) -> dict[str, Any]:
    """The distilled student, its sibling of the text alone, and their base, on the same sections."""
    documents, tokenizer = figures.held_out_sections(held_out), _tokenizer()
    passages = _passages(documents, tokenizer)
    base, text_only = en.load_model("builtin:base"), en.load_model(runs / "student-text/model")
    scores = {kind: figures.scored(documents, each) for kind, each in
              (("student", model), ("text_only", text_only), ("base", base))}  # fmt: skip
    return {
        **_rates(scores["student"]),
        "steps": STUDENT.steps,
        "base_parameters": parameters(base),
        "rates": {kind: figures.as_row(each.bits_per_byte()) for kind, each in scores.items()},
        "rate_student_minus_text_only": figures.as_row(paired_difference(scores["student"], scores["text_only"])),
        "student": figures.divergence(documents, tokenizer, base.module, model.module),
        "text_only": figures.divergence(documents, tokenizer, base.module, text_only.module),
        "text_only_kl_of_passages": figures.divergence(passages, tokenizer, base.module, text_only.module)["kl"],
    }


def _tuned(held_out: dict[str, str], model: en.LanguageModel, runs: Path) -> dict[str, Any]:
    """Replies to passages of the sections, and the sections themselves as plain text."""
    documents, tokenizer = figures.held_out_sections(held_out), _tokenizer()
    base, supervised = en.load_model("builtin:base"), en.load_model(runs / "tuned/supervised")
    _passages(documents, tokenizer)
    asked = figures.asked(documents, tokenizer)
    openings = [turn.opening() for _, turn in asked]
    plain = [[BOS, *turn.prompt] for _, turn in asked]
    spoken = {
        "tuned": replies(model.module, openings, REPLY_TOKENS, END_OF_TURN, TUNED.seed),
        "supervised": replies(supervised.module, openings, REPLY_TOKENS, END_OF_TURN, TUNED.seed),
        "base": replies(base.module, plain, REPLY_TOKENS, END_OF_TEXT, TUNED.seed),
        "books": [turn.reply for _, turn in asked],
    }
    judge = en.load_model("builtin:bytes").module
    kinds = {}
    for kind, some in spoken.items():
        rows = [(section, turn, reply) for (section, turn), reply in zip(asked, some) if reply]
        kinds[kind] = {**figures.manner(tokenizer, rows), "under_bytes": figures.fluency(judge, tokenizer, rows)}
    said = [i for i, reply in enumerate(spoken["tuned"]) if reply]
    scores = {"tuned": figures.scored(documents, model), "base": figures.scored(documents, base)}
    return {
        **_rates(scores["tuned"]),
        "supervised_steps": TUNED.supervised_steps,
        "preference_steps": json.loads((runs / "tuned/preference.jsonl").read_text().splitlines()[-1])["step"],
        "prompts": len(asked),
        "entropy": _entropies(model, base, supervised, said, asked, spoken["tuned"]),
        "base_entropy_of_its_own": _own_entropy(base, plain, spoken["base"], asked),
        "replies": kinds,
        "rates": {kind: figures.as_row(each.bits_per_byte()) for kind, each in scores.items()},
        "rate_tuned_minus_base": figures.as_row(paired_difference(scores["tuned"], scores["base"])),
        "outside_turns": figures.divergence(documents, tokenizer, base.module, model.module),
        "examples": [
            {kind: tokenizer.decode(text[i]).strip() for kind, text in spoken.items()}
            | {"passage": tokenizer.decode(asked[i][1].prompt)}
            for i in said[:: max(1, len(said) // 4)][:4]
        ],
    }


def _entropies(
    model: en.LanguageModel,
    base: en.LanguageModel,
    supervised: en.LanguageModel,
    said: list[int],
    asked: Any,
    all_: Any,
) -> dict[str, Any]:
    """Mean entropy a token of the models on the tuned one's replies: the same tokens, each after its own opening."""
    some = [all_[i] for i in said]
    openings, plain = [asked[i][1].opening() for i in said], [[BOS, *asked[i][1].prompt] for i in said]
    sums = {
        "tuned": figures.entropies(model.module, openings, some),
        "supervised": figures.entropies(supervised.module, openings, some),
        "base": figures.entropies(base.module, plain, some),
    }
    sizes, names = [float(len(reply)) for reply in some], [asked[i][0] for i in said]
    rows = {kind: figures.ratio(each, sizes, names) for kind, each in sums.items()}
    return rows | {"tuned_minus_base": figures.ratio(sums["tuned"] - sums["base"], sizes, names)}


def _own_entropy(base: en.LanguageModel, plain: list[list[int]], some: list[list[int]], asked: Any) -> Any:
    """Mean entropy a token of the base on its own continuations."""
    names = [section for section, _ in asked]
    return figures.ratio(figures.entropies(base.module, plain, some), [float(len(reply)) for reply in some], names)


def _passages(documents: dict[str, str], tokenizer: Tokenizer) -> dict[str, str]:
    """The first two passages of each section, by section and number; kept, so that the weights can be tried again."""
    found: dict[str, str] = {}
    for section, turn in figures.asked(documents, tokenizer):
        names = [f"{section}/{number}" for number in range(2)]
        free = [name for name in names if name not in found]
        if free:
            found[free[0]] = tokenizer.decode(turn.prompt)
    PASSAGES.write_text(json.dumps(found, indent=1) + "\n")
    return found


def _rates(found: Any) -> dict[str, Any]:
    return {"bits_per_byte": found.bits_per_byte().value, "books": figures.by_book(found)}


def _tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(PACKAGE_MODELS / "base/tokenizer.json"))


def _curves(name: str, runs: Path) -> dict[Path, str]:
    """Curves of a run, and what they are called in `results`."""
    if name == "student":
        return {
            runs / "student/curve.jsonl": "student-curve.jsonl",
            runs / "student-text/curve.jsonl": "student-text-curve.jsonl",
        }
    if name == "tuned":
        return {
            runs / "tuned/supervised.jsonl": "tuned-supervised-curve.jsonl",
            runs / "tuned/preference.jsonl": "tuned-curve.jsonl",
        }
    return {runs / name / "curve.jsonl": f"{name}-curve.jsonl"}


if __name__ == "__main__":
    main()
