"""What a generation begins with: a text to be continued, or a text as a user's turn in the model's own chat format.

A chat template is a program of the model's author that puts marks, and sometimes words, around a turn. The ids that it
gives are what the model is asked with; the marks among them have no bytes, so the record's text is what can be read.
"""

from typing import Any

import numpy as np

from entropist.decoding._rows import Prompt
from entropist.errors import InputError, MissingExtraError, ModelError, first_line
from entropist.models import LanguageModel


def read_prompt(model: LanguageModel, text: str, *, chat: bool, bos: bool | None) -> tuple[Prompt, bool | None]:
    """The prompt in tokens without BOS, and whether BOS leads; None leaves that to the model.

    With `chat` both are the template's to say. Raises `ModelError` where the model has none, or it takes no user's
    turn, and `InputError` for a text with one of its marks in it, which would be read as a mark, and for `bos`.
    """
    if not chat:
        tokens = model.tokenize(text)
        return Prompt(tokens.ids, tokens.end_bytes, text.encode(), tokens.lossless), bos
    if bos is not None:
        raise InputError("with chat the model's own template says whether BOS leads: leave bos out.")
    tokenizer = _with_template(model)
    marks = {number: str(token) for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    typed = [mark for mark in marks.values() if mark in text]
    if typed:
        raise InputError(f"the prompt holds {typed[0]!r}, which in a turn would be read as a mark: leave it out.")
    turn = [{"role": "user", "content": text}]
    try:
        ids = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=True)["input_ids"]
    except Exception as error:  # it is a program, and may raise anything
        raise ModelError(
            f"the chat template of {model.identity.name} takes no user's turn: {first_line(error)}"
        ) from error
    led = ids[0] == model.bos_id
    ids = ids[1:] if led else ids
    pieces = [b"" if token in marks else model.piece(token) for token in ids]
    ends = np.cumsum([len(piece) for piece in pieces])
    return Prompt(np.array(ids, np.int32), ends.astype(np.int64), b"".join(pieces)), led


def _with_template(model: LanguageModel) -> Any:
    """The model's tokenizer as Transformers reads it."""
    name = model.identity.name
    if model.directory is None:
        raise ModelError(
            f"{name} was not read from a model directory, where its chat template would be: leave chat out."
        )
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise MissingExtraError("a chat template", "models") from error
    tokenizer = AutoTokenizer.from_pretrained(model.directory, local_files_only=True, trust_remote_code=False)
    if not getattr(tokenizer, "chat_template", None):
        raise ModelError(f"{name} has no chat template: it continues texts and knows no turns. Leave chat out.")
    return tokenizer
