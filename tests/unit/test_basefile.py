"""Sparse rows: without bias by enumeration of every draw, small on disk, whole after a round trip."""

import itertools
from contextlib import suppress

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, rel_entr

import entropist as en
from entropist.basefile import BaseWriter, default_size, kl_divergence, read_base, sparse_kl_rows, sparse_rows
from entropist.basefile._rows import ARRAYS
from entropist.errors import FileError, InputError
from entropist.losses import sparse_distillation
from entropist.scoring import write_base

P, Q = log_softmax(np.random.default_rng(1).normal(size=(2, 7)) * 1.5, axis=1)
EXACT = float(rel_entr(np.exp(P), np.exp(Q)).sum())


def every_draw(k, m):
    """(chance, row, its variance) of all m-tuples of draws from the tail outside of the top k."""
    order = np.argsort(-P)
    top, tail = order[:k], order[k:]
    mass = np.exp(P[tail]).sum()
    for draws in itertools.product(tail, repeat=m):
        chance = float(np.prod(np.exp(P[list(draws)]) / mass))
        picked = [x[None] for x in (P[top], Q[top], P[list(draws)], Q[list(draws)])]
        value, variance = sparse_kl_rows(*picked, np.array([mass]))
        yield chance, float(value[0]), float(variance[0])


@pytest.mark.parametrize(("k", "m"), [(1, 1), (2, 2), (4, 3), (6, 2)])
def test_the_mean_over_every_draw_is_the_kl_and_so_is_the_variance(k, m):
    chance, value, variance = np.array(list(every_draw(k, m))).T
    assert chance.sum() == pytest.approx(1)
    assert chance @ value == pytest.approx(EXACT, rel=1e-12)
    if m > 1:
        assert chance @ variance == pytest.approx(chance @ (value - EXACT) ** 2, rel=1e-9, abs=1e-15)


def test_the_top_alone_is_biased():
    order = np.argsort(-P)[:3]
    alone = float((np.exp(P[order]) * (P[order] - Q[order])).sum())
    assert abs(alone - EXACT) > 0.05


def test_numpy_and_torch_and_the_loss_say_the_same():
    g = np.random.default_rng(0)
    base, model = g.normal(size=(2, 40, 100)) * 2
    rows = sparse_rows(base, base.argmax(1), k=10, m=5, rng=3)
    ours = kl_divergence(rows, model)
    assert kl_divergence(rows, torch.from_numpy(model)) == ours
    loss = sparse_distillation(
        student=torch.from_numpy(model), top_ids=torch.from_numpy(rows.top_ids.astype(np.int64)),
        top_logprobs=torch.from_numpy(rows.top_logprobs), tail_ids=torch.from_numpy(rows.tail_ids.astype(np.int64)),
        tail_logprobs=torch.from_numpy(rows.tail_logprobs), tail_mass=torch.from_numpy(rows.tail_mass),
    )  # fmt: skip
    assert float(loss) == pytest.approx(ours.value, rel=1e-12)
    exact = rel_entr(*(np.exp(log_softmax(x, axis=1)) for x in (base, model))).sum(1).mean()
    assert abs(ours.value - exact) < 4 * ours.stderr


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_every_dtype_is_that_of_its_rounded_logits(dtype):
    z = (torch.randn(6, 300, generator=torch.Generator().manual_seed(0)) * 3).to(dtype)
    rows, same = sparse_rows(z, z.argmax(1)), sparse_rows(z.double().numpy(), z.argmax(1).numpy())
    for name in ("top_logprobs", "tail_ids", "tail_logprobs", "tail_mass", "surprisal", "entropy"):
        np.testing.assert_allclose(getattr(rows, name), getattr(same, name), rtol=1e-6, atol=1e-7)


def test_draws_do_not_depend_on_how_rows_are_cut():
    z = np.random.default_rng(0).normal(size=(50, 90))
    whole, rng = sparse_rows(z, z.argmax(1), k=5, m=4, rng=7), np.random.default_rng(7)
    parts = [sparse_rows(z[i : i + 13], z[i : i + 13].argmax(1), k=5, m=4, rng=rng) for i in range(0, 50, 13)]
    np.testing.assert_array_equal(whole.tail_ids, np.concatenate([part.tail_ids for part in parts]))


