"""The books: read from the archive, held-out ones set apart, encoded once into a flat array of token ids.

Held out are the `HELD_OUT` books whose file names have the smallest SHA-256: nobody picked them.
"""

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

HELD_OUT = 6


def read_books(archive: Path) -> dict[str, str]:
    """All books of the archive, by name, in order of name."""
    books = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and (file := tar.extractfile(member)):
                books[Path(member.name).stem] = file.read().decode("utf-8")
    return dict(sorted(books.items()))


def split(books: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(training books, held-out books)."""
    by_hash = sorted(books, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    held_out = set(by_hash[:HELD_OUT])
    return (
        {name: text for name, text in books.items() if name not in held_out},
        {name: text for name, text in books.items() if name in held_out},
    )


def encode(books: dict[str, str], tokenizer: Tokenizer, end_of_text: int, cache: Path) -> np.ndarray:
    """Token ids of all books, an end-of-text mark after each: (tokens,) uint16, kept in `cache`."""
    if cache.exists():
        return np.load(cache)
    parts = [np.array([*tokenizer.encode(text).ids, end_of_text], dtype=np.uint16) for text in books.values()]
    ids = np.concatenate(parts)
    np.save(cache, ids)
    return ids


def windows(ids: np.ndarray, context: int, bos: int, seed: int, epoch: int) -> np.ndarray:
    """One epoch of training windows, shuffled: (windows, context + 1); every second one begins with BOS.

    A window is a stretch of the stream at a random phase. Where BOS comes first it takes the place of
    the last token, so that each window predicts `context` tokens.
    """
    rng = np.random.default_rng((seed, epoch))
    phase = int(rng.integers(context))
    count = (len(ids) - phase - 1) // context
    starts = phase + context * rng.permutation(count)
    rows = ids[starts[:, None] + np.arange(context + 1)]
    rows[::2, 1:] = rows[::2, :-1].copy()
    rows[::2, 0] = bos
    return rows


def stream(ids: np.ndarray, context: int, bos: int, seed: int) -> Callable[[int], np.ndarray]:
    """The windows of a stream by epoch, as `train` takes a text."""
    return lambda epoch: windows(ids, context, bos, seed, epoch)
