"""A sparse base file of `builtin:base` against its int8 and int4 copies: how far off, how often covered.

The truth is the exact KL on the same tokens. At the whole size 10⁵ tokens are estimated once, and 1000 seeds draw anew
on 10⁴ of them.
"""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

import entropist as en
from campaigns import SCALE, campaign
from certificates import certifies
from entropist.basefile import default_size, sparse_kl_rows, sparse_rows
from entropist.logits import compare

pytestmark = certifies("sparse_base")

TOKENS = campaign(100_000, 4000)
SEEDS = campaign(1000, 60)
COVERED_TOKENS = campaign(10_000, 1000)
WINDOW = 512


def round_to_nearest(module, bits):
    """A copy whose matrices inside the layers are rounded to `bits`, symmetric, a scale a row."""
    rounded = copy.deepcopy(module)
    with torch.no_grad():
        for name, weight in rounded.named_parameters():
            if weight.ndim == 2 and "embed" not in name:
                scale = weight.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
                weight.copy_((weight / scale).round() * scale)
    return rounded


def text_of(module, bos, tokens):
    """Ids (windows, WINDOW), each led by BOS, drawn from the model itself at temperature 1."""
    generator = torch.Generator().manual_seed(5)
    windows = -(-tokens // (WINDOW - 1))
    ids = torch.full((windows, 1), bos)
    cache = None
    with torch.inference_mode():
        for _ in range(WINDOW - 1):
            out = module(ids[:, -1:] if cache is not None else ids, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            drawn = torch.multinomial(torch.softmax(out.logits[:, -1].float(), -1), 1, generator=generator)
            ids = torch.cat([ids, drawn], 1)
    return ids


@pytest.fixture(scope="module")
def models():
    base = en.load_model("builtin:base")
    return {"base": base.module, **{f"int{bits}": round_to_nearest(base.module, bits) for bits in (8, 4)}}, base.bos_id


@pytest.fixture(scope="module")
def ids(models):
    return text_of(models[0]["base"], models[1], TOKENS)


def logits_of(module, window):
    with torch.inference_mode():
        return module(window[None]).logits[0, :-1].float()


@pytest.mark.parametrize("bits", [8, 4])
def test_the_estimate_is_close_and_the_top_alone_is_not(models, ids, bits, record_property):
    exact, found, variance, alone, rng = [], [], [], [], np.random.default_rng(0)
    for window in ids:
        p, q = (logits_of(models[0][name], window) for name in ("base", f"int{bits}"))
        rows = sparse_rows(p, window[1:], rng=rng)
        against = _against(rows, q)
        exact.append(np.asarray(compare(p, q).kl_pq))
        found.append(against[0])
        variance.append(against[1])
        top = rows.top_logprobs.astype(float)
        alone.append((np.exp(top) * (top - against[2])).sum(1))
    truth, estimate, top_only = (float(np.concatenate(each).mean()) for each in (exact, found, alone))
    n = len(np.concatenate(exact))
    stderr = float(np.sqrt(np.concatenate(variance).sum())) / n
    record_property("tokens", n)
    record_property("kl_nats", truth)
    record_property("relative_error", (estimate - truth) / truth)
    record_property("relative_stderr", stderr / truth)
    record_property("relative_error_of_the_top_alone", (top_only - truth) / truth)
    assert abs(estimate - truth) / truth <= (0.02 if SCALE == 1 else 0.1)
    assert abs(top_only - truth) > 5 * abs(estimate - truth)


def _against(rows, q):
    """(rows, variances, ln q of the top)."""
    logq = q if isinstance(q, np.ndarray) else torch.log_softmax(q.double(), -1).numpy()
    top, tail = (np.take_along_axis(logq, ids.astype(np.int64), 1) for ids in (rows.top_ids, rows.tail_ids))
    found = sparse_kl_rows(
        rows.top_logprobs.astype(float), top, rows.tail_logprobs.astype(float), tail, rows.tail_mass.astype(float)
    )
    return (*found, top)


@pytest.mark.parametrize("bits", [8, 4])
def test_the_interval_covers(models, ids, bits, record_property):
    """The draws of all seeds come from one call, and each has its own."""
    k, m = default_size(4096)
    sums, variances, exact, rng = np.zeros(SEEDS), np.zeros(SEEDS), 0.0, np.random.default_rng(1)
    for window in ids[: -(-COVERED_TOKENS // (WINDOW - 1))]:
        whole = [logits_of(models[0][name], window) for name in ("base", f"int{bits}")]
        exact += float(np.asarray(compare(*whole).kl_pq).sum())
        for i in range(0, WINDOW - 1, 64):
            p, q = (each[i : i + 64] for each in whole)
            rows = sparse_rows(p, window[i + 1 : i + 1 + len(p)], k=k, m=m * SEEDS, rng=rng)
            q = torch.log_softmax(q.double(), -1).numpy()
            for seed in range(SEEDS):
                part = slice(seed * m, (seed + 1) * m)
                own = replace(rows, tail_ids=rows.tail_ids[:, part], tail_logprobs=rows.tail_logprobs[:, part])
                value, variance, _ = _against(own, q)
                sums[seed] += value.sum()
                variances[seed] += variance.sum()
    z = (sums - exact) / np.sqrt(variances)
    covered = float((np.abs(z) <= stats.norm.ppf(0.975)).mean())
    record_property("coverage", covered)
    record_property("mean_z", float(z.mean()))
    record_property("sd_z", float(z.std()))
    assert covered >= 0.925 - 3 * np.sqrt(0.95 * 0.05 / SEEDS) * (SCALE < 1)
