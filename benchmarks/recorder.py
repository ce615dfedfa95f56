"""What recording costs: Transformers' `generate()` with and without a recorder, on a random Llama of 110 M parameters.

Equality comes first: the same tokens, greedy and sampled. Then rounds in which each takes its turn; of each the fastest
counts, because other work on the machine only ever adds. Run: OMP_NUM_THREADS=1 python benchmarks/recorder.py [rounds]
"""

import json
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

import entropist as en
from entropist.decoding import TransformersRecorder
from entropist.models import wrap_module

TOKENS = 48
CHAIN = {"do_sample": True, "temperature": 0.8, "top_k": 50, "top_p": 0.95}


def random_llama() -> Any:
    """A Llama of 110 M parameters that knows nothing, and the tokenizer of the built-in model to name its tokens."""
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=768, intermediate_size=2048, num_hidden_layers=12, num_attention_heads=12, vocab_size=32_000,
        max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=0, eos_token_id=None,
    )  # fmt: skip
    module = LlamaForCausalLM(config).eval()
    tokenizer = AutoTokenizer.from_pretrained(en.load_model("builtin:base").directory)
    return wrap_module(module, tokenizer, name="random Llama")


def turns(rounds: int, **contestants: Callable[[], Any]) -> dict[str, float]:
    """Seconds of the fastest round of each, all taking turns."""
    best = dict.fromkeys(contestants, math.inf)
    for _ in range(rounds):
        for name, run in contestants.items():
            began = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - began)
    return best


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    model = random_llama()
    module = model.module
    size = sum(parameter.numel() for parameter in module.parameters()) / 1e6
    ids = torch.arange(1, 33)[None]

    def generate(recorder: TransformersRecorder | None, **options: Any) -> torch.Tensor:
        torch.manual_seed(1)
        further = {} if recorder is None else {"custom_generate": recorder}
        found: torch.Tensor = module.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=TOKENS, **options, **further
        )
        return found

    for options in ({"do_sample": False}, CHAIN):
        recorder = TransformersRecorder(model)
        with_it = generate(recorder, **options)
        assert torch.equal(generate(None, **options), with_it)
        assert list(recorder.generation().token_ids[0]) == with_it[0, ids.shape[1] :].tolist()
    result = {"parameters_million": round(size), "torch_threads": torch.get_num_threads()}
    print(f"{size:.0f} M parameters, vocabulary 32 000, {TOKENS} tokens, {torch.get_num_threads()} threads")
    for name, options in (("greedy", {"do_sample": False}), ("sampled", CHAIN)):
        recorder = TransformersRecorder(model)
        best = turns(rounds, plain=partial(generate, None, **options), recorded=partial(generate, recorder, **options))
        ratio = best["recorded"] / best["plain"]
        step = 1e3 * (best["recorded"] - best["plain"]) / TOKENS
        print(f"{name:8} {1e3 * best['plain'] / TOKENS:7.2f} ms a token, recorded {ratio:.3f} of it, {step:+.2f} ms")
        result[name] = round(ratio, 4)
    recorder = TransformersRecorder(model)
    recorder.begin(ids)
    logits, tokens = torch.randn(1, 32_000), torch.cat([ids, ids[:, :1]], dim=1)
    first, last = recorder.around([])
    calls = []
    for _ in range(200):
        began = time.perf_counter()
        first(tokens, logits)
        last(tokens, logits)
        calls.append(time.perf_counter() - began)
    print(f"the recorder's own work: {1e3 * np.median(calls):.3f} ms a token (median)")
    result["own_ms"] = round(1e3 * float(np.median(calls)), 3)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