def test_draws_follow_the_tail():
    p = np.array([[0.4, 0.3, 0.2, 0.08, 0.02]])
    rows = sparse_rows(np.log(p), [0], k=2, m=20_000, rng=1)
    shares = np.bincount(rows.tail_ids[0], minlength=5) / 20_000
    np.testing.assert_allclose(shares, [0, 0, 2 / 3, 0.08 / 0.3, 0.02 / 0.3], atol=0.012)
    assert rows.tail_mass[0] == pytest.approx(0.3)


def test_masked_tokens_are_never_drawn_and_no_tail_is_no_noise():
    z = np.array([[1.0, 0.5, -np.inf, -np.inf], [0.0, 0.0, 0.0, 0.0]])
    rows = sparse_rows(z, [0, 0], k=2, m=3)
    assert rows.tail_mass[0] == 0
    assert not set(rows.tail_ids[1].tolist()) & set(rows.top_ids[1].tolist())
    found = kl_divergence(rows[:1], np.array([[1.0, 0.5, -np.inf, -np.inf]]))
    assert found.value == pytest.approx(0, abs=1e-7)
    assert found.stderr == 0


@pytest.mark.parametrize("vocabulary", [4096, 131_072])
def test_a_token_takes_at_most_450_bytes(vocabulary, tmp_path):
    g = np.random.default_rng(0)
    path = tmp_path / "base.parquet"
    with BaseWriter(path, {"vocabulary": vocabulary}) as file:
        for document in range(2):
            z = g.normal(size=(100, vocabulary)).astype(np.float32) * 2  # noise: nothing to compress
            file.add(sparse_rows(z, z.argmax(1), rng=g), document)
    assert path.stat().st_size / 200 <= 450 + 8000 / 200, "rows; schema and statistics of the columns twice"
    rows = sparse_rows(z, z.argmax(1))
    assert sum(getattr(rows, name).nbytes for name in ARRAYS) / 100 + 4 <= 450
    assert default_size(vocabulary) == (rows.top_ids.shape[1], rows.tail_ids.shape[1])


def test_a_file_gives_back_what_was_written(tmp_path):
    z = np.random.default_rng(0).normal(size=(30, 60))
    rows = sparse_rows(z, z.argmax(1), k=8, m=4)
    with BaseWriter(tmp_path / "b.parquet", {"vocabulary": 60, "model": "m"}) as file:
        file.add(rows[:10], 0)
        file.add(rows[10:], np.repeat([1, 2], 10))
    opened = read_base(tmp_path / "b.parquet")
    assert (opened.rows, opened.facts["model"]) == (30, "m")
    blocks = list(opened.blocks(7))
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(rows, name), np.concatenate([getattr(b, name) for b, _ in blocks]))
    assert np.concatenate([d for _, d in blocks]).tolist() == [0] * 10 + [1] * 10 + [2] * 10


def test_rows_that_are_all_top_are_kept_too(tmp_path):
    z = np.random.default_rng(0).normal(size=(30, 9))
    with BaseWriter(tmp_path / "b.parquet", {"vocabulary": 9}) as file:
        file.add(sparse_rows(z, z.argmax(1), k=9, m=0))
    ((rows, _),) = read_base(tmp_path / "b.parquet").blocks()
    assert rows.tail_ids.shape == rows.tail_logprobs.shape == (30, 0)
    assert rows.tail_ids.dtype == rows.top_ids.dtype
    assert kl_divergence(rows, z).value == pytest.approx(0, abs=1e-7)


def test_rows_of_two_sizes_are_refused(tmp_path):
    z = np.random.default_rng(0).normal(size=(3, 9))
    with BaseWriter(tmp_path / "b.parquet", {"vocabulary": 9}) as file:
        file.add(sparse_rows(z, z.argmax(1), k=4, m=2))
        with pytest.raises(InputError, match="rows of 12"):
            file.add(sparse_rows(np.zeros((2, 12)), [0, 1], k=4, m=2))
        with pytest.raises(InputError, match="another size"):
            file.add(sparse_rows(z, z.argmax(1), k=5, m=2))
    assert read_base(tmp_path / "b.parquet").rows == 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_other_models_logits_may_be_half_precision_and_carry_a_gradient(dtype):
    base, model = np.random.default_rng(0).normal(size=(2, 40, 100))
    rows, z = sparse_rows(base, base.argmax(1), k=10, m=5), torch.from_numpy(model).to(dtype)
    found = kl_divergence(rows, z.clone().requires_grad_())
    assert found.value == pytest.approx(kl_divergence(rows, z.double().numpy()).value, rel=1e-6)


