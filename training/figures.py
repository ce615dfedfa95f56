"""How the built-in models are measured: what each figure of the cards is, and over which documents its interval goes.

Documents are sections: eight stretches of 6 000 characters of each held-out book, evenly spaced. An interval is the
95 % one of a leave-one-section-out jackknife. Sections of one book are alike, so it says how far a figure
would move on other sections of such books; figures by book are given beside it.
"""

from itertools import pairwise

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

import entropist as en
from entropist.estimators import clustered_mean, clustered_ratio
from entropist.scoring import Score, score
from training.turns import BOS, Turn, ornament, sections, turns

SECTION, SECTIONS = 6_000, 8  # characters of each, of each book
PROMPTS = 6  # of a section
WORDS = 40  # of the replies of a section, so that every share of distinct words is of the same number
_BYTES_BOS = 256
_SEED = 20261122
Row = dict[str, float | int | str]
Replies = list[tuple[str, Turn, list[int]]]
"""(section, turn, sampled reply)."""


def held_out_sections(held_out: dict[str, str]) -> dict[str, str]:
    """The documents of every figure, by book and number."""
    return sections(held_out, SECTION, SECTIONS)


def asked(documents: dict[str, str], tokenizer: Tokenizer) -> list[tuple[str, Turn]]:
    """The passages that are replied to, each with its section and what follows it in the book."""
    found = turns(documents, tokenizer, PROMPTS, _SEED)
    return [(section, turn) for section, some in found.items() for turn in some]


def as_row(found: en.Estimate) -> Row:
    """Value and 95 % interval of an estimate, for a file of results."""
    low, high = found.confidence_interval(0.95)
    return {"value": found.value, "low": low, "high": high, "unit": found.unit, "n": found.n}


def scored(documents: dict[str, str], model: en.LanguageModel) -> Score:
    """The sections through a model, `sliding` protocol."""
    return score([{"id": name, "text": text} for name, text in documents.items()], model=model)


def by_book(found: Score) -> list[Row]:
    """Bits a byte of the sections of each book, error by its sections."""
    table = found.documents
    names = np.array([name.split("#")[0] for name in table["id"].to_pylist()])
    bits = table["surprisal"].to_numpy() / np.log(2)
    sizes = table["scored_bytes"].to_numpy().astype(float)
    rows: list[Row] = []
    for name in sorted(set(names)):
        own = names == name
        rate = clustered_ratio(bits[own], sizes[own], np.arange(own.sum()), unit="bits/byte")
        rows.append({"book": name, "bytes": int(sizes[own].sum()), "bits_per_byte": rate.value,
                     "stderr": rate.stderr or 0.0})  # fmt: skip
    return rows


@torch.inference_mode()
def divergence(
    documents: dict[str, str], tokenizer: Tokenizer, reference: LlamaForCausalLM, model: LlamaForCausalLM
) -> dict[str, Row | list[Row]]:
    """KL(reference‖model) a token in nats, the share of tokens with the same favourite; windows of 511 after BOS."""
    kl, same, groups = [], [], []
    for name, text in documents.items():
        ids = tokenizer.encode(text).ids
        for first in range(0, len(ids), 511):
            window = torch.tensor([[BOS, *ids[first : first + 511]]])
            both = (each(input_ids=window, use_cache=False).logits[0, :-1] for each in (reference, model))
            found = en.logits.compare(*both)
            kl.append(found.kl_pq.numpy())
            same.append(found.same_top.numpy())
            groups += [name] * len(kl[-1])
    values, names = np.concatenate(kl), np.array(groups)
    books = np.array([name.split("#")[0] for name in groups])
    return {
        "kl": as_row(clustered_mean(values, names)),
        "same_top": as_row(clustered_mean(np.concatenate(same).astype(float), names, unit="")),
        "kl_by_book": [{"book": name, "value": float(values[books == name].mean())} for name in sorted(set(books))],
    }


@torch.inference_mode()
def entropies(model: LlamaForCausalLM, prompts: list[list[int]], replies: list[list[int]]) -> np.ndarray:
    """Sum over a reply of the entropies that predicted its tokens, in nats: (replies,)."""
    sums = np.zeros(len(prompts))
    for i, (prompt, reply) in enumerate(zip(prompts, replies)):
        ids = torch.tensor([[*prompt, *reply]])
        logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1]
        sums[i] = float(en.logits.statistics(logits).entropy.sum())
    return sums


@torch.inference_mode()
def fluency(judge: LlamaForCausalLM, tokenizer: Tokenizer, some: Replies) -> Row:
    """Bits a byte of the replies under the byte model, which has read the passage before them."""
    bits, sizes = np.zeros(len(some)), np.zeros(len(some))
    for i, (_, turn, reply) in enumerate(some):
        passage, answer = (list(tokenizer.decode(ids).encode()) for ids in (turn.prompt, reply))
        logits = judge(input_ids=torch.tensor([[_BYTES_BOS, *passage, *answer]]), use_cache=False).logits[0]
        found = en.logits.statistics(logits[len(passage) : -1], torch.tensor(answer))
        bits[i], sizes[i] = float(found.surprisal.sum()) / np.log(2), len(answer)
    return as_row(clustered_ratio(bits, sizes, [name for name, _, _ in some], unit="bits/byte"))


def manner(tokenizer: Tokenizer, some: Replies) -> dict[str, Row]:
    """What the replies are like: words, share of plain ones, distinct words and pairs of words of a section."""
    names = [name for name, _, _ in some]
    texts = [tokenizer.decode(reply).strip() for _, _, reply in some]
    spoken = {name: " ".join(text for text, at in zip(texts, names) if at == name).split() for name in names}
    kept = {name: words[:WORDS] for name, words in spoken.items() if len(words) >= WORDS}
    ones = [len(set(words)) / len(words) for words in kept.values()]
    pairs = [len(set(pairwise(words))) / (len(words) - 1) for words in kept.values()]
    return {
        "words": as_row(clustered_mean([float(len(text.split())) for text in texts], names, unit="")),
        "plain": as_row(clustered_mean([float(ornament(text) == 0) for text in texts], names, unit="")),
        "distinct_1": as_row(clustered_mean(ones, list(kept), unit="")),
        "distinct_2": as_row(clustered_mean(pairs, list(kept), unit="")),
        "different_replies": {"value": len(set(texts)) / len(texts), "n": len(texts)},
    }


def ratio(sums: np.ndarray, sizes: list[float], groups: list[str]) -> Row:
    """Σ sums / Σ sizes in nats, with its interval over groups."""
    return as_row(clustered_ratio(sums, sizes, groups, unit="nats"))
