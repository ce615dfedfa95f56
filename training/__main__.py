"""``python -m training base --books books.tar.xz``: tokenizer, training, export. Stop it, call it again: it goes on."""

import argparse
from pathlib import Path

from tokenizers import Tokenizer

from training import books as library
from training.export import export
from training.recipes import RECIPES
from training.tokenizer import BOS, END_OF_TEXT, bytes_tokenizer, train_bpe
from training.train import train

PACKAGE_MODELS = Path(__file__).parent.parent / "src/entropist/models/builtin"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--books", type=Path, default=Path("../shared/data/books/books.tar.xz"))
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where logs and checkpoints go")
    parser.add_argument("--output", type=Path, default=PACKAGE_MODELS)
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.name]
    folder = arguments.runs / recipe.name
    folder.mkdir(parents=True, exist_ok=True)

    training, held_out = library.split(library.read_books(arguments.books))
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
    config = recipe.config(bos, end)
    model = train(recipe, config, ids, quiz, folder)
    export(model, tokenizer, recipe, arguments.output / recipe.name)


if __name__ == "__main__":
    main()
