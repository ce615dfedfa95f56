"""A passage, and what the tuned model and the base expect after it."""

import torch
from transformers import AutoTokenizer

import entropist as en

passage = (
    "The lamp had been lit long before the storm came up from the sea, and the keeper, who had not slept "
    "for two nights, sat by the window and listened."
)
tuned, base = en.load_model("builtin:tuned"), en.load_model("builtin:base")
tokenizer = AutoTokenizer.from_pretrained(tuned.directory)

turn = [{"role": "user", "content": passage}]
asked = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_tensors="pt", return_dict=True)
torch.manual_seed(7)
answer = tuned.module.generate(**asked, max_new_tokens=40, do_sample=True, top_k=0, pad_token_id=0,
                               eos_token_id=tokenizer.eos_token_id)  # fmt: skip
reply = answer[0, asked["input_ids"].shape[1] :]
print(tokenizer.decode(reply, skip_special_tokens=True).strip())

words = reply[reply != tokenizer.eos_token_id]
plain = torch.tensor([[base.bos_id, *tokenizer.encode(passage), *words]])
with torch.inference_mode():
    after_turn = tuned.module(answer).logits[0, asked["input_ids"].shape[1] - 1 :][: len(words)]
    after_text = base.module(plain).logits[0, -len(words) - 1 : -1]
print(f"tuned: {en.logits.statistics(after_turn).entropy.mean():.2f} nats a token")
print(f"base:  {en.logits.statistics(after_text).entropy.mean():.2f} nats a token, on the same tokens")
