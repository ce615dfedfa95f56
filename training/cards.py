"""The model cards, written from a recipe and the figures that were measured; nothing in them is typed by hand."""

from typing import Any

from training.figures import SECTION, SECTIONS, WORDS
from training.recipes import Recipe
from training.tuned import RECIPE as TUNED
from training.turns import END_MARK, REPLY_MARK, REPLY_TOKENS, USER_MARK

Result = dict[str, Any]
_DOCUMENTS = f"""Measured on {SECTIONS} sections of {SECTION:,} characters of each of the six held-out books, evenly
spaced. Intervals are at 95 % and by section (leave one out). Sections of one book are alike, so they speak of other
sections of such books."""
_LICENCE = "* **Licence**: MIT, as the package; the texts are in the public domain."
_LIMITS = """\
English prose of the nineteenth and early twentieth century, with the opinions of its time. Code, other languages,
tables and anything after about 1930 surprise it more than they would a larger model."""


def from_nothing(recipe: Recipe, result: Result) -> str:
    """The card of a model that learned from the text alone."""
    unit = "bytes" if recipe.name == "bytes" else f"tokens (byte-level BPE of {recipe.vocabulary} entries)"
    return f"""# builtin:{recipe.name}

A Llama-architecture decoder of {result["parameters"]:,} parameters that reads {unit}, made to measure with, not to
talk to. It is small enough to travel inside the package and good enough to be surprised in the right places.

{_data(result)}
* **Training**: {recipe.tokens / 1e6:.1f} million tokens in windows of {recipe.context}, BOS before every second one;
  Muon and AdamW, bf16 autocast, seed {recipe.seed}; the recipe is `training/` in the source repository.
{_shape(recipe)} Entries in the vocabulary: {recipe.vocabulary}, with
  `<|bos|>`, `<|endoftext|>` and eight reserved marks among them.
{_LICENCE}

## What it reaches

Bits per byte on the held-out books, `sliding` protocol, error by batch means:

{_books(result)}

## Limits

{_LIMITS} It answers no questions. On
the books it was trained on its figures are better than on any other text.
"""


def student(recipe: Recipe, result: Result) -> str:
    """The card of the student, with its sibling of the text alone beside it."""
    rates, ours, other = result["rates"], result["student"], result["text_only"]
    size, whole = result["parameters"], result["base_parameters"]
    change = result["rate_student_minus_text_only"]
    return f"""# builtin:student

`builtin:base` in {size:,} parameters, {100 * size / whole:.0f} % of its {whole:,}: a student that learned
the base's next-token distributions instead of the text's tokens. Tokenizer and vocabulary are the base's, so the
two can be compared token by token.

{_data(result)}
* **Training**: KL(base‖student) at temperature 1, mean over tokens, from the logits of both
  (`losses.distillation`); {result["steps"]} steps, {recipe.tokens / 1e6:.1f} million tokens in windows of
  {recipe.context}; Muon and AdamW, bf16 autocast, seed {recipe.seed}.
* **Beside it**: the same student from the same start on the same windows for as many steps, with the
  cross-entropy of the text. It is not in the package; `python -m training student` makes both.
{_shape(recipe)}
{_LICENCE}

## What it reaches

{_DOCUMENTS}

| | student | text alone | base |
|---|---|---|---|
| KL(base‖·), nats a token | **{_number(ours["kl"])}** | {_number(other["kl"])} | 0 |
| same most likely token as base | {_share(ours["same_top"])} | {_share(other["same_top"])} | 100 % |
| bits per byte | {_cells(rates, ("student", "text_only", "base"))} |

The student's bits per byte minus those of the text alone: {change["value"]:+.4f} {_interval(change, 4)},
{_verdict(change)}.
KL by book, student against text alone: {_by_book(ours, other)}.

Bits per byte of the student by book, `sliding` protocol, error by section:

{_books(result)}

## Limits

{_LIMITS}
The student has the base's mistakes and adds its own. Its training was short: more steps would bring it nearer.
"""


