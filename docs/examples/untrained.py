"""A model that knows nothing, in a directory: every byte is a token, every logit is zero."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch.nn.init import zeros_
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast


def untrained_byte_model(directory: Path) -> Path:
    """Write it to `directory`, in the layout of Hugging Face."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({byte: i for i, byte in enumerate([*alphabet, "<s>"])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>").save_pretrained(directory)
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=257, bos_token_id=256, eos_token_id=None, **size))
    zeros_(model.lm_head.weight)
    model.save_pretrained(directory)
    return directory
