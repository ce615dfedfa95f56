"""`score` beside lm-evaluation-harness and `evaluate`: the same documents, the same protocol, one process, in turn.

    loglikelihood_rolling   protocol disjoint, windows of 512; lm_eval's own HFLM on the same torch module
    evaluate, perplexity    protocol whole, BOS in front; documents of at most 511 tokens

Each peer runs at its best batch size of 1, 4, 16 and 64, tried on the same documents first. Ours has all statistics on
and writes Parquet. Equal numbers first, to 1e-4: nats of every document for the one, perplexities for the other. The
best of each is compared.

The package `evaluate` holds no metric: `evaluate.load("perplexity")` fetches a script. Where that is neither cached
nor at hand in ./perplexity, a stand-in does what its documentation says: all documents padded to the longest, BOS in
front, one forward a batch with an attention mask, cross-entropy over all logits. Unlike the script the stand-in does
not load the model again in every call; the table says which of the two ran.

    python benchmarks/score_peers.py [documents] [rounds]
"""

import contextlib
import io
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from random_llama import documents, random_llama
from transformers import AutoTokenizer

import entropist as en
import evaluate

BATCHES = (1, 4, 16, 64)
WINDOW = 512


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars, which the harness cannot be told to leave out."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def harness(model: en.LanguageModel, texts: list[str], batch_size: int) -> Callable[[], np.ndarray]:
    """Nats of every document by `HFLM.loglikelihood_rolling`."""
    tokenizer = AutoTokenizer.from_pretrained(model.directory)
    peer = HFLM(pretrained=model.module, tokenizer=tokenizer, batch_size=batch_size, max_length=WINDOW)
    requests = [Instance("loglikelihood_rolling", {}, (text,), i) for i, text in enumerate(texts)]

    def run() -> np.ndarray:
        with quiet():
            return -np.array(peer.loglikelihood_rolling(requests, disable_tqdm=True))

    return run


def loaded_metric() -> Any:
    with contextlib.suppress(FileNotFoundError, ConnectionError, OSError):
        return evaluate.load("perplexity", module_type="metric")
    return None


def metric_itself(metric: Any, model: en.LanguageModel, texts: list[str], batch_size: int, folder: Path) -> Any:
    """Perplexities by `evaluate`, on a copy of the weights in float32 whose tokenizer has a padding token."""
    directory = folder / "padded"
    if not directory.exists():
        model.module.save_pretrained(directory)
        tokenizer = AutoTokenizer.from_pretrained(model.directory)
        tokenizer.pad_token = tokenizer.bos_token
        tokenizer.save_pretrained(directory)

    def run() -> np.ndarray:
        options = {"model_id": str(directory), "batch_size": batch_size, "max_length": WINDOW, "device": "cpu"}
        with quiet():
            return np.array(metric.compute(predictions=texts, **options)["perplexities"])

    return run


def metric_stand_in(model: en.LanguageModel, texts: list[str], batch_size: int) -> Callable[[], np.ndarray]:
    """Perplexities by what the documentation of `evaluate`'s perplexity says that it does."""
    tokenizer = AutoTokenizer.from_pretrained(model.directory)
    tokenizer.pad_token = tokenizer.bos_token

    def run() -> np.ndarray:
        padded = tokenizer(texts, add_special_tokens=False, padding=True, return_tensors="pt")
        found = []
        for ids, mask in zip(padded["input_ids"].split(batch_size), padded["attention_mask"].split(batch_size)):
            ids = torch.nn.functional.pad(ids, (1, 0), value=model.bos_id)
            with torch.no_grad():
                logits = model.module(ids, attention_mask=torch.nn.functional.pad(mask, (1, 0), value=1)).logits
            nats = torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")
            found.append(torch.exp((nats * mask).sum(1) / mask.sum(1)))
        return torch.cat(found).double().numpy()

    return run


def ours(model: en.LanguageModel, texts: list[str], protocol: str) -> en.Score:
    with tempfile.TemporaryDirectory() as folder:
        return en.score(texts, model=model, protocol=protocol, window=WINDOW, save=Path(folder) / "s")


def seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def beside(peers: dict[int, Callable[[], Any]], us: Callable[[], Any], rounds: int) -> dict[str, Any]:
    first = {size: seconds(peer) for size, peer in peers.items()}
    best = min(first, key=first.__getitem__)
    times = [(seconds(peers[best]), seconds(us)) for _ in range(rounds)]
    theirs, own = (min(each) for each in zip(*times))
    return {"ratio": min(theirs, first[best]) / own, "batch_size": best, "peer_seconds": theirs, "our_seconds": own}


def compared(name: str, model: en.LanguageModel, texts: list[str], rounds: int, folder: Path) -> list[dict[str, Any]]:
    texts = [text for text in texts if text]
    rolling = {size: harness(model, texts, size) for size in BATCHES}
    found = ours(model, texts, "disjoint").documents["surprisal"].to_numpy()
    for size in (BATCHES[0], BATCHES[-1]):
        np.testing.assert_allclose(found, rolling[size](), rtol=1e-4)
    rows = [{"peer": "lm_eval loglikelihood_rolling"} | beside(rolling, lambda: ours(model, texts, "disjoint"), rounds)]

    short = [text for text in texts if len(model.tokenize(text)) < WINDOW]
    metric = loaded_metric()
    if metric is None:
        which, perplexities = "evaluate, stand-in", {s: metric_stand_in(model, short, s) for s in BATCHES}
    else:
        which, perplexities = "evaluate, itself", {s: metric_itself(metric, model, short, s, folder) for s in BATCHES}
    table = ours(model, short, "whole").documents
    found = np.exp(table["surprisal"].to_numpy() / table["scored_tokens"].to_numpy())
    for size in (BATCHES[0], BATCHES[-1]):
        np.testing.assert_allclose(found, perplexities[size](), rtol=1e-4)
    rows.append({"peer": which} | beside(perplexities, lambda: ours(model, short, "whole"), rounds))
    for row in rows:
        print(f"{name:14} {row['peer']:30} ratio {row['ratio']:5.2f}  its best batch {row['batch_size']}", flush=True)
    return [{"model": name, "documents": len(texts)} | row for row in rows]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    logging.disable(logging.WARNING)
    en.logits.compile_kernels()
    texts = documents(count)
    with tempfile.TemporaryDirectory() as folder:
        base, large = Path(folder) / "base", Path(folder) / "large"
        rows = compared("builtin:base", en.load_model("builtin:base"), texts, rounds, base)
        model = en.load_model(str(random_llama("100m", Path(folder))))
        rows += compared("random 102 M", model, texts[: max(4, count // 5)], rounds, large)
    print(json.dumps({"benchmark": "score_peers", "threads": torch.get_num_threads(), "rows": rows}))


if __name__ == "__main__":
    main()
