"""Record a loop that is not ours: Transformers' own generate, with its own sampling."""

import torch

import entropist as en
from entropist.decoding import TransformersRecorder
from entropist.report import TokenPrinter

model = en.load_model("builtin:base")  # or entropist.models.wrap_module(your_model, your_tokenizer)
ids = torch.tensor([[model.bos_id, *model.tokenize("The lighthouse keeper").ids.tolist()]])
printer = TokenPrinter()
recorder = TransformersRecorder(model, on_token=lambda step: printer.show(step.piece, -step.choice.logprob))
torch.manual_seed(4)
model.module.generate(
    ids,
    attention_mask=torch.ones_like(ids),
    max_new_tokens=20,
    do_sample=True,
    temperature=0.8,
    top_p=0.9,
    custom_generate=recorder,
)
printer.end()
found = recorder.generation()
print(found.settings.sampler, repr(found.text))
for step in found.steps.slice(0, 4).to_pylist():
    print(step["token_bytes"], f"rank {step['rank']}, one of {step['kept']} kept with {step['kept_mass']:.0%}")
