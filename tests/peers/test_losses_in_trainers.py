"""The losses and the monitor inside of TRL's and of Transformers' trainers, on builtin:base for a few steps."""

import copy
import warnings

import pytest
import torch

import entropist as en

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from datasets import Dataset
    from transformers import AutoTokenizer, Trainer, TrainingArguments
    from trl import SFTConfig, SFTTrainer

TEXT = "It was a dark night, and the wind blew hard over the sea. " * 24


@pytest.fixture(scope="module")
def base():
    return en.load_model("builtin:base")


@pytest.fixture(scope="module")
def ids(base):
    return torch.from_numpy(base.tokenize(TEXT).ids).long()[:256].reshape(8, 32)


def options(directory, kind, **more):
    return kind(
        directory, max_steps=2, logging_steps=1, report_to="none",
        disable_tqdm=True, use_cpu=True, save_strategy="no", **more,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_trls_sft_trainer_takes_both(base, ids, tmp_path):
    model = copy.deepcopy(base.module).requires_grad_(True)
    monitor = en.losses.TrainingMonitor(ids[:2], reference=base.module)
    trainer = SFTTrainer(
        model=model,
        args=options(
            str(tmp_path), SFTConfig, learning_rate=1e-3, loss_type="nll", bf16=False, gradient_checkpointing=False
        ),
        train_dataset=Dataset.from_dict({"input_ids": ids.tolist()}),
        processing_class=AutoTokenizer.from_pretrained(base.directory, pad_token="<s>"),
        compute_loss_func=en.losses.trainer_loss(z_loss=1e-4),
        callbacks=[monitor],
    )
    trainer.train()
    first, *_, last = monitor.history
    assert [each.step for each in monitor.history] == [0, 1, 2]
    assert first.kl_policy_reference == 0
    assert last.kl_policy_reference > 1e-4
    assert last.surprisal < first.surprisal


@pytest.mark.filterwarnings("ignore")
def test_a_teacher_in_transformers_trainer(base, ids, tmp_path):
    """A student with noise on its weights comes nearer to the teacher; cutting a batch in two changes nothing."""

    class Distil(Trainer):
        compute_loss = en.losses.trainer_distillation(base.module, temperature=2.0)
        loss_is_scaled_for_ga = True

    told = []
    for parts in (1, 2):
        torch.manual_seed(0)
        student = copy.deepcopy(base.module).requires_grad_(True)
        with torch.no_grad():
            student.lm_head.weight += 0.05 * torch.randn_like(student.lm_head.weight)
        monitor = en.losses.TrainingMonitor(ids[:2], reference=base.module)
        cut = {"gradient_accumulation_steps": parts, "per_device_train_batch_size": 4 // parts}
        args = options(str(tmp_path), TrainingArguments, learning_rate=1e-2, optim="sgd", **cut)
        rows = [{"input_ids": row, "labels": row} for row in ids]
        Distil(model=student, args=args, train_dataset=rows, callbacks=[monitor]).train()
        told.append([each.kl_reference_policy for each in monitor.history])
    assert told[0][0] > told[0][1] > told[0][2] > 0
    assert told[1] == pytest.approx(told[0], rel=1e-4)
