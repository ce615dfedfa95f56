"""Turns made of the books: a passage for a prompt, what follows it for a reply; and how plain a reply is.

    <|bos|><|reserved_0|>passage<|reserved_1|> reply<|reserved_2|>

The three marks are the first reserved entries of the vocabulary, so a tuned model has the vocabulary of the base. A
reply begins with a space, as it would after the passage in the book: its tokens are then those that the base
would see there, and the two can be compared token by token.
"""

import re
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from training.tokenizer import MARKS

BOS, END_OF_TEXT, USER, REPLY, END_OF_TURN = range(5)
"""Ids of the marks: the first three of the eight reserved ones have a meaning in turns."""
USER_MARK, REPLY_MARK, END_MARK = MARKS[USER], MARKS[REPLY], MARKS[END_OF_TURN]

REPLY_TOKENS = 40
TURN_TOKENS = 72 + REPLY_TOKENS + 4  # the longest passage, the longest reply and the marks
_PROMPT_TOKENS = (24, 72)
_SENTENCES = 3  # of a reply, at most
_SENTENCE = re.compile(r"[^.!?]+[.!?]+[\"”’']*\s*")
_ABBREVIATION = re.compile(r"\b(?:[A-Z][a-z]{0,2}|[a-z])\.$")
_ORNATE = re.compile(r"[,;:—\"“”()_*\d!?]|--|[^\W\d_]{10,}")
_PLAIN_WORDS = (4, 12)  # of a plain sentence
_NO_SENTENCE = 3.0


@dataclass(frozen=True)
class Turn:
    """A passage and a reply to it, as token ids without marks."""

    prompt: list[int]
    reply: list[int]

    def opening(self) -> list[int]:
        """What the model is given: everything up to the reply."""
        return [BOS, USER, *self.prompt, REPLY]


def turns(books: dict[str, str], tokenizer: Tokenizer, a_book: int, seed: int) -> dict[str, list[Turn]]:
    """At most `a_book` turns from random places of each book, by book."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, text in books.items():
        sentences = _SENTENCE.findall(" ".join(text.split()))
        places = rng.permutation(np.arange(8, max(8, len(sentences) - _SENTENCES)))
        some = (_turn(sentences, int(at), int(rng.integers(1, _SENTENCES + 1)), tokenizer) for at in places)
        found[name] = [turn for _, turn in zip(range(a_book), (turn for turn in some if turn is not None))]
    return found


def sections(books: dict[str, str], size: int, a_book: int) -> dict[str, str]:
    """`a_book` stretches of `size` characters of each book, evenly spaced, by name of the book and number."""
    found = {}
    for name, text in books.items():
        for number in range(a_book):
            start = (len(text) - size) * (2 * number + 1) // (2 * a_book)
            found[f"{name}#{number}"] = text[start : start + size]
    return found


def ornament(reply: str) -> float:
    """0 for plain sentences: four to twelve words, none of ten letters, no mark but the full stop; more otherwise.

    A sentence adds its words beyond twelve, over twelve; one where it has fewer than four; one for each other
    mark, digit or long word. The sum is over sentences, divided by their number. Words that are
    no whole sentence at the end count as one; a reply without any sentence counts as three.
    """
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(reply)]
    if not sentences:
        return _NO_SENTENCE
    fewest, most = _PLAIN_WORDS
    words = [len(sentence.split()) for sentence in sentences]
    lengths = sum(max(0, count - most) / most + (count < fewest) for count in words)
    unfinished = bool(_SENTENCE.sub("", reply).strip())
    return (lengths + len(_ORNATE.findall(reply)) + unfinished) / len(sentences)


def _turn(sentences: list[str], at: int, count: int, tokenizer: Tokenizer) -> Turn | None:
    before, after = sentences[at - 1].strip(), "".join(sentences[at : at + count]).strip()
    if _ABBREVIATION.search(before) or _ABBREVIATION.search(after) or not after[:1].isupper():
        return None
    reply = tokenizer.encode(" " + after).ids
    if len(reply) > REPLY_TOKENS:
        return None
    for begin in range(at - 1, at - 8, -1):
        prompt = tokenizer.encode("".join(sentences[begin:at]).strip()).ids
        if len(prompt) > _PROMPT_TOKENS[1]:
            return None
        if len(prompt) >= _PROMPT_TOKENS[0]:
            return Turn(prompt, reply)
    return None
