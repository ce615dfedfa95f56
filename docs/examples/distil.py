"""A student of one layer learns from builtin:base, without an array of (tokens, vocabulary) in memory."""

import copy
from pathlib import Path

import torch
from transformers import LlamaForCausalLM

import entropist as en

teacher = en.load_model("builtin:base")
ids = torch.from_numpy(teacher.tokenize(Path("lighthouse.txt").read_text(encoding="utf-8")).ids)[None, :256].long()

config = copy.deepcopy(teacher.module.config)
config.num_hidden_layers = 1
torch.manual_seed(0)
student = LlamaForCausalLM(config)
optimizer = torch.optim.AdamW(student.parameters(), lr=3e-3)

with torch.no_grad():
    told = teacher.module.model(input_ids=ids).last_hidden_state
for step in range(8):
    said = student.model(input_ids=ids).last_hidden_state
    loss = en.losses.head_distillation(
        student=said[:, :-1],
        student_weight=student.lm_head.weight,
        teacher=told[:, :-1],
        teacher_weight=teacher.module.lm_head.weight,
        temperature=2.0,
        targets=ids[:, 1:],
        hard_weight=0.1,
    )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 7 == 0:
        print(f"step {step}: 0.9 · T² · KL(teacher‖student) + 0.1 · cross-entropy = {loss:.3f} nats a token")

far = {"divergence": "generalized_js", "student": student(ids).logits.detach(), "teacher": teacher.module(ids).logits}
for beta in (0.0, 1e-6, 0.5, 1 - 1e-6, 1.0):
    print(f"generalized_js at β = {beta:<8g} {en.losses.distillation(**far, beta=beta).item():.4f} nats a token")
