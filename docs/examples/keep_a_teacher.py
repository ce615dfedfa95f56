"""Keep what one model thinks of a text, then ask how far another is from it without the first."""

import copy
import tempfile
from pathlib import Path

import numpy as np
import torch

import entropist as en
from entropist.basefile import kl_divergence
from entropist.scoring import write_base

text = Path("lighthouse.txt").read_text(encoding="utf-8")
base = en.load_model("builtin:base")
kept = write_base([text], Path(tempfile.mkdtemp()) / "base.parquet", model=base)
print(f"{kept.rows} tokens, {kept.path.stat().st_size / kept.rows:.0f} bytes each; whole rows have {4096 * 2}")

rounded = copy.deepcopy(base.module)  # its matrices to 4 bits, a scale a row
with torch.no_grad():
    for name, weight in rounded.named_parameters():
        if weight.ndim == 2 and "embed" not in name:
            scale = weight.abs().amax(1, keepdim=True) / 7
            weight.copy_((weight / scale).round() * scale)

(rows, _) = next(kept.blocks(512))
ids = torch.tensor([[base.bos_id, *rows.token_id[:511].tolist()]])  # the first window of the text
with torch.inference_mode():
    logits, own = (module(ids[:, :-1]).logits[0] for module in (rounded, base.module))
print("KL(base ‖ rounded)", kl_divergence(rows[:511], logits))
print(f"exactly            {np.asarray(en.logits.compare(own, logits).kl_pq).mean():.4f} nats")
