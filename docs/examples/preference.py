"""DPO on builtin:base: three pairs, a few steps, and what it costs in KL."""

import copy

import torch

import entropist as en

base = en.load_model("builtin:base")
policy, reference = base.module, copy.deepcopy(base.module).requires_grad_(False)
policy.requires_grad_(True)

prompt = "The captain looked at the sea and said"
chosen = [" that it was late.", " that he was tired.", " nothing."]
rejected = [" things most extraordinarily dreadful!", " alas, alas, and alas!", " O, thou wine-dark deep!"]


def batch(replies: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids, and targets that are −100 over the prompt and the padding."""
    start = len(base.tokenize(prompt).ids)
    rows = [torch.from_numpy(base.tokenize(prompt + reply).ids).long() for reply in replies]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    targets = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-100)
    targets[:, :start] = -100
    return ids, targets[:, 1:]


def scored(replies: list[str]) -> tuple[en.losses.SequenceLogprobs, en.losses.SequenceLogprobs]:
    """The replies by policy (with both KLs) and by reference."""
    ids, targets = batch(replies)
    with torch.no_grad():
        told = reference(input_ids=ids).logits[:, :-1]
    said = policy(input_ids=ids).logits[:, :-1]
    return (
        en.losses.sequence_logprobs(said, targets, reference_logits=told),
        en.losses.sequence_logprobs(told, targets),
    )


optimizer = torch.optim.SGD(policy.parameters(), lr=0.02)
for step in range(5):
    (won, won_before), (lost, lost_before) = scored(chosen), scored(rejected)
    found = en.losses.preference(won, lost, won_before, lost_before, beta=0.1)
    optimizer.zero_grad()
    found.loss.backward()
    optimizer.step()
    print(
        f"step {step}: loss {found.loss:.4f}, margin {found.margin.mean():+.3f}, right {found.accuracy:.0%}, "
        f"KL(policy‖reference) {found.kl_policy_reference:.4f}, KL(reference‖policy) {found.kl_reference_policy:.4f}"
    )