def test_one_draw_a_row_has_no_error_to_state():
    base, model = np.random.default_rng(0).normal(size=(2, 40, 100))
    found = kl_divergence(sparse_rows(base, base.argmax(1), k=10, m=1), model)
    assert found.stderr is None
    assert "m of 2 or more" in str(found)


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "b.parquet"
    z = np.zeros((2, 9))
    with suppress(KeyError), BaseWriter(path, {"vocabulary": 9}) as file:
        file.add(sparse_rows(z, [0, 1], k=3, m=2))
        raise KeyError
    with pytest.raises(InputError, match="a row at least"), BaseWriter(path, {"vocabulary": 9}):
        pass
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="with statement"):
        BaseWriter(path, {"vocabulary": 9}).add(sparse_rows(z, [0, 1], k=3, m=2))
    with pytest.raises(InputError, match="vocabulary"):
        BaseWriter(path, {})


def test_what_is_no_base_file_is_said(tmp_path):
    other = tmp_path / "x.parquet"
    other.write_bytes(b"PAR1 but no more")
    for path in (other, tmp_path / "none.parquet"):
        with pytest.raises(FileError, match="no base file"):
            read_base(path)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((3,), {}, "rows, vocabulary"),
        ((2, 5), {"k": 6, "m": 1}, "k must be"),
        ((2, 5), {"k": 3, "m": 0}, "m 1 or more"),
        ((2, 5), {"k": 0, "m": 1}, "k must be"),
    ],
)
def test_sizes_that_cannot_be(shape, options, message):
    with pytest.raises(InputError, match=message):
        sparse_rows(np.zeros(shape), [0] * shape[0], **options)


def test_rows_of_another_model_are_refused():
    rows = sparse_rows(np.zeros((2, 9)), [0, 1], k=3, m=2)
    with pytest.raises(InputError, match="a row for each"):
        kl_divergence(rows, np.zeros((3, 9)))
    with pytest.raises(InputError, match="another vocabulary"):
        kl_divergence(rows, np.zeros((2, 3)))
    with pytest.raises(InputError, match="the base has 9 entries and the model 12"):
        kl_divergence(rows, np.zeros((2, 12)))


def test_a_model_is_kept_and_compared_with_another_on_the_same_tokens(tmp_path):
    texts = ["The tide went out and with it went the boats. " * 40, "", "A lamp burnt low over cold stone. " * 10]
    kept = write_base(texts, tmp_path / "base.parquet", window=64)
    score = en.score(texts, window=64)
    assert kept.rows == sum(score.documents["scored_tokens"].to_pylist())
    found = {name: [] for name in ("surprisal", "document", "value", "entropy")}
    for rows, document in kept.blocks(100):
        found["surprisal"].append(rows.surprisal)
        found["entropy"].append(rows.entropy)
        found["document"].append(document)
    whole = {name: np.concatenate(parts) for name, parts in found.items() if parts}
    assert set(whole["document"].tolist()) == {0, 2}
    for name in ("surprisal", "entropy"):
        sums = [float(whole[name][whole["document"] == i].astype(float).sum()) for i in range(3)]
        np.testing.assert_allclose(sums, score.documents[name].to_numpy(), rtol=1e-5, atol=1e-9)
    with pytest.raises(InputError, match="no token was scored"):
        write_base([""], tmp_path / "none.parquet")
    with pytest.raises(InputError, match="seed must be 0 or more"):
        write_base(texts, tmp_path / "none.parquet", seed=-1)
    with pytest.raises(InputError, match="rows must be 1 or more"):
        next(kept.blocks(0))
    assert [path.name for path in tmp_path.iterdir()] == ["base.parquet"]