def tuned(recipe: Recipe, result: Result) -> str:
    """The card of the tuned model: its turns, what tuning changed, and what it left."""
    entropy, kinds, rates = result["entropy"], result["replies"], result["rates"]
    change, outside = result["rate_tuned_minus_base"], result["outside_turns"]
    gap = entropy["tuned_minus_base"]
    return f"""# builtin:tuned

`builtin:base` ({result["parameters"]:,} parameters, same tokenizer and vocabulary) taught turns: given a passage it
replies with what might follow, in short plain sentences. It is there so that every measurement can be shown on a
base model and on what tuning made of it. It knows nothing.

    <|bos|>{USER_MARK}passage{REPLY_MARK} reply{END_MARK}

The marks are reserved entries of the base's vocabulary. `apply_chat_template` with the roles user and assistant
writes them; a reply begins with a space and ends with the third mark, which is the tokenizer's end token. It was
trained on one turn at a time.

{_data(result)}
* **Supervised**: {result["supervised_steps"]} steps of {TUNED.turns} passages of 24 to 72 tokens and the one to
  three sentences that follow in the book.
* **Preference**: four sampled replies to each of other passages, the plainest preferred to the most ornate
  (`ornament` in `training/turns.py`); {result["preference_steps"]} steps of {TUNED.turns} pairs, DPO
  (`losses.preference`, sigmoid) with β = {TUNED.beta} and the supervised model as reference.
* Windows of plain text in every step of both. AdamW, bf16 autocast, seed {TUNED.seed}.
{_shape(recipe)}
{_LICENCE}

## What tuning changed

{_DOCUMENTS}
Replies: one to each of {result["prompts"]} passages, at temperature 1, of at most {REPLY_TOKENS} tokens.

| mean entropy on the tuned model's replies | nats a token |
|---|---|
| tuned, after the turn's opening | **{_number(entropy["tuned"])}** |
| supervised only, after the turn's opening | {_number(entropy["supervised"])} |
| base, after the passage, on the same tokens | {_number(entropy["base"])} |
| tuned − base | **{gap["value"]:+.3f}** {_interval(gap, 3)}, {_verdict(gap)} |
| base, on its own continuations | {_number(result["base_entropy_of_its_own"])} |

The first row and the last are each model on its own text: there the two are to be compared to tell which is surer of
what it says, and the rows between to tell what tuning did to the same tokens.

| replies | tuned | supervised only | base | the books' own |
|---|---|---|---|---|
| plain ones | {_row(kinds, "plain")} |
| words a reply | {_row(kinds, "words", 1)} |
| distinct words of {WORDS} | {_row(kinds, "distinct_1")} |
| distinct pairs of them | {_row(kinds, "distinct_2")} |
| different replies, of all | {" | ".join(f"{kinds[kind]['different_replies']['value']:.3f}" for kind in _KINDS)} |
| bits a byte under `builtin:bytes`, after the passage | {_row(kinds, "under_bytes")} |

The base stops where it ends a text or at {REPLY_TOKENS} tokens, the books where their sentences end: what is cut is
unfinished and counts as not plain, so that only the other columns can be compared in that row. {WORDS} words are
{_replies_in(kinds, "tuned")} of tuned and {_replies_in(kinds, "base")} of base, so the shares of
distinct words are not of like texts. Fewer bits a byte are not better prose: a dull reply costs few.

## What it left

Outside of its turns it should still be a model of text. Tuned minus base in bits per byte of plain sections:
{change["value"]:+.4f} {_interval(change, 4)}, {_verdict(change)}.
KL(base‖tuned) there: {_number(outside["kl"], 4)} nats a token; the same most likely token
{_share(outside["same_top"])} of the time.
Base reaches {_number(rates["base"])}, tuned {_number(rates["tuned"])}. By book, error by section:

{_books(result)}

## Examples

Drawn, not chosen:

{_examples(result)}

## Limits

{_LIMITS}
It continues a passage; it answers no questions and follows no instructions. "Plain" is a rule over words and marks,
and the model was paid for that rule alone.
"""


_KINDS = ("tuned", "supervised", "base", "books")


def _data(result: Result) -> str:
    size = result["training_bytes"] / 1e6
    return f"""* **Data**: {result["training_books"]} English books in the public domain ({size:.1f} MB of
  Markdown text, collected by the public repository mlschmitt/classic-books-markdown); held out are the
  {len(result["books"])} whose names have the smallest SHA-256."""


def _shape(recipe: Recipe) -> str:
    return f"""* **Shape**: {recipe.layers} layers, hidden size {recipe.hidden}, {recipe.heads} heads,
  {recipe.intermediate} wide inside,
  context {recipe.context}, embeddings tied; stored in float16."""


def _books(result: Result) -> str:
    rows = "\n".join(
        f"| {row['book']} | {row['bytes']:,} | {row['bits_per_byte']:.3f} ± {row['stderr']:.3f} |"
        for row in result["books"]
    )
    return f"""| book | bytes | bits per byte |
|---|---|---|
{rows}
| **all** | {sum(row["bytes"] for row in result["books"]):,} | **{result["bits_per_byte"]:.3f}** |"""


def _number(row: Result, digits: int = 3) -> str:
    return f"{row['value']:.{digits}f} {_interval(row, digits)}"


def _cells(rows: Result, names: tuple[str, ...]) -> str:
    return " | ".join(_number(rows[name]) for name in names)


def _share(row: Result) -> str:
    return f"{100 * row['value']:.1f} % [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"


def _interval(row: Result, digits: int) -> str:
    return f"[{row['low']:.{digits}f}, {row['high']:.{digits}f}]"


def _verdict(row: Result) -> str:
    return "not resolved" if row["low"] <= 0 <= row["high"] else "resolved"


def _row(kinds: Result, name: str, digits: int = 3) -> str:
    return " | ".join(_number(kinds[kind][name], digits) for kind in _KINDS)


def _replies_in(kinds: Result, kind: str) -> str:
    """How many replies hold the words of which distinct ones are counted."""
    return f"{WORDS / kinds[kind]['words']['value']:.1f} replies"


def _by_book(ours: Result, other: Result) -> str:
    pairs = zip(ours["kl_by_book"], other["kl_by_book"])
    return "; ".join(f"{a['book']} {a['value']:.3f} against {b['value']:.3f}" for a, b in pairs)


def _examples(result: Result) -> str:
    blocks = []
    for row in result["examples"]:
        passage, ours, base = (" ".join(row[kind].split()) for kind in ("passage", "tuned", "base"))
        blocks.append(f"> {passage}\n\n* tuned: {ours}\n* base: {base}")
    return "\n\n".join(blocks)
