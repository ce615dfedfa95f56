"""``python -m training base --books books.tar.xz``: training and export. Stop it, call it again: it goes on."""

import argparse
from pathlib import Path

from tokenizers import Tokenizer

from training import books as library
from training import generations, student, tuned
from training.export import export
from training.recipes import RECIPES, Recipe
from training.tokenizer import BOS, END_OF_TEXT, bytes_tokenizer, train_bpe
from training.train import train
from training.turns import END_OF_TEXT as END_OF_TEXT_ID

PACKAGE_MODELS = Path(__file__).parent.parent / "src/entropist/models/builtin"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("name", choices=["base", "bytes", "student", "tuned", "generations"])
    parser.add_argument("--books", type=Path, default=Path("../shared/data/books/books.tar.xz"))
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where logs and checkpoints go")
    parser.add_argument("--output", type=Path, default=PACKAGE_MODELS)
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    training, held_out = library.split(library.read_books(arguments.books))
    if arguments.name in ("base", "bytes"):
        _from_nothing(RECIPES[arguments.name], training, held_out, arguments.runs, arguments.output)
        return
    if arguments.name == "generations":
        generations.make(training, held_out, arguments.runs)
        return
    tokenizer = Tokenizer.from_file(str(PACKAGE_MODELS / "base/tokenizer.json"))
    ids = library.encode(training, tokenizer, END_OF_TEXT_ID, arguments.runs / "train.npy")
    if arguments.name == "tuned":
        tuned.make(training, ids, tokenizer, arguments.runs, arguments.output)
    else:
        quiz = library.encode(held_out, tokenizer, END_OF_TEXT_ID, arguments.runs / "held_out.npy")
        student.make(ids, quiz, tokenizer, arguments.runs, arguments.output)


def _from_nothing(recipe: Recipe, training: dict[str, str], held_out: dict[str, str], runs: Path, output: Path) -> None:
    """Tokenizer, training and export of a model that learns from the text alone."""
    folder = runs / recipe.name
    folder.mkdir(exist_ok=True)
    tokenizer_file = folder / "tokenizer.json"
    if not tokenizer_file.exists():
        is_bytes = recipe.name == "bytes"
        made = bytes_tokenizer() if is_bytes else train_bpe(training.values(), recipe.vocabulary)
        made.save(str(tokenizer_file))
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    assert tokenizer.get_vocab_size() == recipe.vocabulary
    bos, end = tokenizer.token_to_id(BOS), tokenizer.token_to_id(END_OF_TEXT)
    ids = library.encode(training, tokenizer, end, folder / "train.npy")
    quiz = library.encode(held_out, tokenizer, end, folder / "held_out.npy")
    text, check = (library.stream(each, recipe.context, bos, recipe.seed) for each in (ids, quiz))
    model = train(recipe, recipe.config(bos, end), text, check, folder)
    export(model, tokenizer, recipe, output / recipe.name)


if __name__ == "__main__":
    main()
