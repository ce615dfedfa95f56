"""Transformers' Trainer with a loss of ours, and a probe that is read at every log. TRL's trainers take both too."""

import copy
import tempfile
from pathlib import Path

import torch
from transformers import Trainer, TrainingArguments

import entropist as en

model = en.load_model("builtin:base")
text = Path("lighthouse.txt").read_text(encoding="utf-8")
ids = torch.from_numpy(model.tokenize(text).ids).long()
rows = [{"input_ids": row, "labels": row} for row in ids[:256].reshape(-1, 32)]
monitor = en.losses.TrainingMonitor(ids[256:384].reshape(2, 64), reference=copy.deepcopy(model.module))

with tempfile.TemporaryDirectory() as directory:
    trainer = Trainer(
        model=model.module.requires_grad_(True),
        args=TrainingArguments(
            directory,
            max_steps=4,
            per_device_train_batch_size=4,
            learning_rate=3e-4,
            logging_steps=2,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset=rows,
        compute_loss_func=en.losses.trainer_loss(z_loss=1e-4),
        callbacks=[monitor],
    )
    trainer.train()

for probe in monitor.history:
    print(
        f"step {probe.step}: surprisal {probe.surprisal:.3f}, entropy {probe.entropy:.3f}, "
        f"KL(model‖start) {probe.kl_policy_reference:.5f}, over 4 nats: {sum(probe.histogram[4:])} of 126 tokens"
    )
