"""A built-in model as one GGUF file in float32, for llama.cpp: `python -m training.to_gguf base base.gguf`.

llama.cpp rotates neighbouring pairs of a head's dimensions where Transformers rotates its two halves, so
the rows of the query and key projections are interleaved: row i of the first half, row i of the second.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

BUILTIN = Path(__file__).parent.parent / "src/entropist/models/builtin"
_LAYER = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_WHOLE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def convert(directory: Path, target: Path) -> None:
    """The Llama model in `directory` (Hugging Face layout) as the GGUF file `target`, float32 throughout."""
    config = json.loads((directory / "config.json").read_text())
    heads = config["num_attention_heads"]
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_name(directory.name)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])
    _add_tokenizer(writer, directory, config["bos_token_id"])
    for name, weight in load_file(directory / "model.safetensors").items():
        writer.add_tensor(_name(name), _rows(name, weight.astype(np.float32), heads, config["num_key_value_heads"]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: gguf.GGUFWriter, directory: Path, bos: int) -> None:
    tokenizer = json.loads((directory / "tokenizer.json").read_text())
    marks = {mark["content"]: mark["id"] for mark in tokenizer["added_tokens"]}
    entries = sorted((tokenizer["model"]["vocab"] | marks).items(), key=lambda entry: entry[1])
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([entry for entry, _ in entries])
    writer.add_token_types([control if entry in marks else normal for entry, _ in entries])
    merges = [" ".join(pair) for pair in tokenizer["model"]["merges"]]
    writer.add_token_merges(merges or ["ĀĀ ĀĀ"])  # llama.cpp wants one; two bytes are never the left of a first merge
    writer.add_bos_token_id(bos)
    writer.add_eos_token_id(marks["<|endoftext|>"])
    writer.add_add_bos_token(True)


def _name(name: str) -> str:
    stem = name.removesuffix(".weight")
    if stem in _WHOLE:
        return f"{_WHOLE[stem]}.weight"
    layer, part = stem.removeprefix("model.layers.").split(".", 1)
    return f"blk.{layer}.{_LAYER[part]}.weight"


def _rows(name: str, weight: NDArray[np.float32], heads: int, kv_heads: int) -> NDArray[np.float32]:
    if "q_proj" not in name and "k_proj" not in name:
        return weight
    halves = weight.reshape(heads if "q_proj" in name else kv_heads, 2, -1, weight.shape[1])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(weight.shape))


if __name__ == "__main__":
    kind, file = sys.argv[1:]
    convert(BUILTIN / kind, Path(file))
