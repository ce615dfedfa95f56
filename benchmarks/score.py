"""What scoring costs beside the bare forward, on the same batches: tokens a second, Parquet written.

The bare forward runs the whole module (logits included) on the batches that `score` makes, without reading a logit.
The models are `builtin:base` and a random Llama of 102 million parameters and a vocabulary of 32 000. The corpus is
words at random, in documents of lognormal length. Equal numbers first: the totals of `score` against float64
log-softmax of the bare forward's logits. Then both in turn, in one process; the ratio is of the best of each.

    python benchmarks/score.py [documents] [rounds]
"""

import json
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from random_llama import documents, random_llama

import entropist as en
from entropist.corpus import Sliding
from entropist.scoring._engine import BATCH_TOKENS, TokenValues, _batches, _jobs


def batches(model: en.LanguageModel, texts: list[str]) -> list[np.ndarray]:
    cut = Sliding(512, True)
    tokens = [model.tokenize(text) for text in texts]
    jobs = [job for each in tokens for job in _jobs(model, each, [cut], [TokenValues.empty(len(each), False)])]
    return [np.stack([job.ids for job in batch]).astype(np.int64) for batch in _batches(jobs, BATCH_TOKENS)]


def bare(model: en.LanguageModel, inputs: list[np.ndarray]) -> float:
    began = time.perf_counter()
    with torch.inference_mode():
        for ids in inputs:
            model.module(input_ids=torch.from_numpy(ids[:, :-1]), use_cache=False)
    return time.perf_counter() - began


def scored(model: en.LanguageModel, texts: list[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        en.score(texts, model=model, window=512, save=Path(folder) / "s")
        return time.perf_counter() - began


def check(model: en.LanguageModel, texts: list[str]) -> None:
    short = [text for text in texts if len(text) < 1500][:10]
    nats = 0.0
    for text in short:
        ids = torch.tensor([[model.bos_id, *model.tokenize(text).ids.tolist()]])
        with torch.inference_mode():
            logprobs = torch.log_softmax(model.module(ids[:, :-1]).logits[0].double(), -1)
        nats -= float(logprobs.gather(1, ids[0, 1:, None]).sum())
    found = en.score(short, model=model).documents["surprisal"].to_pylist()
    assert math.isclose(math.fsum(found), nats, rel_tol=1e-5), (math.fsum(found), nats)


def compared(name: str, model: en.LanguageModel, texts: list[str], rounds: int, aim: float) -> dict[str, object]:
    check(model, texts)
    inputs = batches(model, texts)
    tokens = sum(ids[:, 1:].size for ids in inputs)
    times = [(bare(model, inputs), scored(model, texts)) for _ in range(rounds)]
    forward, ours = (min(each) for each in zip(*times))
    print(
        f"{name:14} {tokens:7d} tokens: bare forward {tokens / forward:7.0f}/s, score {tokens / ours:7.0f}/s, "
        f"ratio {forward / ours:.2f} (aim {aim})",
        flush=True,
    )
    return {"model": name, "tokens": tokens, "forward_tokens_per_s": tokens / forward,
            "score_tokens_per_s": tokens / ours, "ratio": forward / ours, "aim": aim}  # fmt: skip


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    en.logits.compile_kernels()
    texts = documents(count)
    rows = [compared("builtin:base", en.load_model("builtin:base"), texts, rounds, 0.8)]
    with tempfile.TemporaryDirectory() as folder:
        large = en.load_model(str(random_llama("100m", Path(folder))))
        rows.append(compared("random 102 M", large, texts[: max(4, count // 3)], rounds, 0.95))
    print(json.dumps({"benchmark": "score", "threads": torch.get_num_threads(), "rows": rows}))


if __name__ == "__main__":
    main()
