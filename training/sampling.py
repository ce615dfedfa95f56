"""Samples of a model at temperature 1, without truncation: replies to openings, and whole texts."""

import torch
from transformers import LlamaForCausalLM


@torch.inference_mode()
def replies(
    model: LlamaForCausalLM, openings: list[list[int]], tokens: int, end: int, seed: int, batch: int = 128
) -> list[list[int]]:
    """A reply to each opening: at most `tokens` ids, up to and without `end`; cut ones keep all of them.

    Openings of like length go together, padded on the left.
    """
    found: list[list[int]] = [[] for _ in openings]
    order = sorted(range(len(openings)), key=lambda i: len(openings[i]))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for first in range(0, len(order), batch):
            some = order[first : first + batch]
            width = max(len(openings[i]) for i in some)
            ids = torch.tensor([[0] * (width - len(openings[i])) + openings[i] for i in some])
            seen = torch.tensor([[0] * (width - len(openings[i])) + [1] * len(openings[i]) for i in some])
            out = model.generate(
                input_ids=ids, attention_mask=seen, max_new_tokens=tokens, do_sample=True, temperature=1.0, top_k=0,
                top_p=1.0, eos_token_id=end, pad_token_id=0, use_cache=True,
            )  # fmt: skip
            for i, row in zip(some, out[:, width:].tolist()):
                found[i] = row[: row.index(end)] if end in row else row
    return found


def ended(reply: list[int], tokens: int) -> bool:
    """Whether a reply of `replies` ended by itself."""
    return len(reply) < tokens
