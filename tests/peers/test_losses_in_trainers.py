"""The losses and the monitor inside of TRL's and of Transformers' trainers, on builtin:base for a few steps."""

import copy
import warnings

import pytest
import torch

import entropist as en

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from datasets import Dataset
    from transformers import AutoTokenizer, Trainer, TrainerCallback, TrainingArguments
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

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


class Reporter(TrainerCallback):
    """Stands where Trainer puts TensorBoard's and others': before the callbacks that it is given."""

    def __init__(self):
        self.seen = []

    def on_log(self, args, state, control, logs=None, **_):
        self.seen.append(dict(logs))


@pytest.mark.filterwarnings("ignore")
def test_the_probe_is_in_the_log_history_and_in_front_of_reporters(base, ids, tmp_path):
    reporter, monitor = Reporter(), en.losses.TrainingMonitor(ids[:2])
    rows = [{"input_ids": row, "labels": row} for row in ids]
    model = copy.deepcopy(base.module).requires_grad_(True)
    args = options(str(tmp_path), TrainingArguments)
    trainer = Trainer(model=model, args=args, train_dataset=rows, callbacks=[reporter])
    trainer.callback_handler.callbacks.insert(0, monitor)
    trainer.train()
    means = [each.entropy for each in monitor.history[1:]]
    assert [row["probe_entropy"] for row in trainer.state.log_history if "loss" in row] == means
    assert [row["probe_entropy"] for row in reporter.seen if "loss" in row] == means


@pytest.mark.filterwarnings("ignore")
def test_the_loss_of_a_run_is_transformers_own_also_with_a_part_without_labels(base, ids, tmp_path):
    rows = [{"input_ids": row, "labels": row} for row in ids]
    rows[3] = {"input_ids": ids[3], "labels": torch.full_like(ids[3], -100)}
    told = []
    for loss in (None, en.losses.trainer_loss()):
        args = options(
            str(tmp_path), TrainingArguments, per_device_train_batch_size=1, gradient_accumulation_steps=4,
            learning_rate=1e-3,
        )  # fmt: skip
        model = copy.deepcopy(base.module).requires_grad_(True)
        trainer = Trainer(model=model, args=args, train_dataset=rows, compute_loss_func=loss)
        trainer.train()
        told.append([row["loss"] for row in trainer.state.log_history if "loss" in row])
    assert len(told[0]) == 2
    assert told[1] == pytest.approx(told[0], rel=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_trls_dpo_trainer_takes_the_monitor(base, ids, tmp_path):
    """Its reward margin rises, and so does the KL to where it began."""
    model, tokenizer = copy.deepcopy(base.module).requires_grad_(True), AutoTokenizer.from_pretrained(base.directory)
    tokenizer.pad_token = tokenizer.eos_token
    rows = {"prompt": ["The night was"] * 8, "chosen": [" dark."] * 8, "rejected": [" wild, and loud!"] * 8}
    monitor = en.losses.TrainingMonitor(ids[:2], reference=base.module)
    args = options(str(tmp_path), DPOConfig, learning_rate=1e-3, bf16=False, gradient_checkpointing=False)
    DPOTrainer(
        model=model, ref_model=copy.deepcopy(base.module), args=args, train_dataset=Dataset.from_dict(rows),
        processing_class=tokenizer, callbacks=[monitor],
    ).train()  # fmt: skip
    kls = [each.kl_policy_reference for each in monitor.history]
    assert kls[0] == 0
    assert kls[2] > kls[1] > 1e-5
