"""Texts sampled from builtin:base, with the lists a server would have reported for them."""

from functools import cache

import numpy as np
import torch

import entropist as en
from entropist.uncertainty._grouped import Grouped


@cache
def model():
    return en.load_model("builtin:base")


@torch.inference_mode()
def sampled_lists(texts, length, temperature, *, top_p=1.0, top_k=0, k=20, seed=0):
    """`texts` independent texts of `length` tokens from BOS on: the k largest raw log-probabilities (texts, length, k),
    which of them was emitted (texts, length), k for none.

    The model sees at most 100 tokens before the one it predicts, which costs a third of seeing all.
    """
    module, draw = model().module, torch.Generator().manual_seed(seed)
    ids = torch.full((texts, 1), model().bos_id)
    cache_, lists, chosen = None, [], []
    for step in range(length):
        if step % 100 == 0:
            cache_ = None
        out = module(input_ids=ids, past_key_values=cache_, use_cache=True)
        cache_ = out.past_key_values
        raw = out.logits[:, -1].log_softmax(-1)
        values, places = raw.topk(k)
        ids = _draw(raw, temperature, top_p, top_k, draw)
        hit = places == ids
        lists.append(values)
        chosen.append(torch.where(hit.any(-1), hit.int().argmax(-1), k))
    return torch.stack(lists, 1).numpy(), torch.stack(chosen, 1).numpy()


def _draw(raw, temperature, top_p, top_k, draw):
    if temperature == 0:
        return raw.argmax(-1, keepdim=True)
    p = (raw / temperature).softmax(-1)
    if top_k:
        p = torch.where(p >= p.topk(top_k).values[:, -1:], p, 0)
    if top_p < 1:
        ordered, places = p.sort(-1, descending=True)
        p = torch.zeros_like(p).scatter(-1, places, torch.where(ordered.cumsum(-1) - ordered < top_p, ordered, 0))
    return torch.multinomial(p, 1, generator=draw)


def as_grouped(lists, chosen, k, length):
    """One sampled text, cut to its first tokens and to lists of k, as the analyses take it."""
    logprobs = lists[:length, :k].astype(np.float32).astype(np.float64)
    missing = np.log(np.maximum(1 - np.exp(logprobs).sum(1, keepdims=True), 2.0**-24 * k))
    return Grouped(np.arange(length), np.concatenate([logprobs, missing], 1), np.minimum(chosen[:length], k))
