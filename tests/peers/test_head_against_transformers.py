"""`head_statistics` against whole models of Transformers: where bias, scale and cap stand in each family."""

import pytest
import torch
import transformers

from entropist.logits import head_statistics

SMALL = {
    "vocab_size": 97,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "initializer_range": 0.6,
}
FAMILIES = {
    "Llama": ({}, lambda config: {}),
    "Gemma2": ({"final_logit_softcapping": 3.0}, lambda config: {"softcap": config.final_logit_softcapping}),
    "Cohere": ({"logit_scale": 0.25}, lambda config: {"scale": config.logit_scale}),
    "Granite": ({"logits_scaling": 5.0}, lambda config: {"scale": 1 / config.logits_scaling}),
    "Phi": ({}, lambda config: {}),  # its head has a bias
}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_model_and_its_parts_agree(family):
    settings, options = FAMILIES[family]
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**SMALL, **settings)
    model = getattr(transformers, f"{family}ForCausalLM")(config).double().eval()
    head = model.get_output_embeddings()
    if head.bias is not None:
        torch.nn.init.normal_(head.bias)
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits
        hidden = model.base_model(input_ids=ids, use_cache=False)[0]
    with torch.no_grad():
        found = head_statistics(hidden, head.weight, head.bias, targets=ids, **options(config))
    categorical = torch.distributions.Categorical(logits=logits)
    assert float(categorical.entropy().std()) > 1e-3, "the oracle tells rows apart"
    torch.testing.assert_close(found.entropy, categorical.entropy(), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(found.surprisal, -categorical.log_prob(ids), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(found.log_normalizer, logits.logsumexp(-1), rtol=1e-10, atol=1e-10)
    if options(config) or head.bias is not None:
        bare = head_statistics(hidden, head.weight.detach())
        assert float((bare.entropy - found.entropy).abs().max()) > 1e-3, "the option matters"
